//! People with keys, a small policy, and a chain of bundles.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(missing_docs, unreachable_pub, reason = "a test's helpers")]

pub mod shop;

use gate_bundle::*;
use gate_tables::{Rule, Service, ServiceId, Tables};
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig, private::Ed25519Keypair};
use std::collections::BTreeMap;

pub const NOW: u64 = 1_800_000_000;
pub const ENVIRONMENT: &str = "demo";

/// So many seconds after the boot.
pub fn clock(seconds: u64) -> Uptime {
    Uptime { boot: "this boot".into(), ns: (100 + seconds) * 1_000_000_000 }
}

pub fn private(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

pub fn line(seed: u8) -> String {
    private(seed).public_key().to_openssh().unwrap()
}

pub const ALICE: u8 = 1;
pub const BOB: u8 = 2;
pub const CAROL: u8 = 3;
/// A second key of Bob's.
pub const BOBS_OTHER: u8 = 4;
pub const DAVE: u8 = 5;
pub const STRANGER: u8 = 9;

/// Alice writes; Bob (two keys), Carol and Alice approve; Dave audits.
pub fn duties(approvals: usize) -> String {
    format!(
        "mode = \"team\"\napprovals = {approvals}\n\
         [person.alice]\nkeys = [\"{}\"]\nmay = [\"author\", \"approve\", \"operate\"]\n\
         [person.bob]\nkeys = [\"{}\", \"{}\"]\nmay = [\"author\", \"approve\"]\n\
         [person.carol]\nkeys = [\"{}\"]\nmay = [\"approve\"]\n\
         [person.dave]\nkeys = [\"{}\"]\nmay = [\"audit\"]\n",
        line(ALICE),
        line(BOB),
        line(BOBS_OTHER),
        line(CAROL),
        line(DAVE),
    )
}

pub fn tables(environment: &str, reason: &str) -> Tables {
    let service = |id, name: &str| Service {
        id: ServiceId(id),
        name: name.into(),
        owner: "team-shop".into(),
        cgroup: format!("{name}.service"),
        observe: false,
        ports: vec![],
        ..Service::default()
    };
    Tables {
        format: gate_tables::FORMAT,
        environment: environment.into(),
        services: vec![service(1, "orders"), service(2, "web")],
        retired: BTreeMap::new(),
        reach: vec![],
        access: vec![],
        rules: vec![Rule {
            id: "web-reads-orders".into(),
            effect: "permit".into(),
            reason: reason.into(),
            ticket: "OPS-142".into(),
            place: "shop.cedar:1".into(),
            condition: None,
        }],
        ..Tables::default()
    }
}

pub fn files(duties: &str) -> BTreeMap<String, Vec<u8>> {
    BTreeMap::from([
        (SERVICES.to_owned(), b"environment = \"demo\"\n".to_vec()),
        (DUTIES.to_owned(), duties.as_bytes().to_vec()),
        (CASES.to_owned(), b"".to_vec()),
        ("policy/shop.cedar".to_owned(), b"// the rules of the shop\n".to_vec()),
        (TABLES.to_owned(), tables(ENVIRONMENT, "the shop").to_bytes().unwrap()),
    ])
}

pub fn draft(previous: Option<&Admitted>) -> Draft {
    Draft {
        environment: ENVIRONMENT.into(),
        previous: previous.map(|admitted| (admitted.version(), admitted.digest())),
        git_commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
        created: NOW - 60,
        not_after: NOW + 3600,
    }
}

pub fn unsigned(duties: &str, previous: Option<&Admitted>) -> Bundle {
    Bundle::unsigned(draft(previous), files(duties)).unwrap()
}

pub fn sign(seed: u8, namespace: &str, message: &[u8]) -> String {
    SshSig::sign(&private(seed), namespace, HashAlg::Sha512, message).unwrap().to_pem(LineEnding::LF).unwrap()
}

pub fn signed(bundle: &Bundle, signatures: &[(Role, u8)]) -> Bundle {
    signatures.iter().fold(bundle.clone(), |bundle, (role, seed)| {
        let armored = sign(*seed, signing_namespace(*role), bundle.manifest_bytes());
        bundle.with_signature(&armored).unwrap()
    })
}

pub fn root(duties: &str) -> EnrolledRoot {
    EnrolledRoot { environment: ENVIRONMENT.into(), duties_sha256: Digest::of(duties.as_bytes()) }
}

pub const AUTHOR: (Role, u8) = (Role::Author, ALICE);
pub const APPROVER: (Role, u8) = (Role::Approver, BOB);

pub fn admit_tar_now(bundle: &[u8], current: Option<&Admitted>, trust: &EnrolledRoot) -> Result<Admission, Refusal> {
    admit_tar(bundle, &Limits::default(), current, trust, ENVIRONMENT, NOW)
}

pub fn expect_admitted(result: Result<Admission, Refusal>) -> Admitted {
    match result.unwrap() {
        Admission::Admitted(admitted) => admitted,
        Admission::AlreadyActive => panic!("already active"),
    }
}

/// The first bundle of a team with that many approvals, in force.
pub fn first(approvals: usize) -> (Admitted, EnrolledRoot) {
    let duties = duties(approvals);
    let approvers = [APPROVER, (Role::Approver, CAROL)];
    let bundle = signed(&unsigned(&duties, None), &[&[AUTHOR][..], &approvers[..approvals]].concat());
    let trust = root(&duties);
    (expect_admitted(admit(&bundle, None, &trust, ENVIRONMENT, NOW)), trust)
}

/// Refuses by both ways in, and returns the reasons.
pub fn refused(bundle: &Bundle, current: Option<&Admitted>, trust: &EnrolledRoot) -> Vec<Reason> {
    let one = admit(bundle, current, trust, ENVIRONMENT, NOW).unwrap_err();
    let other = admit_tar_now(&bundle.to_tar(), current, trust).unwrap_err();
    assert_eq!(one, other);
    one.reasons().to_vec()
}

/// Why bundles with the same tables need everybody.
pub fn nothing_taken() -> Reason {
    Reason::OneIsNotEnough { because: vec![Because::TakesNothing] }
}

/// The name of a bundle's author.
pub fn author(admitted: &Admitted) -> &str {
    &admitted.signers().author.as_ref().unwrap().person
}

/// A raw archive with these members, in that order, with headers as bundles have them.
pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in members {
        out.extend(header(name, bytes.len(), b'0'));
        out.extend(*bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.extend([0; 1024]);
    out
}

pub fn header(name: &str, size: usize, kind: u8) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\x000000000\x000000000\0");
    put(124, format!("{size:011o}\x0000000000000\0        ").as_bytes());
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    put(329, b"0000000\x000000000\0");
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// The members of a bundle's archive: name and bytes.
pub fn members(mut tar: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut members = Vec::new();
    while tar[0] != 0 {
        let name = String::from_utf8(tar[..100].iter().copied().take_while(|b| *b != 0).collect()).unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&tar[124..135]).unwrap(), 8).unwrap();
        members.push((name, tar[512..512 + size].to_vec()));
        tar = &tar[512 + size.next_multiple_of(512)..];
    }
    members
}

/// The bundle with one member replaced, and nothing else.
pub fn with_member(bundle: &Bundle, name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut all = members(&bundle.to_tar());
    all.iter_mut().find(|(member, _)| member == name).unwrap().1 = bytes.to_vec();
    tar(&all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>())
}
