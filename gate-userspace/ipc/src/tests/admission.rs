use crate::{Admission, Caller, Peer};
use gate_host::{HostConfig, Role};

fn config() -> HostConfig {
    let roles = ["loader", "net", "proxy", "authn", "authz", "audit"].iter().enumerate().map(|(index, role)| {
        format!("[role.{role}]\nuid = {0}\ngid = {0}\ncgroup = \"gate.slice/gate-{role}.service\"\n", 900 + index)
    });
    let text = format!(
        "host = \"h1\"\nenvironment = \"test\"\ncgroup_root = \"/sys/fs/cgroup\"\nrun_dir = \"/run/gate\"\n\
         state_dir = \"/var/lib/gate\"\nkeys_dir = \"/etc/gate/keys\"\n\
         [enrolled]\nduties_sha256 = \"{}\"\n[operators]\ngids = [70]\nuids = [0]\n[proxy]\nport = 15001\n{}",
        "0".repeat(64),
        roles.collect::<String>()
    );
    HostConfig::parse(&text).unwrap()
}

fn peer(uid: u32, cgroup: Option<&str>) -> Peer {
    Peer { uid, gid: uid, groups: Vec::new(), pid: 1, cgroup: cgroup.map(str::to_owned) }
}

fn proxy(cgroup: Option<&str>) -> Result<Caller, String> {
    Admission::roles(&config(), &[Role::Proxy]).admit(&peer(902, cgroup)).map_err(|rejection| rejection.found)
}

#[test]
fn a_role_needs_its_user_and_exactly_its_cgroup() {
    assert_eq!(proxy(Some("gate.slice/gate-proxy.service")), Ok(Caller::Role(Role::Proxy)));
    for wrong in
        ["", "gate.slice", "gate.slice/gate-proxy.service/child", "gate.slice/gate-proxy.service2", "web.service"]
    {
        let found = proxy(Some(wrong)).unwrap_err();
        assert!(found.contains("its cgroup is \"gate.slice/gate-proxy.service\""), "{found}");
    }
    assert!(proxy(None).unwrap_err().contains("outside of cgroup_root"));
}

#[test]
fn the_cgroup_alone_admits_nobody() {
    let admission = Admission::roles(&config(), &[Role::Proxy]);
    for uid in [0, 1000] {
        let found = admission.admit(&peer(uid, Some("gate.slice/gate-proxy.service"))).unwrap_err().found;
        assert_eq!(found, format!("uid {uid} is no role's"));
    }
}

#[test]
fn another_role_is_not_admitted() {
    let admission = Admission::roles(&config(), &[Role::Proxy]);
    let found = admission.admit(&peer(903, Some("gate.slice/gate-authn.service"))).unwrap_err().found;
    assert_eq!(found, "gate-authn does not call this socket");
}

#[test]
fn operators_come_by_user_or_by_group() {
    let admission = Admission::operators(&config());
    let in_group = Peer { groups: vec![5, 70], ..peer(1000, None) };
    let primary = Peer { gid: 70, ..peer(1000, None) };
    for operator in [peer(0, None), in_group, primary] {
        assert_eq!(admission.admit(&operator), Ok(Caller::Operator { uid: operator.uid }));
    }
    assert!(admission.admit(&peer(1000, None)).unwrap_err().found.contains("no operator"));
}

#[test]
fn no_role_operates_although_its_user_is_in_the_group() {
    let admission = Admission::operators(&config());
    let proxy = Peer { groups: vec![70], ..peer(902, Some("gate.slice/gate-proxy.service")) };
    assert_eq!(admission.admit(&proxy).unwrap_err().found, "uid 902 is gate-proxy's; a role is no operator");
}

#[test]
fn operators_are_no_role() {
    let found = Admission::roles(&config(), &Role::ALL).admit(&peer(0, None)).unwrap_err().found;
    assert_eq!(found, "uid 0 is no role's");
}
