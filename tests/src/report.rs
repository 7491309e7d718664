//! What was expected and what happened, line by line.

use serde_json::{Value, json};

/// The lines of one or more steps.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<Line>,
    step: String,
    shown: bool,
}

/// One expectation.
#[derive(Debug, Clone)]
pub struct Line {
    /// The step that it belongs to.
    pub step: String,
    /// What was expected.
    pub expected: String,
    /// What happened.
    pub happened: String,
    /// Whether that is the same.
    pub passed: bool,
}

impl Report {
    /// Lines that are shown as they are added.
    #[must_use]
    pub fn shown() -> Self {
        Self { shown: true, ..Self::default() }
    }

    /// Begins a step.
    pub fn step(&mut self, title: &str) {
        self.step = title.into();
        if self.shown {
            println!("\n{title}");
        }
    }

    /// Adds a line.
    pub fn line(&mut self, expected: impl Into<String>, happened: impl Into<String>, passed: bool) {
        let line = Line { step: self.step.clone(), expected: expected.into(), happened: happened.into(), passed };
        if self.shown {
            let mark = if passed { "ok    " } else { "FAILED" };
            println!("  {mark} expected: {}", line.expected);
            println!("         happened: {}", line.happened);
        }
        self.lines.push(line);
    }

    /// Adds what kept a step from going on.
    pub fn failed(&mut self, error: &anyhow::Error) {
        self.line("the step runs to its end", format!("{error:#}"), false);
    }

    /// How many lines passed, and how many did not.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let passed = self.lines.iter().filter(|line| line.passed).count();
        (passed, self.lines.len() - passed)
    }

    /// The lines that did not pass, as text; none when all did and there are some.
    #[must_use]
    pub fn failures(&self) -> Option<String> {
        if self.lines.is_empty() {
            return Some("nothing was tried".into());
        }
        let text =
            |line: &Line| format!("{}\n  expected: {}\n  happened: {}\n", line.step, line.expected, line.happened);
        let failed: String = self.lines.iter().filter(|line| !line.passed).map(text).collect();
        (!failed.is_empty()).then_some(failed)
    }

    /// Everything, for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let (passed, failed) = self.counts();
        let lines = self.lines.iter().map(|line| {
            json!({ "step": line.step, "expected": line.expected, "happened": line.happened, "passed": line.passed })
        });
        json!({ "passed": passed, "failed": failed, "lines": lines.collect::<Vec<_>>() })
    }
}
