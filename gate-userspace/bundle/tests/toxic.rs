//! What nobody may hold together, exceptions that end, and names that mean nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use gate_tables::{ServiceId, Tables};
use support::shop::{self, BATCH, LEDGER, ORDERS, about, line, with};
use support::*;

/// 2027-01-20 is five days after [`NOW`].
const UNTIL: &str = "2027-01-20";
const DAY: u64 = 86_400;

fn toxic(holder: &str) -> String {
    format!(
        "[[toxic]]\nid = \"order-and-book\"\nreason = \"who orders does not book\"\nactions = [\"orders.create\", \
         \"connect ledger:main\"]\nholder = \"{holder}\"\n"
    )
}

fn exception(holder: &str) -> String {
    format!(
        "[[exception]]\ntoxic = \"order-and-book\"\nholder = \"{holder}\"\nowner = \"team-risk\"\nticket = \"RISK-7\"\n\
         until = {UNTIL}\n"
    )
}

fn duties_with(more: &[String]) -> String {
    duties(1) + &more.concat()
}

const EVERYBODY: [(Role, u8); 2] = [AUTHOR, APPROVER];

/// A first bundle with these duties and tables, at that time.
fn try_first(duties: &str, tables: &Tables, now: u64) -> Result<Admitted, Vec<String>> {
    let bundle = Bundle::unsigned(
        Draft { not_after: now + 1, ..draft(None) },
        shop::bundle(duties, tables, None).files().clone(),
    );
    let bundle = signed(&bundle.unwrap(), &EVERYBODY);
    match admit(&bundle, None, &root(duties), ENVIRONMENT, now) {
        Ok(Admission::Admitted(admitted)) => Ok(admitted),
        Ok(Admission::AlreadyActive) => panic!("there is none"),
        Err(refusal) => {
            let tar = admit_tar(bundle.to_tar().as_slice(), &Limits::default(), None, &root(duties), ENVIRONMENT, now);
            assert_eq!(tar.unwrap_err(), refusal);
            Err(refusal.reasons().iter().map(ToString::to_string).collect())
        }
    }
}

/// The same tables after `first`, by everybody.
fn follow(first: &Admitted, duties: &str, tables: &Tables, now: u64) -> Result<Admitted, Vec<String>> {
    let draft = Draft { not_after: now + 1, ..draft(Some(first)) };
    let bundle = Bundle::unsigned(draft, shop::bundle(duties, tables, Some(first)).files().clone()).unwrap();
    let trust = root("any");
    match admit(&signed(&bundle, &EVERYBODY), Some(first), &trust, ENVIRONMENT, now) {
        Ok(Admission::Admitted(admitted)) => Ok(admitted),
        other => Err(other.unwrap_err().reasons().iter().map(ToString::to_string).collect()),
    }
}

/// The shop, where web does not book.
fn apart() -> Tables {
    with(|tables| about(tables, None).sources = vec![BATCH])
}

#[test]
fn no_service_holds_a_toxic_combination() {
    let duties = duties_with(&[toxic("service")]);
    let told = try_first(&duties, &shop::tables(), NOW).unwrap_err();
    let expected = "toxic combination \"order-and-book\" (who orders does not book): service web holds connect \
                    ledger:main (web by f-web-books), orders.create (web by b-web-writes); take one away, or have an \
                    [[exception]] in policy/duties.toml";
    assert_eq!(told, [expected]);
    assert!(try_first(&duties, &apart(), NOW).is_ok());
    // A rule with a condition may permit it.
    let conditional = with(|tables| tables.access.push(line(ORDERS, Some("orders.create"), [&[3], &[]], &[BATCH])));
    let both = [toxic("service"), exception("web")];
    assert!(try_first(&duties_with(&both), &conditional, NOW).is_ok());
    let host = with(|tables| {
        about(tables, None).sources = vec![ServiceId(0)];
        about(tables, Some("orders.create")).sources = vec![ServiceId(0)];
    });
    assert!(try_first(&duties, &host, NOW).unwrap_err()[0].contains("service host holds"));
}

#[test]
fn nor_do_the_services_of_one_owner_together() {
    let duties = duties_with(&[toxic("owner")]);
    assert!(try_first(&duties, &apart(), NOW).is_ok(), "team-batch books, team-web orders");
    let mut shared = apart();
    shared.services[0].owner = "team-web".into();
    let told = try_first(&duties, &shared, NOW).unwrap_err();
    let expected =
        "owner team-web holds connect ledger:main (batch by f-web-books), orders.create (web by b-web-writes)";
    assert!(told[0].contains(expected), "{told:?}");
    assert!(try_first(&duties_with(&[toxic("service")]), &shared, NOW).is_ok());
}

#[test]
fn an_addition_that_completes_one_is_refused_however_many_signed() {
    let duties = duties_with(&[toxic("service")]);
    let first = try_first(&duties, &apart(), NOW).unwrap();
    assert_eq!(follow(&first, &duties, &shop::tables(), NOW).unwrap_err().len(), 1);
    // Together with duties that allow it, signed by those who may change them.
    assert!(follow(&first, &duties_with(&[toxic("service"), exception("web")]), &shop::tables(), NOW).is_ok());
    // Duties that forbid what is there are refused, too: they would be wrong from the first moment.
    let free = try_first(&self::duties(1), &shop::tables(), NOW).unwrap();
    assert!(follow(&free, &duties, &shop::tables(), NOW).is_err());
    assert!(follow(&free, &duties, &apart(), NOW).is_ok());
}

#[test]
fn an_exception_ends_and_then_blocks_all_but_removals() {
    let duties = duties_with(&[toxic("service"), exception("web")]);
    let last = 1_800_489_599;
    let first = try_first(&duties, &shop::tables(), NOW).unwrap();
    let remarked = with(|tables| tables.rules[0].reason = "other words".into());
    assert!(follow(&first, &duties, &remarked, last).is_ok());
    let told = follow(&first, &duties, &remarked, last + 1).unwrap_err();
    let expected = "policy/duties.toml: the exception of toxic \"order-and-book\" for web ended on 2027-01-20 (team-risk, \
                    RISK-7); take access away, or agree on another day";
    assert_eq!(told, [expected]);
    // Whoever takes something away is not kept from it, by this or by what it makes idle.
    let less = with(|tables| tables.access.retain(|line| line.sources != [BATCH]));
    assert!(follow(&first, &duties, &less, last + DAY).is_ok());
    let mended = with(|tables| tables.access.retain(|line| line.destination != LEDGER));
    let mended = follow(&first, &duties, &mended, last + DAY).unwrap();
    // The next addition has to tidy up.
    let told = follow(&mended, &duties, &apart(), NOW).unwrap_err();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("for \"web\" fits nobody who holds it; remove it"), "{told:?}");
    assert!(follow(&mended, &duties_with(&[toxic("service")]), &apart(), NOW).is_ok());
}

#[test]
fn an_exception_that_ended_does_not_stop_what_runs() {
    let duties = duties_with(&[toxic("service"), exception("web")]);
    let dir = tempfile::tempdir().unwrap();
    let open = || Store::open(dir.path(), root(&duties), ENVIRONMENT, Limits::default(), &clock(0)).unwrap();
    let mut store = open();
    let files = shop::bundle(&duties, &shop::tables(), None).files().clone();
    let bundle = Bundle::unsigned(Draft { not_after: NOW + 30 * DAY, ..draft(None) }, files).unwrap();
    let bundle = signed(&bundle, &EVERYBODY);
    // Not even between staging and activation.
    store.stage(bundle.to_tar().as_slice(), NOW).unwrap();
    let late = store.activate(bundle.digest(), NOW + 10 * DAY).unwrap_err();
    assert!(late.to_string().contains("ended on 2027-01-20"), "{late}");
    assert!(store.current().is_none());
    store.stage(bundle.to_tar().as_slice(), NOW).unwrap();
    store.activate(bundle.digest(), NOW).unwrap();
    drop(store);
    assert_eq!(open().current().unwrap().digest(), bundle.digest());
}

#[test]
fn an_exception_for_nobody_and_an_action_of_nobody_are_errors() {
    for holder in ["wbe", "batch", "team-web"] {
        let told = try_first(&duties_with(&[toxic("service"), exception(holder)]), &apart(), NOW).unwrap_err();
        assert!(told[0].contains(&format!("for {holder:?} fits nobody")), "{told:?}");
    }
    for wrong in ["orders.craete", "connect ledger", "connect orders:api", "connect ledger:mian", "orders:all"] {
        let duties = duties_with(&[toxic("service").replace("orders.create", wrong)]);
        let told = try_first(&duties, &shop::tables(), NOW).unwrap_err();
        assert!(
            told[0].contains(&format!("names {wrong:?}, which no service has; write a route's action")),
            "{told:?}"
        );
    }
    // A route that is taken away takes its part with it.
    let duties = duties_with(&[toxic("service")]);
    let first = try_first(&duties, &apart(), NOW).unwrap();
    let gone = with(|tables| {
        *tables = apart();
        tables.access.retain(|line| line.action.as_deref() != Some("orders.create"));
        tables.services[2].ports[0].routes.remove(0);
    });
    let second = follow(&first, &duties, &gone, NOW).unwrap();
    assert!(follow(&second, &duties, &gone, NOW).unwrap_err()[0].contains("names \"orders.create\""));
}

#[test]
fn they_are_written_in_one_way() {
    let told = |text: &str| {
        let problems = Duties::parse((duties(1) + text).as_bytes()).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let both = toxic("service") + &exception("web");
    assert!(Duties::parse((duties(1) + &both).as_bytes()).is_ok());
    for (right, wrong, expected) in [
        (
            "holder = \"service\"",
            "holder = \"team\"",
            "duties.toml:19: holder of the toxic is \"team\"; write \"service\", \"group\", \"owner\" or \"role\"",
        ),
        ("holder = \"service\"\n", "", "holder of the toxic is missing; write \"service\", \"group\", \"owner\" or"),
        ("id = \"order-and-book\"\n", "", "id of the toxic is missing; write id = \"…\""),
        ("\"orders.create\", ", "", "one action is no combination; write two or more"),
        ("\"orders.create\"", "\"connect ledger:main\"", "the action \"connect ledger:main\" is there twice"),
        ("actions", "action", "unknown key \"action\" of a toxic; known are id, reason, actions, holder"),
        ("[[toxic]]", "[toxic]", "toxic is a table; write [[toxic]], at most 128"),
        (
            "toxic = \"order-and-book\"",
            "toxic = \"order\"",
            "the exception is of toxic \"order\", which is not in this file",
        ),
        (
            UNTIL,
            "\"2027-01-20\"",
            "until of the exception is \"2027-01-20\"; write a day without quotes: until = 2027-03-31",
        ),
        (UNTIL, "2027-01-20T00:00:00Z", "until of the exception is a datetime; write a day"),
        (UNTIL, "1969-12-31", "until of the exception is a datetime; write a day"),
        ("ticket = \"RISK-7\"", "ticket = \"\"", "ticket of the exception is \"\"; write 1 to 200 bytes"),
        ("owner = \"team-risk\"\n", "", "owner of the exception is missing"),
    ] {
        assert!(both.contains(right), "{right}");
        let found = told(&both.replacen(right, wrong, 1));
        assert!(found.contains(expected), "{expected:?} is not in:\n{found}");
    }
    assert!(told(&(toxic("owner") + &toxic("service"))).contains("toxic \"order-and-book\" is there twice"));
    assert!(told(&(both + &exception("web"))).contains("for \"web\" is there twice"));
}

#[test]
fn days_end_when_they_end() {
    for (day, second) in [
        ("1970-01-01", DAY - 1),
        ("2000-02-29", 951_868_799),
        ("2027-01-20", 1_800_489_599),
        ("2100-03-01", 4_107_628_799),
    ] {
        let text = duties_with(&[toxic("service"), exception("web").replace(UNTIL, day)]);
        let duties = Duties::parse(text.as_bytes()).unwrap();
        let until = duties.exceptions()[0].until();
        assert_eq!((until.to_string().as_str(), until.last_second()), (day, second));
    }
}
