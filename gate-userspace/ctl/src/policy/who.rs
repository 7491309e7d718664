//! `gatectl policy who-can` and `what-can`: every answer that the policy holds, not one question's.

use super::side::Policy;
use crate::report::{Exit, Failure, Report};
use gate_review::{Grant, Line, Page, Question, Unknown, describe_grants, what_can, who_can};
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct WhoArguments {
    /// A route, orders.getOrder; a group of them, orders:read; all of a service's, orders:all; or "connect".
    action: String,
    /// With "connect": the port, ledger:journal, ledger:tcp/9000 or resolver:udp/53, or all of a service's or network's,
    /// ledger.
    port: Option<String>,
    /// The service that is asked; it follows from the route or the port.
    #[arg(long, value_name = "SERVICE")]
    resource: Option<String>,
    #[command(flatten)]
    policy: In,
}

#[derive(clap::Args)]
pub(crate) struct WhatArguments {
    /// A service's or a network's name, "host" for a process of no service, or "world" for an address of no network.
    service: String,
    #[command(flatten)]
    policy: In,
}

#[derive(clap::Args)]
struct In {
    /// The policy: a directory, the file of a bundle, or "-" for a bundle on standard input.
    #[arg(long = "in", value_name = "POLICY", default_value = ".")]
    policy: PathBuf,
}

pub(crate) fn who(arguments: &WhoArguments) -> Result<Report, Failure> {
    let WhoArguments { action, port, resource, policy } = arguments;
    let question = match (action.as_str(), port, resource) {
        ("connect", Some(port), None) => Question::Connect(port),
        ("connect", None, Some(service)) => Question::Connect(service),
        ("connect", Some(port), Some(service)) if port.split(':').next() == Some(service) => Question::Connect(port),
        ("connect", Some(port), Some(service)) => {
            return Err(Failure::cannot(format!("{port:?} is no port of {service:?}; leave --resource out")));
        }
        ("connect", None, None) => {
            return Err(Failure::cannot("connect to what? Name the port: gatectl policy who-can connect SERVICE:PORT"));
        }
        (action, Some(port), _) => {
            return Err(Failure::cannot(format!(
                "the route {action:?} is on one port; leave {port:?} out, or ask who may \"connect\" to it"
            )));
        }
        (action, None, resource) => Question::Action(action, resource.as_deref()),
    };
    let policy = Policy::open(&policy.policy)?;
    let grants = who_can(&policy.tables, question).map_err(|unknown| not_known(&policy, &unknown))?;
    Ok(report(&policy, &grants, Line::of("nobody: no rule permits it")))
}

pub(crate) fn what(arguments: &WhatArguments) -> Result<Report, Failure> {
    let policy = Policy::open(&arguments.policy.policy)?;
    let grants = what_can(&policy.tables, &arguments.service).map_err(|unknown| not_known(&policy, &unknown))?;
    Ok(report(&policy, &grants, Line::of("nothing: no rule permits anything to it")))
}

fn not_known(policy: &Policy, unknown: &Unknown) -> Failure {
    Failure::cannot(format!("{}: {unknown}", policy.name))
}

fn report(policy: &Policy, grants: &[Grant], nobody: Line) -> Report {
    let mut page = Page::default();
    if grants.is_empty() {
        page.paragraph(nobody);
    }
    page.items(describe_grants(grants));
    let observed = policy.tables.services.iter().filter(|service| service.observe);
    let observed: Vec<&str> = observed.map(|service| service.name.as_str()).collect();
    if !observed.is_empty() {
        page.paragraph(Line::of("observed and not enforced, whatever is said here: ").names(observed.iter().copied()));
    }
    let exit = if grants.is_empty() { Exit::Found } else { Exit::Fine };
    let json = json!({ "environment": policy.tables.environment, "grants": grants, "observed": observed });
    Report { exit, text: page.to_terminal(), json }
}
