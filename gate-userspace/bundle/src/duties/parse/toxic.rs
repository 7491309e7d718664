//! `[[toxic]]` and `[[exception]]`.

use super::{Reader, Value, describe};
use crate::duties::toxic::{Allowed, Day, Exception, Holder, Toxic};
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
            let known = ["toxic", "reach", "holder", "owner", "ticket", "reason", "until"];
            self.only_known_keys(entry, "an exception", &known);
            let allowed = self.allowed(entry, value, toxic);
            let [holder, owner, ticket] =
                ["holder", "owner", "ticket"].map(|key| self.text(entry, value, "exception", key));
            let until = self.until(entry, value);
            let (Some(allowed), Some(holder), Some(owner), Some(ticket), Some(until)) =
                (allowed, holder, owner, ticket, until)
            else {
                continue;
            };
            let same = |other: &Exception| other.allowed.to_string() == allowed.to_string() && other.holder == holder;
            if found.iter().any(same) {
                let message = format!("the exception of {allowed} for {holder:?} is there twice; write it once");
                self.problem(value.span(), message);
            }
            found.push(Exception { allowed, holder, owner, ticket, until });
        }
        found
    }

    /// `toxic = "…"`, whose reason stands there, or `reach = "…"` with a reason of its own.
    fn allowed(&mut self, entry: &DeTable<'_>, value: &Value<'_>, toxic: &[Toxic]) -> Option<Allowed> {
        match (entry.contains_key("toxic"), entry.contains_key("reach")) {
            (true, false) => {
                let id = self.text(entry, value, "exception", "toxic")?;
                if !toxic.iter().any(|toxic| toxic.id == id) {
                    let message = format!("the exception is of toxic {id:?}, which is not in this file; write its id");
                    self.problem(value.span(), message);
                }
                if let Some(reason) = entry.get("reason") {
                    let message = "reason is of an exception with reach; that of a toxic has its ticket";
                    self.problem(reason.span(), message);
                }
                Some(Allowed::Toxic(id))
            }
            (false, true) => {
                let network = self.text(entry, value, "exception", "reach");
                let reason = self.text(entry, value, "exception", "reason");
                Some(Allowed::Reach { network: network?, reason: reason? })
            }
            _ => {
                let message = "an exception is of one thing: write toxic = \"ID\" or reach = \"NETWORK\"";
                self.problem(value.span(), message);
                None
            }
        }
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
            Some("group") => Some(Holder::Group),
            Some("owner") => Some(Holder::Owner),
            Some("role") => Some(Holder::Role),
            _ => {
                let what = found.map_or_else(|| "missing".to_owned(), describe);
                let message =
                    format!("holder of the toxic is {what}; write \"service\", \"group\", \"owner\" or \"role\"");
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
