use super::*;
use ed25519_dalek::Verifier;
use rustix::process::geteuid;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const GOOD: &str = r#"host = "h1"
environment = "demo"
cgroup_root = "/sys/fs/cgroup"
run_dir = "/run/gate"
state_dir = "/var/lib/gate"
keys_dir = "/etc/gate/keys"

[enrolled]
duties_sha256 = "00000000000000000000000000000000000000000000000000000000000000ff"

[operators]
gids = [900]
uids = [0]

[proxy]
port = 15001
workers = 0

[role.loader]
uid = 0
gid = 0
cgroup = "gate.slice/gate-loader.service"

[role.net]
uid = 801
gid = 801
cgroup = "gate.slice/gate-net.service"

[role.proxy]
uid = 802
gid = 802
cgroup = "gate.slice/gate-proxy.service"

[role.authn]
uid = 803
gid = 803
cgroup = "gate.slice/gate-authn.service"

[role.authz]
uid = 804
gid = 804
cgroup = "gate.slice/gate-authz.service"

[role.audit]
uid = 805
gid = 805
cgroup = "gate.slice/gate-audit.service"
"#;

fn me() -> u32 {
    geteuid().as_raw()
}

fn problems(text: &str) -> Vec<String> {
    let found = HostConfig::parse(text).expect_err("the configuration is wrong");
    found.into_iter().map(|problem| format!("{}: {}", problem.line, problem.message)).collect()
}

/// `GOOD` with a change, which must be a change.
fn with(from: &str, to: &str) -> String {
    let changed = GOOD.replacen(from, to, 1);
    assert_ne!(changed, GOOD, "{from:?} is not in the sample");
    changed
}

fn write(directory: &TempDir, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn a_good_configuration_gives_every_path_and_role() {
    let config = HostConfig::parse(GOOD).unwrap();
    assert_eq!(config.host(), "h1");
    assert_eq!(config.environment(), "demo");
    assert_eq!(config.socket(Role::Net), Path::new("/run/gate/net.sock"));
    assert_eq!(config.admin_socket(Role::Authz), Path::new("/run/gate/admin/authz.sock"));
    assert_eq!(config.state_dir(Role::Audit), Path::new("/var/lib/gate/audit"));
    assert_eq!(config.bpffs_dir(), Path::new("/run/gate/bpf"));
    assert_eq!(config.cgroup_dir(Role::Proxy), Path::new("/sys/fs/cgroup/gate.slice/gate-proxy.service"));
    assert_eq!(config.enrolled().duties_sha256[31], 0xff);
    assert_eq!(config.landlock(), LandlockNeed::Required);
    for role in Role::ALL {
        assert_eq!(config.role(role).role, role);
        assert_eq!(config.role_of_uid(config.role(role).uid), Some(role));
        assert_eq!(Role::from_name(role.name()), Some(role));
    }
    assert_eq!(config.role_of_uid(4711), None);
    assert!(config.is_operator(0, &[]) && config.is_operator(5000, &[100, 900]));
    assert!(!config.is_operator(5000, &[100, 801]));
}

#[test]
fn all_errors_are_reported_at_once_with_their_lines() {
    let text = GOOD
        .replace("run_dir = \"/run/gate\"", "run_dir = \"run/../gate\"")
        .replace("port = 15001", "port = 0\nprot = 1")
        .replace("uid = 803", "uid = \"authn\"")
        .replace("host = \"h1\"\n", "");
    let found = problems(&text);
    assert_eq!(found.len(), 5, "{found:#?}");
    assert_eq!(found[0], "1: `host` is missing");
    assert!(found[1].starts_with("3: `run_dir` is \"run/../gate\"; it must be an absolute path"), "{}", found[1]);
    assert_eq!(found[2], "15: `proxy.port` is 0; it must be a TCP port, 1 to 65535");
    assert_eq!(found[3], "16: `proxy.prot` is not known; known here: `port`, `workers`");
    assert!(found[4].starts_with("35: `role.authn.uid` is a string"), "{}", found[4]);
}

#[test]
fn labels_are_read_and_checked() {
    assert!(HostConfig::parse(GOOD).unwrap().labels().is_empty());
    let labels = |text: &str| with("[enrolled]", &format!("{text}\n[enrolled]"));
    for text in ["[labels]\nrole = \"web\"\nsite = \"b-2\"", "labels = { site = \"b-2\", role = \"web\" }"] {
        let config = HostConfig::parse(&labels(text)).unwrap();
        let found: Vec<_> = config.labels().iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, [("role", "web"), ("site", "b-2")]);
    }
    let found = problems(&labels("labels = { Role = \"web\", role = [\"web\"], site = \"\", \"a b\" = \"B\" }"));
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found.iter().all(|problem| problem.starts_with("8: `labels.")), "{found:#?}");
    assert!(found.iter().any(|problem| problem.contains("`labels.role` is a array")), "{found:#?}");
    assert_eq!(problems(&labels("labels = \"web\"")), ["8: `labels` is a string; it must be a table"]);
}

#[test]
fn a_syntax_error_names_its_line() {
    let found = problems(&with("gids = [900]", "gids = [900"));
    assert_eq!(found.len(), 1, "one cause, one message: {found:?}");
    assert!(found[0].starts_with("13: "), "where the list should have ended: {found:?}");
}

#[test]
fn an_unknown_section_or_role_is_an_error() {
    assert!(problems(&format!("{GOOD}\n[role.root]\nuid = 1\n"))[0].contains("`role.root` is not known"));
    assert!(problems(&format!("{GOOD}\n[extra]\n"))[0].contains("`extra` is not known"));
    assert_eq!(problems(&GOOD.replace("[enrolled]", "[sandbox]")).len(), 2);
}

#[test]
fn roles_that_could_be_taken_for_each_other_are_refused() {
    let same_uid = problems(&with("uid = 804", "uid = 803"));
    assert_eq!(same_uid.len(), 1);
    assert!(same_uid[0].starts_with("40: `role.authz.uid` is 803, as `role.authn.uid` is"), "{same_uid:?}");

    let same_cgroup = problems(&with("gate-authz.service", "gate-authn.service"));
    assert!(same_cgroup[0].contains("each role needs a cgroup of its own"), "{same_cgroup:?}");

    let inside = problems(&with("gate.slice/gate-authz.service", "gate.slice/gate-authn.service/x"));
    assert!(inside[0].contains("no role's cgroup may be inside another's"), "{inside:?}");
    let around = problems(&with("gate.slice/gate-authz.service", "gate.slice"));
    assert_eq!(around.len(), 5, "a slice that holds all the others: {around:#?}");

    // A name that only begins alike is not inside.
    HostConfig::parse(&with("gate-authz.service", "gate-authn.service-2")).unwrap();
}

#[test]
fn an_operator_is_nobody_of_gate() {
    let group = problems(&with("gids = [900]", "gids = [900, 803]"));
    assert!(group[0].contains("`operators.gids` has 803, the group of role authn"), "{group:?}");
    let user = problems(&with("uids = [0]", "uids = [0, 805]"));
    assert!(user[0].contains("`operators.uids` has 805, the user of role audit"), "{user:?}");
    let root = problems(&with("uid = 801", "uid = 0"));
    assert!(root.iter().any(|found| found.contains("only the loader")), "{root:?}");
}

#[test]
fn values_that_are_not_what_they_should_be_are_refused() {
    for (from, to) in [
        ("\"h1\"", "\"h 1\""),
        ("\"demo\"", "\"Demo\""),
        ("\"/var/lib/gate\"", "\"/var/./lib\""),
        (
            "\"/run/gate\"",
            "\"/run/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567\"",
        ),
        ("gate.slice/gate-net.service", "/gate.slice/gate-net.service"),
        ("gate.slice/gate-net.service", "gate.slice/../gate-net.service"),
        ("00ff\"", "00fF\""),
        ("00ff\"", "00f\""),
        ("uid = 801", "uid = 4294967295"),
        ("gid = 801", "gid = -1"),
        ("workers = 0", "workers = 2000"),
    ] {
        assert_eq!(problems(&with(from, to)).len(), 1, "{to}");
    }
}

#[test]
fn landlock_is_optional_only_by_name() {
    let config = HostConfig::parse(&format!("{GOOD}\n[sandbox]\nlandlock = \"if-available\"\n")).unwrap();
    assert_eq!(config.landlock(), LandlockNeed::IfAvailable);
    assert_eq!(problems(&format!("{GOOD}\n[sandbox]\nlandlock = \"off\"\n")).len(), 1);
}

#[test]
fn a_configuration_that_others_could_have_written_is_refused() {
    let directory = TempDir::new().unwrap();
    let load = |path: &Path| HostConfig::load_owned_by(path, me());
    load(&write(&directory, "good.toml", GOOD, 0o644)).unwrap();

    for mode in [0o664, 0o646] {
        let error = load(&write(&directory, "loose.toml", GOOD, mode)).unwrap_err();
        assert!(matches!(error, ConfigError::Untrusted(TrustError::Mode { .. })), "{error}");
    }
    let path = write(&directory, "other.toml", GOOD, 0o644);
    let error = HostConfig::load_owned_by(&path, me() + 1).unwrap_err();
    assert!(matches!(error, ConfigError::Untrusted(TrustError::Owner { .. })), "{error}");

    symlink(&path, directory.path().join("link.toml")).unwrap();
    assert!(load(&directory.path().join("link.toml")).is_err());
    fs::hard_link(&path, directory.path().join("second.toml")).unwrap();
    assert!(matches!(load(&path).unwrap_err(), ConfigError::Untrusted(TrustError::Links { found: 2, .. })));
    assert!(matches!(load(directory.path()).unwrap_err(), ConfigError::Untrusted(TrustError::NotAFile { .. })));
    assert!(matches!(
        load(Path::new("gate.toml")).unwrap_err(),
        ConfigError::Untrusted(TrustError::NotAbsolute { .. })
    ));
}

#[test]
fn a_configuration_in_a_directory_of_others_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = write(&directory, "gate.toml", GOOD, 0o644);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = HostConfig::load_owned_by(&path, me()).unwrap_err();
    assert!(
        matches!(&error, ConfigError::Untrusted(TrustError::Mode { path, .. }) if path == directory.path()),
        "{error}"
    );
}

#[test]
fn an_invalid_file_is_named_with_every_line() {
    let directory = TempDir::new().unwrap();
    let path = write(&directory, "gate.toml", &GOOD.replace("port = 15001", "port = -1").replace("\"h1\"", "1"), 0o600);
    let message = HostConfig::load_owned_by(&path, me()).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 2, "{message}");
    assert!(message.starts_with(&format!("{}:1: `host`", path.display())), "{message}");
}

#[test]
fn a_key_is_made_once_and_then_read() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("role.key");
    let made = RoleKey::load_or_create(&path, |seed| {
        seed.fill(7);
        Ok(())
    })
    .unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read(&path).unwrap(), [7; 32]);
    let read = RoleKey::load_or_create(&path, |_| panic!("there is a key already")).unwrap();
    assert_eq!(made.public(), read.public());
    made.public().verify(b"x", &read.sign(b"x")).unwrap();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing unfinished stays");
    assert!(!format!("{made:?}").contains(&hex::encode([7; 32])));
}

#[test]
fn a_start_that_was_cut_off_does_not_stop_the_next() {
    let directory = TempDir::new().unwrap();
    write(&directory, "role.key.unfinished", "half", 0o600);
    RoleKey::load_or_create(&directory.path().join("role.key"), system_random).unwrap();
}

#[test]
fn a_key_that_is_not_the_roles_alone_is_refused_and_kept() {
    let directory = TempDir::new().unwrap();
    let create = |path: &Path| RoleKey::load_or_create(path, |_| panic!("a key must never be replaced"));
    for mode in [0o640, 0o604, 0o700] {
        let path = write(&directory, "loose.key", &"7".repeat(32), mode);
        assert!(matches!(create(&path), Err(KeyError::Untrusted(TrustError::Mode { .. }))), "{mode:o}");
    }
    let short = write(&directory, "short.key", "7", 0o600);
    assert!(matches!(create(&short), Err(KeyError::Length { found: 1, .. })));
    let path = write(&directory, "role.key", &"7".repeat(32), 0o600);
    symlink(&path, directory.path().join("link.key")).unwrap();
    assert!(create(&directory.path().join("link.key")).is_err());
    fs::hard_link(&path, directory.path().join("second.key")).unwrap();
    assert!(matches!(create(&path), Err(KeyError::Untrusted(TrustError::Links { .. }))));
}

#[test]
fn no_randomness_means_no_key() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("role.key");
    let failed = RoleKey::load_or_create(&path, |_| Err(std::io::Error::other("none")));
    assert!(matches!(failed, Err(KeyError::Randomness(_))));
    assert!(!path.exists());
}

fn enroll(directory: &TempDir, role: Role, seed: u8) {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
    write(directory, &format!("{role}.pub"), &format!("{}\n", public_key_line(&key)), 0o644);
}

#[test]
fn enrolled_keys_are_read_by_role() {
    let directory = TempDir::new().unwrap();
    for (role, seed) in [(Role::Authn, 1), (Role::Authz, 2), (Role::Audit, 3)] {
        enroll(&directory, role, seed);
    }
    let keys = PublicKeys::load(directory.path(), me()).unwrap();
    assert_eq!(keys.authz(), &ed25519_dalek::SigningKey::from_bytes(&[2; 32]).verifying_key());
    assert_ne!(keys.authn(), keys.audit());
}

#[test]
fn every_wrong_enrolled_key_is_reported() {
    let directory = TempDir::new().unwrap();
    enroll(&directory, Role::Authn, 1);
    enroll(&directory, Role::Authz, 1);
    write(&directory, "audit.pub", "AAAA\nAAAA\n", 0o644);
    let message = PublicKeys::load(directory.path(), me()).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 2, "{message}");
    assert!(message.contains("authz.pub:1: is the key of authn as well"), "{message}");
    assert!(message.contains("audit.pub:1: is not the base64 of 32 bytes"), "{message}");

    fs::remove_file(directory.path().join("audit.pub")).unwrap();
    let message = PublicKeys::load(directory.path(), me()).unwrap_err().to_string();
    assert!(message.contains("audit.pub: cannot be read"), "{message}");
}

#[test]
fn a_weak_or_short_public_key_is_refused() {
    // The neutral element: any signature of a certain form verifies under it.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let weak = ed25519_dalek::VerifyingKey::from_bytes(&neutral).unwrap();
    assert_eq!(public_key_from_line(&public_key_line(&weak)), Err("is a weak key"));
    assert_eq!(public_key_from_line("AAAA"), Err("is too short"));
    assert!(public_key_from_line("").is_err());
}

#[test]
fn the_binary_digest_is_that_of_this_test() {
    use sha2::{Digest, Sha256};
    let bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(binary_sha256().unwrap().as_slice(), Sha256::digest(bytes).as_slice());
}

#[test]
fn a_manual_clock_stands_until_it_is_moved() {
    let hands = ManualClock::at(1_000, 5);
    let clock = Clock::manual(hands.clone());
    assert_eq!((clock.unix_ms(), clock.boottime_ns()), (1_000, 5));
    hands.advance_ms(2);
    assert_eq!((clock.unix_ms(), clock.boottime_ns()), (1_002, 2_000_005));
    hands.set_unix_ms(1);
    assert_eq!((clock.unix_ms(), clock.boottime_ns()), (1, 2_000_005));
}

#[test]
fn the_system_clocks_go_on() {
    let clock = Clock::system();
    let first = clock.boottime_ns();
    assert!(clock.unix_ms() > 1_700_000_000_000);
    assert!(first > 0 && clock.boottime_ns() >= first);
}
