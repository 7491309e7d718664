use super::*;
use crate::testing::{RULES, files, tables};

const GOOD_CASE: &str = r#"
[[case]]
name = "web reads"
principal = "web"
action = "orders.getOrder"
resource = "orders"
params = { id = 1 }
expect = "allow"
"#;

fn bytes(rules: &str) -> Vec<u8> {
    tables(rules).to_bytes().unwrap()
}

#[test]
fn tables_that_follow_from_the_rules_are_taken() {
    let in_force = InForce::compile(7, files(RULES, GOOD_CASE), &bytes(RULES), None).unwrap();
    assert_eq!((in_force.version(), in_force.tables()), (7, &tables(RULES)));
    // After a restart there are only its own tables to keep the numbers of.
    let own = in_force.tables().clone();
    assert!(InForce::compile(7, files(RULES, GOOD_CASE), &bytes(RULES), Some(&own)).is_ok());
}

#[test]
fn p6b_tables_of_other_rules_are_refused_and_the_difference_is_named() {
    let more = format!(
        "{RULES}@id(\"batch-books\") @reason(\"r\") @ticket(\"T\")\n\
         permit (principal == Service::\"batch\", action == Action::\"connect\", resource == Port::\"ledger:tcp/9000\");"
    );
    let reasons = InForce::compile(7, files(RULES, ""), &bytes(&more), None).unwrap_err();
    assert_eq!(
        reasons,
        ["tables.json does not follow from the rules: rule batch-books: is in the tables and in no .cedar file"]
    );
    let mut hidden = tables(RULES);
    let line = hidden.reach.iter().find(|line| line.via == gate_tables::Via::Direct).unwrap().clone();
    let batch = hidden.service_named("batch").unwrap().id;
    hidden.reach.push(gate_tables::Reach { source: batch, ..line });
    hidden.reach.sort_by_key(|line| (line.source, line.destination, line.port));
    // A line that no access explains is a contradiction in itself, and refused as one.
    let flow = hidden.access.iter_mut().find(|access| access.action.is_none()).unwrap();
    flow.sources.push(batch);
    flow.sources.sort_unstable();
    let reasons = InForce::compile(7, files(RULES, ""), &hidden.to_bytes().unwrap(), None).unwrap_err();
    assert!(reasons[0].ends_with("reach batch -> ledger:journal: no rule permits it"), "{reasons:?}");
}

/// One person signs tables that only take access away; the rules beside them give access to the next compilation.
#[test]
fn p6b_rules_that_give_more_than_the_tables_of_a_removal_are_refused() {
    let (before, after) = (tables(RULES), bytes("// nothing\n"));
    let removal = gate_tables::compare(&before, &Tables::from_bytes(&after).unwrap());
    assert!(removal.only_removes() && removal.takes_away(), "the other processes see a removal");
    let reasons = InForce::compile(7, files(RULES, ""), &after, Some(&before)).unwrap_err();
    assert!(reasons[0].contains("follow from the rules") && reasons[0].contains("rule "), "{reasons:?}");
}

#[test]
fn another_spelling_of_the_same_tables_is_refused() {
    let pretty = serde_json::to_vec_pretty(&tables(RULES)).unwrap();
    let reasons = InForce::compile(7, files(RULES, ""), &pretty, None).unwrap_err();
    assert!(reasons[0].ends_with("they are spelt in another way"), "{reasons:?}");
    let reasons = InForce::compile(7, files(RULES, ""), b"{", None).unwrap_err();
    assert!(reasons[0].contains("tables.json: EOF"), "{reasons:?}");
}

#[test]
fn a_case_that_does_not_hold_is_refused() {
    let wrong = GOOD_CASE.replace("\"allow\"", "\"deny\"");
    let reasons = InForce::compile(7, files(RULES, &wrong), &bytes(RULES), None).unwrap_err();
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].contains("web reads: expected deny, found allow by web-reads-orders"), "{reasons:?}");
}

#[test]
fn rules_that_do_not_compile_are_refused_with_every_place() {
    let reasons = InForce::compile(7, files("permit (principal", GOOD_CASE), &bytes(RULES), None).unwrap_err();
    assert!(reasons.iter().any(|reason| reason.starts_with("shop.cedar:1")), "{reasons:?}");
}
