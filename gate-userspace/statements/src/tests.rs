use super::*;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn grant(issued_ms: u64, until_ms: u64) -> Grant {
    Grant {
        session: SessionId([1; 16]),
        decision: DecisionId([2; 16]),
        source: ServiceId(1),
        destination: ServiceId(2),
        environment: "demo".into(),
        version: 3,
        issued_ms,
        until_ms,
    }
}

#[test]
fn what_was_signed_is_what_is_read() {
    let signed = Signed::sign(&grant(1, 2), &key(1)).unwrap();
    assert_eq!(signed.verify(&key(1).verifying_key()), Ok(grant(1, 2)));
}

#[test]
fn another_key_is_refused() {
    let signed = Signed::sign(&grant(1, 2), &key(1)).unwrap();
    assert_eq!(signed.verify(&key(2).verifying_key()), Err(StatementError::Signature { kind: Grant::CONTEXT }));
}

#[test]
fn every_changed_byte_is_refused() {
    let signed = Signed::sign(&grant(1, 2), &key(1)).unwrap();
    for index in 0..signed.payload.len() {
        let mut forged = signed.clone();
        forged.payload[index] ^= 1;
        assert!(forged.verify(&key(1).verifying_key()).is_err(), "payload byte {index}");
    }
    for index in 0..signed.signature.len() {
        let mut forged = signed.clone();
        forged.signature[index] ^= 1;
        assert!(forged.verify(&key(1).verifying_key()).is_err(), "signature byte {index}");
    }
}

#[test]
fn a_signature_for_one_purpose_is_worth_nothing_for_another() {
    let confirmation = Confirmation { bundle: BundleDigest([0; 32]), environment: "demo".into(), version: 3 };
    let signed = Signed::sign(&confirmation, &key(1)).unwrap();
    let moved = Signed::<Grant> { payload: signed.payload, signature: signed.signature, kind: PhantomData };
    assert_eq!(moved.verify(&key(1).verifying_key()), Err(StatementError::Signature { kind: Grant::CONTEXT }));
}

#[test]
fn times_bound_it_on_every_side() {
    assert_eq!(grant(1_000, 2_000).check_time(1_500), Ok(()));
    assert!(grant(1_000, 2_000).check_time(2_000).is_err(), "expired");
    assert!(grant(5_000, 9_000).check_time(3_999).is_err(), "from the future");
    assert!(grant(5_000, 9_000).check_time(4_000).is_ok(), "within the skew");
    assert!(grant(0, MAX_GRANT_MS + 1).check_time(1).is_err(), "too long");
}

#[test]
fn numbers_are_written_in_lower_case_hexadecimal() {
    let mut id = [0; 16];
    id[0] = 0xab;
    id[15] = 0x07;
    assert_eq!(SessionId(id).to_string(), "ab000000000000000000000000000007");
    assert_eq!(BundleDigest([0xf0; 32]).to_string(), "f0".repeat(32));
}
