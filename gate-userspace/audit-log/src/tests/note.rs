//! Notes, keys and checkpoints, with the vectors of the reference implementation.

use super::keep::{ORIGIN, key, verifier};
use crate::note::{open, sign};
use crate::{Checkpoint, CheckpointError, Hash, NoteError, VerifierKey, empty_root};
use ed25519_dalek::SigningKey;

const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const TEXT: &str =
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const SIGNED: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn signs_and_opens_the_reference_note() {
    let peter: VerifierKey = PETER.parse().unwrap();
    assert_eq!((peter.name(), peter.id()), ("PeterNeumann", 0xc74f_20a3));
    assert_eq!(peter.to_string(), PETER);
    assert_eq!(open(SIGNED.as_bytes(), &peter), Ok(TEXT));
    let secret: [u8; 32] = {
        use base64ct::{Base64, Encoding as _};
        let encoded = Base64::decode_vec("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz").unwrap();
        encoded[1..].try_into().unwrap()
    };
    assert_eq!(sign(TEXT, "PeterNeumann", &SigningKey::from_bytes(&secret)), SIGNED);
}

#[test]
fn a_key_that_was_changed_anywhere_is_refused() {
    for index in 0..PETER.len() {
        let mut bytes = PETER.as_bytes().to_vec();
        bytes[index] += 1;
        let changed = String::from_utf8(bytes).unwrap();
        assert!(changed.parse::<VerifierKey>().is_err(), "{changed}");
    }
    for text in [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(matches!(text.parse::<VerifierKey>(), Err(NoteError::Key { .. })), "{text}");
    }
}

#[test]
fn names_that_notes_cannot_carry_are_refused() {
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{7f}b"] {
        let refused = VerifierKey::new(name, key().verifying_key());
        assert_eq!(refused, Err(NoteError::Name { found: name.into() }));
    }
}

#[test]
fn malformed_notes_are_refused() {
    let signature = SIGNED.lines().last().unwrap();
    let peter: VerifierKey = PETER.parse().unwrap();
    for note in [
        String::new(),
        "\n\n".into(),
        TEXT.into(),
        format!("{TEXT}\n"),
        format!("{TEXT}{signature}\n"),
        format!("{TEXT}\n{signature}"),
        format!("{TEXT}\n{signature}\n\n"),
        format!("{TEXT}\n{signature} \n"),
        format!("{TEXT}\n{}\n", signature.replace('\u{2014}', "-")),
        format!("{TEXT}\n{signature}\nmore\n"),
        format!("{TEXT}\n{}\n", signature.trim_end_matches('=')),
        SIGNED.replace('\n', "\r\n"),
        SIGNED.replace("you think", "you\0think"),
        format!("{}{SIGNED}", "x".repeat(crate::MAX_NOTE)),
    ] {
        assert!(matches!(open(note.as_bytes(), &peter), Err(NoteError::Format { .. })), "{note:?}");
    }
    assert!(matches!(open(b"\xff\n\n", &peter), Err(NoteError::Format { .. })));
}

#[test]
fn signatures_by_others_are_ignored_and_wrong_ones_are_not() {
    let peter: VerifierKey = PETER.parse().unwrap();
    let other = sign(TEXT, "somebody", &key());
    assert!(matches!(open(other.as_bytes(), &peter), Err(NoteError::NotSigned { .. })));
    let others = other.lines().last().unwrap();
    assert_eq!(open(format!("{SIGNED}{others}\n").as_bytes(), &peter), Ok(TEXT));
    let changed = SIGNED.replace("cryptography", "cryptographY");
    assert!(matches!(open(changed.as_bytes(), &peter), Err(NoteError::Signature { .. })));
    // A good signature does not outweigh a wrong one by the same key.
    let wrong = changed.replace("you don't", "you do").lines().last().unwrap().replace("/ZJ", "/ZK");
    assert!(matches!(open(format!("{SIGNED}{wrong}\n").as_bytes(), &peter), Err(NoteError::Signature { .. })));
}

#[test]
fn a_checkpoint_comes_back_as_it_was_signed() {
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 20_852_163, root: Hash([9; 32]) };
    let note = checkpoint.sign(&key());
    assert!(
        note.starts_with("host.example/gate\n20852163\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\n"),
        "{note}"
    );
    assert_eq!(Checkpoint::open(note.as_bytes(), &verifier()), Ok(checkpoint));
}

#[test]
fn a_signed_text_that_is_no_checkpoint_of_this_log_is_refused_with_its_line() {
    let root = empty_root();
    for (line, text) in [
        (1, format!("host.example/other\n0\n{root}\n")),
        (2, format!("{ORIGIN}\n")),
        (2, format!("{ORIGIN}\n01\n{root}\n")),
        (2, format!("{ORIGIN}\n+1\n{root}\n")),
        (2, format!("{ORIGIN}\n18446744073709551616\n{root}\n")),
        (3, format!("{ORIGIN}\n0\n")),
        (3, format!("{ORIGIN}\n0\n{root}=\n")),
        (3, format!("{ORIGIN}\n0\nAAAA\n")),
        (4, format!("{ORIGIN}\n0\n{root}\n\nextension\n")),
    ] {
        let refused = Checkpoint::open(sign(&text, ORIGIN, &key()).as_bytes(), &verifier());
        let Err(CheckpointError::Line { line: found, .. }) = refused else { panic!("{text}: {refused:?}") };
        assert_eq!(found, line, "{text}");
    }
    let extended = format!("{ORIGIN}\n0\n{root}\nextension\n");
    assert!(Checkpoint::open(sign(&extended, ORIGIN, &key()).as_bytes(), &verifier()).is_ok());
}
