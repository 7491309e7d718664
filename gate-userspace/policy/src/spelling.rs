//! "Did you mean": the known word nearest to a misspelt one.

/// `; did you mean "listen"?`, or what would be right when no word is near.
pub(crate) fn suggestion<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(found, &known) {
        Some(word) => format!("; did you mean \"{word}\"?"),
        None if known.is_empty() => "; there is none".to_owned(),
        None if known.len() <= 12 => format!("; expected {}", list(&known)),
        None => String::new(),
    }
}

/// `"a", "b" or "c"`.
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// Whether `found` would be taken for a misspelt `word`.
pub(crate) fn is_near(found: &str, word: &str) -> bool {
    nearest(found, &[word]).is_some()
}

fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (found.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|word| (distance(&found.to_lowercase(), &word.to_lowercase()), *word))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, word)| word)
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
            let swapped = column > 0 && earlier == Some(*b) && right.get(column - 1) == Some(&a);
            if swapped {
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
            ("raed", "read", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(suggestion("lisen", ["listen", "owner"]), "; did you mean \"listen\"?");
        assert_eq!(suggestion("frobnicate", ["listen", "owner"]), "; expected \"listen\" or \"owner\"");
        assert_eq!(suggestion("x", []), "; there is none");
    }
}
