//! `tables.json`.

use crate::{Finding, Verdict};
use gate_tables::{Difference, PathPattern, Tables, compare};

/// Comparing expands every cell; a table of the usual size is enough to see whether it is right.
const MOST_CELLS: usize = 4_096;

pub(super) fn run(input: &[u8]) -> Result<Verdict, Finding> {
    let Ok(tables) = Tables::from_bytes(input) else { return Ok(Verdict::Refused) };
    let bytes = tables.to_bytes().map_err(|error| Finding(format!("cannot be written: {error}")))?;
    let again = Tables::from_bytes(&bytes).map_err(|error| Finding(format!("written back it is refused: {error}")))?;
    Finding::unless(again == tables, || "written back it says something else".to_owned())?;
    Finding::unless(again.to_bytes().ok() == Some(bytes), || "written twice it has other bytes".to_owned())?;
    is_found_again(&tables)?;
    patterns(&tables)?;
    let cells: usize = tables.access.iter().map(|line| line.sources.len()).sum();
    if cells <= MOST_CELLS {
        let difference = compare(&tables, &tables);
        let none = difference == Difference::default();
        Finding::unless(none, || format!("it differs from itself: {difference:?}"))?;
    }
    Ok(Verdict::Accepted)
}

/// Every look-up finds what is there, and nothing else.
fn is_found_again(tables: &Tables) -> Result<(), Finding> {
    for service in &tables.services {
        let found = tables.service(service.id) == Some(service) && tables.service_named(&service.name) == Some(service);
        Finding::unless(found, || format!("service {:?} is not found", service.name))?;
    }
    for line in &tables.reach {
        let found = tables.reach(line.source, line.destination, line.port) == Some(line);
        Finding::unless(found, || format!("{line:?} is not found"))?;
    }
    Ok(())
}

/// A pattern that is read is written as it was, and overlaps itself.
fn patterns(tables: &Tables) -> Result<(), Finding> {
    let ports = tables.services.iter().flat_map(|service| &service.ports);
    for route in ports.flat_map(|port| &port.routes) {
        let text = route.path.to_string();
        let again = PathPattern::parse(&text);
        Finding::unless(again.as_ref() == Ok(&route.path), || format!("the pattern {text:?} is read as {again:?}"))?;
        Finding::unless(route.path.overlaps(&route.path), || format!("{text:?} does not overlap itself"))?;
    }
    Ok(())
}
