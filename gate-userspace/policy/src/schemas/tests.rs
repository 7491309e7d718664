//! The schemas know what the readers know, and take what they take.

mod walk;

use super::{CASES_SCHEMA, DUTIES_SCHEMA, SERVICES_SCHEMA};
use crate::cases::keys as cases;
use crate::services::keys as services;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;
use walk::mistakes;

const FULL: &str = include_str!("../services/tests/full.toml");

fn schema(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

/// The keys that a schema has at a place; the empty place is its top.
fn keys<'s>(schema: &'s Json, place: &str) -> BTreeSet<&'s str> {
    let at = if place.is_empty() { schema } else { &schema["$defs"][place] };
    assert_eq!(at["additionalProperties"], false, "{place}: others are refused");
    at["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_schema_has_exactly_the_keys_that_the_reader_knows() {
    let of_services = schema(SERVICES_SCHEMA);
    let places: [(&str, &[&str]); 11] = [
        ("", &services::ROOT),
        ("label", &services::LABEL),
        ("host", &services::HOST),
        ("section", &services::SECTION),
        ("group", &services::GROUP),
        ("issuer", &services::ISSUER),
        ("roles", &services::ROLES),
        ("network", &services::NETWORK),
        ("service", &services::SERVICE),
        ("port", &services::PORT),
        ("route", &services::ROUTE),
    ];
    for (place, known) in places {
        assert_eq!(keys(&of_services, place), known.iter().copied().collect(), "{place}");
    }
    // Whatever the schema has beside those is a map from names, with no keys of its own.
    let compared: BTreeSet<&str> = places.iter().map(|(place, _)| *place).chain(["fields"]).collect();
    let there = of_services["$defs"].as_object().unwrap().keys().map(String::as_str);
    assert!(there.clone().all(|place| compared.contains(place)), "{:?}", there.collect::<Vec<_>>());
    let of_cases = schema(CASES_SCHEMA);
    for (place, known) in [("", cases::ROOT.as_slice()), ("case", &cases::CASE), ("source", &cases::SOURCE)] {
        assert_eq!(keys(&of_cases, place), known.iter().copied().collect(), "{place}");
    }
}

#[test]
fn a_schema_has_the_words_that_the_reader_knows() {
    let of_services = schema(SERVICES_SCHEMA);
    let at = |place: &str, key: &str| of_services["$defs"][place]["properties"][key].clone();
    let words = |of: &Json| -> Vec<String> { serde_json::from_value(of["enum"].clone()).unwrap() };
    let algorithms: Vec<&str> = gate_tables::Algorithm::ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(words(&at("issuer", "algorithms")["items"]), algorithms);
    for (place, key, from) in [
        ("service", "mode", "mode = \"enforce\""),
        ("port", "channel", "channel = \"traffic\""),
        ("host", "posture", "posture = \"open\""),
    ] {
        assert!(FULL.contains(from));
        for word in words(&at(place, key)) {
            let mut report = crate::diagnostic::Report::default();
            crate::services::read(&FULL.replacen(from, &format!("{key} = {word:?}"), 1), &mut report);
            let errors: Vec<String> = report.finish().iter().map(ToString::to_string).collect();
            assert!(!errors.iter().any(|error| error.contains(&format!("{key} = "))), "{errors:?}");
        }
    }
    let protocols: Vec<String> = words(&at("port", "protocol"));
    assert_eq!(protocols, ["plain", "http", "http2", "grpc"]);
}

fn of(text: &str, schema_text: &str) -> Vec<String> {
    let document: toml::Table = text.parse().unwrap();
    mistakes(&toml::Value::Table(document), &schema(schema_text))
}

#[test]
fn policies_that_compile_are_valid() {
    assert_eq!(of(FULL, SERVICES_SCHEMA), Vec::<String>::new());
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut seen = 0;
    for directory in std::fs::read_dir(policies).unwrap() {
        let directory = directory.unwrap().path();
        let files = [("services.toml", SERVICES_SCHEMA), ("cases.toml", CASES_SCHEMA), ("duties.toml", DUTIES_SCHEMA)];
        for (file, schema) in files {
            let Ok(text) = std::fs::read_to_string(directory.join(file)) else { continue };
            assert_eq!(of(&text, schema), Vec::<String>::new(), "{}", directory.join(file).display());
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}

#[test]
#[rustfmt::skip] // a table
fn typos_are_not_valid() {
    for (from, to, says) in [
        ("environment = \"office\"", "enviroment = \"office\"", "enviroment"),
        ("owner = \"team-orders\"", "ownr = \"team-orders\"", "owner is missing"),
        ("protocol = \"grpc\"", "protocol = \"gprc\"", "gprc"),
        ("mode = \"enforce\"", "observe = true", "observe"),
        ("mode = \"enforce\"", "mode = \"obsrve\"", "obsrve"),
        ("uid = 998", "uid = \"998\"", "uid"),
        ("uid = 998", "uid = -1", "uid"),
        ("branch = \"string?\"", "branch = \"strng?\"", "strng?"),
        ("limit = \"int\"", "limit = \"integer\"", "integer"),
        ("\"EdDSA\"", "\"HS256\"", "HS256"),
        ("unit = \"orders.service\"", "", "service.orders"),
        ("channel = \"admin\"", "chanel = \"admin\"", "chanel"),
        ("groups = [\"clients\"]", "groups = \"clients\"", "groups"),
        ("values = [\"a\", \"b\"]", "values = []", "values"),
        ("[network.lan]", "[netwrok.lan]", "netwrok"),
    ] {
        assert!(FULL.contains(from), "{from}");
        let found = of(&FULL.replacen(from, to, 1), SERVICES_SCHEMA);
        assert!(found.iter().any(|mistake| mistake.contains(says)), "{from} -> {to}: {found:?}");
    }
    let case = "[[case]]\nname = \"n\"\nprincipal = \"web\"\naction = \"connect\"\nport = \"a:tcp/1\"\nexpect = \"allow\"\n";
    assert_eq!(of(case, CASES_SCHEMA), Vec::<String>::new());
    for (from, to) in [("expect = \"allow\"", "expect = \"alow\""), ("port", "prot"), ("name = \"n\"\n", ""), ("port =", "at = \"2026-11-23 09:30\"\nnow = 5\nport =")] {
        assert!(!of(&case.replacen(from, to, 1), CASES_SCHEMA).is_empty(), "{from} -> {to}");
    }
}
