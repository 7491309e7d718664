//! "Did you mean", as problems of a policy say it.

pub(crate) use gate_spelling::is_near;

/// `; did you mean "listen"?`, or what would be right when no word is near.
pub(crate) fn suggestion<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    gate_spelling::did_you_mean(found, known, |known| format!("; expected {}", list(known)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(suggestion("lisen", ["listen", "owner"]), "; did you mean \"listen\"?");
        assert_eq!(suggestion("frobnicate", ["listen", "owner"]), "; expected \"listen\" or \"owner\"");
        assert_eq!(suggestion("x", []), "; there is none");
    }
}
