//! `duties.toml`.

use super::toml::rewritten;
use crate::{Finding, Verdict};
use gate_bundle::{Duties, Duty, Mode};

pub(super) fn run(input: &[u8]) -> Result<Verdict, Finding> {
    let duties = match Duties::parse(input) {
        Ok(duties) => duties,
        Err(problems) => {
            Finding::unless(!problems.is_empty(), || "refused without a reason".to_owned())?;
            return Ok(Verdict::Refused);
        }
    };
    can_be_satisfied(&duties)?;
    one_key_one_person(&duties)?;
    let again = Duties::parse(&rewritten(input)?);
    let same = again.as_ref() == Ok(&duties);
    Finding::unless(same, || format!("other duties when TOML writes it in its own form: {again:?}"))?;
    Ok(Verdict::Accepted)
}

/// Somebody may author, and a team has an approver who is somebody else.
fn can_be_satisfied(duties: &Duties) -> Result<(), Finding> {
    let who = |duty| duties.people().iter().filter(move |(_, person)| person.may(duty)).map(|(name, _)| name);
    let authored = who(Duty::Author).next().is_some();
    Finding::unless(authored, || "nobody may author".to_owned())?;
    if duties.mode() == Mode::Team {
        let another = who(Duty::Author).any(|author| who(Duty::Approve).any(|approver| approver != author));
        Finding::unless(duties.approvals() > 0 && another, || "a team of one".to_owned())?;
    }
    Ok(())
}

fn one_key_one_person(duties: &Duties) -> Result<(), Finding> {
    for (name, person) in duties.people() {
        for key in person.keys() {
            let owner = duties.owner_of(key).map(|(owner, _)| owner);
            Finding::unless(owner == Some(name), || format!("a key of {name} is {owner:?}'s"))?;
        }
    }
    Ok(())
}
