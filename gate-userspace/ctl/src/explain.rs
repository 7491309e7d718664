//! `gatectl explain`: the verdict at each layer, from the processes that give it.

mod conclusion;
mod question;
mod signers;
mod words;

use crate::host::{Admin, ConfigArguments, NoAnswer, block_on};
use crate::report::{Exit, Failure, Report};
use crate::text::plain;
use conclusion::Conclusion;
use gate_host::{HostConfig, Role};
use gate_ipc::messages::AdminRequest;
use question::{Question, parameter};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Who asks: a service's name, or "host" for a process of no service.
    source: String,
    /// A route, such as orders.getOrder, or "connect".
    action: String,
    /// The service asked; for a route it follows from the route.
    #[arg(value_name = "DEST")]
    destination: Option<String>,
    /// The name of the port.
    #[arg(long)]
    port: Option<String>,
    /// A parameter of the route: id=1. Quotes make digits a text: 'name="1"'.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, gate_tables::Value)>,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let question = Question::new(arguments)?;
    let config = arguments.config.load()?;
    block_on(async {
        let kernel = ask(&config, Role::Net, question.request(question.port())).await;
        let decisions = decisions(&config, &question, &kernel).await;
        if let (Err(one), Err(other)) = (&kernel, &decisions) {
            let mut failure = one.failure();
            failure.errors.extend(other.failure().errors);
            failure.errors.dedup();
            return Err(failure);
        }
        let versions = versions(&config).await;
        let signers = signers::find(&config).await;
        Ok(report(&question, &kernel, &decisions, &versions, signers))
    })
}

/// What the roles that a request passes have in force; `None`: no answer.
async fn versions(config: &HostConfig) -> Vec<(Role, Option<u64>)> {
    let mut versions = Vec::new();
    for role in [Role::Net, Role::Proxy, Role::Authn, Role::Authz] {
        let status = ask(config, role, AdminRequest::Status).await.ok();
        versions.push((role, status.and_then(|status| status.get("version")?.as_u64())));
    }
    versions
}

async fn ask(config: &HostConfig, role: Role, request: AdminRequest) -> Result<Value, NoAnswer> {
    Admin::new(config, role, DEADLINE).json(&request).await
}

/// gate-authz is asked about a route once; about connections once for each port, since it wants its name.
async fn decisions(
    config: &HostConfig,
    question: &Question,
    kernel: &Result<Value, NoAnswer>,
) -> Result<Vec<Value>, NoAnswer> {
    let mut ports = vec![question.port().to_owned()];
    if question.is_connect() && question.port().is_empty() {
        let known = kernel.as_ref().ok().and_then(|kernel| kernel.get("ports")?.as_array());
        let names = known.into_iter().flatten().filter_map(|port| port.get("port")?.as_str());
        ports = names.map(ToOwned::to_owned).collect();
        if ports.is_empty() {
            let why = "gate-authz was not asked: the port is not known; give --port NAME".to_owned();
            return Err(NoAnswer::Unexpected(why));
        }
    }
    let mut decisions = Vec::new();
    for port in ports {
        let mut decision = ask(config, Role::Authz, question.request(&port)).await?;
        if let (Value::Object(fields), false) = (&mut decision, port.is_empty()) {
            fields.insert("port".into(), port.into());
        }
        decisions.push(decision);
    }
    Ok(decisions)
}

fn report(
    question: &Question,
    kernel: &Result<Value, NoAnswer>,
    decisions: &Result<Vec<Value>, NoAnswer>,
    versions: &[(Role, Option<u64>)],
    signers: Result<Value, String>,
) -> Report {
    let mut text = format!("{question}\n");
    match kernel {
        Ok(kernel) => text.push_str(&words::kernel(kernel)),
        Err(why) => text.push_str(&words::no_answer("kernel (gate-net)", why)),
    }
    match decisions {
        Ok(decisions) => text.extend(decisions.iter().map(words::decision)),
        Err(why) => text.push_str(&words::no_answer("decision (gate-authz)", why)),
    }
    text.push_str(&words::signers(&signers));
    let conclusion = Conclusion::of(question, kernel.as_ref().ok(), decisions.as_ref().ok(), versions);
    text.push_str(&format!("{}\n", plain(&conclusion.words)));
    let exit = match conclusion.allowed {
        Some(true) => Exit::Fine,
        Some(false) => Exit::Found,
        None => Exit::Cannot,
    };
    let or_why = |why: &NoAnswer| json!({ "error": why.reasons() });
    let json = json!({
        "question": question.json(),
        "allowed": conclusion.allowed,
        "conclusion": conclusion.words,
        "kernel": kernel.as_ref().map_or_else(or_why, Clone::clone),
        "decision": decisions.as_ref().map_or_else(or_why, |decisions| Value::from(decisions.clone())),
        "versions": versions.iter().map(|(role, version)| (role.name(), *version)).collect::<BTreeMap<_, _>>(),
        "signers": signers.unwrap_or_else(|why| json!({ "error": why })),
    });
    Report { exit, text, json }
}
