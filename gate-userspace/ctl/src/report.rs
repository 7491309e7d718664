//! What a command says at its end: text for people or JSON for programs, and one exit code for both.

use serde_json::{Value, json};
use std::io::{self, Write};
use std::process::ExitCode;

/// How it ended. The numbers are part of the interface; `--help` states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything is as it should be.
    Fine = 0,
    /// Refused, denied, or something was found.
    Found = 1,
    /// A usage error, or it could not be done.
    Cannot = 2,
}

/// The answer of a command.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) exit: Exit,
    /// For people; ends in a newline.
    pub(crate) text: String,
    /// For programs; an object.
    pub(crate) json: Value,
}

/// Why a command has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// Each says what was found, where, and what would be right.
    pub(crate) errors: Vec<String>,
}

impl Failure {
    /// It cannot be done.
    pub(crate) fn cannot(error: impl Into<String>) -> Self {
        Self { exit: Exit::Cannot, errors: vec![error.into()] }
    }

    /// It is refused, for all of these reasons.
    pub(crate) fn refused(errors: Vec<String>) -> Self {
        Self { exit: Exit::Found, errors }
    }
}

/// Prints it.
///
/// # Errors
/// When the output cannot be written, which is no error when the reader went away.
pub(crate) fn print(result: Result<Report, Failure>, as_json: bool) -> io::Result<ExitCode> {
    let exit = match result {
        Ok(report) if as_json => {
            out(&format!("{}\n", with_ok(report.json, report.exit)))?;
            report.exit
        }
        Ok(report) => {
            out(&report.text)?;
            report.exit
        }
        Err(failure) => {
            if as_json {
                out(&format!("{}\n", with_ok(json!({ "errors": failure.errors }), failure.exit)))?;
            }
            for error in &failure.errors {
                writeln!(io::stderr(), "gatectl: {}", crate::text::plain_lines(error))?;
            }
            failure.exit
        }
    };
    Ok(ExitCode::from(exit as u8))
}

fn with_ok(mut json: Value, exit: Exit) -> Value {
    if let Value::Object(fields) = &mut json {
        fields.insert("ok".into(), (exit == Exit::Fine).into());
    }
    json
}

/// Writes to standard output. A reader that went away (`| head`) ends the program quietly.
pub(crate) fn out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
