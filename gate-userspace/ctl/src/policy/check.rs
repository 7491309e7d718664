//! `gatectl policy check`: everything that a bundle's builder, signers and gate-authz will look at, at once.

use super::{CASES, DUTIES};
use crate::report::{Exit, Failure, Report};
use crate::text::{count, plain};
use gate_bundle::Duties;
use gate_policy::{CaseResult, Compiled, Diagnostic, PolicySource, compile, run_cases};
use gate_tables::Tables;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy directory: services.toml, duties.toml, *.cedar, cases.toml.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// A policy without problems.
pub(crate) struct Checked {
    pub(crate) source: PolicySource,
    pub(crate) compiled: Compiled,
    pub(crate) duties: Duties,
    pub(crate) cases: Vec<CaseResult>,
}

/// One problem of a policy: a place and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    file: String,
    line: Option<usize>,
    message: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let directory = &arguments.directory;
    super::must_be_directory(directory)?;
    Ok(match check(directory, None) {
        Ok(checked) => passed(&checked),
        Err(problems) => failed(directory, &problems),
    })
}

/// Checks a policy directory. `previous` are the tables of the bundle that it will follow.
pub(crate) fn check(directory: &Path, previous: Option<&Tables>) -> Result<Checked, Vec<Problem>> {
    match PolicySource::from_dir(directory) {
        Ok(source) => check_files(source, previous),
        Err(diagnostics) => Err(diagnostics.into_iter().map(Problem::from).collect()),
    }
}

/// Checks the files of a policy. The cases are asked only once everything else is right.
pub(crate) fn check_files(source: PolicySource, previous: Option<&Tables>) -> Result<Checked, Vec<Problem>> {
    let mut problems = Vec::new();
    let duties = check_duties(&source, &mut problems);
    let compiled =
        compile(&source, previous).map_err(|found| problems.extend(found.into_iter().map(Problem::from))).ok();
    let cases = compiled.as_ref().map(run_cases).unwrap_or_default();
    problems.extend(cases.iter().filter(|case| !case.passed()).map(failed_case));
    problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    match (compiled, duties) {
        (Some(compiled), Some(duties)) if problems.is_empty() => Ok(Checked { source, compiled, duties, cases }),
        _ => Err(problems),
    }
}

fn check_duties(source: &PolicySource, problems: &mut Vec<Problem>) -> Option<Duties> {
    let Some(bytes) = source.file(DUTIES) else {
        let message = "is missing; it says who may author, approve, operate and audit".to_owned();
        problems.push(Problem { file: DUTIES.into(), line: None, message });
        return None;
    };
    let in_file = |line, message| Problem { file: DUTIES.into(), line: Some(line), message };
    Duties::parse(bytes)
        .map_err(|found| problems.extend(found.into_iter().map(|problem| in_file(problem.line, problem.message))))
        .ok()
}

/// The case's own text begins with its place.
fn failed_case(case: &CaseResult) -> Problem {
    let text = case.to_string();
    let place = format!("{CASES}:{}: ", case.line);
    let message = text.strip_prefix(&place).unwrap_or(&text).to_owned();
    Problem { file: CASES.into(), line: Some(case.line), message }
}

impl From<Diagnostic> for Problem {
    fn from(Diagnostic { file, line, message }: Diagnostic) -> Self {
        Self { file, line, message }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        write!(f, "{}{line}: {}", plain(&self.file), plain(&self.message))
    }
}

impl Problem {
    pub(crate) fn json(&self) -> Value {
        json!({ "file": self.file, "line": self.line, "message": self.message })
    }

    /// With the directory, so that editors and terminals find the place.
    pub(crate) fn below(&self, directory: &Path) -> String {
        if Path::new(&self.file).starts_with(directory) {
            return self.to_string();
        }
        format!("{}/{self}", plain(&directory.display().to_string()))
    }
}

/// What a policy amounts to.
pub(crate) struct Summary {
    services: usize,
    ports: usize,
    routes: usize,
    permits: usize,
    forbids: usize,
    reach: usize,
}

impl Summary {
    pub(crate) fn of(tables: &Tables) -> Self {
        let ports = || tables.services.iter().flat_map(|service| &service.ports);
        let permits = tables.rules.iter().filter(|rule| rule.effect == "permit").count();
        Self {
            services: tables.services.len(),
            ports: ports().count(),
            routes: ports().map(|port| port.routes.len()).sum(),
            permits,
            forbids: tables.rules.len() - permits,
            reach: tables.reach.len(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "services": self.services, "ports": self.ports, "routes": self.routes,
            "rules": self.permits + self.forbids, "permit": self.permits, "forbid": self.forbids, "reach": self.reach,
        })
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rules = count(self.permits + self.forbids, "rule");
        write!(
            f,
            "{}, {}, {}, {rules} ({} permit, {} forbid), {}",
            count(self.services, "service"),
            count(self.ports, "port"),
            count(self.routes, "route"),
            self.permits,
            self.forbids,
            count(self.reach, "reachable pair"),
        )
    }
}

fn passed(checked: &Checked) -> Report {
    let summary = Summary::of(&checked.compiled.tables);
    let (duties, cases) = (&checked.duties, checked.cases.len());
    let passed = match cases {
        0 => "no cases: write cases.toml with the decisions that must hold".to_owned(),
        _ => format!("{} passed", count(cases, "case")),
    };
    let people = format!(
        "{}, mode {}, {} besides the author",
        if duties.people().len() == 1 { "1 person".to_owned() } else { format!("{} people", duties.people().len()) },
        duties.mode(),
        count(duties.approvals(), "approval")
    );
    let environment = plain(&checked.compiled.tables.environment);
    let mut remarks: Vec<String> = checked.compiled.remarks().iter().map(ToString::to_string).collect();
    remarks.extend(checked.compiled.unserved().iter().map(ToString::to_string));
    let remarked: String = remarks.iter().map(|remark| format!("  remark: {}\n", plain(remark))).collect();
    Report {
        exit: Exit::Fine,
        text: format!("policy is sound (environment {environment})\n  {summary}\n  {people}\n  {passed}\n{remarked}"),
        json: json!({
            "environment": checked.compiled.tables.environment,
            "summary": summary.json(),
            "duties": { "mode": duties.mode(), "approvals": duties.approvals(), "people": duties.people().len() },
            "cases": checked.cases.iter().map(case_json).collect::<Vec<_>>(),
            "problems": [], "remarks": remarks,
        }),
    }
}

fn case_json(case: &CaseResult) -> Value {
    json!({
        "name": case.name, "line": case.line, "passed": case.passed(),
        "decision": if case.decision.allow { "allow" } else { "deny" },
        "rules": case.decision.rules.iter().map(|rule| &**rule).collect::<Vec<&str>>(), "why": case.why,
    })
}

fn failed(directory: &Path, problems: &[Problem]) -> Report {
    let lines: String = problems.iter().map(|problem| format!("{}\n", problem.below(directory))).collect();
    Report {
        exit: Exit::Found,
        text: format!("{lines}{} found\n", count(problems.len(), "problem")),
        json: json!({ "problems": problems.iter().map(Problem::json).collect::<Vec<_>>() }),
    }
}
