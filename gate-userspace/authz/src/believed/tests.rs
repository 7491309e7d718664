use super::*;
use ed25519_dalek::SigningKey;
use gate_statements::SessionId;
use gate_tables::ServiceId;

const NOW: u64 = 1_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn assertion(session: u8) -> Assertion {
    Assertion {
        session: SessionId([session; 16]),
        connection: 7,
        token: [0; 32],
        source: ServiceId(1),
        source_name: "web".into(),
        uid: 33,
        destination: ([127, 0, 0, 1], 8080).into(),
        environment: "demo".into(),
        version: 4,
        issued_ms: NOW,
        expires_ms: NOW + 120_000,
    }
}

fn signed(assertion: &Assertion) -> Signed<Assertion> {
    Signed::sign(assertion, &key(1)).unwrap()
}

fn believed() -> Believed {
    Believed::new(key(1).verifying_key(), "demo".into(), REMEMBERED)
}

#[test]
fn authns_own_is_believed_and_remembered() {
    let mut believed = believed();
    for _ in 0..3 {
        assert_eq!(*believed.check(&signed(&assertion(1)), 4, NOW + 5).unwrap(), assertion(1));
    }
    assert_eq!(believed.len(), 1);
}

#[test]
fn one_that_is_remembered_is_judged_again_each_time() {
    let mut believed = believed();
    let signed = signed(&assertion(1));
    believed.check(&signed, 4, NOW).unwrap();
    assert!(matches!(believed.check(&signed, 5, NOW), Err(Disbelief::Version { found: 4, own: 5 })));
    assert!(matches!(believed.check(&signed, 4, NOW + 120_000), Err(Disbelief::Statement(_))));
    assert!(believed.is_empty(), "an expired one is forgotten");
    assert!(believed.check(&signed, 4, NOW + 120_000).is_err());
}

#[test]
fn what_is_forged_is_not_believed_and_not_remembered() {
    let mut believed = believed();
    let forged = Signed::sign(&assertion(1), &key(2)).unwrap();
    let elsewhere = signed(&Assertion { environment: "other".into(), ..assertion(1) });
    let eternal = signed(&Assertion { expires_ms: NOW + 301_000, ..assertion(1) });
    let early = signed(&Assertion { issued_ms: NOW + 2_000, ..assertion(1) });
    for (wrong, expected) in [
        (forged, "not by the enrolled key"),
        (elsewhere, "environment \"other\""),
        (eternal, "longer life"),
        (early, "in the future"),
    ] {
        let found = believed.check(&wrong, 4, NOW).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    }
    assert!(believed.is_empty());
}

#[test]
fn a_known_signature_under_another_payload_is_not_believed() {
    let mut believed = believed();
    let (first, second) = (signed(&assertion(1)), signed(&assertion(2)));
    believed.check(&first, 4, NOW).unwrap();
    // The wire form lets anybody combine the two.
    let bytes = postcard::to_allocvec(&(second.payload(), first.signature())).unwrap();
    let mixed: Signed<Assertion> = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(mixed.payload(), second.payload());
    assert!(matches!(believed.check(&mixed, 4, NOW), Err(Disbelief::Statement(StatementError::Signature { .. }))));
}

#[test]
fn memory_is_bounded_and_what_is_forgotten_is_verified_anew() {
    let mut believed = Believed::new(key(1).verifying_key(), "demo".into(), 3);
    for session in 0..10 {
        believed.check(&signed(&assertion(session)), 4, NOW).unwrap();
        assert!(believed.len() <= 3 && believed.order.len() <= 3);
    }
    assert!(believed.check(&signed(&assertion(0)), 4, NOW).is_ok());
}
