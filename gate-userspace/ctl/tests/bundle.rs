//! Building, signing, approving and showing bundles, with real keys and the real `ssh-keygen`.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows functions marked as tests, not what they call"
)]

mod support;

use gate_bundle::{Bundle, Draft, Limits, TABLES};
use gate_tables::Tables;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use support::{Place, run};

#[test]
fn an_author_and_an_approver_make_a_bundle_that_is_admitted() {
    let place = Place::new();
    let (code, built) = place.json("bundle build policy -o one.gate");
    assert_eq!((code, &built["version"], &built["environment"]), (0, &1.into(), &"demo".into()));
    place.gatectl("bundle show one.gate --duties policy/duties.toml").code(1).says("no author signed");
    let signed = place.gatectl("bundle sign one.gate --as author --key alice").code(0);
    let digest = built["digest"].as_str().unwrap();
    assert!(signed.err.contains(digest) && signed.err.contains("3 rules"), "what is signed is shown: {}", signed.err);
    place.gatectl("bundle show one.gate --duties policy/duties.toml").code(1).says("0 of 1 approvals");
    place.gatectl("bundle approve one.gate --key bob").code(0);
    let shown = place.gatectl("bundle show one.gate --duties policy/duties.toml").code(0);
    shown.says("would be admitted: author alice, approved by bob").says(digest);
    place.gatectl("bundle show one.gate").code(0).says("not judged: give --duties");
}

#[test]
fn a_bundle_follows_another() {
    let place = Place::new();
    place.signed("one.gate", "");
    place.append("policy/services.toml", "\n[service.archive]\ncgroup = \"archive.service\"\nowner = \"team-shop\"\n");
    place.signed("two.gate", "--previous one.gate");
    let (code, shown) = place.json("bundle show two.gate --previous one.gate");
    assert_eq!((code, &shown["version"], &shown["verdict"]["admitted"]), (0, &2.into(), &true.into()), "{shown}");
    // archive comes first by name, and no other service changes its number for it.
    let tables = |name: &str| open(&place, name).tables().clone();
    let (one, two) = (tables("one.gate"), tables("two.gate"));
    for service in &one.services {
        assert_eq!(two.service_named(&service.name).unwrap().id, service.id);
    }
    place.gatectl("bundle show one.gate --previous one.gate").code(0).says("is the last of the given chain");
    place.gatectl("bundle show two.gate --previous two.gate").code(0).says("from version 1 on");
    // The wrong predecessor.
    place.gatectl("bundle sign two.gate --as author --key mallory --previous two.gate").code(1).complains("it follows");
}

#[test]
fn a_number_that_went_back_is_left_out() {
    let place = Place::new();
    place.signed("one.gate", "");
    place.gatectl("bundle build policy -o two.gate --went-back 2").code(2).complains("--previous");
    place.signed("three.gate", "--previous one.gate --went-back 2");
    let (code, shown) = place.json("bundle show three.gate --previous one.gate");
    // No access changes, and everybody signed.
    assert_eq!((code, &shown["version"], &shown["verdict"]["admitted"]), (0, &3.into(), &true.into()), "{shown}");
    place.gatectl("bundle build policy -o four.gate --previous three.gate --went-back 2").code(0).says("version 4");
}

#[test]
fn a_snapshot_is_signed_by_one_after_the_other() {
    let place = Place::new();
    place.signed("one.gate", "");
    place.append("policy/shop.cedar", "\n// A remark.\n");
    place.signed("two.gate", "--previous one.gate");
    let sign = |bundle: &str, more: &str| place.gatectl(&format!("bundle snapshot {bundle} --out s.snapshot {more}"));
    let ran = sign("two.gate", "--as author --key alice").code(0);
    assert!(ran.err.contains("version      2 of environment demo"), "what is signed is shown: {}", ran.err);
    let one = fs::read(place.path("s.snapshot")).unwrap();
    sign("one.gate", "--as approver --key bob").code(1).complains("nothing was signed");
    sign("two.gate", "--as author --key alice").code(1).complains("is in the bundle already");
    assert_eq!(fs::read(place.path("s.snapshot")).unwrap(), one);
    // Another time would be another statement; the second signer takes the first one's.
    sign("two.gate", "--as approver --key bob --not-after 30d").code(0).says("gatectl host enroll --environment demo");
    let snapshot = gate_bundle::Snapshot::parse(&fs::read(place.path("s.snapshot")).unwrap()).unwrap();
    assert_eq!(snapshot.said().bundle, open(&place, "two.gate").digest());
    fs::write(place.path("s.snapshot"), "x").unwrap();
    sign("two.gate", "--as author --key alice").code(2).complains("s.snapshot: the statement is not one");
}

#[test]
fn a_provisional_time_that_is_too_short_or_too_long() {
    let place = Place::new();
    for time in ["9s", "11m", "1d", "60"] {
        place.gatectl(&format!("bundle load one.gate --confirm {time}")).code(2).complains("--confirm");
    }
    // These are fine; the host's configuration is what is missing.
    for time in ["10s", "10m"] {
        place.gatectl(&format!("bundle load one.gate --confirm {time} --config none")).code(2).complains("none");
    }
}

#[test]
fn who_goes_back_signs_or_has_a_statement() {
    let place = Place::new();
    place.gatectl("bundle revert --config none").code(2).complains("--key");
    place.gatectl("bundle revert --key alice --statement x --config none").code(2).complains("cannot be used with");
    place.gatectl("bundle revert --statement x --out y --config none").code(2).complains("cannot be used with");
}

#[test]
fn services_keep_their_numbers_only_when_the_predecessor_is_looked_at() {
    let place = Place::new();
    place.signed("one.gate", "");
    let one = open(&place, "one.gate");
    place.gatectl("bundle build policy -o two.gate --previous one.gate").code(0);
    let swap = |tables: &mut Tables| {
        let ids: Vec<_> = tables.services.iter().map(|service| service.id).collect();
        let other = |id| ids[ids.len() - 1 - ids.iter().position(|one| *one == id).unwrap()];
        tables.services.iter_mut().for_each(|service| service.id = other(service.id));
        for line in &mut tables.reach {
            (line.source, line.destination) = (other(line.source), other(line.destination));
        }
        for line in &mut tables.access {
            line.destination = other(line.destination);
            line.sources.iter_mut().for_each(|source| *source = other(*source));
            line.sources.sort();
        }
        tables.access.sort();
    };
    let swapped = with_tables(&open(&place, "two.gate"), swap);
    assert_eq!(swapped.manifest().previous(), Some(one.digest()));
    fs::write(place.path("swapped.gate"), swapped.to_tar()).unwrap();
    let ran = place.gatectl("bundle sign swapped.gate --as author --key alice --previous one.gate").code(1);
    ran.complains("tables.json does not follow from the rules: services[batch].id is");
    // Without the predecessor nobody can know; gate-authz does.
    place.gatectl("bundle sign swapped.gate --as author --key alice").code(0).says("give --previous");
    // The first has none.
    fs::write(place.path("first.gate"), with_tables(&one, swap).to_tar()).unwrap();
    place.gatectl("bundle sign first.gate --as author --key alice").code(1).complains("services[batch].id is");
}

#[test]
fn one_signature_takes_access_away_and_what_is_given_is_told() {
    let place = Place::new();
    let first = place.gatectl("bundle build policy -o one.gate").code(0);
    first.says("needs an author and every approval: it is the first of its chain");
    for sign in ["sign one.gate --as author --key alice", "approve one.gate --key bob"] {
        place.gatectl(&format!("bundle {sign}")).code(0);
    }
    place.append(
        "policy/shop.cedar",
        "\n@id(\"no-books\") @reason(\"incident\") @ticket(\"INC-1\")\nforbid (principal == Service::\"web\", action == \
         Action::\"connect\", resource == Port::\"ledger:tcp/9000\");\n",
    );
    fs::write(place.path("policy/cases.toml"), "").unwrap();
    let built = place.gatectl("bundle build policy -o two.gate --previous one.gate").code(0);
    built.says("change    only removes access: one signature is enough");
    place.gatectl("bundle show two.gate --previous one.gate").code(1).says("nobody signed; it only removes access");
    place.gatectl("bundle approve two.gate --key bob").code(0);
    let (code, shown) = place.json("bundle show two.gate --previous one.gate");
    assert_eq!((code, &shown["verdict"]["signers"]["quorum"]), (0, &"removal-by-one".into()), "{shown}");
    let shown = place.gatectl("bundle show two.gate --previous one.gate").code(0);
    shown.says("only removes access: one signature is enough\nwould be admitted: removal by one, approved by bob");

    // Taking it back is an addition.
    place.edit(
        "policy/shop.cedar",
        "@id(\"no-books\") @reason(\"incident\") @ticket(\"INC-1\")\nforbid",
        "@id(\"books\") @reason(\"over\") @ticket(\"INC-2\")\npermit",
    );
    let built = place.gatectl("bundle build policy -o three.gate --previous two.gate").code(0);
    let gives = "it gives web -> ledger:journal by ";
    built.says(&format!("change    needs an author and every approval: {gives}"));
    place.gatectl("bundle sign three.gate --as author --key alice").code(0);
    let shown = place.gatectl("bundle show three.gate --previous one.gate --previous two.gate").code(1);
    shown.says("0 of 1 approvals").says(gives);
}

#[test]
fn what_nobody_may_hold_together_is_not_built() {
    let place = Place::new();
    let toxic = "[[toxic]]\nid = \"read-and-book\"\nreason = \"r\"\nactions = [\"orders.getOrder\", \"connect \
                 ledger:journal\"]\nholder = \"service\"\n";
    place.append("policy/duties.toml", toxic);
    let refused = place.gatectl("bundle build policy -o one.gate").code(1);
    refused
        .complains("policy: toxic combination \"read-and-book\" (r): service web holds connect ledger:journal (web by");
    assert!(!place.path("one.gate").exists());
    let exception =
        "[[exception]]\ntoxic = \"read-and-book\"\nholder = \"web\"\nowner = \"o\"\nticket = \"T\"\nuntil = ";
    place.append("policy/duties.toml", &format!("{exception}2020-01-01\n"));
    place.gatectl("bundle build policy -o one.gate").code(1).complains("for web ended on 2020-01-01 (o, T)");
    place.edit("policy/duties.toml", "2020-01-01", "2999-12-31");
    place.gatectl("bundle build policy -o one.gate").code(0);
    place.edit("policy/duties.toml", "orders.getOrder", "orders.getOdrer");
    place
        .gatectl("bundle build policy -o two.gate")
        .code(1)
        .complains("names \"orders.getOdrer\", which no service has");
}

/// p60
#[test]
fn p60_an_author_does_not_approve() {
    let place = Place::new();
    place.gatectl("bundle build policy -o one.gate").code(0);
    place.gatectl("bundle sign one.gate --as author --key alice").code(0);
    place.gatectl("bundle approve one.gate --key alice").code(0).says("this approval will not count");
    let shown = place.gatectl("bundle show one.gate --duties policy/duties.toml").code(1);
    shown.says("the approval by alice does not count");
}

#[test]
fn signatures_that_will_not_count_are_pointed_out() {
    let place = Place::new();
    place.gatectl("bundle build policy -o one.gate").code(0);
    place.gatectl("bundle sign one.gate --as author --key bob").code(0).says("bob is not allowed to author");
    place.gatectl("bundle sign one.gate --as author --key mallory").code(0).says("belongs to nobody");
    let before = fs::read(place.path("one.gate")).unwrap();
    place.gatectl("bundle sign one.gate --as author --key bob").code(1).complains("is in the bundle already");
    assert_eq!(fs::read(place.path("one.gate")).unwrap(), before);
}

/// p6b
#[test]
fn p6b_tables_that_do_not_follow_from_the_rules_are_not_signed() {
    let place = Place::new();
    place.gatectl("bundle build policy -o one.gate").code(0);
    let sound = open(&place, "one.gate");
    let batch = sound.tables().service_named("batch").unwrap().id;
    let forged = with_tables(&sound, |tables| {
        let line = tables.access.iter_mut().find(|line| line.action.is_none()).unwrap();
        line.sources.push(batch);
        line.sources.sort();
        let (destination, port) = (line.destination, line.port);
        let reach = tables.reach.iter().find(|line| (line.destination, line.port) == (destination, port)).unwrap();
        tables.reach.push(gate_tables::Reach { source: batch, ..reach.clone() });
    });
    fs::write(place.path("forged.gate"), forged.to_tar()).unwrap();
    for signing in ["sign forged.gate --as author --key alice", "approve forged.gate --key bob"] {
        let ran = place.gatectl(&format!("bundle {signing}")).code(1);
        ran.complains("tables.json does not follow from the rules: ").complains("nothing was signed");
    }
    assert_eq!(fs::read(place.path("forged.gate")).unwrap(), forged.to_tar(), "nothing was signed");
}

#[test]
fn a_changed_byte_is_named() {
    let place = Place::new();
    place.signed("one.gate", "");
    let mut bytes = fs::read(place.path("one.gate")).unwrap();
    let at = bytes.windows(7).position(|window| window == b"OPS-142").unwrap();
    bytes[at + 6] = b'3';
    fs::write(place.path("one.gate"), &bytes).unwrap();
    let expected = "one.gate: policy/shop.cedar: its bytes are not those that were signed";
    place.gatectl("bundle show one.gate").code(1).complains(expected);
    place.gatectl("bundle approve one.gate --key bob").code(1).complains(expected);
    fs::write(place.path("none.gate"), b"").unwrap();
    place.gatectl("bundle show none.gate").code(1).complains("none.gate: bundle: ends at byte 0");
}

#[test]
fn an_agent_signs_with_the_public_half() {
    let place = Place::new();
    place.gatectl("bundle build policy -o one.gate").code(0);
    let signing = ["bundle", "sign", "one.gate", "--as", "author", "--agent-key", "alice.pub"];
    run(&mut place.command(signing)).code(2).complains("SSH_AUTH_SOCK is not set");
    let agent = Agent::start(&place);
    run(Command::new("ssh-add").arg(place.path("alice")).env("SSH_AUTH_SOCK", &agent.socket)).code(0);
    fs::remove_file(place.path("alice")).unwrap();
    run(place.command(signing).env("SSH_AUTH_SOCK", &agent.socket)).code(0).says("signed one.gate as author");
    place.gatectl("bundle approve one.gate --key bob").code(0);
    place.gatectl("bundle show one.gate --duties policy/duties.toml").code(0).says("would be admitted");
}

#[test]
fn keys_that_cannot_sign() {
    let place = Place::new();
    place.gatectl("bundle build policy -o one.gate").code(0);
    let sign = |key: &str| place.gatectl(&format!("bundle sign one.gate --as author {key}"));
    sign("--key alise").code(2).complains("alise: there is no such key file");
    sign("--agent-key policy/services.toml").code(2).complains("is not an SSH public key");
    sign("--key policy/services.toml").code(2).complains("ssh-keygen made no signature");
    sign("").code(2).complains("--key");
    sign("--key alice --agent-key alice.pub").code(2).complains("cannot be used with");
    place.gatectl("bundle sign one.gate --as auhtor --key alice").code(2).complains("author");
    place.make_key("old", "rsa");
    sign("--key old").code(1).complains("is of type ssh-rsa");
}

#[test]
fn a_bundle_is_not_overwritten() {
    let place = Place::new();
    place.signed("one.gate", "");
    let before = fs::read(place.path("one.gate")).unwrap();
    place.gatectl("bundle build policy -o one.gate").code(2).complains("one.gate: exists already");
    assert_eq!(fs::read(place.path("one.gate")).unwrap(), before);
    place.gatectl("bundle build policy -o one.gate --force").code(0);
    assert!(open(&place, "one.gate").signatures().is_empty());
    let left: Vec<_> = fs::read_dir(place.path("")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".gate-bundle")), "{left:?}");
}

/// Two people sign one file at the same time.
#[test]
fn a_signature_that_came_meanwhile_is_not_lost() {
    let place = Place::new();
    place.gatectl("bundle build policy -o one.gate").code(0);
    fs::copy(place.path("one.gate"), place.path("bobs.gate")).unwrap();
    place.gatectl("bundle approve bobs.gate --key bob").code(0);
    let real = run(Command::new("sh").args(["-c", "command -v ssh-keygen"])).code(0).out;
    let slow = format!("#!/bin/sh\ncp bobs.gate one.gate\nexec {} \"$@\"\n", real.trim());
    fs::create_dir(place.path("bin")).unwrap();
    fs::write(place.path("bin/ssh-keygen"), slow).unwrap();
    fs::set_permissions(place.path("bin/ssh-keygen"), fs::Permissions::from_mode(0o755)).unwrap();
    let search = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    let mut signing = place.command(["bundle", "sign", "one.gate", "--as", "author", "--key", "alice"]);
    run(signing.env("PATH", search)).code(2).complains("somebody changed it while it was being signed");
    assert_eq!(open(&place, "one.gate").signatures().len(), 1, "bob's");
}

#[test]
fn a_policy_with_problems_is_not_built() {
    let place = Place::new();
    place.edit("policy/shop.cedar", "Service::\"web\"", "Service::\"wbe\"");
    place.gatectl("bundle build policy -o one.gate").code(1).complains("policy/shop.cedar:6: ");
    assert!(!place.path("one.gate").exists());
    place
        .gatectl("bundle build policy -o one.gate --not-after 30")
        .code(2)
        .complains("write a number with s, m, h or d");
    place.gatectl("bundle build policy -o one.gate --previous none").code(2).complains("none: cannot be read");
}

#[test]
fn a_chain_is_for_one_environment() {
    let place = Place::new();
    place.signed("one.gate", "");
    place.edit("policy/services.toml", "environment = \"demo\"", "environment = \"production\"");
    let ran = place.gatectl("bundle build policy -o two.gate --previous one.gate").code(1);
    ran.complains("environment");
}

#[test]
fn the_commit_is_named_when_it_is_what_was_built() {
    let place = Place::new();
    let git = |arguments: &str| {
        let mut command = Command::new("git");
        command.current_dir(place.path("policy")).args(arguments.split(' ')).env("HOME", place.path(""));
        for (name, value) in [("NAME", "a"), ("EMAIL", "a@example.invalid")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        run(&mut command).code(0).out
    };
    place.gatectl("bundle build policy -o none.gate").code(0).says("commit    none (fatal: not a git repository");
    git("init -q");
    place.gatectl("bundle build policy -o untracked.gate").code(0).says("no file of the directory is kept in git");
    git("add .");
    place.gatectl("bundle build policy -o staged.gate").code(0).says("the repository has no commit");
    git("commit -q -m one");
    place.gatectl("bundle build policy -o one.gate").code(0);
    assert_eq!(open(&place, "one.gate").manifest().git_commit(), Some(git("rev-parse HEAD").trim()));
    fs::write(place.path("policy/more.cedar"), "").unwrap();
    let ran = place.gatectl("bundle build policy -o two.gate").code(1);
    ran.complains("differ from the git commit").complains("more.cedar");
    place.gatectl("bundle build policy -o two.gate --allow-dirty").code(0).says("1 file differ from the commit");
    assert_eq!(open(&place, "two.gate").manifest().git_commit(), None);
}

#[test]
fn a_commit_that_its_author_signed_needs_an_approver_only() {
    let place = Place::new();
    fs::create_dir_all(place.path("repo/hosts")).unwrap();
    fs::rename(place.path("policy"), place.path("repo/hosts/shop")).unwrap();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        let key = format!("user.signingkey={}", place.path("alice").display());
        command.args(["-c", "gpg.format=ssh", "-c", &key]).args(arguments);
        command.current_dir(place.path("repo")).env("HOME", place.path("")).env("GIT_CONFIG_NOSYSTEM", "1");
        for (name, value) in [("NAME", "a"), ("EMAIL", "a@example.invalid")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        run(&mut command).code(0)
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-S", "-m", "The shop\n\nGate-Follows: none\nGate-Policy: hosts/shop"]);
    let built = place.gatectl("bundle build repo/hosts/shop -o one.gate").code(0);
    built.says("signed with SHA256:").says("\"Gate-Follows: none\"");
    let duties = "--duties repo/hosts/shop/duties.toml";
    place.gatectl(&format!("bundle show one.gate {duties}")).code(1).says("0 of 1 approvals");
    place.gatectl("bundle approve one.gate --key bob").code(0);
    let shown = place.gatectl(&format!("bundle show one.gate {duties}")).code(0);
    shown.says("git/commit  author  SHA256:").says("would be admitted: author alice, approved by bob");
    // A file beside the policy is in the commit and not in the bundle.
    fs::write(place.path("repo/hosts/shop/NOTES.md"), "x").unwrap();
    git(&["add", "."]);
    git(&["commit", "-q", "-S", "-m", "Notes\n\nGate-Follows: none"]);
    let built = place.gatectl("bundle build repo/hosts/shop -o two.gate").code(0);
    built.says("its signature is not in the bundle: NOTES.md: it is in the commit's policy directory");
}

/// Whoever doubts a bundle builds it again: elsewhere, as somebody else, from files in another order.
#[test]
fn the_same_commit_gives_the_same_bytes_everywhere() {
    let place = Place::new();
    let sh = |directory: &str, script: &str| {
        let mut command = Command::new("sh");
        command.args(["-ec", script]).current_dir(place.path(directory)).env("HOME", place.path(""));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GATECTL", env!("CARGO_BIN_EXE_gatectl"));
        run(&mut command).code(0).out
    };
    let signing = format!("-c gpg.format=ssh -c user.signingkey={}", place.path("alice").display());
    let who = "-c user.name=a -c user.email=a@example.invalid";
    sh("policy", &format!("git init -q; git add .; git {who} {signing} commit -q -S -m 'The shop'"));
    // One directory after the other, the second with its files made in the reverse order, under longer names.
    fs::create_dir_all(place.path("a/much/longer/way/to")).unwrap();
    sh("", "umask 022; git clone -q policy first");
    sh("", "umask 077; git clone -q policy a/much/longer/way/to/second");
    let again = "cd a/much/longer/way/to/second; mkdir ../aside; mv *.* ../aside; \
                 for file in $(ls -r ../aside); do cp ../aside/$file .; touch -d 1999-12-31 $file; done; git status -s";
    assert_eq!(sh("", again), "", "the same content");
    let build = "\"$GATECTL\" bundle build . --created 1800000000 -o";
    sh("first", &format!("umask 022; TZ=UTC LC_ALL=C {build} ../first.gate"));
    let second = format!(
        "umask 077; TZ=Pacific/Apia LC_ALL=tr_TR.UTF-8 LANG=tr_TR.UTF-8 {build} {}",
        place.path("second.gate").display()
    );
    sh("a/much/longer/way/to/second", &second);
    let [first, second] = ["first.gate", "second.gate"].map(|name| fs::read(place.path(name)).unwrap());
    assert!(first == second, "the bytes differ");
    let bundle = open(&place, "first.gate");
    assert!(bundle.commit_key().is_some() && bundle.manifest().created() == 1_800_000_000);
    // Another time is another bundle.
    sh("first", "\"$GATECTL\" bundle build . --created 1800000001 -o ../third.gate");
    assert_ne!(open(&place, "third.gate").digest(), bundle.digest());
}

fn open(place: &Place, name: &str) -> Bundle {
    Bundle::from_tar(fs::read(place.path(name)).unwrap().as_slice(), &Limits::default()).unwrap()
}

/// The same bundle with other tables, and a manifest that fits them.
fn with_tables(bundle: &Bundle, change: impl FnOnce(&mut Tables)) -> Bundle {
    let mut tables = bundle.tables().clone();
    change(&mut tables);
    tables.reach.sort_by_key(|line| (line.source, line.destination, line.port));
    let mut files = bundle.files().clone();
    files.insert(TABLES.to_owned(), tables.to_bytes().unwrap());
    let manifest = bundle.manifest();
    let draft = Draft {
        environment: manifest.environment().to_owned(),
        previous: manifest.previous().map(|digest| (manifest.version() - 1, digest)),
        git_commit: None,
        created: manifest.created(),
        not_after: manifest.not_after(),
    };
    Bundle::unsigned(draft, files).unwrap()
}

/// An ssh-agent in the foreground, ended with the test.
struct Agent {
    child: std::process::Child,
    socket: std::path::PathBuf,
}

impl Agent {
    fn start(place: &Place) -> Self {
        let socket = place.path("agent.sock");
        let mut command = Command::new("ssh-agent");
        let child = command.arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null()).spawn().unwrap();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            assert!(std::time::Instant::now() < end, "ssh-agent does not listen");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Self { child, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
