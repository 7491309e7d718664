use super::*;
use crate::{Access, FORMAT, Port, PortId, Reach, Rule, Service, Times, Via};

fn selector(pairs: &[(&str, &[&str])]) -> Selector {
    let values = |values: &[&str]| values.iter().map(ToString::to_string).collect();
    pairs.iter().map(|(key, of)| ((*key).to_owned(), values(of))).collect()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn service(id: u32, name: &str, on: Selector) -> Service {
    let port = Port { id: PortId(1), name: "main".into(), number: 80, ..Port::default() };
    let (cgroup, owner) = (format!("{name}.service"), "team".to_owned());
    Service { id: ServiceId(id), name: name.into(), owner, cgroup, on, ports: vec![port], ..Service::default() }
}

fn tables() -> Tables {
    let line = |source: u32, destination: u32| Reach {
        source: ServiceId(source),
        destination: ServiceId(destination),
        port: PortId(1),
        via: Via::Direct,
        rule: 0,
        times: Times::default(),
    };
    let access = |destination: u32, sources: &[u32]| Access {
        destination: ServiceId(destination),
        port: PortId(1),
        action: None,
        permits: vec![0],
        forbids: vec![],
        sources: sources.iter().copied().map(ServiceId).collect(),
    };
    let text = |text: &str| text.to_owned();
    let rule = Rule {
        id: text("r"),
        effect: text("permit"),
        reason: text("x"),
        ticket: text("x"),
        place: text("x:1"),
        condition: None,
    };
    Tables {
        format: FORMAT,
        environment: "demo".into(),
        labels: selector(&[("role", &["web", "data"]), ("site", &["one", "two"])]),
        host: Host::default(),
        issuers: vec![],
        networks: vec![],
        services: vec![
            service(1, "cache", selector(&[("role", &["data"]), ("site", &["one"])])),
            service(2, "web", selector(&[("role", &["web"])])),
        ],
        retired: BTreeMap::new(),
        reach: vec![line(0, 1), line(0, 2), line(1, 2), line(2, 1)],
        access: vec![access(1, &[0, 2]), access(2, &[0, 1])],
        rules: vec![rule],
    }
}

#[test]
fn a_host_takes_what_its_labels_select() {
    let checked = Tables::from_bytes(&tables().to_bytes().unwrap()).unwrap();
    for (own, expected) in [
        (labels(&[]), &[][..]),
        (labels(&[("role", "data")]), &[]),
        (labels(&[("role", "data"), ("site", "two")]), &[]),
        (labels(&[("role", "data"), ("site", "one")]), &["cache"]),
        (labels(&[("role", "web"), ("site", "one")]), &["web"]),
    ] {
        let host = checked.for_host(&own).unwrap();
        let names: Vec<&str> = host.services.iter().map(|service| service.name.as_str()).collect();
        assert_eq!(names, expected, "{own:?}");
        // What is left refers to nothing that is gone.
        let again = Tables::from_bytes(&host.to_bytes().unwrap()).unwrap();
        assert_eq!((again.reach.len(), again.access.len()), (names.len(), names.len()), "only the host reaches it");
        assert!(again.access.iter().all(|line| line.sources == [ServiceId::HOST]));
    }
}

#[test]
fn a_label_that_nobody_declared_is_refused() {
    let refused = |own: &Labels| tables().for_host(own).unwrap_err().to_string();
    assert_eq!(
        refused(&labels(&[("rol", "web")])),
        "the host has the label rol=web; the policy declares no label \"rol\"; it declares role, site"
    );
    assert_eq!(
        refused(&labels(&[("role", "wbe")])),
        "the host has the label role=wbe, which is no value that the policy declares; it declares data, web"
    );
}

#[test]
fn one_port_of_two_services_needs_hosts_of_which_none_has_both() {
    let mut twice = tables();
    twice.services[1].on = selector(&[("site", &["one"])]);
    let refused = Tables::from_bytes(&twice.to_bytes().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("web and cache both declare port 80"), "{refused}");
    twice.services[1].on = selector(&[("site", &["two"])]);
    Tables::from_bytes(&twice.to_bytes().unwrap()).unwrap();
}

#[test]
fn a_section_takes_the_place_of_the_host_s_own() {
    let ssh = Listener { transport: Transport::Tcp, number: 22 };
    let section = |name: &str, on| HostSection { name: name.into(), on, posture: Posture::Deny, failsafe: vec![ssh] };
    let mut tables = tables();
    tables.host.sections = vec![section("data", selector(&[("role", &["data"])]))];
    let host = |tables: &Tables, own: &[(&str, &str)]| tables.for_host(&labels(own)).unwrap().host;
    assert_eq!(host(&tables, &[("role", "data")]).posture, Posture::Deny);
    assert_eq!(host(&tables, &[("role", "data")]).failsafe, [ssh]);
    assert_eq!(host(&tables, &[("role", "web")]), Host::default());
    tables.host.sections.push(section("second", selector(&[("site", &["two"])])));
    let refused = Tables::from_bytes(&tables.to_bytes().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("a host could take the sections data and second"), "{refused}");
}
