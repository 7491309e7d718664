//! `cases.toml`, of the shop's policy.

use super::toml::rewritten;
use crate::directory::compiled;
use crate::{Finding, Verdict, shop};
use gate_policy::{CaseResult, run_cases};

pub(super) fn run(input: &[u8]) -> Result<Verdict, Finding> {
    let Some(first) = results(input.to_vec())? else { return Ok(Verdict::Refused) };
    let again = results(input.to_vec())?;
    Finding::unless(again.as_ref() == Some(&first), || "asked again it is answered otherwise".to_owned())?;
    let Some(other) = results(rewritten(input)?)? else {
        return Err(Finding("refused when TOML writes it in its own form".to_owned()));
    };
    let same = without_lines(other) == without_lines(first);
    Finding::unless(same, || "answered otherwise when TOML writes it in its own form".to_owned())?;
    Ok(Verdict::Accepted)
}

fn results(cases: Vec<u8>) -> Result<Option<Vec<CaseResult>>, Finding> {
    let files = [("services.toml", shop::SERVICES.into()), ("shop.cedar", shop::RULES.into()), ("cases.toml", cases)];
    let compiled = compiled(files.map(|(name, bytes)| (name.to_owned(), bytes)).to_vec())?;
    let results = compiled.map(|compiled| run_cases(&compiled));
    // Texts for people are made of what was read, too.
    results.iter().flatten().for_each(|result| drop(result.to_string()));
    Ok(results)
}

fn without_lines(mut results: Vec<CaseResult>) -> Vec<CaseResult> {
    results.iter_mut().for_each(|result| result.line = 0);
    results
}
