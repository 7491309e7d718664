//! "Did you mean": the known word nearest to a misspelt one.

/// Most words that are listed when none is near.
const FEW: usize = 12;

/// `; did you mean "listen"?`; where no word is near, what `otherwise` says of a few known ones; of many nothing.
#[must_use]
pub fn did_you_mean<'a>(
    found: &str,
    known: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce(&[&str]) -> String,
) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(found, &known) {
        Some(word) => format!("; did you mean \"{word}\"?"),
        None if known.is_empty() => "; there is none".to_owned(),
        None if known.len() <= FEW => otherwise(&known),
        None => String::new(),
    }
}

/// Whether `found` would be taken for a misspelt `word`.
#[must_use]
pub fn is_near(found: &str, word: &str) -> bool {
    nearest(found, &[word]).is_some()
}

/// The nearest word, if one is near enough: an edit for each three letters, at most three. Case does not count.
#[must_use]
pub fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (found.chars().count() / 3).clamp(1, 3);
    let near = known.iter().map(|word| (distance(&found.to_lowercase(), &word.to_lowercase()), *word));
    near.filter(|(distance, _)| *distance <= limit).min().map(|(_, word)| word)
}

/// Edits between two words: insertions, deletions, substitutions and swaps of neighbours.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    let mut earlier: Option<char> = None;
    for (row, a) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let substituted = at(&previous, column) + usize::from(a != *b);
            let mut best = substituted.min(at(&previous, column + 1) + 1).min(at(&current, column) + 1);
            if column > 0 && earlier == Some(*b) && right.get(column - 1) == Some(&a) {
                best = best.min(at(&before, column - 1) + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut previous, current);
        earlier = Some(a);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("listen", "listen", 0),
            ("lisen", "listen", 1),
            ("listenn", "listen", 1),
            ("raed", "read", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        let of = |known: &[&str]| format!("; there is {}", known.join(", "));
        assert_eq!(did_you_mean("order", ["orders", "web"], of), "; did you mean \"orders\"?");
        assert_eq!(did_you_mean("wbe", ["orders", "web"], of), "; did you mean \"web\"?");
        assert_eq!(did_you_mean("frobnicate", ["orders", "web"], of), "; there is orders, web");
        assert_eq!(did_you_mean("x", [], of), "; there is none");
        let many: Vec<String> = (0..13).map(|n| format!("service-{n}")).collect();
        assert_eq!(did_you_mean("frobnicate", many.iter().map(String::as_str), of), "");
        assert!(is_near("Raed", "read") && !is_near("web", "orders"));
    }
}
