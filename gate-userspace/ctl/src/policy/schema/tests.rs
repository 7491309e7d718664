//! The schema of duties.toml has exactly the keys that its reader knows.

use super::*;
use gate_bundle::Duties;
use serde_json::Value;
use std::collections::BTreeSet;

/// The keys that the reader names when it finds one that it does not know.
fn known(text: &str, of: &str) -> BTreeSet<String> {
    let problems = Duties::parse(text.as_bytes()).unwrap_err();
    let start = format!("unknown key \"zzz\" of {of}; known are ");
    let words = problems.iter().find_map(|problem| problem.message.strip_prefix(&start).map(str::to_owned));
    words.unwrap_or_else(|| panic!("{problems:?}")).split(", ").map(str::to_owned).collect()
}

#[test]
fn duties_have_the_keys_of_their_reader() {
    let schema: Value = serde_json::from_str(DUTIES_SCHEMA).unwrap();
    for (place, text, of) in [
        (None, "zzz = 1\n", "the file"),
        (Some("person"), "[person.a]\nzzz = 1\n", "person a"),
        (Some("toxic"), "[[toxic]]\nzzz = 1\n", "a toxic"),
        (Some("exception"), "[[exception]]\nzzz = 1\n", "an exception"),
    ] {
        let at = place.map_or(&schema, |place| &schema["$defs"][place]);
        assert_eq!(at["additionalProperties"], false);
        let keys: BTreeSet<String> = at["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, known(text, of), "{of}");
    }
}

#[test]
fn a_schema_is_printed_for_a_file_and_not_for_a_directory_beside() {
    use clap::Parser;
    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        arguments: Arguments,
    }
    let parsed =
        |words: &[&str]| Command::try_parse_from(["schema"].iter().chain(words)).map(|command| command.arguments);
    for (word, title) in [("--services", "services.toml"), ("--duties", "duties.toml"), ("--cases", "cases.toml")] {
        let report = run(&parsed(&[word]).unwrap()).unwrap();
        assert!(report.json["title"].as_str().unwrap().ends_with(title));
        assert_eq!(serde_json::from_str::<Value>(&report.text).unwrap(), report.json);
        assert!(parsed(&[word, "policies/shop"]).is_err());
    }
    assert!(parsed(&[]).is_err() && parsed(&["--services", "--cases"]).is_err());
    assert!(parsed(&["policies/shop"]).is_ok());
}
