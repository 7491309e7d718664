//! Walks a TOML table and notes everything that is wrong, so that one run shows all of it.

use crate::parse::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What has been found so far.
pub(crate) struct Problems<'t> {
    text: &'t str,
    found: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(crate) fn add(&mut self, place: &Range<usize>, message: String) {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        self.found.push(Problem { line: 1 + before.matches('\n').count(), message });
    }

    /// All of them, in the order of the file.
    pub(crate) fn into_found(mut self) -> Vec<Problem> {
        self.found.sort();
        self.found.dedup();
        self.found
    }
}

/// A value with its place in the file, for what is checked only once all values are known.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Range<usize>,
}

/// One table of the file.
pub(crate) struct Section<'d, 'i> {
    name: String,
    table: &'d DeTable<'i>,
    place: Range<usize>,
    known: BTreeSet<&'static str>,
}

impl<'d, 'i> Section<'d, 'i> {
    pub(crate) fn root(document: &'d Spanned<DeTable<'i>>) -> Self {
        // A key that is missing at the top belongs into the first line.
        Self { name: String::new(), table: document.get_ref(), place: 0..0, known: BTreeSet::new() }
    }

    /// The table under this key, or a problem.
    pub(crate) fn section(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<Section<'d, 'i>> {
        let found = self.optional_section(key, problems);
        if found.is_none() && self.table.get(key).is_none() {
            problems.add(&self.place, format!("[{}] is missing", self.full(key)));
        }
        found
    }

    /// The table under this key, where there is one.
    pub(crate) fn optional_section(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
    ) -> Option<Section<'d, 'i>> {
        self.known.insert(key);
        let value = self.table.get(key)?;
        match value.get_ref() {
            DeValue::Table(table) => {
                Some(Section { name: self.full(key), table, place: value.span(), known: BTreeSet::new() })
            }
            other => {
                let message = format!("`{}` is a {}; it must be a table", self.full(key), other.type_str());
                problems.add(&value.span(), message);
                None
            }
        }
    }

    /// A value that must be there. `parse` says what would be right when it is not.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
        parse: impl FnOnce(&DeValue<'i>) -> Result<T, String>,
    ) -> Option<At<T>> {
        if self.table.get(key).is_none() {
            self.known.insert(key);
            problems.add(&self.place, format!("`{}` is missing", self.full(key)));
        }
        self.optional(key, problems, parse)
    }

    /// A value that may be there.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
        parse: impl FnOnce(&DeValue<'i>) -> Result<T, String>,
    ) -> Option<At<T>> {
        self.known.insert(key);
        let found = self.table.get(key)?;
        match parse(found.get_ref()) {
            Ok(value) => Some(At { value, place: found.span() }),
            Err(message) => {
                problems.add(&found.span(), format!("`{}` {message}", self.full(key)));
                None
            }
        }
    }

    /// All entries of a table whose keys are names that the file gives. `is_name` says what is right when a key is none.
    pub(crate) fn entries<T>(
        self,
        problems: &mut Problems<'_>,
        is_name: impl Fn(&str) -> Result<(), String>,
        parse: impl Fn(&DeValue<'i>) -> Result<T, String>,
    ) -> BTreeMap<String, T> {
        let mut found = BTreeMap::new();
        for (key, value) in self.table {
            let name = key.get_ref().as_ref();
            if let Err(message) = is_name(name) {
                problems.add(&key.span(), format!("`{}` {message}", self.full(name)));
            }
            match parse(value.get_ref()) {
                Ok(value) => drop(found.insert(name.to_owned(), value)),
                Err(message) => problems.add(&value.span(), format!("`{}` {message}", self.full(name))),
            }
        }
        found
    }

    /// Says which keys mean nothing here.
    pub(crate) fn finish(self, problems: &mut Problems<'_>) {
        for key in self.table.keys().filter(|key| !self.known.contains(key.get_ref().as_ref())) {
            let known = self.known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
            let message = format!("`{}` is not known; known here: {known}", self.full(key.get_ref()));
            problems.add(&key.span(), message);
        }
    }

    fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}
