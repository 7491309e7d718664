//! A policy directory in one input, and what must hold of every policy that compiles.

use crate::{Finding, shop};
use gate_policy::{Compiled, PolicySource, compile};
use gate_tables::Tables;

/// A line that begins a file. Cedar takes it for a comment, so that a lone rules file is an input as it is.
const HEADER: &str = "//// ";

/// Names and bytes of the files in an input. What comes before the first header is `shop.cedar`.
pub(crate) fn files(input: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        match (line.strip_prefix(HEADER.as_bytes()), files.last_mut()) {
            (Some(name), _) => files.push((String::from_utf8_lossy(name).trim_end().to_owned(), Vec::new())),
            (None, Some((_, bytes))) => bytes.extend(line),
            (None, None) => files.push(("shop.cedar".to_owned(), line.to_vec())),
        }
    }
    for (name, text) in [("services.toml", shop::SERVICES), ("shop.cedar", shop::RULES)] {
        let is_there = |(found, _): &(String, Vec<u8>)| match name.strip_suffix(".cedar") {
            Some(_) => found.ends_with(".cedar"),
            None => found == name,
        };
        if !files.iter().any(is_there) {
            files.push((name.to_owned(), text.as_bytes().to_vec()));
        }
    }
    files
}

/// The compiled policy; `None` when it is refused. A refusal without a reason is a finding.
pub(crate) fn compiled(files: Vec<(String, Vec<u8>)>) -> Result<Option<Compiled>, Finding> {
    match PolicySource::from_files(files).and_then(|source| compile(&source, None)) {
        Ok(compiled) => Ok(Some(compiled)),
        Err(problems) => {
            Finding::unless(!problems.is_empty(), || "refused without a reason".to_owned())?;
            let mute = problems.iter().find(|problem| problem.message.is_empty());
            Finding::unless(mute.is_none(), || format!("a problem that says nothing: {mute:?}"))?;
            Ok(None)
        }
    }
}

/// Compiled again it gives the same bytes, alone and after itself, and its tables are what a bundle's readers take.
pub(crate) fn is_stable(files: &[(String, Vec<u8>)], first: &Compiled) -> Result<(), Finding> {
    let bytes = bytes_of(&first.tables)?;
    for previous in [None, Some(&first.tables)] {
        let again = PolicySource::from_files(files.to_vec()).and_then(|source| compile(&source, previous));
        let again = again.map_err(|problems| Finding(format!("accepted once and not again: {problems:?}")))?;
        let same = bytes_of(&again.tables)? == bytes && again.schema == first.schema;
        Finding::unless(same, || format!("compiled again (after itself: {}) it differs", previous.is_some()))?;
    }
    let read = Tables::from_bytes(&bytes).map_err(|error| Finding(format!("its tables are refused: {error}")))?;
    Finding::unless(read == first.tables, || "its tables are read as others".to_owned())
}

/// What does not change when a policy is written in another form: everything but where its rules stand.
pub(crate) fn without_places(mut tables: Tables) -> Tables {
    tables.rules.iter_mut().for_each(|rule| rule.place.clear());
    tables
}

fn bytes_of(tables: &Tables) -> Result<Vec<u8>, Finding> {
    tables.to_bytes().map_err(|error| Finding(format!("tables that cannot be written: {error}")))
}
