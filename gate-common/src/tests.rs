use crate::{
    address::Address,
    event::FlowEvent,
    identity::{BEHALF_OF_HOST, NOT_GOVERNED, PROXY, UNATTESTED, of_behalf, to_behalf},
    maps::*,
    verdict::{NO_RULE, Reason, Verdict, arrive, bind, borrowed, reach, upstream},
};
use core::net::IpAddr;

const WEB: u32 = 1;
const ORDERS: u32 = 2;
const LEDGER: u32 = 3;

const NOBODY: Destination = Destination::NONE;
const NO: Rule = Rule::NONE;

fn destination(service: u32, via: u8) -> Destination {
    Destination { service, port: 1, via, reserved: 0 }
}

fn rule(via: u8) -> Rule {
    Rule { rule: 7, via: u32::from(via), from: 0, until: 0 }
}

#[test]
fn every_row_of_reach() {
    let deny = Verdict::deny;
    for (source, destination, rule, expected) in [
        (NOT_GOVERNED, NOBODY, NO, Verdict::direct(NO_RULE)),
        (WEB, NOBODY, NO, deny(Reason::NoRule)),
        (PROXY, NOBODY, NO, deny(Reason::NoRule)),
        (UNATTESTED, NOBODY, NO, deny(Reason::Unattested)),
        (UNATTESTED, destination(LEDGER, DIRECT), rule(DIRECT), deny(Reason::Unattested)),
        (WEB, destination(LEDGER, DIRECT), rule(DIRECT), Verdict::direct(7)),
        (WEB, destination(LEDGER, DIRECT), NO, deny(Reason::NoRule)),
        (NOT_GOVERNED, destination(LEDGER, DIRECT), NO, deny(Reason::NoRule)),
        (WEB, destination(ORDERS, PROXIED), rule(PROXIED), Verdict::proxy(7)),
        (WEB, destination(ORDERS, PROXIED), rule(DIRECT), deny(Reason::NoRule)),
        (WEB, destination(LEDGER, DIRECT), rule(PROXIED), deny(Reason::NoRule)),
        (WEB, destination(PROXY, HIDDEN), rule(DIRECT), deny(Reason::HiddenPort)),
        (NOT_GOVERNED, destination(PROXY, HIDDEN), NO, deny(Reason::HiddenPort)),
    ] {
        assert_eq!(reach(source, destination, rule, 10), expected, "{source} {destination:?} {rule:?}");
    }
}

#[test]
fn a_rule_holds_from_its_beginning_until_before_its_end() {
    let ledger = destination(LEDGER, DIRECT);
    let late = Verdict::deny(Reason::OutOfTime);
    for (from, until, now, expected) in [
        (0, 20, 19, Verdict::direct(7).ending(20)),
        (0, 20, 20, late),
        (10, 0, 9, late),
        (10, 0, 10, Verdict::direct(7)),
        (10, 20, 10, Verdict::direct(7).ending(20)),
        (10, 20, 21, late),
    ] {
        let timed = Rule { from, until, ..rule(DIRECT) };
        assert_eq!(reach(WEB, ledger, timed, now), expected, "{from} {until} {now}");
    }
    assert_eq!(reach(WEB, ledger, Rule { until: 20, ..NO }, 10), Verdict::deny(Reason::NoRule), "no way is no time");
    let orders = destination(ORDERS, PROXIED);
    let timed = Rule { until: 20, ..rule(PROXIED) };
    assert_eq!(upstream(WEB, orders, timed, 15, 10), Verdict::upstream(7, 15), "the grant ends first");
    assert_eq!(upstream(WEB, orders, timed, 25, 10), Verdict::upstream(7, 20), "the rule ends first");
    assert_eq!(upstream(WEB, orders, timed, 25, 20), late);
    let (soon, later, never) = (Verdict::direct(7).ending(5), Verdict::direct(7).ending(9), Verdict::direct(7));
    for (creator, caller, until) in
        [(soon, later, 5), (later, soon, 5), (never, soon, 5), (soon, never, 5), (never, never, 0)]
    {
        assert_eq!(borrowed(creator, caller).until, until);
    }
}

#[test]
fn every_row_of_upstream() {
    let orders = destination(ORDERS, PROXIED);
    for (behalf, destination, rule, until, expected) in [
        (WEB, orders, rule(PROXIED), 11, Verdict::upstream(7, 11)),
        (WEB, orders, rule(PROXIED), 10, Verdict::deny(Reason::GrantEnded)),
        (WEB, orders, rule(PROXIED), 0, Verdict::deny(Reason::NoGrant)),
        (WEB, orders, NO, 11, Verdict::deny(Reason::NoRule)),
        (NOT_GOVERNED, orders, rule(PROXIED), 11, Verdict::deny(Reason::NoBehalf)),
        (PROXY, orders, rule(PROXIED), 11, Verdict::deny(Reason::NoBehalf)),
        (UNATTESTED, orders, rule(PROXIED), 11, Verdict::deny(Reason::NoBehalf)),
        (BEHALF_OF_HOST, orders, rule(PROXIED), 11, Verdict::upstream(7, 11)),
        (BEHALF_OF_HOST, orders, rule(PROXIED), 10, Verdict::deny(Reason::GrantEnded)),
        (BEHALF_OF_HOST, orders, rule(PROXIED), 0, Verdict::deny(Reason::NoGrant)),
        (BEHALF_OF_HOST, orders, NO, 11, Verdict::deny(Reason::NoRule)),
        (BEHALF_OF_HOST, NOBODY, NO, 11, Verdict::deny(Reason::NoRule)),
        (BEHALF_OF_HOST, destination(PROXY, HIDDEN), NO, 11, Verdict::deny(Reason::HiddenPort)),
        (WEB, destination(LEDGER, DIRECT), rule(DIRECT), 11, Verdict::deny(Reason::NoRule)),
        (WEB, NOBODY, NO, 11, Verdict::deny(Reason::NoRule)),
    ] {
        assert_eq!(upstream(behalf, destination, rule, until, 10), expected, "{behalf} {destination:?} {until:?}");
    }
}

#[test]
fn what_is_said_for_the_host_is_nothing_that_a_socket_starts_with() {
    for source in [NOT_GOVERNED, WEB, ORDERS] {
        assert_eq!(of_behalf(to_behalf(source)), source);
        assert_ne!(to_behalf(source), 0);
    }
}

#[test]
fn a_declared_port_is_its_services_alone() {
    let orders = destination(ORDERS, PROXIED);
    assert_eq!(bind(ORDERS, ORDERS, orders), Verdict::direct(NO_RULE));
    assert_eq!(bind(WEB, WEB, orders), Verdict::deny(Reason::NotOwner));
    assert_eq!(bind(NOT_GOVERNED, NOT_GOVERNED, orders), Verdict::deny(Reason::NotOwner));
    assert_eq!(bind(WEB, ORDERS, orders), Verdict::deny(Reason::Borrowed));
    assert_eq!(bind(PROXY, PROXY, orders), Verdict::deny(Reason::NotOwner));
}

#[test]
fn a_borrowed_socket_needs_both() {
    let (direct, proxy, deny) = (Verdict::direct(7), Verdict::proxy(7), Verdict::deny(Reason::NoRule));
    assert_eq!(borrowed(direct, direct), direct);
    assert_eq!(borrowed(direct, deny), deny);
    assert_eq!(borrowed(deny, direct), deny);
    assert_eq!(borrowed(proxy, proxy), Verdict::deny(Reason::Borrowed));
    assert_eq!(borrowed(Verdict::upstream(7, 1), direct), Verdict::deny(Reason::Borrowed), "the proxy's, by another");
}

#[test]
fn a_flow_arrives_where_its_destination_is_served() {
    let orders = destination(ORDERS, PROXIED);
    let proxied = Verdict::proxy(7);
    let granted = Verdict::upstream(7, 1);
    assert_eq!(arrive(proxied, PROXY, orders), proxied);
    assert_eq!(arrive(proxied, ORDERS, orders), Verdict::deny(Reason::Misdirected), "around the proxy");
    assert_eq!(arrive(granted, ORDERS, orders), granted);
    assert_eq!(arrive(granted, PROXY, orders), Verdict::deny(Reason::Misdirected), "the proxy to itself");
    assert_eq!(arrive(granted, NOT_GOVERNED, orders), Verdict::deny(Reason::Misdirected), "a hijacked port");
    let open = Verdict::direct(NO_RULE);
    assert_eq!(arrive(open, NOT_GOVERNED, NOBODY), open);
    assert_eq!(arrive(open, ORDERS, NOBODY), Verdict::deny(Reason::Undeclared));
}

#[test]
fn one_address_has_one_form() {
    let canonical = |text: &str| Address::from_ip(text.parse::<IpAddr>().unwrap());
    assert_eq!(canonical("::ffff:127.0.0.1"), canonical("127.0.0.1"));
    assert_eq!(canonical("0.0.0.0"), canonical("127.0.0.1"));
    assert_eq!(canonical("::"), canonical("::1"));
    assert_eq!(canonical("::ffff:0.0.0.0"), canonical("127.0.0.1"));
    assert_ne!(canonical("::1"), canonical("127.0.0.1"));
    assert!(canonical("127.8.9.10").is_loopback());
    assert!(canonical("::1").is_loopback());
    assert!(!canonical("64:ff9b::7f00:1").is_loopback());
    assert_eq!(canonical("192.0.2.7").ip(), "192.0.2.7".parse::<IpAddr>().unwrap());
    assert_eq!(canonical("2001:db8::1").ip(), "2001:db8::1".parse::<IpAddr>().unwrap());
}

#[test]
fn bytes_and_back() {
    let event = FlowEvent {
        time: 1,
        active: 2,
        from: Address::v4(3),
        to: Address::v6(4, 5, 6, 7),
        from_port: 8,
        to_port: 9,
        hook: 10,
        reason: 11,
        outcome: 12,
        transport: 13,
        source: 14,
        behalf: 15,
        destination: 16,
        uid: 17,
        rule: 18,
        caller: 19,
    };
    assert_eq!(FlowEvent::from_bytes(&event.to_bytes()), event);
    assert_eq!(event.to_bytes()[0..8], 1u64.to_ne_bytes());
}

#[test]
fn reasons_have_the_number_that_they_cross_the_boundary_with() {
    for (number, reason) in Reason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, number);
        assert_eq!(Reason::from_number(number as u8), Some(reason));
    }
    assert_eq!(Reason::from_number(20), None);
}

#[test]
fn the_active_word_holds_version_and_copy() {
    let active = Active::new(5, 1);
    assert_eq!((active.version(), active.copy()), (5, 1));
}
