//! Rules that say nothing which others do not say.

use crate::page::Item;
use crate::rules::{Index, RuleView};
use gate_tables::Tables;
use serde::Serialize;

/// One remark about a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// Which.
    pub rule: RuleView,
    /// What about it.
    pub what: &'static str,
}

impl Remark {
    /// As an item of a page.
    #[must_use]
    pub fn item(&self) -> Item {
        self.rule.line().words(": ").words(self.what).into()
    }
}

/// Permits that give nothing, or nothing that another permit does not give without a condition. Forbids leave no trace
/// in the tables where they always hold; what they do, a compiled policy says.
#[must_use]
pub fn remarks(tables: &Tables) -> Vec<Remark> {
    let index = Index::new(tables);
    let mut seen = vec![Seen::default(); tables.rules.len()];
    for line in &tables.access {
        let always = line.permits.iter().filter(|rule| index.rule(**rule).is_some_and(|r| r.condition.is_none()));
        let always: Vec<u32> = always.copied().collect();
        for rule in &line.permits {
            let alone = always.iter().all(|other| other == rule);
            if let Some(seen) = seen.get_mut(*rule as usize) {
                seen.lines += 1;
                seen.alone += usize::from(alone);
            }
        }
    }
    let permits = tables.rules.iter().zip(&seen).filter(|(rule, _)| rule.effect == "permit");
    let remark = permits.filter_map(|(rule, seen)| {
        let what = match (seen.lines, seen.alone) {
            (0, _) => "gives nothing: all that it names is forbidden",
            (_, 0) => "gives nothing of its own: other rules permit the same without a condition",
            _ => return None,
        };
        Some(Remark { rule: RuleView::new(rule), what })
    });
    remark.collect()
}

#[derive(Debug, Clone, Default)]
struct Seen {
    lines: usize,
    /// Lines in which no other permit without a condition stands.
    alone: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{forbid, permit, rule, shop};

    #[test]
    fn permits_that_give_nothing_are_remarked_on() {
        let rules = [permit("a"), permit("b"), rule("c", "permit", Some((1, true))), permit("d"), forbid("e")];
        let get = Some("orders.get");
        // b gives what a gives too, and more; c only what they give; d names what e forbids.
        let lines = [(3, 1, get, vec![0, 1, 2], vec![], vec![4]), (3, 1, Some("orders.new"), vec![1], vec![], vec![4])];
        let said = remarks(&shop(&rules, &lines));
        let said: Vec<(&str, bool)> = said.iter().map(|r| (r.rule.id.as_str(), r.what.contains("forbidden"))).collect();
        assert_eq!(said, [("a", false), ("c", false), ("d", true)]);
    }
}
