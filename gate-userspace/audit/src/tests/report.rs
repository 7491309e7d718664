use super::{decision, enforcement, flow, grant, report};
use crate::{Refused, accept};
use gate_host::Role;
use gate_record::{Event, Outcome};

fn judge(role: Role, event: Event) -> Result<(), String> {
    accept(role, &serde_json::to_vec(&report(event)).unwrap()).map(drop).map_err(|Refused(found)| found)
}

#[test]
fn nobody_reports_what_another_role_alone_can_know() {
    let session = Event::Session {
        session: String::new(),
        source: String::new(),
        uid: 0,
        to: ([127, 0, 0, 1], 1).into(),
        attested_by: "kernel".into(),
    };
    for (event, reporter) in [
        (decision("x", Outcome::Allow), Role::Authz),
        (enforcement(None, None, "", ""), Role::Proxy),
        (flow("web", Outcome::Allow), Role::Net),
        (grant("x", Outcome::Allow), Role::Net),
        (Event::Closed { count: 1, why: String::new() }, Role::Net),
        (session, Role::Authn),
        (Event::Mismatch { found: String::new() }, Role::Audit),
    ] {
        for role in Role::ALL {
            let judged = judge(role, event.clone());
            match role == reporter {
                true => assert_eq!(judged, Ok(())),
                false => assert!(judged.unwrap_err().contains("which is not its to report"), "{role} {event:?}"),
            }
        }
    }
}

#[test]
fn everybody_reports_its_own_life() {
    for role in Role::ALL {
        for event in [Event::Stop {}, Event::Heartbeat {}, Event::Administration { uid: 0, act: String::new() }] {
            assert_eq!(judge(role, event), Ok(()));
        }
    }
}

#[test]
fn what_is_no_report_is_refused() {
    let good = serde_json::to_string(&report(Event::Stop {})).unwrap();
    assert!(accept(Role::Net, good.as_bytes()).is_ok());
    for bad in [
        String::new(),
        "{}".into(),
        format!("{good}{good}"),
        good.replace("\"stop\"", "\"stopped\""),
        good.replace("\"version\"", "\"role\":\"authz\",\"version\""),
        good.replace("\"type\"", "\"role\":\"authz\",\"type\""),
    ] {
        let Refused(found) = accept(Role::Net, bad.as_bytes()).unwrap_err();
        assert!(found.starts_with("a report that is none"), "{bad}: {found}");
    }
    let Refused(found) = accept(Role::Net, good.replace("abab", "ABAB").as_bytes()).unwrap_err();
    assert!(found.contains("which is no digest"), "{found}");
}
