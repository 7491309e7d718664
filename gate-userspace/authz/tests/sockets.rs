//! gate-authz as it runs: its own user, cgroup and sandbox, real Unix sockets, signed bundles.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod harness;

use ed25519_dalek::SigningKey;
use gate_bundle::Bundle;
use gate_host::Role;
use gate_ipc::messages::{AdminReply, AdminRequest, Answer, AuthzReply, AuthzRequest, Question};
use gate_record::{Event, Outcome};
use gate_statements::{Assertion, SessionId, Signed};
use gate_tables::{ServiceId, Tables, Value};
use harness::{Daemon, Host, Wire, shop};
use std::time::{SystemTime, UNIX_EPOCH};

const GATE_AUTHZ: &str = env!("CARGO_BIN_EXE_gate-authz");

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

fn nothing(_: &mut Tables) {}

/// A host with gate-authz and the shop's policy in force.
fn running() -> (Host, Daemon, Bundle) {
    let host = Host::new();
    let daemon = host.start(Role::Authz, GATE_AUTHZ);
    let bundle = host.people.bundle(&shop(), None, nothing);
    host.load(Role::Authz, &bundle, None);
    (host, daemon, bundle)
}

fn id(bundle: &Bundle, name: &str) -> ServiceId {
    bundle.tables().service_named(name).unwrap().id
}

fn assertion(bundle: &Bundle, source: &str) -> Assertion {
    Assertion {
        session: SessionId([7; 16]),
        connection: 1,
        token: [0; 32],
        source: id(bundle, source),
        source_name: source.into(),
        uid: 1000,
        destination: ([127, 0, 0, 1], 8080).into(),
        environment: "demo".into(),
        version: bundle.manifest().version(),
        issued_ms: now_ms(),
        expires_ms: now_ms() + 60_000,
    }
}

fn signed(assertion: &Assertion) -> Signed<Assertion> {
    Signed::sign(assertion, &Host::key(Role::Authn)).unwrap()
}

fn question(bundle: &Bundle, assertion: Signed<Assertion>, method: &str) -> Question {
    let action = if method == "GET" { "orders.getOrder" } else { "orders.cancelOrder" };
    Question {
        assertion,
        destination: id(bundle, "orders"),
        action: action.into(),
        method: method.into(),
        path: "/orders/1".into(),
        parameters: vec![("id".into(), Value::Int(1))],
        host: "orders".into(),
        headers: vec![],
        query: vec![],
        want_grant: true,
    }
}

fn ask(wire: &Wire, bundle: &Bundle, question: Question) -> Answer {
    let request = AuthzRequest { version: bundle.manifest().version(), questions: vec![question] };
    match wire.call(&request, &[]) {
        AuthzReply::Decided(mut answers) if answers.len() == 1 => answers.remove(0),
        other => panic!("{other:?}"),
    }
}

fn web_reads(wire: &Wire, bundle: &Bundle) -> Answer {
    ask(wire, bundle, question(bundle, signed(&assertion(bundle, "web")), "GET"))
}

fn reasons(reply: AdminReply) -> String {
    match reply {
        AdminReply::Refused(refused) => refused.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn it_decides_grants_and_records() {
    let (host, _daemon, bundle) = running();
    let recorder = host.record();
    let wire = host.connect(Role::Authz);
    let answer = web_reads(&wire, &bundle);
    assert_eq!((answer.outcome, answer.cacheable), (Outcome::Allow, true));
    let grant = answer.grant.unwrap().verify(&Host::key(Role::Authz).verifying_key()).unwrap();
    assert_eq!((grant.source, grant.destination), (id(&bundle, "web"), id(&bundle, "orders")));
    assert_eq!(grant.check_time(now_ms()), Ok(()));

    let denied = ask(&wire, &bundle, question(&bundle, signed(&assertion(&bundle, "web")), "DELETE"));
    assert_eq!((denied.outcome, denied.grant), (Outcome::Deny, None));
    assert_eq!(denied.why, "forbidden by clients-never-cancel");

    let recorded = recorder.find(
        "the decision",
        |event| matches!(event, Event::Decision { decision, .. } if *decision == answer.decision.to_string()),
    );
    let Event::Decision { source, destination, request, rules, grant_until_ms, .. } = recorded else { panic!() };
    assert_eq!((source.as_str(), destination.as_str(), request.as_str()), ("web", "orders", "GET /orders/1"));
    assert_eq!((rules, grant_until_ms), (vec!["web-reads-orders".into()], Some(grant.until_ms)));
    recorder.find("the denial", |event| {
        matches!(event, Event::Decision { decision, outcome: Outcome::Deny, .. } if *decision == denied.decision.to_string())
    });
}

#[test]
fn a_forged_assertion_is_denied_with_its_reason() {
    let (host, _daemon, bundle) = running();
    let wire = host.connect(Role::Authz);
    let web = assertion(&bundle, "web");
    let by = |key: &SigningKey| Signed::sign(&web, key).unwrap();
    let mut changed = postcard::to_allocvec(&signed(&web)).unwrap();
    changed[3] ^= 1;
    let expired = Assertion { issued_ms: now_ms() - 60_000, expires_ms: now_ms() - 1, ..web.clone() };
    for (forged, expected) in [
        (by(&Host::key(Role::Authz)), "not by the enrolled key"),
        (by(&SigningKey::from_bytes(&[55; 32])), "not by the enrolled key"),
        (postcard::from_bytes(&changed).unwrap(), "not by the enrolled key"),
        (signed(&expired), "it has expired"),
        (signed(&Assertion { environment: "other".into(), ..web.clone() }), "is for environment \"other\""),
        (signed(&Assertion { version: 2, ..web.clone() }), "made under bundle version 2"),
    ] {
        let answer = ask(&wire, &bundle, question(&bundle, forged, "GET"));
        assert_eq!((answer.outcome, answer.cacheable, answer.grant), (Outcome::Deny, false, None));
        assert!(answer.why.contains(expected), "{}", answer.why);
    }
    assert_eq!(web_reads(&wire, &bundle).outcome, Outcome::Allow, "the same question with the real one");
}

#[test]
fn garbage_closes_its_connection_and_nothing_else() {
    let (host, _daemon, bundle) = running();
    let recorder = host.record();
    let good = host.connect(Role::Authz);
    let valid = postcard::to_allocvec(&AuthzRequest { version: 1, questions: vec![] }).unwrap();
    let trailing = [valid.as_slice(), &[0]].concat();
    for garbage in [vec![0xff; 64], trailing, vec![1]] {
        let bad = host.connect(Role::Authz);
        bad.send_bytes(&garbage, &[]).unwrap();
        assert!(bad.is_closed(), "{garbage:?}");
    }
    let with_descriptor = host.connect(Role::Authz);
    let file = std::fs::File::open("/dev/null").unwrap();
    with_descriptor.send_bytes(&valid, &[std::os::fd::AsFd::as_fd(&file)]).unwrap();
    assert!(with_descriptor.is_closed());
    assert_eq!(web_reads(&good, &bundle).outcome, Outcome::Allow);
    assert!(recorder.rejection("malformed frame").starts_with("authz.sock: uid 61802"));
    assert!(recorder.rejection("1 descriptors, at most 0").contains("cgroup \"proxy\""));
}

#[test]
fn p24_p29_only_the_proxys_user_in_the_proxys_cgroup_is_answered() {
    let (host, _daemon, bundle) = running();
    let recorder = host.record();
    for (uid_of, cgroup_of) in [(Role::Authn, Role::Authn), (Role::Proxy, Role::Net), (Role::Net, Role::Proxy)] {
        let wire = host.connect_as(uid_of, cgroup_of, Role::Authz);
        let _ = wire.send_bytes(&[0], &[]);
        assert!(wire.is_closed(), "uid of {uid_of} in the cgroup of {cgroup_of}");
    }
    recorder.rejection("the cgroup is \"net\"; its cgroup is \"proxy\"");
    recorder.rejection("gate-authn does not call this socket");
    assert_eq!(web_reads(&host.connect(Role::Authz), &bundle).outcome, Outcome::Allow);
}

#[test]
fn p6b_tables_that_do_not_follow_from_the_rules_are_refused_whoever_signed_them() {
    let (host, _daemon, first) = running();
    let recorder = host.record();
    let smuggled = host.people.bundle(&shop(), Some(&first), |tables| {
        let (web, batch) = (tables.service_named("web").unwrap().id, tables.service_named("batch").unwrap().id);
        // All that web has, batch has: tables that say so only once contradict themselves, and are not looked at.
        let lines: Vec<_> = tables.reach.iter().filter(|line| line.source == web).cloned().collect();
        tables.reach.extend(lines.into_iter().map(|line| gate_tables::Reach { source: batch, ..line }));
        tables.reach.sort_by_key(|line| (line.source, line.destination, line.port));
        for line in tables.access.iter_mut().filter(|line| line.sources.contains(&web)) {
            line.sources.push(batch);
            line.sources.sort();
        }
    });
    let said = reasons(host.stage(Role::Authz, &smuggled, None));
    assert!(said.contains("gate-authz: tables.json does not follow from the rules: reach batch -> "), "{said}");
    recorder.find("the refusal", |event| matches!(event, Event::Bundle { step, .. } if step == "refused"));

    let failing = shop().with_more_cases(
        "\n[[case]]\nname = \"batch reads\"\nprincipal = \"batch\"\naction = \"orders.listOrders\"\n\
         resource = \"orders\"\nexpect = \"allow\"\n",
    );
    let said = reasons(host.stage(Role::Authz, &host.people.bundle(&failing, Some(&first), nothing), None));
    assert!(said.contains("batch reads: expected allow, found deny"), "{said}");
    assert_eq!(web_reads(&host.connect(Role::Authz), &first).outcome, Outcome::Allow, "the old policy stays");
}

#[test]
fn after_a_flip_the_old_version_is_worth_nothing() {
    let (host, _daemon, first) = running();
    let wire = host.connect(Role::Authz);
    let old = question(&first, signed(&assertion(&first, "web")), "GET");
    assert_eq!(ask(&wire, &first, old.clone()).outcome, Outcome::Allow);
    let rule = "\n@id(\"batch-reads\") @reason(\"r\") @ticket(\"T-1\")\n\
                permit (principal == Service::\"batch\", action == Action::\"orders.getOrder\", resource == Service::\"orders\");\n";
    // The shop says that batch reads no order; now it does.
    let policy = shop().with_more_rules(rule).without_case("batch reads no order");
    let second = host.people.bundle(&policy, Some(&first), nothing);
    let AdminReply::Staged { confirmation: Some(confirmation), .. } = host.load(Role::Authz, &second, None) else {
        panic!("no confirmation")
    };
    assert_eq!(confirmation, Host::confirmation(&second, &Host::key(Role::Authz)));

    let request = AuthzRequest { version: 1, questions: vec![old.clone()] };
    let AuthzReply::Refused(refused) = wire.call(&request, &[]) else { panic!("a laggard was answered") };
    assert_eq!(refused.to_string(), "gate-authz: version 1 is active in gate-proxy, version 2 in gate-authz");
    let stale = ask(&wire, &second, old);
    assert!(stale.why.contains("made under bundle version 1, version 2 is active"), "{}", stale.why);
    let batch = question(&second, signed(&assertion(&second, "batch")), "GET");
    assert_eq!(ask(&wire, &second, batch).outcome, Outcome::Allow);

    let replayed = reasons(host.stage(Role::Authz, &first, None));
    assert!(replayed.contains("version"), "{replayed}");
}

#[test]
fn killed_and_started_again_it_serves_the_same_bundle() {
    let (host, daemon, bundle) = running();
    daemon.kill();
    let mut again = host.start(Role::Authz, GATE_AUTHZ);
    assert_eq!(host.status(Role::Authz)["version"], 1);
    assert_eq!(web_reads(&host.connect(Role::Authz), &bundle).outcome, Outcome::Allow);
    assert!(again.is_running());
    assert!(again.stop(), "it stops in an orderly way");
}

#[test]
fn operators_are_told_why() {
    let (host, _daemon, _bundle) = running();
    let explain = |action: &str, destination: &str, port: &str| AdminRequest::Explain {
        source: "batch".into(),
        destination: destination.into(),
        action: action.into(),
        port: port.into(),
        parameters: if action == "connect" { vec![] } else { vec![("id".into(), Value::Int(1))] },
    };
    let AdminReply::Json(said) = host.operate(Role::Authz, &explain("orders.getOrder", "orders", "")) else { panic!() };
    assert!(said.contains("\"outcome\":\"deny\"") && said.contains("web-reads-orders"), "{said}");
    let AdminReply::Json(said) = host.operate(Role::Authz, &explain("connect", "ledger", "journal")) else { panic!() };
    assert!(said.contains("web-books-in-ledger"), "{said}");
    assert!(reasons(host.operate(Role::Authz, &explain("connect", "ledger", "api"))).contains("journal"));
}

#[test]
fn while_nothing_is_recorded_nothing_is_decided() {
    let (host, _daemon, bundle) = running();
    let wire = host.connect(Role::Authz);
    let asked = question(&bundle, signed(&assertion(&bundle, "web")), "GET");
    let request = AuthzRequest { version: 1, questions: vec![Question { want_grant: false, ..asked }; 256] };
    let batch = || match wire.call(&request, &[]) {
        AuthzReply::Decided(answers) => answers,
        other => panic!("{other:?}"),
    };
    // gate-audit is away: reports wait, until there is no room for another.
    let mut allowed = 0;
    let denied = loop {
        let answers = batch();
        match answers.into_iter().find(|answer| answer.outcome == Outcome::Deny) {
            Some(denied) => break denied,
            None => allowed += 256,
        }
        assert!(allowed < 100_000, "decisions go on without a record");
    };
    assert!(allowed > 50_000, "{allowed}");
    assert_eq!(denied.why, "no decision without a record: the spool of reports is full");
    let status = host.status(Role::Authz);
    assert_eq!(status["record"]["state"], "full");

    let recorder = host.record();
    recorder.find("the gap", |event| matches!(event, Event::Loss { what, .. } if what == "spool"));
    assert_eq!(batch().first().map(|answer| answer.outcome), Some(Outcome::Allow));
}
