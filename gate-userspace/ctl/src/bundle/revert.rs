//! `gatectl bundle revert`: back to the bundle before, by one operator's signed word.

use super::file;
use super::load::{DEADLINE, STAGING, activate};
use super::load_report::{Loaded, Outcome, Step};
use super::ssh::{self, Signer};
use crate::host::{Admin, ConfigArguments, block_on, statuses};
use crate::report::{Failure, Report};
use crate::text::{duration, plain, time};
use gate_bundle::{Digest, REVERT_NAMESPACE, Revert, Reverting};
use gate_host::{HostConfig, Role};
use gate_ipc::messages::{AdminReply, AdminRequest};
use serde_json::Value;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("word").required(true).multiple(false))]
pub(crate) struct Arguments {
    /// Your private SSH key (for a security key, its handle).
    #[arg(long, value_name = "PATH", group = "word")]
    key: Option<PathBuf>,
    /// The public half of a key that your SSH agent holds.
    #[arg(long, value_name = "PUBKEYFILE", group = "word")]
    agent_key: Option<PathBuf>,
    /// A statement that was signed on another host of the environment.
    #[arg(long, value_name = "FILE", group = "word")]
    statement: Option<PathBuf>,
    /// Keep the statement here, for the other hosts of the environment.
    #[arg(long, short, value_name = "FILE", conflicts_with = "statement")]
    out: Option<PathBuf>,
    /// How long from now other hosts may follow it: 90s, 15m, 12h, 30d.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    not_after: u64,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(crate) fn run(arguments: &Arguments, now: u64) -> Result<Report, Failure> {
    let config = arguments.config.load()?;
    let (statement, label) = match &arguments.statement {
        Some(path) => (read(path)?, path.clone()),
        None => {
            let found = block_on(statuses(&config, STAGING))?;
            let said = reverting(&config, &found, now.saturating_add(arguments.not_after)).map_err(Failure::refused)?;
            (sign(arguments, said)?, arguments.out.clone().unwrap_or_else(|| "signed now".into()))
        }
    };
    if let Some(out) = &arguments.out {
        file::create(out, &statement.to_bytes(), false)?;
    }
    block_on(async { Ok(revert(&config, &statement).await.report(&label)) })
}

fn read(path: &Path) -> Result<Revert, Failure> {
    let wrong = |found: String| Failure::cannot(format!("{}: {found}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    Revert::parse(&bytes).map_err(|error| wrong(error.to_string()))
}

/// What every role has in force, and where it could go back to; the same everywhere.
fn reverting(config: &HostConfig, statuses: &[(Role, Value)], not_after: u64) -> Result<Reverting, Vec<String>> {
    let digest = |status: &Value, field: &str| status.get(field).and_then(Value::as_str)?.parse::<Digest>().ok();
    let of = |status: &Value| {
        let version = status.get("version").and_then(Value::as_u64)?;
        Some((digest(status, "bundle")?, version, digest(status, "predecessor")?))
    };
    let mut reasons = Vec::new();
    let mut agreed = None;
    for (role, status) in statuses {
        match (of(status), agreed) {
            (None, _) => reasons.push(format!(
                "gate-{role} has nothing to go back to: no bundle is in force, or it is the first, or everything went back \
                 to it already; a new bundle is the way"
            )),
            (Some(found), None) => agreed = Some(found),
            (Some(found), Some(agreed)) if found != agreed => reasons.push(format!(
                "gate-{role} has version {} in force, others {}; load one bundle everywhere first",
                found.1, agreed.1
            )),
            _ => {}
        }
        if status.get("provisional").is_some_and(Value::is_object) {
            reasons.push(format!("gate-{role} has a provisional bundle in force: it goes back by itself"));
        }
    }
    match agreed {
        Some((bundle, version, predecessor)) if reasons.is_empty() => {
            let environment = config.environment().to_owned();
            Ok(Reverting { environment, version, bundle, predecessor, not_after })
        }
        _ => Err(reasons),
    }
}

fn sign(arguments: &Arguments, said: Reverting) -> Result<Revert, Failure> {
    let signer = Signer::of(arguments.key.as_deref(), arguments.agent_key.as_deref())?;
    let line = Revert::line(&said).map_err(|error| Failure::cannot(error.to_string()))?;
    eprint!(
        "you sign as operator of {}:\n  back from {} (version {})\n  to        {}\n  until     {}\n",
        plain(&said.environment),
        said.bundle,
        said.version,
        said.predecessor,
        time(said.not_after)
    );
    let armored = ssh::sign(&signer, REVERT_NAMESPACE, &line)?;
    Revert::signed(said, &armored).map_err(|reason| Failure::refused(vec![reason.to_string()]))
}

async fn revert(config: &HostConfig, statement: &Revert) -> Loaded {
    let mut loaded = Loaded::default();
    let text = String::from_utf8_lossy(&statement.to_bytes()).into_owned();
    let mut to = None;
    for role in STAGING {
        let admin = Admin::new(config, role, DEADLINE);
        let request = AdminRequest::StageRevert { statement: text.clone() };
        match admin.ask(&request, &[]).await {
            Ok(AdminReply::Staged { bundle, version, .. }) if !loaded.is_other(&bundle) => {
                loaded.staged(role, bundle, version, false);
                to = Some(bundle);
            }
            Ok(other) => loaded.push(role, Step::Stage, Outcome::from(admin.unexpected(&other))),
            Err(why) => loaded.push(role, Step::Stage, why.into()),
        }
    }
    if let Some(bundle) = to.filter(|_| !loaded.failed()) {
        activate(config, &AdminRequest::Activate { bundle }, &mut loaded).await;
    }
    loaded
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config() -> HostConfig {
        let roles = ["loader", "net", "proxy", "authn", "authz", "audit"].iter().enumerate().map(|(index, role)| {
            format!("[role.{role}]\nuid = {0}\ngid = {0}\ncgroup = \"gate-{role}\"\n", 61_700 + index)
        });
        let text = format!(
            "host = \"h1\"\nenvironment = \"demo\"\ncgroup_root = \"/sys/fs/cgroup\"\nrun_dir = \"/run/gate\"\nstate_dir = \
             \"/var/lib/gate\"\nkeys_dir = \"/etc/gate/keys\"\n[enrolled]\nduties_sha256 = \"{}\"\n[operators]\ngids = []\n\
             uids = [0]\n[proxy]\nport = 15001\n{}",
            "0".repeat(64),
            roles.collect::<String>()
        );
        HostConfig::parse(&text).unwrap()
    }

    fn role(role: Role, version: u64, predecessor: Option<u8>) -> (Role, Value) {
        let digest = |byte: u8| Digest::from_bytes([byte; 32]).to_string();
        let bundle = digest(u8::try_from(version).unwrap());
        (role, json!({ "version": version, "bundle": bundle, "predecessor": predecessor.map(digest) }))
    }

    #[test]
    fn what_every_role_has_is_what_is_signed() {
        let found = [role(Role::Net, 5, Some(4)), role(Role::Authz, 5, Some(4))];
        let said = reverting(&config(), &found, 9).unwrap();
        let (bundle, predecessor) = (Digest::from_bytes([5; 32]), Digest::from_bytes([4; 32]));
        assert_eq!(said, Reverting { environment: "demo".into(), version: 5, bundle, predecessor, not_after: 9 });
    }

    #[test]
    fn where_roles_differ_nothing_is_signed() {
        let (mut waits, other) = (role(Role::Net, 5, Some(4)), role(Role::Authz, 4, Some(3)));
        waits.1["provisional"] = json!({ "seconds": 9 });
        let cases = [
            (vec![role(Role::Net, 5, Some(4)), other], "gate-authz has version 4 in force, others 5"),
            (vec![role(Role::Net, 1, None)], "gate-net has nothing to go back to"),
            (vec![waits], "it goes back by itself"),
        ];
        for (found, expected) in cases {
            let reasons = reverting(&config(), &found, 9).unwrap_err();
            assert!(reasons.iter().any(|reason| reason.contains(expected)), "{expected}: {reasons:?}");
        }
    }
}
