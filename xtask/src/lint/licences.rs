//! The licences of everything that is linked.

use super::metadata::{Metadata, Package};

/// Licences that ask for no more than to be named, as SPDX writes them.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    // libFuzzer's, which nothing but `cargo xtask fuzz` links.
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Every package whose licence leaves no choice that is allowed.
pub(crate) fn violations(metadata: &Metadata) -> Vec<String> {
    metadata.packages().iter().filter_map(violation).collect()
}

fn violation(package: &Package) -> Option<String> {
    let Package { name, version, .. } = package;
    let Some(expression) = package.license.as_deref() else {
        return Some(format!("{name} {version} states no licence; allowed are {}", ALLOWED.join(", ")));
    };
    match permits(expression) {
        Some(true) => None,
        Some(false) => {
            Some(format!("{name} {version} has the licence {expression}; allowed are {}", ALLOWED.join(", ")))
        }
        None => Some(format!("{name} {version} states the licence {expression:?}, which is no SPDX expression")),
    }
}

/// Whether an SPDX expression can be met with allowed licences; none when it is not an expression.
pub(crate) fn permits(expression: &str) -> Option<bool> {
    // Old packages write a slash where SPDX says OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let permitted = any_of(&mut rest)?;
    rest.is_empty().then_some(permitted)
}

// AND binds more tightly than OR. Both sides are read in any case: the position in the words moves on.
fn any_of(words: &mut &[&str]) -> Option<bool> {
    let mut permitted = all_of(words)?;
    while take(words, "OR") {
        permitted |= all_of(words)?;
    }
    Some(permitted)
}

fn all_of(words: &mut &[&str]) -> Option<bool> {
    let mut permitted = one(words)?;
    while take(words, "AND") {
        permitted &= one(words)?;
    }
    Some(permitted)
}

fn one(words: &mut &[&str]) -> Option<bool> {
    if take(words, "(") {
        let permitted = any_of(words)?;
        return take(words, ")").then_some(permitted);
    }
    let licence = next(words)?;
    if take(words, "WITH") {
        let exception = next(words)?;
        return Some(ALLOWED.contains(&format!("{licence} WITH {exception}").as_str()));
    }
    Some(ALLOWED.contains(&licence))
}

fn next<'a>(words: &mut &[&'a str]) -> Option<&'a str> {
    let (first, rest) = words.split_first()?;
    if matches!(*first, "OR" | "AND" | "WITH" | "(" | ")") {
        return None;
    }
    *words = rest;
    Some(first)
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}
