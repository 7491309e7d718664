//! What a policy may say and this version's kernel programs do not enforce: refused where more would be allowed than the
//! bundle says, denied where less is.

use anyhow::ensure;
use gate_tests::{Policy, left_out, shared};
use std::fs;

/// A service with a UDP port, and a network; web may reach both.
const SERVICES: &str = r#"
[network.lan]
addresses = ["192.0.2.0/24"]
ports = ["tcp/80", "udp/53"]
owner = "team-network"

[service.resolver]
cgroup = "resolver.service"
owner = "team-network"

[service.resolver.port.dns]
listen = "udp/5353"
"#;
const RULES: &str = r#"
@id("web-resolves") @reason("a test") @ticket("OPS-1")
permit (principal == Service::"web", action == Action::"connect", resource == Port::"resolver:udp/5353");
@id("web-reaches-the-lan") @reason("a test") @ticket("OPS-2")
permit (principal == Service::"web", action == Action::"connect", resource in Network::"lan");
"#;

#[test]
fn what_would_be_allowed_more_refuses_the_bundle_with_the_reason() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let shop = host.policy.clone();
    let narrowed = |key: &str| {
        let cgroup = "cgroup = \"web.service\"";
        shop.clone().replace("services.toml", cgroup, &format!("{cgroup}\n{key}"))
    };
    let cases: [(Policy, &str); 3] = [
        (narrowed("uid = 998")?, "narrowed by uid"),
        (narrowed("exe = \"/usr/bin/web\"")?, "narrowed by exe"),
        (shop.clone().with("services.toml", "\n[host]\nposture = \"deny\"\nfailsafe = [\"tcp/22\"]\n"), "posture"),
    ];
    let version = host.bundle()?.manifest().version();
    for (policy, why) in cases {
        let refused = host.publish(policy);
        fs::remove_file(host.bundle_file(version + 1))?;
        let refused = refused.err().map(|error| format!("{error:#}")).unwrap_or_default();
        ensure!(refused.contains(why), "{why}: {refused:?}");
    }
    ensure!(host.bundle()?.manifest().version() == version, "another bundle is in force");
    let came = host.attempt("web", &["connect", "127.0.0.1:9000"])?;
    ensure!(came.worked_with("booked 1"), "what was in force still is: {came}");
    Ok(())
}

#[test]
fn udp_and_networks_are_denied_although_a_rule_permits_them() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let shop = host.policy.clone();
    host.publish(shop.clone().with("services.toml", SERVICES).with("shop.cedar", RULES))?;
    let mut tried = Vec::new();
    for words in [
        ["datagram", "127.0.0.1:5353"],
        ["datagram", "192.0.2.53:53"],
        ["connect", "192.0.2.80:80"],
        // The number of a UDP port is no TCP port of that service.
        ["connect", "127.0.0.1:5353"],
    ] {
        tried.push((words, host.attempt("web", &words)?));
    }
    host.publish(shop)?;
    for (words, came) in tried {
        let call = if words[0] == "datagram" { "sendto" } else { "connect" };
        ensure!(came.is(call, "EPERM"), "{words:?}: {came}");
    }
    Ok(())
}
