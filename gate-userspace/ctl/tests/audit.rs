//! `gatectl audit verify`, on logs that the real writer wrote.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows functions marked as tests, not what they call"
)]

mod support;

use ed25519_dalek::SigningKey;
use gate_audit_log::Log;
use gate_host::public_key_line;
use std::fs;
use support::Place;

const ORIGIN: &str = "gate/demo/h1/0123456789abcdef";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// 300 entries in `log`, the checkpoint over the first 200 in `saved`, the key in `audit.pub`.
fn place() -> Place {
    let place = Place::empty();
    let mut log = Log::open(&place.path("log"), ORIGIN, key(), None).unwrap();
    for number in 0..300 {
        log.append(&[format!("{{\"entry\":{number}}}")]).unwrap();
        if number == 199 {
            log.commit().unwrap();
            fs::copy(place.path("log/checkpoint"), place.path("saved")).unwrap();
        }
    }
    log.commit().unwrap();
    fs::write(place.path("audit.pub"), public_key_line(&key().verifying_key()) + "\n").unwrap();
    fs::write(place.path("audit.vkey"), format!("{}\n", log.verifier_key())).unwrap();
    place
}

fn verify(rest: &str) -> String {
    format!("audit verify log --origin {ORIGIN} --key audit.pub {rest}")
}

#[test]
fn a_sound_log() {
    let place = place();
    place.gatectl(&verify("")).code(0).says("log: sound").says("300 entries").says("no saved checkpoint");
    place.gatectl(&verify("--checkpoint saved")).code(0).says("continues the saved checkpoint of 200 entries");
    place.gatectl("audit verify log --key audit.vkey").code(0).says("log: sound");
    let line = public_key_line(&key().verifying_key());
    place.gatectl(&format!("audit verify log --origin {ORIGIN} --key {line}")).code(0);
    let (code, json) = place.json(&verify(""));
    assert_eq!((code, &json["entries"], &json["origin"]), (0, &300.into(), &ORIGIN.into()));
}

#[test]
fn a_changed_byte_is_named_by_file_and_entry() {
    let place = place();
    let file = place.path("log/tile/entries/000");
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(10).position(|window| window == b"\"entry\":17").unwrap();
    bytes[at + 9] = b'8';
    fs::write(&file, bytes).unwrap();
    place.gatectl(&verify("")).code(1).says("log: NOT sound").says("tile/entries/000: entry 17 was changed");
    let (code, json) = place.json(&verify(""));
    assert_eq!((code, &json["file"], &json["entry"]), (1, &"tile/entries/000".into(), &17.into()));
}

/// p65
#[test]
fn p65_a_cut_tail_is_found_by_an_earlier_checkpoint() {
    let place = place();
    fs::copy(place.path("log/checkpoint"), place.path("later")).unwrap();
    let mut shorter = Log::open(&place.path("shorter"), ORIGIN, key(), None).unwrap();
    shorter.append(&(0..250).map(|number| format!("{{\"entry\":{number}}}")).collect::<Vec<_>>()).unwrap();
    shorter.commit().unwrap();
    let arguments = |saved: &str| format!("audit verify shorter --origin {ORIGIN} --key audit.pub {saved}");
    place.gatectl(&arguments("")).code(0);
    place.gatectl(&arguments("--checkpoint saved")).code(0);
    place.gatectl(&arguments("--checkpoint later")).code(1).says("has 250 entries, but it had 300");
}

#[test]
fn another_key_and_another_name() {
    let place = place();
    let other = public_key_line(&SigningKey::from_bytes(&[8; 32]).verifying_key());
    let ran = place.gatectl(&format!("audit verify log --origin {ORIGIN} --key {other}")).code(1);
    ran.says("there is no signature by");
    let ran = place.gatectl("audit verify log --origin gate/demo/h2 --key audit.pub").code(1);
    ran.says(&format!("its first line names the log \"{ORIGIN}\"")).says("is --origin right?");
    place.gatectl("audit verify log --origin other --key audit.vkey").code(2).complains("is the key of");
}

#[test]
fn what_cannot_be_verified() {
    let place = place();
    place.gatectl("audit verify log --key audit.pub").code(2).complains("give --origin");
    place.gatectl(&format!("audit verify log --origin {ORIGIN} --key audit.pbu")).code(2).complains("--key: is not");
    place
        .gatectl(&format!("audit verify lgo --origin {ORIGIN} --key audit.pub"))
        .code(2)
        .complains("lgo: cannot be read");
    place
        .gatectl(&format!("audit verify saved --origin {ORIGIN} --key audit.pub"))
        .code(2)
        .complains("is no directory");
    place.gatectl(&verify("--checkpoint none")).code(2).complains("none: cannot be read");
    place.gatectl(&verify("--checkpoint audit.pub")).code(2).complains("audit.pub: this is not a signed note");
    fs::create_dir(place.path("empty")).unwrap();
    place.gatectl(&format!("audit verify empty --origin {ORIGIN} --key audit.pub")).code(1).says("checkpoint");
}
