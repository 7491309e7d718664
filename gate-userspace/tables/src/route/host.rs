//! Patterns of the host that a request names.

use super::PatternError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest host name (RFC 1035).
const MAX_HOST: usize = 253;
/// Longest label of one.
const MAX_LABEL: usize = 63;

/// A host that a route is for: `api.shop.example`, or `*.shop.example` for every name below it. Without a port, in lower
/// case, without a dot at the end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    /// With the dot before it where `below`.
    name: String,
    below: bool,
}

impl HostPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// [`PatternError`] says what was found and what would be right.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        let refuse = |found: &str, expected| PatternError { pattern: pattern.into(), found: found.into(), expected };
        let (name, below) = pattern.strip_prefix("*.").map_or((pattern, false), |name| (name, true));
        if name.len() > MAX_HOST {
            return Err(refuse("it has over 253 characters", "a host name is shorter"));
        }
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let label = |label: &str| !label.is_empty() && label.len() <= MAX_LABEL && label.chars().all(legal);
        if !name.split('.').all(label) {
            return Err(refuse(
                "it is no host name",
                "write lower-case letters, digits and \"-\" between dots, without a port; \"*.\" only in front",
            ));
        }
        let name = if below { format!(".{name}") } else { name.to_owned() };
        Ok(Self { name, below })
    }

    /// Whether a request for `host` (lower case, without port and without a dot at the end) is meant.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        if self.below { host.len() > self.name.len() && host.ends_with(&self.name) } else { host == self.name }
    }

    /// Whether every host that `other` means is meant here, too.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        match (self.below, other.below) {
            (false, false) => self.name == other.name,
            (false, true) => false,
            (true, false) => self.matches(&other.name),
            (true, true) => other.name.ends_with(&self.name),
        }
    }

    /// Whether some host is meant by both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self.below, other.below) {
            (false, _) => other.matches(&self.name),
            (_, false) => self.matches(&other.name),
            (true, true) => self.name.ends_with(&other.name) || other.name.ends_with(&self.name),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*" } else { "" }, self.name)
    }
}

impl TryFrom<String> for HostPattern {
    type Error = PatternError;
    fn try_from(pattern: String) -> Result<Self, PatternError> {
        Self::parse(&pattern)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> HostPattern {
        let parsed = HostPattern::parse(text).unwrap();
        assert_eq!(parsed.to_string(), text);
        parsed
    }

    #[test]
    fn a_star_is_for_what_is_below() {
        let below = host("*.shop.example");
        assert!(below.matches("api.shop.example") && below.matches("a.b.shop.example"));
        for other in ["shop.example", ".shop.example", "evilshop.example", "api.shop.example.evil", ""] {
            assert!(!below.matches(other), "{other}");
        }
        assert!(host("shop.example").matches("shop.example") && !host("shop.example").matches("api.shop.example"));
    }

    #[test]
    fn overlap_is_found_in_both_directions() {
        for (a, b, expected) in [
            ("a.example", "a.example", true),
            ("a.example", "b.example", false),
            ("*.example", "a.example", true),
            ("*.a.example", "a.example", false),
            ("*.example", "*.a.example", true),
            ("*.a.example", "*.b.example", false),
            ("*.a.example", "*.ba.example", false),
        ] {
            assert_eq!((host(a).overlaps(&host(b)), host(b).overlaps(&host(a))), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn a_pattern_holds_another_when_it_means_all_of_its_hosts() {
        for (a, b, expected) in [
            ("a.example", "a.example", true),
            ("*.example", "a.example", true),
            ("*.example", "*.a.example", true),
            ("*.example", "*.example", true),
            ("*.a.example", "*.example", false),
            ("a.example", "*.a.example", false),
            ("*.a.example", "a.example", false),
            ("*.a.example", "*.ba.example", false),
        ] {
            assert_eq!(host(a).holds(&host(b)), expected, "{a} {b}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for text in ["", "*", "*.", "a.", ".a", "a..b", "A.example", "a.example:80", "a_b", "a.*.b", "é.example", &long]
        {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }
}
