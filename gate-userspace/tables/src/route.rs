//! Path patterns of routes: `/orders/{id:int}`, `/files/{*rest}`.

mod host;

pub use host::HostPattern;

use serde::{Deserialize, Serialize};
use std::fmt;

/// A parsed path pattern. Its text form is canonical: `to_string` and `parse` are inverse.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern {
    segments: Vec<PathSegment>,
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSegment {
    /// Matches exactly this text.
    Literal(String),
    /// Matches one non-empty segment.
    Parameter {
        /// The parameter's name.
        name: String,
        /// What the segment must be.
        kind: ParameterKind,
    },
    /// Matches the rest of the path, at least one segment; only in the last place.
    Rest(String),
}

/// The type of a path parameter, a header or a query parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterKind {
    /// `{name}`: any non-empty segment; a Cedar `String`.
    #[serde(rename = "string")]
    Text,
    /// `{name:int}`: canonical decimal of an `i64` (no leading zeros, no `+`); a Cedar `Long`.
    Int,
}

/// The value of a matched parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// A text parameter.
    Text(String),
    /// An integer parameter.
    Int(i64),
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?}: {found}; {expected}")]
pub struct PatternError {
    /// The pattern as written.
    pub pattern: String,
    /// What was found.
    pub found: String,
    /// What would be right.
    pub expected: &'static str,
}

impl PathPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// [`PatternError`] says what was found and what would be right.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let refuse = |found: String, expected| PatternError { pattern: pattern.to_owned(), found, expected };
        let Some(rest) = pattern.strip_prefix('/') else {
            return Err(refuse("it does not start with a slash".into(), "write /segment/{parameter}"));
        };
        if rest.is_empty() {
            return Ok(Self { segments: Vec::new() });
        }
        let texts: Vec<&str> = rest.split('/').collect();
        let mut segments = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let segment = parse_segment(text).map_err(|(found, expected)| refuse(found, expected))?;
            if matches!(segment, PathSegment::Rest(_)) && index + 1 != texts.len() {
                return Err(refuse(format!("{text} is not the last segment"), "{*rest} stands at the end"));
            }
            let name = segment.parameter();
            if name.is_some() && segments.iter().any(|other: &PathSegment| other.parameter() == name) {
                return Err(refuse(format!("{text} is there twice"), "parameters have different names"));
            }
            segments.push(segment);
        }
        Ok(Self { segments })
    }

    /// The segments, in order; none for `/`.
    #[must_use]
    pub fn segments(&self) -> &[PathSegment] {
        &self.segments
    }

    /// Matches a normalized, percent-decoded-where-allowed path (as `gate-proxy` forwards it).
    /// Returns the parameters in the pattern's order.
    #[must_use]
    pub fn matches(&self, path: &str) -> Option<Vec<(&str, Value)>> {
        let mut rest = path.strip_prefix('/')?;
        let mut parameters = Vec::new();
        let mut done = rest.is_empty();
        for segment in &self.segments {
            if done {
                return None;
            }
            if let PathSegment::Rest(name) = segment {
                if rest.is_empty() {
                    return None;
                }
                parameters.push((name.as_str(), Value::Text(rest.to_owned())));
                return Some(parameters);
            }
            let text = match rest.split_once('/') {
                Some((text, tail)) => {
                    rest = tail;
                    text
                }
                None => {
                    done = true;
                    rest
                }
            };
            match segment {
                PathSegment::Literal(literal) if literal == text => {}
                PathSegment::Parameter { name, kind } if !text.is_empty() => {
                    parameters.push((name.as_str(), kind.parse(text)?));
                }
                _ => return None,
            }
        }
        done.then_some(parameters)
    }

    /// Whether some path matches both patterns.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let mut left = self.segments.iter();
        let mut right = other.segments.iter();
        loop {
            match (left.next(), right.next()) {
                (None, None) | (Some(PathSegment::Rest(_)), Some(_)) | (Some(_), Some(PathSegment::Rest(_))) => {
                    return true;
                }
                (None, Some(_)) | (Some(_), None) => return false,
                (Some(a), Some(b)) if !a.may_equal(b) => return false,
                (Some(_), Some(_)) => {}
            }
        }
    }
}

impl PathSegment {
    fn parameter(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter { name, .. } | Self::Rest(name) => Some(name),
        }
    }

    fn may_equal(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::Literal(text), Self::Parameter { kind, .. })
            | (Self::Parameter { kind, .. }, Self::Literal(text)) => kind.parse(text).is_some(),
            _ => true,
        }
    }
}

impl ParameterKind {
    /// The value that a text is; `None` when it is none of this type.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::Text => Some(Value::Text(text.to_owned())),
            Self::Int => {
                let value: i64 = text.parse().ok()?;
                (value.to_string() == text).then_some(Value::Int(value))
            }
        }
    }
}

fn parse_segment(text: &str) -> Result<PathSegment, (String, &'static str)> {
    if let Some(inner) = text.strip_prefix('{') {
        let Some(inner) = inner.strip_suffix('}') else {
            return Err((format!("{text} is not closed"), "a parameter is {name}, {name:int} or {*rest}"));
        };
        if let Some(name) = inner.strip_prefix('*') {
            return Ok(PathSegment::Rest(parameter_name(name)?));
        }
        let (name, kind) = match inner.split_once(':') {
            None => (inner, ParameterKind::Text),
            Some((name, "int")) => (name, ParameterKind::Int),
            Some((_, other)) => {
                return Err((format!("{other:?} is no type"), "a parameter is {name}, {name:int} or {*rest}"));
            }
        };
        return Ok(PathSegment::Parameter { name: parameter_name(name)?, kind });
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,=:@".contains(c);
    if text.is_empty() {
        return Err(("an empty segment".into(), "write each slash once, and none at the end"));
    }
    if text == "." || text == ".." {
        return Err((format!("the segment {text}"), "paths are matched after dot segments are removed"));
    }
    match text.chars().find(|c| !legal(*c)) {
        Some(c) => Err((
            format!("the character {c:?}"),
            "a literal is written in unreserved and sub-delimiter characters, unencoded",
        )),
        None => Ok(PathSegment::Literal(text.to_owned())),
    }
}

fn parameter_name(name: &str) -> Result<String, (String, &'static str)> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().next().is_some_and(|c| c.is_ascii_alphabetic()) && name.chars().all(legal) {
        Ok(name.to_owned())
    } else {
        Err((format!("the parameter name {name:?}"), "a name is a letter, then letters, digits and underscores"))
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/");
        }
        for segment in &self.segments {
            match segment {
                PathSegment::Literal(text) => write!(f, "/{text}")?,
                PathSegment::Parameter { name, kind: ParameterKind::Text } => write!(f, "/{{{name}}}")?,
                PathSegment::Parameter { name, kind: ParameterKind::Int } => write!(f, "/{{{name}:int}}")?,
                PathSegment::Rest(name) => write!(f, "/{{*{name}}}")?,
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for PathPattern {
    type Error = PatternError;
    fn try_from(pattern: String) -> Result<Self, PatternError> {
        Self::parse(&pattern)
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.to_string()
    }
}
