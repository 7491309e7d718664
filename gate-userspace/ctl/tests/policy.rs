//! `gatectl policy check`.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows functions marked as tests, not what they call"
)]

mod support;

use support::Place;

#[test]
fn a_sound_policy_is_summed_up() {
    let place = Place::new();
    place.gatectl("policy check policy").code(0).says("4 services, 2 ports, 4 routes, 3 rules").says("9 cases passed");
    let (code, json) = place.json("policy check policy");
    assert_eq!((code, &json["ok"], &json["summary"]["rules"]), (0, &true.into(), &3.into()));
    assert!(json["cases"].as_array().unwrap().iter().all(|case| case["passed"] == true));
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let place = Place::new();
    place.edit("policy/services.toml", "listen = \"tcp/9000\"", "lisen = \"tcp/9000\"");
    place.edit("policy/shop.cedar", "@ticket(\"OPS-142\")\n", "");
    place.edit("policy/duties.toml", "mode = \"team\"", "mode = \"teem\"");
    let ran = place.gatectl("policy check policy").code(1);
    let services = std::fs::read_to_string(place.path("policy/services.toml")).unwrap();
    let line = services.lines().position(|line| line.starts_with("lisen")).unwrap() + 1;
    let services = format!("policy/services.toml:{line}: ");
    for place in [services.as_str(), "policy/shop.cedar:3: ", "policy/duties.toml:1: "] {
        assert!(ran.out.contains(place), "{place} is not in:\n{}", ran.out);
    }
    let (_, json) = place.json("policy check policy");
    let problems = json["problems"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem["file"] == "duties.toml" && problem["line"] == 1), "{json}");
}

#[test]
fn a_case_that_does_not_hold_is_a_problem() {
    let place = Place::new();
    place.edit("policy/cases.toml", "expect = \"allow\"", "expect = \"deny\"");
    let ran = place.gatectl("policy check policy").code(1);
    ran.says("policy/cases.toml:3: web reads an order: expected deny").says("1 problem found");
}

#[test]
fn duties_are_part_of_a_policy() {
    let place = Place::new();
    std::fs::remove_file(place.path("policy/duties.toml")).unwrap();
    place.gatectl("policy check policy").code(1).says("policy/duties.toml: is missing");
}

#[test]
fn what_is_no_directory_cannot_be_checked() {
    let place = Place::new();
    place.gatectl("policy check polciy").code(2).complains("polciy: does not exist; give the policy directory");
    place.gatectl("policy check alice.pub").code(2).complains("alice.pub: is no directory");
    place.gatectl("policy chekc policy").code(2).complains("check");
    let (code, json) = place.json("policy check polciy");
    assert_eq!((code, &json["ok"]), (2, &false.into()));
    assert!(json["errors"][0].as_str().unwrap().contains("polciy"), "{json}");
}

#[test]
fn names_in_a_policy_do_not_reach_the_terminal_as_commands() {
    let place = Place::new();
    std::fs::write(place.path("policy/\u{1b}[2Jx.toml"), "").unwrap();
    let ran = place.gatectl("policy check policy").code(1);
    assert!(!ran.out.contains('\u{1b}') && ran.out.contains("\\u{1b}"), "{:?}", ran.out);
}
