//! `[[toxic]]` and `[[exception]]`.

use super::{Reader, Value, describe};
use crate::duties::toxic::{Day, Exception, Holder, Toxic};
use std::collections::BTreeSet;
use toml::de::{DeTable, DeValue};

/// Bounds what each process computes for each bundle.
const MAX_TOXIC: usize = 128;
const MAX_EXCEPTIONS: usize = 256;
const MAX_ACTIONS: usize = 16;
const MAX_TEXT: usize = 200;

impl Reader<'_> {
    pub(super) fn toxic(&mut self, table: &DeTable<'_>) -> Vec<Toxic> {
        let mut found: Vec<Toxic> = Vec::new();
        for (entry, value) in self.entries(table, "toxic", MAX_TOXIC) {
            self.only_known_keys(entry, "a toxic", &["id", "reason", "actions", "holder"]);
            let id = self.text(entry, value, "toxic", "id");
            let reason = self.text(entry, value, "toxic", "reason");
            let actions = self.actions(entry, value);
            let holder = self.holder(entry, value);
            let (Some(id), Some(reason), Some(actions), Some(holder)) = (id, reason, actions, holder) else { continue };
            if found.iter().any(|other| other.id == id) {
                self.problem(value.span(), format!("toxic {id:?} is there twice; each has its own id"));
            }
            found.push(Toxic { id, reason, actions, holder });
        }
        found
    }

    pub(super) fn exceptions(&mut self, table: &DeTable<'_>, toxic: &[Toxic]) -> Vec<Exception> {
        let mut found: Vec<Exception> = Vec::new();
        for (entry, value) in self.entries(table, "exception", MAX_EXCEPTIONS) {
            self.only_known_keys(entry, "an exception", &["toxic", "holder", "owner", "ticket", "until"]);
            let [of, holder, owner, ticket] =
                ["toxic", "holder", "owner", "ticket"].map(|key| self.text(entry, value, "exception", key));
            let until = self.until(entry, value);
            let (Some(of), Some(holder), Some(owner), Some(ticket), Some(until)) = (of, holder, owner, ticket, until)
            else {
                continue;
            };
            if !toxic.iter().any(|toxic| toxic.id == of) {
                let message = format!("the exception is of toxic {of:?}, which is not in this file; write its id");
                self.problem(value.span(), message);
            }
            if found.iter().any(|other| other.toxic == of && other.holder == holder) {
                self.problem(
                    value.span(),
                    format!("the exception of {of:?} for {holder:?} is there twice; write it once"),
                );
            }
            found.push(Exception { toxic: of, holder, owner, ticket, until });
        }
        found
    }

    fn entries<'t, 'i>(
        &mut self,
        table: &'t DeTable<'i>,
        name: &str,
        limit: usize,
    ) -> Vec<(&'t DeTable<'i>, &'t Value<'i>)> {
        let Some(value) = table.get(name) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array().filter(|array| array.len() <= limit) else {
            self.problem(value.span(), format!("{name} is {}; write [[{name}]], at most {limit}", describe(value)));
            return Vec::new();
        };
        let mut entries = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_table() {
                Some(table) => entries.push((table, item)),
                None => self.problem(item.span(), format!("{name}: found {}; write [[{name}]]", describe(item))),
            }
        }
        entries
    }

    fn text(&mut self, entry: &DeTable<'_>, value: &Value<'_>, of: &str, key: &str) -> Option<String> {
        let Some(found) = entry.get(key) else {
            self.problem(value.span(), format!("{key} of the {of} is missing; write {key} = \"…\""));
            return None;
        };
        let sound = |text: &&str| (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
        let text = found.get_ref().as_str().filter(sound).map(str::to_owned);
        if text.is_none() {
            let message = format!("{key} of the {of} is {}; write 1 to {MAX_TEXT} bytes on one line", describe(found));
            self.problem(found.span(), message);
        }
        text
    }

    fn actions(&mut self, entry: &DeTable<'_>, value: &Value<'_>) -> Option<BTreeSet<String>> {
        let Some(list) = entry.get("actions") else {
            self.problem(value.span(), "actions of the toxic is missing; write actions = [\"payments.create\", …]");
            return None;
        };
        let mut actions = BTreeSet::new();
        for (action, span) in self.strings(list, "actions of the toxic", "actions", MAX_ACTIONS) {
            if !actions.insert(action.clone()) {
                self.problem(span, format!("the action {action:?} is there twice; write it once"));
            }
        }
        if actions.len() == 1 {
            let message = "one action is no combination; write two or more, or no rule that permits it";
            self.problem(list.span(), message);
        }
        Some(actions)
    }

    fn holder(&mut self, entry: &DeTable<'_>, value: &Value<'_>) -> Option<Holder> {
        let found = entry.get("holder");
        match found.and_then(|found| found.get_ref().as_str()) {
            Some("service") => Some(Holder::Service),
            Some("owner") => Some(Holder::Owner),
            _ => {
                let what = found.map_or_else(|| "missing".to_owned(), describe);
                let message = format!("holder of the toxic is {what}; write \"service\" or \"owner\"");
                self.problem(found.unwrap_or(value).span(), message);
                None
            }
        }
    }

    fn until(&mut self, entry: &DeTable<'_>, value: &Value<'_>) -> Option<Day> {
        let found = entry.get("until");
        let day = found.and_then(|found| match found.get_ref() {
            DeValue::Datetime(date) if date.time.is_none() && date.offset.is_none() => date.date,
            _ => None,
        });
        // Before 1970 there is no second to count.
        let day =
            day.filter(|day| day.year >= 1970).map(|date| Day { year: date.year, month: date.month, day: date.day });
        if day.is_none() {
            let what = found.map_or_else(|| "missing".to_owned(), describe);
            let message = format!("until of the exception is {what}; write a day without quotes: until = 2027-03-31");
            self.problem(found.unwrap_or(value).span(), message);
        }
        day
    }
}
