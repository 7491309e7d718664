//! From the files of a policy to tables and decisions.

mod access;
mod channels;
mod declared;
mod numbers;
mod reach;

use crate::cases::{self, Case};
use crate::decider::{Decider, Remark, Unserved};
use crate::diagnostic::{Diagnostic, Report};
use crate::rules::{self, Rule};
use crate::schema::schema;
use crate::services::{self, Declarations};
use crate::source::{PolicySource, SERVICES};
use crate::universe::Universe;
use gate_tables::Tables;

/// A policy that was checked and compiled.
#[derive(Debug)]
pub struct Compiled {
    /// What travels in a bundle and fills the kernel. The same policy after the same predecessor gives the same bytes.
    pub tables: Tables,
    /// Answers questions.
    pub decider: Decider,
    /// The Cedar schema that the rules were checked against, for editors and reviewers.
    pub schema: String,
    pub(crate) cases: Vec<Case>,
}

impl Compiled {
    /// Rules that change no decision, for people to look at: nothing is wrong with the policy.
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        self.decider.remarks()
    }

    /// What rules permit and this version of Gate denies all the same.
    #[must_use]
    pub fn unserved(&self) -> Vec<Unserved> {
        self.decider.unserved()
    }
}

/// Compiles a policy. `previous` are the tables of the bundle before it in the chain: names keep their numbers.
///
/// # Errors
/// Everything that is wrong with the policy, with places, in the order of files and lines.
pub fn compile(source: &PolicySource, previous: Option<&Tables>) -> Result<Compiled, Vec<Diagnostic>> {
    let mut report = Report::default();
    let declarations = source.text(SERVICES, &mut report).and_then(|text| services::read(text, &mut report));
    let rules = rules::read(source, &mut report);
    let cases = cases::read(source, &mut report);
    let compiled = declarations.and_then(|declarations| {
        let numbers = numbers::numbers(&declarations, previous, &mut report)?;
        let tables = declared::tables(&declarations, numbers);
        check(&declarations, tables, rules, cases, &mut report)
    });
    match compiled {
        Some(compiled) if report.is_empty() => Ok(compiled),
        _ => Err(report.finish()),
    }
}

/// What needs all files together. Rules and cases about services that do not parse would only be noise.
fn check(
    declarations: &Declarations,
    mut tables: Tables,
    mut rules: Vec<Rule>,
    cases: Vec<Case>,
    report: &mut Report,
) -> Option<Compiled> {
    let universe = Universe::new(declarations, &tables);
    rules::check(&mut rules, &universe, declarations, report);
    cases::check(&cases, &universe, &rules, report);
    if !report.is_empty() {
        return None;
    }
    let conditions = access::Conditions::new(&universe);
    tables.rules = rules.iter().map(|rule| table_rule(rule, &conditions)).collect();
    let decider = Decider::new(universe, rules)
        .map_err(|error| report.file(SERVICES, format!("cannot be compiled: {error}")))
        .ok()?;
    channels::check(&decider, report);
    tables.reach = reach::reach(&decider, report);
    tables.access = access::access(&decider);
    report.is_empty().then_some(Compiled { tables, decider, schema: schema(declarations), cases })
}

fn table_rule(rule: &Rule, conditions: &access::Conditions<'_>) -> gate_tables::Rule {
    let effect = if rule.permits() { "permit" } else { "forbid" };
    gate_tables::Rule {
        id: rule.id.clone(),
        effect: effect.to_owned(),
        reason: rule.reason.clone(),
        ticket: rule.ticket.clone(),
        place: rule.place(),
        condition: conditions.of(rule),
    }
}

#[cfg(test)]
mod tests;
