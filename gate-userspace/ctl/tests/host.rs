//! What gatectl says where no daemon answers.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows functions marked as tests, not what they call"
)]

mod support;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use support::{Place, run};

/// A host's configuration that is sound, and a first bundle.
fn host() -> Place {
    let place = Place::new();
    let path = |name: &str| place.path(name).display().to_string();
    let mut text = format!(
        "host = \"h1\"\nenvironment = \"demo\"\ncgroup_root = \"/sys/fs/cgroup\"\nrun_dir = \"{}\"\nstate_dir = \"{}\"\n\
         keys_dir = \"{}\"\n\n[enrolled]\nduties_sha256 = \"{}\"\n\n[operators]\ngids = [2130000900]\nuids = [0]\n\n\
         [proxy]\nport = 15001\nworkers = 1\n",
        path("run"),
        path("state"),
        path("keys"),
        "0".repeat(64)
    );
    for (number, role) in ["loader", "net", "proxy", "authn", "authz", "audit"].into_iter().enumerate() {
        let id = 2_130_000_000 + number;
        text += &format!("\n[role.{role}]\nuid = {id}\ngid = {id}\ncgroup = \"gate.slice/gate-{role}.service\"\n");
    }
    fs::write(place.path("gate.toml"), text).unwrap();
    fs::set_permissions(place.path("gate.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir_all(place.path("run/admin")).unwrap();
    place.signed("one.gate", "");
    place
}

/// Somebody listens at a role's operators' socket.
fn listener(place: &Place, role: &str) -> OwnedFd {
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let path = place.path(&format!("run/admin/{role}.sock"));
    bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    listen(&socket, 8).unwrap();
    socket
}

#[test]
fn no_configuration() {
    let place = Place::new();
    for command in ["status", "explain web orders.getOrder", "audit tail", "bundle load alice.pub"] {
        let ran = place.gatectl(&format!("{command} --config none/gate.toml")).code(2);
        ran.complains("none: cannot be read: No such file or directory").complains("is Gate installed on this host?");
    }
}

#[test]
fn questions_that_cannot_be_asked() {
    let place = Place::new();
    let ask = |question: &str| place.gatectl(&format!("explain {question} --config none"));
    ask("web getOrder orders").code(2).complains("write a route as SERVICE.ROUTE (orders.getOrder?)");
    ask("web getOrder").code(2).complains("\"getOrder\" is no action");
    ask("web connect").code(2).complains("connect to what?");
    ask("web connect ledger --param id=1").code(2).complains("a connection has no parameters");
    ask("web orders.getOrder ledger").code(2).complains("is one of \"orders\", not of \"ledger\"");
    ask("web orders.getOrder --param id").code(2).complains("write NAME=VALUE, such as id=1");
    place.gatectl("statsu").code(2).complains("status");
    place.gatectl("").code(2);
    for help in ["--help", "status --help", "bundle load --help", "policy check --help"] {
        place.gatectl(help).code(0).says("Exit codes: 0 all is well; 1 refused, denied");
    }
}

#[test]
#[ignore = "needs root"]
fn nobody_answers() {
    let place = host();
    let socket = |role: &str| place.path(&format!("run/admin/{role}.sock")).display().to_string();
    let ran = place.gatectl("status --config gate.toml").code(2).says("gate-net    down");
    ran.says(&format!("gate-net: nothing is at {}; start gate-net.service", socket("net"))).says("L7 ports refuse");
    let ran = place.gatectl("explain web orders.getOrder --config gate.toml").code(2);
    ran.complains(&socket("net")).complains(&socket("authz"));
    place.gatectl("audit tail --config gate.toml").code(2).complains(&socket("audit"));
    let ran = place.gatectl("bundle load one.gate --config gate.toml").code(2);
    ran.says("gate-authz  did not stage: nothing is at").says("not loaded: nothing was activated");
    let ran = place.gatectl("bundle load one.gate --confirm 1m --config gate.toml").code(2);
    ran.says("not loaded: nothing was activated");
    for act in ["confirm", "abandon", "revert --key alice"] {
        place.gatectl(&format!("bundle {act} --config gate.toml")).code(2).complains(&socket("authz"));
    }
    fs::write(place.path("back"), "{}\n").unwrap();
    place.gatectl("bundle revert --statement back --config gate.toml").code(2).complains("back: the statement is not");
    // A process that ended leaves its socket behind.
    drop(listener(&place, "net"));
    place.gatectl("status --config gate.toml").code(2).says("gate-net: nobody listens at");
}

#[test]
#[ignore = "needs root"]
fn an_impostor_gets_no_question() {
    let place = host();
    let _impostor = listener(&place, "audit");
    let ran = place.gatectl("audit tail --config gate.toml").code(2);
    ran.complains("uid 0 listens, it must be uid 2130000005");
}

#[test]
#[ignore = "needs root"]
fn who_is_no_operator_is_told_so() {
    let place = host();
    let _net = listener(&place, "net");
    for (name, mode) in [("", 0o755), ("run/admin/net.sock", 0o700)] {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    // Where the tests were built, others may not go.
    fs::copy(env!("CARGO_BIN_EXE_gatectl"), place.path("gatectl")).unwrap();
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(place.path("gatectl"));
    let ran = run(command.arg("status").arg("--config").arg(place.path("gate.toml"))).code(2);
    ran.says("gate-net    not for you").says("you may not use").says("operators.gids = [2130000900]");
}

/// A snapshot of the first bundle, signed by both.
fn snapshot(place: &Place) -> String {
    for sign in ["--as author --key alice", "--as approver --key bob"] {
        place.gatectl(&format!("bundle snapshot one.gate --out one.snapshot {sign}")).code(0);
    }
    let (_, shown) = place.json("bundle show one.gate");
    shown["files"]["policy/duties.toml"].as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs root"]
fn a_host_is_enrolled_once_and_with_what_fits() {
    let place = host();
    let duties = snapshot(&place);
    fs::create_dir(place.path("keys")).unwrap();
    let enroll = |more: &str| place.gatectl(&format!("host enroll --config gate.toml {more}"));
    let before = fs::read(place.path("gate.toml")).unwrap();
    enroll(&format!("--environment demo --duties {}", &duties[1..])).code(2).complains("64 lower-case hexadecimal");
    let ran = enroll(&format!("--environment prod --duties {} --snapshot one.snapshot", "1".repeat(64))).code(1);
    ran.complains("is for environment demo, --environment is prod")
        .complains(&format!("is by duties {duties}, --duties is 1111"))
        .complains("nothing was enrolled");
    enroll(&format!("--environment demo --duties {duties} --snapshot one.gate"))
        .code(2)
        .complains("one.gate: the statement");
    assert_eq!(fs::read(place.path("gate.toml")).unwrap(), before);
    assert!(!place.path("keys/enrolled.snapshot").exists());

    let good = format!("--environment demo --duties {duties}");
    enroll(&format!("{good} --snapshot one.snapshot")).code(0).says("first        version 1, bundle");
    let text = fs::read_to_string(place.path("gate.toml")).unwrap();
    assert!(text.contains(&format!("duties_sha256 = \"{duties}\"")), "{text}");
    assert_eq!(text.lines().count(), String::from_utf8(before).unwrap().lines().count());
    let kept = fs::read(place.path("keys/enrolled.snapshot")).unwrap();
    assert_eq!(kept, fs::read(place.path("one.snapshot")).unwrap());
    // Without one, the host begins at version 1: an old snapshot does not stay behind.
    enroll(&good).code(0).says("version 1, with exactly these duties");
    assert!(!place.path("keys/enrolled.snapshot").exists());

    fs::create_dir_all(place.path("state/net/bundles/chain")).unwrap();
    enroll(&good).code(0);
    fs::write(place.path("state/net/bundles/chain/1.tar"), "").unwrap();
    let ran = enroll(&format!("{good} --snapshot one.snapshot")).code(1);
    ran.complains("state/net/bundles/chain: there is a chain of bundles already");
}

#[test]
#[ignore = "needs root"]
fn a_stale_snapshot_is_not_enrolled() {
    let place = host();
    fs::create_dir(place.path("keys")).unwrap();
    place.gatectl("bundle snapshot one.gate --out one.snapshot --as author --key alice --not-after 1s").code(0);
    let (_, shown) = place.json("bundle show one.gate");
    let duties = shown["files"]["policy/duties.toml"].as_str().unwrap().to_owned();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut ran = place.gatectl("host enroll");
    while std::time::Instant::now() < end {
        let words =
            format!("host enroll --config gate.toml --environment demo --duties {duties} --snapshot one.snapshot");
        ran = place.gatectl(&words);
        if ran.code == 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    ran.code(1).complains("the snapshot is stale: a host could begin with it until");
}

#[test]
#[ignore = "needs root"]
fn a_configuration_with_typos() {
    let place = host();
    place.edit("gate.toml", "run_dir", "rundir");
    place.edit("gate.toml", "port = 15001", "port = 150010");
    let ran = place.gatectl("status --config gate.toml").code(2);
    ran.complains("gate.toml:4: ").complains("gate.toml:").complains("150010");
    fs::set_permissions(place.path("gate.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    place.gatectl("status --config gate.toml").code(2).complains("has mode 0666");
}
