//! Why a cell changes: which rules came, went, or read otherwise.

use super::Both;
use crate::rules::{Index, RuleView};
use gate_tables::{Access, Cell, Rule};
use serde::Serialize;

/// What a rule has to do with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It permits it now, and did not.
    Permits,
    /// It forbids it on a condition, and did not.
    ForbidsOnCondition,
    /// It forbade it, and does not any more.
    ForbadeBefore,
    /// It permitted or forbade it, and does so on another condition now.
    OtherCondition,
    /// It forbids it, whatever the request, and did not.
    Forbids,
    /// It permitted it, and is gone.
    PermitGone,
    /// It permitted it, and names this no longer.
    PermitNarrowed,
    /// It permitted it, and is overruled.
    PermitOverruled,
}

/// A rule, and what it has to do with a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cause {
    /// What it does.
    pub role: Role,
    /// As it is now, or was when it is gone.
    pub rule: RuleView,
}

impl Both<'_> {
    pub(super) fn causes(&self, cell: &Cell, was: Option<&Access>, is: Option<&Access>) -> Vec<Cause> {
        let mut causes = match (was, is) {
            (None, Some(is)) => self.came(cell, is),
            (Some(was), None) => self.went(cell, was),
            (Some(was), Some(is)) => self.changed(was, is),
            (None, None) => Vec::new(),
        };
        causes.sort();
        causes.dedup();
        causes
    }

    fn came(&self, cell: &Cell, is: &Access) -> Vec<Cause> {
        let before = self.forbidding(0, &self.old, cell);
        let now = self.new.views(&is.permits).into_iter().map(|rule| Cause { role: Role::Permits, rule });
        let unless = self.new.views(&is.forbids).into_iter().map(|rule| Cause { role: Role::ForbidsOnCondition, rule });
        now.chain(unless).chain(before.map(|rule| Cause { role: Role::ForbadeBefore, rule })).collect()
    }

    fn went(&self, cell: &Cell, was: &Access) -> Vec<Cause> {
        let forbids: Vec<Cause> =
            self.forbidding(1, &self.new, cell).map(|rule| Cause { role: Role::Forbids, rule }).collect();
        let permits = was.permits.iter().filter_map(|index| self.old.rule(*index));
        let permits = permits.map(|rule| self.permit_gone(rule, !forbids.is_empty()));
        permits.chain(forbids.iter().cloned()).collect()
    }

    fn permit_gone(&self, rule: &Rule, is_forbidden: bool) -> Cause {
        match self.new.rule_named(&rule.id).filter(|now| now.effect == rule.effect) {
            None => Cause { role: Role::PermitGone, rule: RuleView::new(rule) },
            Some(now) => {
                let role = if is_forbidden { Role::PermitOverruled } else { Role::PermitNarrowed };
                Cause { role, rule: RuleView::new(now) }
            }
        }
    }

    fn changed(&self, was: &Access, is: &Access) -> Vec<Cause> {
        let mut causes = Vec::new();
        for (before, after, came) in
            [(&was.permits, &is.permits, Role::Permits), (&was.forbids, &is.forbids, Role::ForbidsOnCondition)]
        {
            for rule in after.iter().filter_map(|index| self.new.rule(*index)) {
                let old = before.iter().filter_map(|index| self.old.rule(*index)).find(|old| old.id == rule.id);
                match old {
                    None => causes.push(Cause { role: came, rule: RuleView::new(rule) }),
                    Some(old) if old.condition != rule.condition => {
                        causes.push(Cause { role: Role::OtherCondition, rule: RuleView::new(rule) });
                    }
                    Some(_) => {}
                }
            }
            let stays = |id: &str| after.iter().filter_map(|index| self.new.rule(*index)).any(|rule| rule.id == id);
            for rule in before.iter().filter_map(|index| self.old.rule(*index)).filter(|rule| !stays(&rule.id)) {
                causes.push(match came {
                    Role::Permits => self.permit_gone(rule, false),
                    _ => Cause { role: Role::ForbadeBefore, rule: RuleView::new(rule) },
                });
            }
        }
        causes
    }

    /// The rules of one side that forbid a cell whatever the request.
    fn forbidding<'s>(&'s self, side: usize, index: &'s Index<'_>, cell: &Cell) -> impl Iterator<Item = RuleView> + 's {
        let ids = self.sides.get(side).map(|side| (side.forbids)(cell)).unwrap_or_default();
        ids.into_iter().filter_map(|id| index.rule_named(&id)).map(RuleView::new)
    }
}
