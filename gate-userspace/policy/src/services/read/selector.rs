//! Labels, and hosts by their labels.

use super::complain;
use crate::diagnostic::Report;
use crate::document::Section;
use crate::names;
use crate::services::keys;
use crate::source::SERVICES;
use crate::spelling::suggestion;
use gate_tables::Selector;

/// `[label.KEY]` with its values.
pub(super) fn labels(root: &Section<'_>, report: &mut Report) -> Selector {
    let mut labels = Selector::new();
    for (key, section) in root.sections("label", report) {
        section.only(&keys::LABEL, report);
        complain(names::check_name("label", key), section.line, report);
        let values = section.strings("values", report);
        for value in &values {
            complain(names::check_name("label value", value.value), value.line, report);
        }
        if values.is_empty() {
            let message = format!("label \"{key}\" has no values; write values = [\"web\", \"data\"]");
            report.at(SERVICES, section.line, message);
        }
        labels.insert(key.to_owned(), values.into_iter().map(|value| value.value.to_owned()).collect());
    }
    labels
}

/// `on = ["role=web"]`. A label that nobody declares would leave a service out everywhere.
pub(super) fn on(section: &Section<'_>, labels: &Selector, report: &mut Report) -> Selector {
    let mut selector = Selector::new();
    let found = section.strings("on", report);
    if found.is_empty() && section.has("on") {
        let message = format!("on = []{} is no host; list labels, or leave it out for every host", section.place());
        report.at(SERVICES, section.line, message);
    }
    for entry in found {
        let Some((key, value)) = entry.value.split_once('=') else {
            report.at(
                SERVICES,
                entry.line,
                format!("on = {:?}; write a label and its value: \"role=web\"", entry.value),
            );
            continue;
        };
        let declared = labels.get(key);
        let message = match declared {
            None => {
                let hint = suggestion(key, labels.keys().map(String::as_str));
                format!("on = \"{key}={value}\"; no [label.{key}] is declared{hint}")
            }
            Some(values) if !values.contains(value) => {
                let hint = suggestion(value, values.iter().map(String::as_str));
                format!("on = \"{key}={value}\"; \"{value}\" is no value of [label.{key}]{hint}")
            }
            Some(_) => {
                selector.entry(key.to_owned()).or_default().insert(value.to_owned());
                continue;
            }
        };
        report.at(SERVICES, entry.line, message);
    }
    selector
}
