//! `gatectl status`: one screen.

use crate::host::{Admin, ConfigArguments, NoAnswer, SERVING, block_on};
use crate::report::{Exit, Failure, Report};
use crate::text::plain;
use gate_host::{HostConfig, Role};
use gate_ipc::messages::AdminRequest;
use serde_json::{Map, Value, json};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
}

/// One role, and what it says of itself.
struct Found {
    role: Role,
    status: Result<Value, NoAnswer>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let config = arguments.config.load()?;
    let found = block_on(async {
        let mut found = Vec::new();
        for role in SERVING {
            let status = Admin::new(&config, role, DEADLINE).json(&AdminRequest::Status).await;
            found.push(Found { role, status });
        }
        Ok(found)
    })?;
    Ok(report(&config, &found))
}

fn report(config: &HostConfig, found: &[Found]) -> Report {
    let degraded = degraded(found);
    let mut text = format!("host {}, environment {}\n", config.host(), config.environment());
    text.push_str("role        state  version  bundle        record     sandbox\n");
    text.extend(found.iter().map(line));
    text.extend(provisional(found).map(|words| format!("{words}\n")));
    match degraded.as_slice() {
        [] => text.push_str("nothing is degraded\n"),
        some => {
            text.push_str("degraded:\n");
            text.extend(some.iter().map(|what| format!("  - {}\n", plain(what))));
        }
    }
    let roles: Map<String, Value> = found
        .iter()
        .map(|found| {
            let state = match &found.status {
                Ok(status) => json!({ "up": true, "status": status }),
                Err(NoAnswer::Forbidden(why)) => json!({ "up": null, "why": why }),
                Err(why) => json!({ "up": false, "why": why.reasons().join("; ") }),
            };
            (found.role.name().to_owned(), state)
        })
        .collect();
    let exit = match (degraded.is_empty(), found.iter().any(|found| found.status.is_ok())) {
        (true, _) => Exit::Fine,
        (false, true) => Exit::Found,
        (false, false) => Exit::Cannot,
    };
    let json = json!({
        "host": config.host(), "environment": config.environment(), "roles": roles, "degraded": degraded,
    });
    Report { exit, text, json }
}

fn line(found: &Found) -> String {
    let role = format!("gate-{}", found.role);
    let status = match &found.status {
        Ok(status) => status,
        Err(NoAnswer::Forbidden(_)) => return format!("{role:<11} not for you\n"),
        Err(_) => return format!("{role:<11} down\n"),
    };
    let bundle = text_at(status, "/bundle").map_or("none", |digest| digest.get(..12).unwrap_or(digest));
    format!(
        "{role:<11} up     {:<8} {bundle:<13} {:<10} {}\n",
        version(status),
        plain(text_at(status, "/record/state").unwrap_or("?")),
        plain(text_at(status, "/sandbox").unwrap_or("?")),
    )
}

/// What goes back by itself, and when: nothing is wrong with it, but somebody has to act.
fn provisional(found: &[Found]) -> Option<String> {
    let statuses = found.iter().filter_map(|found| found.status.as_ref().ok());
    let number = |status: &Value, name: &str| status.pointer(name).and_then(Value::as_u64);
    let (seconds, status) = statuses
        .filter_map(|status| Some((number(status, "/provisional/seconds")?, status)))
        .min_by_key(|(left, _)| *left)?;
    Some(format!(
        "provisional: version {} goes back to {} in {seconds} s, unless somebody runs gatectl bundle confirm",
        version(status),
        number(status, "/provisional/goes_back_to_version")?
    ))
}

fn version(status: &Value) -> u64 {
    status.get("version").and_then(Value::as_u64).unwrap_or(0)
}

fn text_at<'v>(status: &'v Value, pointer: &str) -> Option<&'v str> {
    status.pointer(pointer)?.as_str()
}

/// Everything that is not as it should be, in words.
fn degraded(found: &[Found]) -> Vec<String> {
    let newest = found.iter().filter_map(|found| found.status.as_ref().ok()).map(version).max().unwrap_or(0);
    let mut degraded = Vec::new();
    if newest == 0 && found.iter().any(|found| found.status.is_ok()) {
        let what = "no bundle is in force: everything governed is denied; load one with gatectl bundle load";
        degraded.push(what.to_owned());
    }
    for Found { role, status } in found {
        match status {
            Err(NoAnswer::Forbidden(why)) => degraded.push(why.clone()),
            Err(why) => degraded.push(format!("{} ({})", why.reasons().join("; "), consequence(*role))),
            Ok(status) => role_degraded(*role, status, newest, &mut degraded),
        }
    }
    degraded
}

fn role_degraded(role: Role, status: &Value, newest: u64, degraded: &mut Vec<String>) {
    let mut say = |what: String| degraded.push(format!("gate-{role}: {what}"));
    match version(status) {
        version if version >= newest => {}
        0 => say(format!("has no bundle in force, others are on {newest}: it denies; load version {newest} again")),
        version => {
            say(format!("is on version {version}, others are on {newest}: it denies; load version {newest} again"));
        }
    }
    let (bundle, stored) = (text_at(status, "/bundle"), text_at(status, "/stored"));
    if stored.is_some() && stored != bundle {
        say(format!("keeps bundle {} and has not put it into force; its log says why", stored.unwrap_or_default()));
    }
    match text_at(status, "/record/state") {
        Some("recording") => {}
        Some("spooling") => {
            let why = text_at(status, "/record/why").unwrap_or("?");
            let waiting = status.pointer("/record/waiting").and_then(Value::as_u64).unwrap_or(0);
            say(format!("{waiting} records wait for gate-audit: {why}"));
        }
        _ => {
            let lost = status.pointer("/record/lost").and_then(Value::as_u64).unwrap_or(0);
            say(format!("records are lost ({lost}): the spool is full"));
        }
    }
    if role == Role::Net {
        net_degraded(status, &mut say);
    }
}

fn net_degraded(status: &Value, say: &mut impl FnMut(String)) {
    let number = |pointer: &str| status.pointer(pointer).and_then(Value::as_u64);
    if let Some(kernel) = number("/duty/kernel/version").filter(|kernel| *kernel != version(status)) {
        say(format!("the kernel enforces version {kernel}, this process has {}", version(status)));
    }
    if status.pointer("/duty/listener") == Some(&Value::Bool(false)) {
        say("gate-proxy has not registered its listener: L7 ports refuse".into());
    }
    let counters = [
        ("/duty/events_lost", "events of the kernel were lost (the ring buffer was full)"),
        ("/duty/faults", "faults in the kernel programs, each denied"),
    ];
    for (pointer, what) in counters {
        if let Some(count) = number(pointer).filter(|count| *count > 0) {
            say(format!("{count} {what}"));
        }
    }
}

/// What follows while a role is away.
fn consequence(role: Role) -> &'static str {
    match role {
        Role::Net => "meanwhile: the kernel enforces the last policy; grants run out",
        Role::Proxy => "meanwhile: L7 ports refuse; L4 goes on",
        Role::Authn => "meanwhile: no new sessions",
        Role::Authz => "meanwhile: cached decisions until they expire, then 503",
        Role::Audit => "meanwhile: records wait, bounded",
        Role::Loader => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(role: Role, change: impl FnOnce(&mut Value)) -> Found {
        let mut status = json!({
            "version": 3, "bundle": "abc", "stored": "abc", "record": { "state": "recording" },
            "duty": { "kernel": { "version": 3 }, "listener": true, "events_lost": 0, "faults": 0 },
        });
        change(&mut status);
        Found { role, status: Ok(status) }
    }

    fn all(role: Role, change: impl FnOnce(&mut Value)) -> Vec<String> {
        degraded(&[up(Role::Authz, |_| {}), up(role, change)])
    }

    #[test]
    fn a_sound_host_is_not_degraded() {
        assert_eq!(all(Role::Net, |_| {}), Vec::<String>::new());
    }

    #[test]
    fn everything_that_is_degraded_is_named() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 8] = [
            (|status| status["version"] = json!(2), "gate-net: is on version 2, others are on 3: it denies"),
            (|status| status["version"] = json!(0), "gate-net: has no bundle in force"),
            (|status| status["bundle"] = Value::Null, "gate-net: keeps bundle abc and has not put it into force"),
            (
                |status| status["record"] = json!({ "state": "spooling", "waiting": 7, "why": "away" }),
                "7 records wait for gate-audit: away",
            ),
            (|status| status["record"] = json!({ "state": "full", "lost": 9 }), "records are lost (9)"),
            (|status| status["duty"]["kernel"]["version"] = json!(2), "the kernel enforces version 2"),
            (|status| status["duty"]["listener"] = json!(false), "has not registered its listener"),
            (|status| status["duty"]["faults"] = json!(1), "1 faults in the kernel programs"),
        ];
        for (change, expected) in cases {
            let found = all(Role::Net, change);
            assert!(found.iter().any(|what| what.contains(expected)), "{expected}: {found:?}");
        }
    }

    #[test]
    fn what_is_provisional_is_said() {
        let trial = |seconds: u64| {
            move |status: &mut Value| status["provisional"] = json!({ "seconds": seconds, "goes_back_to_version": 2 })
        };
        assert_eq!(
            provisional(&[up(Role::Net, |_| {}), up(Role::Authz, |status| status["provisional"] = Value::Null)]),
            None
        );
        let said = provisional(&[up(Role::Authz, |_| {}), up(Role::Net, trial(41)), up(Role::Proxy, trial(40))]);
        let expected = "provisional: version 3 goes back to 2 in 40 s, unless somebody runs gatectl bundle confirm";
        assert_eq!(said.as_deref(), Some(expected));
    }

    #[test]
    fn a_host_without_a_bundle_and_a_role_that_is_down() {
        let none = |status: &mut Value| {
            (status["version"], status["bundle"], status["stored"]) = (json!(0), Value::Null, Value::Null)
        };
        let away =
            Found { role: Role::Proxy, status: Err(NoAnswer::Unreachable("gate-proxy: nothing is at x".into())) };
        let found = degraded(&[up(Role::Authz, none), away]);
        let expected = [
            "no bundle is in force: everything governed is denied",
            "gate-proxy: nothing is at x (meanwhile: L7 ports refuse",
        ];
        assert_eq!(found.len(), 2, "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
