//! `gatectl bundle confirm`: what is provisional stays, in every role. `gatectl bundle abandon`: it goes back now.

use super::load::{DEADLINE, STAGING};
use crate::host::{Admin, ConfigArguments, block_on, statuses};
use crate::report::{Exit, Failure, Report};
use crate::text::plain;
use gate_bundle::Digest;
use gate_host::{HostConfig, Role};
use gate_ipc::messages::{AdminReply, AdminRequest};
use gate_statements::BundleDigest;
use serde_json::{Value, json};

/// With less time left, some roles could go back while others confirm.
const LEAST_S: u64 = 3;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
}

/// What becomes of a provisional bundle.
struct Act {
    request: AdminRequest,
    did: &'static str,
    all: &'static str,
    not_all: &'static str,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let config = arguments.config.load()?;
    block_on(async {
        let bundle = provisional(&statuses(&config, STAGING).await?).map_err(Failure::refused)?;
        let act = Act {
            request: AdminRequest::Confirm { bundle: BundleDigest(*bundle.as_bytes()) },
            did: "confirmed",
            all: "confirmed: it stays\n",
            not_all: "NOT CONFIRMED EVERYWHERE: the others go back at the deadline, and requests are denied while the versions \
                      differ. Load the same bundle again, without --confirm.\n",
        };
        Ok(ask_all(&config, bundle, &act, STAGING).await)
    })
}

/// In whichever roles it is provisional.
pub(crate) fn abandon(arguments: &Arguments) -> Result<Report, Failure> {
    let config = arguments.config.load()?;
    block_on(async {
        let found = statuses(&config, STAGING).await?;
        let waiting: Vec<_> = found.iter().filter(|(_, status)| waits(status)).collect();
        let bundle = waiting.first().and_then(|(_, status)| text_at(status, "/bundle")?.parse::<Digest>().ok());
        let bundle = bundle.ok_or_else(|| Failure::refused(vec![NONE.to_owned()]))?;
        let act = Act {
            request: AdminRequest::Abandon { bundle: BundleDigest(*bundle.as_bytes()) },
            did: "went back to",
            all: "abandoned: everything went back\n",
            not_all: "NOT ABANDONED EVERYWHERE: the others go back at the deadline, and requests are denied while the versions \
                      differ.\n",
        };
        Ok(ask_all(&config, bundle, &act, waiting.iter().map(|(role, _)| *role)).await)
    })
}

const NONE: &str = "no bundle is provisional: it was confirmed, or it went back; gatectl status says";

fn waits(status: &Value) -> bool {
    status.get("provisional").is_some_and(Value::is_object)
}

fn text_at(status: &Value, pointer: &str) -> Option<String> {
    status.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

/// The bundle that is provisional everywhere, or was confirmed already in some roles and has time in the others.
fn provisional(statuses: &[(Role, Value)]) -> Result<Digest, Vec<String>> {
    let Some(bundle) = statuses.iter().find(|(_, status)| waits(status)).and_then(|(_, s)| text_at(s, "/bundle"))
    else {
        return Err(vec![NONE.to_owned()]);
    };
    let mut reasons = Vec::new();
    for (role, status) in statuses {
        let seconds = status.pointer("/provisional/seconds").and_then(Value::as_u64);
        match text_at(status, "/bundle") {
            Some(found) if found == bundle => {}
            found => reasons.push(format!(
                "gate-{role} has bundle {} in force, not the provisional {bundle}: nothing was confirmed, everything goes \
                 back by itself",
                found.as_deref().map_or("none".to_owned(), plain)
            )),
        }
        if seconds.is_some_and(|seconds| seconds < LEAST_S) {
            reasons.push(format!("gate-{role} goes back in less than {LEAST_S} s: too late to confirm; load it again"));
        }
    }
    match bundle.parse() {
        Ok(bundle) if reasons.is_empty() => Ok(bundle),
        Ok(_) => Err(reasons),
        Err(error) => Err(vec![error.to_string()]),
    }
}

async fn ask_all(config: &HostConfig, bundle: Digest, act: &Act, roles: impl IntoIterator<Item = Role>) -> Report {
    let (mut text, mut failed, mut refused, mut done) = (format!("bundle {bundle}\n"), false, false, Vec::new());
    for role in roles {
        let admin = Admin::new(config, role, DEADLINE);
        let why = match admin.ask(&act.request, &[]).await {
            Ok(AdminReply::Activated { version }) => {
                text.push_str(&format!("  gate-{:<6} {} version {version}\n", role.name(), act.did));
                done.push(json!({ "role": role, "version": version }));
                continue;
            }
            Ok(other) => admin.unexpected(&other),
            Err(why) => why,
        };
        refused |= matches!(why, crate::host::NoAnswer::Refused(_));
        failed = true;
        text.push_str(&format!("  gate-{:<6} did not: {}\n", role.name(), plain(&why.reasons().join("; "))));
    }
    text.push_str(if failed { act.not_all } else { act.all });
    let exit = match (failed, refused) {
        (false, _) => Exit::Fine,
        (true, true) => Exit::Found,
        (true, false) => Exit::Cannot,
    };
    Report { exit, text, json: json!({ "bundle": bundle, "done": done }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(role: Role, byte: u8, seconds: Option<u64>) -> (Role, Value) {
        let bundle = Digest::from_bytes([byte; 32]).to_string();
        (role, json!({ "bundle": bundle, "provisional": seconds.map(|seconds| json!({ "seconds": seconds })) }))
    }

    #[test]
    fn one_bundle_in_every_role_with_time_left() {
        let seven = Digest::from_bytes([7; 32]);
        assert_eq!(provisional(&[role(Role::Net, 7, Some(30)), role(Role::Authz, 7, Some(30))]), Ok(seven));
        // Some confirmed already, when somebody tries again.
        assert_eq!(provisional(&[role(Role::Net, 7, None), role(Role::Authz, 7, Some(30))]), Ok(seven));
    }

    #[test]
    fn what_is_not_confirmed_and_why() {
        let cases = [
            (vec![role(Role::Net, 7, None), role(Role::Authz, 7, None)], "no bundle is provisional"),
            (vec![role(Role::Net, 8, None), role(Role::Authz, 7, Some(30))], "gate-net has bundle 0808"),
            (vec![role(Role::Net, 7, Some(2)), role(Role::Authz, 7, Some(2))], "gate-net goes back in less than 3 s"),
            (vec![(Role::Net, json!({})), role(Role::Authz, 7, Some(30))], "gate-net has bundle none in force"),
        ];
        for (statuses, expected) in cases {
            let reasons = provisional(&statuses).unwrap_err();
            assert!(reasons.iter().any(|reason| reason.contains(expected)), "{expected}: {reasons:?}");
        }
    }
}
