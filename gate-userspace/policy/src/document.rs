//! Reading TOML by hand, so that every error has its line and all errors are found in one run.

use crate::context::ClaimValue;
use crate::diagnostic::{LineIndex, Report};
use crate::spelling::{is_near, suggestion};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) line: usize,
}

/// Parses a document and gives its top-level table to `read`. `None` when it is not TOML.
pub(crate) fn read_document<T>(
    file: &str,
    text: &str,
    report: &mut Report,
    read: impl FnOnce(&Section<'_>, &mut Report) -> T,
) -> Option<T> {
    let lines = LineIndex::new(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let message = error.message().replace('\n', "; ");
        match error.span() {
            Some(span) => report.at(file, lines.line(span.start), message),
            None => report.file(file, message),
        }
    }
    let section = Section { file, lines: &lines, name: String::new(), line: 1, table: root.get_ref() };
    errors.is_empty().then(|| read(&section, report))
}

/// One table of a document.
pub(crate) struct Section<'a> {
    pub(crate) file: &'a str,
    lines: &'a LineIndex,
    /// As in its header: `service.orders`.
    name: String,
    pub(crate) line: usize,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    /// Reports every key that is not known.
    pub(crate) fn only(&self, known: &[&str], report: &mut Report) {
        self.only_and(known, &[], report);
    }

    /// The same, but leaves `former` keys to the caller, who knows what is written for them now.
    pub(crate) fn only_and(&self, known: &[&str], former: &[&str], report: &mut Report) {
        for (key, _) in self.table {
            let found = key.get_ref().as_ref();
            if !known.contains(&found) && !former.contains(&found) {
                let hint = suggestion(found, known.iter().copied());
                report.at(self.file, self.line_of(key), format!("unknown key \"{found}\"{}{hint}", self.place()));
            }
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// The line of a key.
    pub(crate) fn line_of_key(&self, key: &str) -> Option<usize> {
        let (key, _) = self.table.get_key_value(key)?;
        Some(self.line_of(key))
    }

    pub(crate) fn string(&self, key: &str, report: &mut Report) -> Option<Found<&'a str>> {
        let value = self.table.get(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a string", report);
        }
        text.map(|text| Found { value: text, line: self.line_of(value) })
    }

    pub(crate) fn required_string(&self, key: &str, example: &str, report: &mut Report) -> Option<Found<&'a str>> {
        // A key that is misspelt is reported as unknown, with this one as its suggestion.
        let misspelt = self.table.iter().any(|(found, _)| is_near(found.get_ref(), key));
        if !self.has(key) && !misspelt {
            report.at(self.file, self.line, format!("\"{key}\" is missing{}; write {key} = {example}", self.place()));
        }
        self.string(key, report)
    }

    pub(crate) fn integer(&self, key: &str, report: &mut Report) -> Option<Found<i64>> {
        let value = self.table.get(key)?;
        let number = as_integer(value.get_ref());
        if number.is_none() {
            self.wrong_type(key, value, "an integer of 64 bits", report);
        }
        number.map(|number| Found { value: number, line: self.line_of(value) })
    }

    /// A list of strings; empty when it is not there.
    pub(crate) fn strings(&self, key: &str, report: &mut Report) -> Vec<Found<&'a str>> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of strings", report);
            return Vec::new();
        };
        let mut strings: Vec<Found<&str>> = Vec::new();
        for item in items {
            let line = self.line_of(item);
            match item.get_ref().as_str() {
                Some(text) if strings.iter().any(|other| other.value == text) => {
                    report.at(self.file, line, format!("\"{text}\" is in \"{key}\" twice{}", self.place()));
                }
                Some(text) => strings.push(Found { value: text, line }),
                None => self.wrong_type(key, item, "a list of strings", report),
            }
        }
        strings
    }

    /// The tables under `key`, by name: `[service.orders]`, `[service.ledger]`.
    pub(crate) fn sections(&self, key: &str, report: &mut Report) -> Vec<(&'a str, Section<'a>)> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, &format!("a table [{}.NAME]", self.path_of(key)), report);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (name, value) in table {
            let text: &str = name.get_ref();
            let path = format!("{}.{text}", self.path_of(key));
            match value.get_ref().as_table() {
                Some(table) => {
                    let line = self.line_of(name);
                    sections.push((text, Section { file: self.file, lines: self.lines, name: path, line, table }));
                }
                None => self.wrong_type(&path, value, "a table", report),
            }
        }
        sections
    }

    /// The one table under `key`.
    pub(crate) fn section(&self, key: &str, report: &mut Report) -> Option<Section<'a>> {
        let value = self.table.get(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(key, value, "a table", report);
        }
        let line = self.line_of(value);
        table.map(|table| Section { file: self.file, lines: self.lines, name: self.path_of(key), line, table })
    }

    /// The tables of a list: `[[case]]`.
    pub(crate) fn list_of_sections(&self, key: &str, report: &mut Report) -> Vec<Section<'a>> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, &format!("a list of tables: [[{}]]", self.path_of(key)), report);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            match item.get_ref().as_table() {
                Some(table) => {
                    let line = self.line_of(item);
                    sections.push(Section { file: self.file, lines: self.lines, name: self.path_of(key), line, table });
                }
                None => self.wrong_type(key, item, "a table", report),
            }
        }
        sections
    }

    /// Every key with its scalar; anything that is neither string nor integer is reported.
    pub(crate) fn scalars(&self, report: &mut Report) -> Vec<(&'a str, Found<gate_tables::Value>)> {
        let mut scalars = Vec::new();
        for (key, value) in self.table {
            let name: &str = key.get_ref();
            let scalar = match value.get_ref() {
                DeValue::String(text) => Some(gate_tables::Value::Text(text.clone().into_owned())),
                other => as_integer(other).map(gate_tables::Value::Int),
            };
            match scalar {
                Some(scalar) => scalars.push((name, Found { value: scalar, line: self.line_of(value) })),
                None => self.wrong_type(name, value, "a string or an integer of 64 bits", report),
            }
        }
        scalars
    }

    /// Every key with the value of a claim; anything else is reported.
    pub(crate) fn claims(&self, report: &mut Report) -> Vec<(&'a str, ClaimValue)> {
        let mut claims = Vec::new();
        for (key, value) in self.table {
            let name: &str = key.get_ref();
            let claim = match value.get_ref() {
                DeValue::String(text) => Some(ClaimValue::Text(text.clone().into_owned())),
                DeValue::Boolean(flag) => Some(ClaimValue::Bool(*flag)),
                DeValue::Array(_) => {
                    let texts = self.strings(name, report);
                    Some(ClaimValue::Texts(texts.into_iter().map(|text| text.value.to_owned()).collect()))
                }
                other => as_integer(other).map(ClaimValue::Int),
            };
            match claim {
                Some(claim) => claims.push((name, claim)),
                None => self.wrong_type(name, value, "a string, an integer, a boolean or a list of strings", report),
            }
        }
        claims
    }

    /// Every key with its text; anything else is reported.
    pub(crate) fn texts(&self, report: &mut Report) -> Vec<(&'a str, Found<&'a str>)> {
        let mut texts = Vec::new();
        for (key, value) in self.table {
            let name: &str = key.get_ref();
            match value.get_ref().as_str() {
                Some(text) => texts.push((name, Found { value: text, line: self.line_of(value) })),
                None => self.wrong_type(name, value, "a string", report),
            }
        }
        texts
    }

    /// ` in [service.orders]`, or nothing at the top.
    pub(crate) fn place(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!(" in [{}]", self.name) }
    }

    fn path_of(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn line_of<T>(&self, spanned: &Spanned<T>) -> usize {
        self.lines.line(spanned.span().start)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str, report: &mut Report) {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) { "an" } else { "a" };
        let message = format!("\"{key}\"{} is {article} {found}; {expected} would be right", self.place());
        report.at(self.file, self.line_of(value), message);
    }
}

fn as_integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
