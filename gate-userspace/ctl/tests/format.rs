//! `gatectl policy fmt` and `schema`.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::unwrap_used, reason = "clippy knows functions marked as tests, not what they call")]

mod support;

use std::fs;
use support::Place;

fn rules(place: &Place) -> String {
    fs::read_to_string(place.path("policy/shop.cedar")).unwrap()
}

#[test]
fn formatting_changes_the_form_and_nothing_else() {
    let place = Place::new();
    fs::create_dir(place.path("before")).unwrap();
    for entry in fs::read_dir(place.path("policy")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), place.path("before").join(entry.file_name())).unwrap();
    }
    let before = rules(&place);
    place.gatectl("policy fmt policy --check").code(1).says("would change: policy/shop.cedar");
    assert_eq!(rules(&place), before, "--check writes nothing");
    place.gatectl("policy fmt policy").code(0).says("formatted: policy/shop.cedar");
    assert_ne!(rules(&place), before);
    for part in ["// Nothing is permitted that", "// A client never cancels", "@reason(\"a paid order is booked\")"] {
        assert!(rules(&place).contains(part), "{part} is not in {}", rules(&place));
    }
    place.gatectl("policy fmt policy --check").code(0).says("0 of 1 file would change");
    place.gatectl("policy check policy").code(0);
    let diff = place.gatectl("policy diff before policy").code(0);
    assert_eq!(diff.out.lines().count(), 1, "{}", diff.out);
}

#[test]
fn what_cannot_be_formatted_stays_and_so_does_all_else() {
    let place = Place::new();
    let before = rules(&place);
    fs::write(place.path("policy/broken.cedar"), "permit (principal").unwrap();
    place.gatectl("policy fmt policy").code(2).complains("policy/broken.cedar: does not parse: ");
    fs::write(place.path("policy/broken.cedar"), b"// \xff").unwrap();
    place.gatectl("policy fmt policy").code(2).complains("policy/broken.cedar: byte 3 is not UTF-8");
    fs::remove_file(place.path("policy/broken.cedar")).unwrap();
    std::os::unix::fs::symlink("shop.cedar", place.path("policy/broken.cedar")).unwrap();
    place.gatectl("policy fmt policy").code(2).complains("policy/broken.cedar: is no regular file");
    assert_eq!(rules(&place), before);
    place.gatectl("policy fmt polciy").code(2).complains("polciy: does not exist; give the policy directory");
}

#[test]
fn no_comment_is_lost() {
    let place = Place::new();
    let odd = "permit ( // one\n principal == Service::\"web\", // two\n action, // three\n resource // four\n) // five\n\
               when // six\n { context.now // seven\n > 1 // eight\n } // nine\n ; // ten\n// eleven\n";
    fs::write(place.path("policy/shop.cedar"), odd).unwrap();
    let ran = place.gatectl("policy fmt policy");
    let kept = rules(&place);
    for number in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"] {
        assert!(kept.contains(&format!("// {number}")), "{number} is not in {kept}\n{ran:?}");
    }
    assert!(ran.code == 0 || kept == odd, "{ran:?}");
}

#[test]
fn the_schema_is_of_what_runs_here_whatever_the_rules_say() {
    let place = Place::new();
    let schema = place.gatectl("policy schema policy").code(0).says("action \"orders.getOrder\" in [").out;
    fs::write(place.path("policy/shop.cedar"), "permit (").unwrap();
    assert_eq!(place.gatectl("policy schema policy").code(0).out, schema);
    place.edit("policy/services.toml", "listen = \"tcp/9000\"", "lisen = \"tcp/9000\"");
    place.gatectl("policy schema policy").code(1).complains("unknown key \"lisen\" in [service.ledger.port.journal]");
    fs::remove_file(place.path("policy/services.toml")).unwrap();
    place.gatectl("policy schema policy").code(2).complains("policy/services.toml: cannot be read: ");
    place.gatectl("policy schema polciy").code(2).complains("polciy: does not exist");
}
