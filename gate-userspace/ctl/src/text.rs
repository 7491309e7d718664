//! Text for terminals: foreign text without its control characters, times, durations, counts.

pub(crate) use gate_review::plain;

/// The same for text whose line ends are meant.
pub(crate) fn plain_lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

/// `1 rule`, `2 rules`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Who signed a bundle, and how many were enough; records of before that was told have no quorum.
pub(crate) fn signers<T: AsRef<str>>(quorum: Option<&str>, author: Option<&str>, approvers: &[T]) -> String {
    let mut parts: Vec<String> = quorum.into_iter().filter(|quorum| *quorum != "full").map(str::to_owned).collect();
    parts.extend(author.map(|author| format!("author {author}")));
    if !approvers.is_empty() {
        let names: Vec<&str> = approvers.iter().map(AsRef::as_ref).collect();
        parts.push(format!("approved by {}", names.join(", ")));
    }
    parts.join(", ")
}

/// Seconds since 1970 as RFC 3339, UTC: `2026-11-22T15:20:00Z`.
pub(crate) fn time(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400, unix_s % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Milliseconds since 1970 as RFC 3339, UTC: `2026-11-22T15:20:00.125Z`.
pub(crate) fn time_ms(unix_ms: u64) -> String {
    format!("{}.{:03}Z", time(unix_ms / 1_000).trim_end_matches('Z'), unix_ms % 1_000)
}

/// The Gregorian date, counted in eras of 400 years that begin on a first of March.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let days = days_since_1970 + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, of_month)
}

/// `90s`, `15m`, `12h`, `30d` in seconds.
pub(crate) fn duration(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no duration; write a number with s, m, h or d, such as 30d");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text.get(..text.len() - 1).and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(time(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(time(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(time(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(time_ms(1_795_360_800_125), "2026-11-22T15:20:00.125Z");
    }

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Ok(90));
        assert_eq!(duration("30d"), Ok(2_592_000));
        for wrong in ["", "30", "d", "-1d", "0h", "1w", "1é", "99999999999999999999d", "999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_is_obeyed() {
        assert_eq!(plain("a\u{1b}[2Jb\r\u{202e}c"), "a\\u{1b}[2Jb\\r\\u{202e}c");
        assert_eq!(plain_lines("a\nb\u{7}"), "a\nb\\u{7}");
    }
}
