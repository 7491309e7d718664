//! `services.toml`, beside no rule at all.

use super::toml::rewritten;
use crate::directory::{compiled, is_stable};
use crate::{Finding, Verdict};

pub(super) fn run(input: &[u8]) -> Result<Verdict, Finding> {
    let files = beside_no_rule(input.to_vec());
    let Some(first) = compiled(files.clone())? else { return Ok(Verdict::Refused) };
    is_stable(&files, &first)?;
    let other = beside_no_rule(rewritten(input)?);
    let Some(again) = compiled(other)? else {
        return Err(Finding("refused when TOML writes it in its own form".to_owned()));
    };
    Finding::unless(again.tables == first.tables, || "other tables when TOML writes it in its own form".to_owned())?;
    Ok(Verdict::Accepted)
}

fn beside_no_rule(services: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    vec![("services.toml".to_owned(), services), ("none.cedar".to_owned(), Vec::new())]
}
