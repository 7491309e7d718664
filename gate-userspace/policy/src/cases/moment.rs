//! Moments as people write them.

const DAY: i64 = 86_400;

/// `2026-11-23 09:30`, of UTC, in seconds since 1970. `None`: it is none.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (day, time) = text.split_once(' ')?;
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let [hour, minute] = numbers(time, ':', [2, 2])?;
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || hour > 23 || minute > 59 {
        return None;
    }
    if day < 1 || day > length(year, month) {
        return None;
    }
    Some(days(year, month, day) * DAY + hour * 3_600 + minute * 60)
}

/// Exactly so many digits in each place.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let parts: Vec<&str> = text.split(between).collect();
    let mut numbers = [0; N];
    if parts.len() != N {
        return None;
    }
    for ((number, part), digits) in numbers.iter_mut().zip(parts).zip(digits) {
        if part.len() != digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    Some(numbers)
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let of_years = 365 * (year - 1970) + (before / 4 - before / 100 + before / 400) - 477;
    of_years + (1..month).map(|month| length(year, month)).sum::<i64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (text, seconds) in [
            ("1970-01-01 00:00", 0),
            ("1970-12-31 23:59", 365 * 86_400 - 60),
            ("1972-03-01 00:00", 68_256_000),
            ("2000-02-29 12:00", 951_825_600),
            ("2000-03-01 00:00", 951_868_800),
            ("2026-11-22 15:20", 1_795_360_800),
            ("2100-03-01 00:00", 4_107_542_400),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T09:30",
            "2026-11-23 9:30",
            "2026-11-23 24:00",
            "2026-11-23 09:60",
            "2026-13-01 00:00",
            "2026-00-01 00:00",
            "2026-02-29 00:00",
            "2100-02-29 00:00",
            "2026-04-31 00:00",
            "2026-11-00 00:00",
            "1969-12-31 00:00",
            "2026-11-23 09:30:00",
            "2026-11-23  09:30",
            "+026-11-23 09:30",
            "2026-11-23 09:30Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
