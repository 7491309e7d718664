//! Whether somebody holds what nobody may hold together, or reaches into another environment, by the tables alone.

mod reach;
mod view;

use super::Change;
use crate::duties::{Allowed, Exception};
use crate::{Bundle, Duties, Reason, Refusal};
use gate_tables::Tables;
use std::fmt;
use view::{Hand, View};

/// One action in one hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The action.
    pub action: String,
    /// The service that has it, or those that bring the user who has it.
    pub by: String,
    /// The rules that permit it.
    pub rules: Vec<String>,
}

/// Whether a bundle's duties allow its tables. Admission asks the same.
///
/// # Errors
/// [`Refusal`] with every toxic combination, reach across environments, exception and unknown action.
pub fn check_toxic(bundle: &Bundle, change: &Change, now: u64) -> Result<(), Refusal> {
    let reasons = judge(bundle.duties(), bundle.tables(), change, Some(now));
    if reasons.is_empty() { Ok(()) } else { Err(Refusal::new(reasons)) }
}

/// The duties that come with the tables judge them: whoever changes both signs for both. What only takes access away is
/// not kept back by an exception that is over, or no longer needed, nor by a route that is gone: nobody holds more.
pub(super) fn judge(duties: &Duties, tables: &Tables, change: &Change, now: Option<u64>) -> Vec<Reason> {
    let strict = !change.only_removes();
    let mut exceptions = Exceptions { all: duties.exceptions(), used: Vec::new(), now: now.filter(|_| strict) };
    let mut reasons = combinations(duties, tables, strict, &mut exceptions);
    if strict {
        reasons.extend(across(tables, &mut exceptions));
        reasons.extend(exceptions.idle());
    }
    reasons
}

fn combinations(duties: &Duties, tables: &Tables, strict: bool, exceptions: &mut Exceptions<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if duties.toxic().is_empty() {
        return reasons;
    }
    let view = View::new(tables);
    for toxic in duties.toxic() {
        let unknown = toxic.actions().iter().filter(|action| view.target(action).is_none());
        let unknown = unknown.map(|action| Reason::ToxicUnknown { id: toxic.id().into(), action: action.clone() });
        reasons.extend(unknown.filter(|_| strict));
        for (Hand { kind, name: holder }, holds) in view.holders(toxic) {
            let found = exceptions.find(|exception| match exception.allowed() {
                Allowed::Toxic(id) => id == toxic.id() && exception.holder() == holder,
                Allowed::Reach { .. } => false,
            });
            match found {
                Found::None => {
                    let (id, reason) = (toxic.id().to_owned(), toxic.reason().to_owned());
                    reasons.push(Reason::Toxic { id, reason, kind, holder, holds });
                }
                Found::Over(exception) => reasons.push(Reason::ExceptionOver { exception }),
                Found::InTime => {}
            }
        }
    }
    reasons
}

fn across(tables: &Tables, exceptions: &mut Exceptions<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for (reach::Across { network, environment, holder }, holds) in reach::across(tables) {
        let found = exceptions.find(|exception| match exception.allowed() {
            Allowed::Reach { network: to, .. } => to == network && exception.holder() == holder,
            Allowed::Toxic(_) => false,
        });
        match found {
            Found::None => reasons.push(Reason::AcrossEnvironments {
                network: network.to_owned(),
                environment: environment.to_owned(),
                own: tables.environment.clone(),
                holder: holder.to_owned(),
                holds,
            }),
            Found::Over(exception) => reasons.push(Reason::ExceptionOver { exception }),
            Found::InTime => {}
        }
    }
    reasons
}

/// Exceptions, and which of them somebody needed.
struct Exceptions<'d> {
    all: &'d [Exception],
    used: Vec<&'d Exception>,
    /// `None`: the time does not matter.
    now: Option<u64>,
}

enum Found {
    None,
    InTime,
    Over(Box<Exception>),
}

impl<'d> Exceptions<'d> {
    fn find(&mut self, fits: impl Fn(&Exception) -> bool) -> Found {
        let Some(exception) = self.all.iter().find(|exception| fits(exception)) else { return Found::None };
        self.used.push(exception);
        match self.now {
            Some(now) if now > exception.until().last_second() => Found::Over(Box::new(exception.clone())),
            _ => Found::InTime,
        }
    }

    /// It is another one than its signers believe, or it waits for a later bundle.
    fn idle(&self) -> Vec<Reason> {
        let idle = self.all.iter().filter(|one: &&'d Exception| !self.used.contains(one));
        idle.map(|exception| Reason::ExceptionIdle { exception: Box::new(exception.clone()) }).collect()
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} by {})", self.action, self.by, self.rules.join(", "))
    }
}
