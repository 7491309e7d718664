//! As much of JSON Schema as the schemas use, patterns and formats left out.

use serde_json::Value as Json;
use toml::Value;

/// Everything that is not as the schema says, each with its place.
pub fn mistakes(document: &Value, schema: &Json) -> Vec<String> {
    let mut found = Vec::new();
    walk("", document, schema, schema, &mut found);
    found
}

const KNOWN: [&str; 22] = [
    "$schema",
    "$id",
    "$defs",
    "$ref",
    "title",
    "description",
    "default",
    "format",
    "pattern",
    "propertyNames",
    "type",
    "enum",
    "properties",
    "additionalProperties",
    "required",
    "items",
    "minItems",
    "uniqueItems",
    "minimum",
    "maximum",
    "anyOf",
    "not",
];

fn walk(place: &str, value: &Value, schema: &Json, root: &Json, found: &mut Vec<String>) {
    let Some(rules) = schema.as_object() else { return };
    for (rule, of) in rules {
        assert!(KNOWN.contains(&rule.as_str()), "{rule} is not looked at here");
        match (rule.as_str(), value) {
            ("$ref", _) => {
                let name = of.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                walk(place, value, &root["$defs"][name], root, found);
            }
            ("type", _) if !types(of).contains(&kind(value)) => found.push(format!("{place} is {}", kind(value))),
            ("enum", _) if !of.as_array().unwrap().iter().any(|word| word.as_str() == value.as_str()) => {
                found.push(format!("{place} is {value}"));
            }
            ("required", Value::Table(table)) => {
                for key in
                    of.as_array().unwrap().iter().filter_map(Json::as_str).filter(|key| !table.contains_key(*key))
                {
                    found.push(format!("{place}: {key} is missing"));
                }
            }
            ("properties" | "additionalProperties", Value::Table(table)) => {
                members(place, table, schema, rule == "properties", root, found);
            }
            ("items", Value::Array(items)) => items.iter().for_each(|item| walk(place, item, of, root, found)),
            ("minItems", Value::Array(items)) if (items.len() as u64) < of.as_u64().unwrap() => {
                found.push(format!("{place} has {} items", items.len()));
            }
            ("minimum", Value::Integer(number)) if *number < of.as_i64().unwrap() => {
                found.push(format!("{place} is {number}"))
            }
            ("maximum", Value::Integer(number)) if *number > of.as_i64().unwrap() => {
                found.push(format!("{place} is {number}"))
            }
            ("anyOf", _) if !of.as_array().unwrap().iter().any(|one| fits(value, one, root)) => {
                found.push(format!("{place} is none of several"));
            }
            ("not", _) if fits(value, of, root) => found.push(format!("{place} is what it must not be")),
            _ => {}
        }
    }
}

fn fits(value: &Value, schema: &Json, root: &Json) -> bool {
    let mut found = Vec::new();
    walk("", value, schema, root, &mut found);
    found.is_empty()
}

fn members(place: &str, table: &toml::Table, schema: &Json, named: bool, root: &Json, found: &mut Vec<String>) {
    for (key, value) in table {
        let place = format!("{place}.{key}");
        let place = place.trim_start_matches('.');
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(of), _) if named => walk(place, value, of, root, found),
            (None, Json::Bool(false)) if !named => found.push(format!("{place} is not known")),
            (None, of) if !named => walk(place, value, of, root, found),
            _ => {}
        }
    }
}

fn types(of: &Json) -> Vec<&str> {
    of.as_array().map_or_else(|| vec![of.as_str().unwrap()], |all| all.iter().filter_map(Json::as_str).collect())
}

fn kind(value: &Value) -> &'static str {
    match value {
        // Editors take a date for the text that it is.
        Value::String(_) | Value::Datetime(_) => "string",
        Value::Integer(_) => "integer",
        Value::Float(_) => "number",
        Value::Boolean(_) => "boolean",
        Value::Array(_) => "array",
        Value::Table(_) => "object",
    }
}
