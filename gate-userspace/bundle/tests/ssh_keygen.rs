//! Interoperation with OpenSSH: its signatures are ours, and it verifies those that the tests make by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use base64ct::{Base64, Encoding};
use gate_bundle::*;
use ssh_key::{HashAlg, SshSig};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use support::*;

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("OpenSSH's client programs are installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn make_key(dir: &Path, name: &str, kind: &str) -> String {
    let path = dir.join(name);
    run(Command::new("ssh-keygen").args(["-q", "-N", "", "-C", name, "-t", kind, "-f"]).arg(&path));
    fs::read_to_string(path.with_extension("pub")).unwrap().trim().to_owned()
}

fn two_people(alice: &str, bob: &str) -> String {
    format!(
        "mode = \"team\"\napprovals = 1\n[person.alice]\nkeys = [\"{alice}\"]\nmay = [\"author\"]\n\
         [person.bob]\nkeys = [\"{bob}\"]\nmay = [\"approve\"]\n"
    )
}

/// `ssh-keygen -Y sign` over the manifest, with the key in `key` or, when that is a public key, the agent's.
fn keygen_sign(command: &mut Command, dir: &Path, key: &str, role: Role, hash: &str, manifest: &[u8]) -> String {
    let message = dir.join("manifest.json");
    fs::write(&message, manifest).unwrap();
    let signature = dir.join("manifest.json.sig");
    let _ = fs::remove_file(&signature);
    command.args(["-Y", "sign", "-q", "-n", signing_namespace(role), "-O", &format!("hashalg={hash}"), "-f"]);
    run(command.arg(dir.join(key)).arg(&message).stdin(Stdio::null()));
    fs::read_to_string(&signature).unwrap()
}

fn keygen(dir: &Path, key: &str, role: Role, hash: &str, manifest: &[u8]) -> String {
    keygen_sign(&mut Command::new("ssh-keygen"), dir, key, role, hash, manifest)
}

#[test]
fn signatures_of_ssh_keygen_admit_a_bundle() {
    for (kind, hash) in [("ed25519", "sha512"), ("ed25519", "sha256"), ("ecdsa", "sha512"), ("ecdsa", "sha256")] {
        let dir = tempfile::tempdir().unwrap();
        let duties = two_people(&make_key(dir.path(), "alice", kind), &make_key(dir.path(), "bob", kind));
        let bundle = unsigned(&duties, None);
        let author = keygen(dir.path(), "alice", Role::Author, hash, bundle.manifest_bytes());
        let approver = keygen(dir.path(), "bob", Role::Approver, hash, bundle.manifest_bytes());
        let bundle = bundle.with_signature(&author).unwrap().with_signature(&approver).unwrap();
        let admitted = expect_admitted(admit_tar_now(&bundle.to_tar(), None, &root(&duties)));
        let printed = run(Command::new("ssh-keygen").args(["-l", "-f"]).arg(dir.path().join("alice.pub")));
        let printed = String::from_utf8(printed.stdout).unwrap();
        assert!(printed.contains(&admitted.signers().author.as_ref().unwrap().fingerprint), "{printed}");
    }
}

#[test]
fn other_kinds_of_keys_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, name) in [("rsa", "ssh-rsa"), ("ecdsa -b 384", "ecdsa-sha2-nistp384")] {
        let path = dir.path().join(name);
        run(Command::new("ssh-keygen").args(["-q", "-N", "", "-t"]).args(kind.split(' ')).arg("-f").arg(&path));
        let line = fs::read_to_string(path.with_extension("pub")).unwrap();
        assert!(matches!(Key::parse(line.trim()), Err(KeyError::Unsupported(found)) if found == name));
        let manifest = unsigned(&duties(1), None);
        let armored = keygen(dir.path(), name, Role::Author, "sha512", manifest.manifest_bytes());
        let refused = manifest.with_signature(&armored).unwrap_err();
        assert!(matches!(refused, Reason::Signature { .. }), "{refused}");
    }
}

/// An agent that ends with the test.
struct Agent {
    process: Child,
    socket: std::path::PathBuf,
}

impl Agent {
    fn start(dir: &Path) -> Self {
        let socket = dir.join("agent");
        let mut process =
            Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::piped()).spawn().unwrap();
        // The agent prints its address once it listens.
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(process.stdout.as_mut().unwrap()), &mut line).unwrap();
        Self { process, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_agent_signs_for_a_key_whose_file_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let duties = two_people(&make_key(dir.path(), "alice", "ed25519"), &line(BOB));
    let agent = Agent::start(dir.path());
    run(Command::new("ssh-add").arg("-q").arg(dir.path().join("alice")).env("SSH_AUTH_SOCK", &agent.socket));
    fs::remove_file(dir.path().join("alice")).unwrap();
    let bundle = unsigned(&duties, None);
    let mut command = Command::new("ssh-keygen");
    command.env("SSH_AUTH_SOCK", &agent.socket);
    let author = keygen_sign(&mut command, dir.path(), "alice.pub", Role::Author, "sha512", bundle.manifest_bytes());
    let bundle = signed(&bundle.with_signature(&author).unwrap(), &[APPROVER]);
    expect_admitted(admit_tar_now(&bundle.to_tar(), None, &root(&duties)));
}

/// A security key made of software, in the encodings of OpenSSH's PROTOCOL.u2f.
enum SecurityKey {
    Ed25519(ed25519_dalek::SigningKey),
    Ecdsa(p256::ecdsa::SigningKey),
}

const APPLICATION: &str = "ssh:";

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// A positive integer as SSH writes it.
fn mpint(bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = bytes.iter().copied().skip_while(|b| *b == 0).collect();
    let sign = digits.first().is_some_and(|b| b & 0x80 != 0);
    string(&[if sign { &[0][..] } else { &[] }, &digits].concat())
}

impl SecurityKey {
    fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "sk-ssh-ed25519@openssh.com",
            Self::Ecdsa(_) => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    fn public(&self) -> Vec<u8> {
        let point = match self {
            Self::Ed25519(key) => string(key.verifying_key().as_bytes()),
            Self::Ecdsa(key) => {
                [string(b"nistp256"), string(key.verifying_key().to_encoded_point(false).as_bytes())].concat()
            }
        };
        [string(self.kind().as_bytes()), point, string(APPLICATION.as_bytes())].concat()
    }

    fn line(&self) -> String {
        format!("{} {}", self.kind(), Base64::encode_string(&self.public()))
    }

    /// What the device does: it signs its application, its flags and its counter with the message.
    fn sign(&self, role: Role, message: &[u8], flags: u8) -> String {
        use p256::ecdsa::signature::Signer;
        let namespace = signing_namespace(role);
        let data = SshSig::signed_data(namespace, HashAlg::Sha512, message).unwrap();
        let state = [&[flags][..], &7_u32.to_be_bytes()].concat();
        let digest = |bytes: &[u8]| *Digest::of(bytes).as_bytes();
        let signed = [&digest(APPLICATION.as_bytes())[..], &state, &digest(&data)].concat();
        let signature = match self {
            Self::Ed25519(key) => key.sign(&signed).to_bytes().to_vec(),
            Self::Ecdsa(key) => {
                let signature: p256::ecdsa::Signature = key.sign(&signed);
                [mpint(&signature.r().to_bytes()), mpint(&signature.s().to_bytes())].concat()
            }
        };
        let signature = [string(self.kind().as_bytes()), string(&signature), state].concat();
        let parts = [string(&self.public()), string(namespace.as_bytes()), string(b""), string(b"sha512")].concat();
        armor(&[b"SSHSIG", &1_u32.to_be_bytes()[..], &parts, &string(&signature)].concat())
    }
}

fn armor(blob: &[u8]) -> String {
    let text = Base64::encode_string(blob);
    let lines: Vec<&str> = text.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

fn security_keys() -> [SecurityKey; 2] {
    [
        SecurityKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[21; 32])),
        SecurityKey::Ecdsa(p256::ecdsa::SigningKey::from_slice(&[22; 32]).unwrap()),
    ]
}

/// Whether OpenSSH finds the signature's mathematics sound.
fn openssh_verifies(line: &str, armored: &str, role: Role, message: &[u8]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("allowed"), format!("alice {line}\n")).unwrap();
    fs::write(dir.path().join("sig"), armored).unwrap();
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-I", "alice", "-n", signing_namespace(role), "-f"])
        .arg(dir.path().join("allowed"))
        .arg("-s")
        .arg(dir.path().join("sig"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message).unwrap();
    child.wait().unwrap().success()
}

#[test]
fn a_security_key_that_was_touched_signs() {
    for key in security_keys() {
        let duties = two_people(&key.line(), &line(BOB));
        let bundle = unsigned(&duties, None);
        let armored = key.sign(Role::Author, bundle.manifest_bytes(), 0x01);
        assert!(openssh_verifies(&key.line(), &armored, Role::Author, bundle.manifest_bytes()), "{}", key.kind());
        let bundle = signed(&bundle.with_signature(&armored).unwrap(), &[APPROVER]);
        let admitted = expect_admitted(admit_tar_now(&bundle.to_tar(), None, &root(&duties)));
        assert_eq!(author(&admitted), "alice");
    }
}

#[test]
fn p6a_a_security_key_that_nobody_touched_does_not_sign() {
    for key in security_keys() {
        let duties = two_people(&key.line(), &line(BOB));
        let bundle = unsigned(&duties, None);
        // 0x04 is "user verified", without "user present".
        for flags in [0x00, 0x04, 0x80, 0xfe] {
            let armored = key.sign(Role::Author, bundle.manifest_bytes(), flags);
            let fingerprint = Key::parse(&key.line()).unwrap().fingerprint();
            let problem = SignatureProblem::NoTouch { fingerprint };
            let expected = Reason::Signature { member: "signatures/0.sig".into(), problem };
            assert_eq!(bundle.with_signature(&armored).unwrap_err(), expected);
            let other = signed(&bundle, &[AUTHOR, APPROVER]);
            let forced = with_member(&other, "signatures/0.sig", armored.as_bytes());
            let refusal = admit_tar_now(&forced, None, &root(&duties)).unwrap_err();
            let first = Reason::OneIsNotEnough { because: vec![Because::First] };
            assert_eq!(refusal.reasons(), [expected, Reason::MissingAuthor, first]);
        }
    }
}

#[test]
fn p6a_flags_that_were_changed_after_signing_do_not_match() {
    for key in security_keys() {
        let bundle = unsigned(&two_people(&key.line(), &line(BOB)), None);
        let armored = key.sign(Role::Author, bundle.manifest_bytes(), 0x00);
        let body: String = armored.lines().filter(|line| !line.starts_with('-')).collect();
        let mut blob = Base64::decode_vec(&body).unwrap();
        let flags = blob.len() - 5;
        assert_eq!(blob[flags], 0);
        blob[flags] = 0x01;
        let refused = bundle.with_signature(&armor(&blob)).unwrap_err();
        assert!(
            matches!(refused, Reason::Signature { problem: SignatureProblem::DoesNotMatch { .. }, .. }),
            "{refused}"
        );
    }
}

#[test]
fn p63_an_author_signature_is_not_made_into_an_approval() {
    let bundle = unsigned(&duties(1), None);
    let armored = sign(ALICE, signing_namespace(Role::Author), bundle.manifest_bytes());
    let body: String = armored.lines().filter(|line| !line.starts_with('-')).collect();
    let blob = Base64::decode_vec(&body).unwrap();
    let (from, to) = (string(b"gate-author@v1"), string(b"gate-approver@v1"));
    let at = blob.windows(from.len()).position(|window| window == from).unwrap();
    let relabelled = [&blob[..at], &to, &blob[at + from.len()..]].concat();
    let refused = bundle.with_signature(&armor(&relabelled)).unwrap_err();
    assert!(matches!(refused, Reason::Signature { problem: SignatureProblem::DoesNotMatch { .. }, .. }), "{refused}");
    assert!(bundle.with_signature(&armor(&blob)).is_ok(), "only the label was changed");
}
