//! Raw values, and what is said of them.

use serde_json::{Value, json};

/// One value per round.
#[derive(Debug, Clone, Default)]
pub struct Series(Vec<f64>);

impl Series {
    /// Adds a round's.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one; of an even number, the mean of the two. 0 for none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.saturating_sub(1)), at(middle)) }
    }

    /// Round by round, this over that: rounds that were disturbed disturb both.
    pub fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| own / other).collect())
    }

    /// Round by round, what this is more than that.
    pub fn less(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| own - other).collect())
    }

    /// Median and raw values.
    pub fn json(&self) -> Value {
        json!({ "median": round(self.median()), "rounds": self.0.iter().copied().map(round).collect::<Vec<_>>() })
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Four decimals: what is behind them is noise.
fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// `1.07 (goal: at most 1.15)`, or that it was missed.
pub fn against_goal(value: f64, goal: f64) -> String {
    let verdict = if value <= goal { "met" } else { "MISSED" };
    format!("{value:.2} (goal: at most {goal:.2}, {verdict})")
}

/// The value at a percentile of sorted values.
pub fn percentile(sorted: &[u64], percent: usize) -> u64 {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}

/// Prints a table in Markdown.
pub fn table(title: &str, head: &[&str], rows: &[Vec<String>]) {
    println!("\n### {title}\n");
    println!("| {} |", head.join(" | "));
    println!("| {} |", head.iter().map(|_| "---").collect::<Vec<_>>().join(" | "));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}
