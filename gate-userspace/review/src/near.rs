//! "Did you mean": the known word nearest to a misspelt one.

/// `; did you mean "orders.getOrder"?`, or what there is when there is little, or nothing.
#[must_use]
pub fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(found, &known) {
        Some(word) => format!("; did you mean {word:?}?"),
        None if known.is_empty() => "; there is none".to_owned(),
        None if known.len() <= 12 => format!("; there is {}", known.join(", ")),
        None => String::new(),
    }
}

fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (found.chars().count() / 3).clamp(1, 3);
    let near = known.iter().map(|word| (distance(&found.to_lowercase(), &word.to_lowercase()), *word));
    near.filter(|(distance, _)| *distance <= limit).min().map(|(_, word)| word)
}

/// Levenshtein's: insertions, deletions and substitutions between two words.
fn distance(left: &str, right: &str) -> usize {
    let mut before: Vec<usize> = (0..=right.chars().count()).collect();
    for (row, a) in left.chars().enumerate() {
        let mut line = vec![row + 1];
        let (mut diagonal, mut beside) = (row, row + 1);
        for (b, above) in right.chars().zip(before.iter().skip(1)) {
            beside = (diagonal + usize::from(a != b)).min(above + 1).min(beside + 1);
            diagonal = *above;
            line.push(beside);
        }
        before = line;
    }
    before.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("lisen", "listen", 1),
            ("listenn", "listen", 1),
            ("raed", "read", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(did_you_mean("order", ["orders", "web"]), "; did you mean \"orders\"?");
        assert_eq!(did_you_mean("frobnicate", ["orders", "web"]), "; there is orders, web");
        assert_eq!(did_you_mean("x", []), "; there is none");
    }
}
