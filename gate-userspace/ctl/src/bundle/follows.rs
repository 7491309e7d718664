//! Whether a bundle's tables follow from its rules: nobody signs what the reviewers did not read.

use crate::difference::first_difference;
use crate::policy::check_files;
use gate_bundle::{Bundle, TABLES};
use gate_policy::PolicySource;
use gate_tables::Tables;

const POLICY: &str = "policy/";

/// Compiles the bundle's own rules again and compares. `previous` are the tables of the bundle before it; without
/// them the numbers of services are taken from the bundle itself, and only gate-authz checks them.
///
/// # Errors
/// Every reason why nobody should sign it.
pub(crate) fn check(bundle: &Bundle, previous: Option<&Tables>) -> Result<(), Vec<String>> {
    let files = bundle.files().iter();
    let policy = files.filter_map(|(name, bytes)| Some((name.strip_prefix(POLICY)?.to_owned(), bytes.clone())));
    let in_bundle = |problem: &dyn std::fmt::Display| format!("{POLICY}{problem}");
    let source = PolicySource::from_files(policy)
        .map_err(|problems| problems.iter().map(|problem| in_bundle(problem)).collect::<Vec<_>>())?;
    let is_first = bundle.manifest().version() == 1;
    let previous = previous.or_else(|| (!is_first).then(|| bundle.tables()));
    let checked = check_files(source, previous)
        .map_err(|problems| problems.iter().map(|problem| in_bundle(problem)).collect::<Vec<_>>())?;
    let right = checked.compiled.tables.to_bytes().map_err(|error| vec![error.to_string()])?;
    let found = bundle.file(TABLES).unwrap_or_default();
    if found == right {
        return Ok(());
    }
    let as_json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
    let said = first_difference(&as_json(found), &as_json(&right));
    let said = said.unwrap_or_else(|| "they are spelt in another way".to_owned());
    Err(vec![format!("{TABLES} does not follow from the rules: {said}; build the bundle again")])
}
