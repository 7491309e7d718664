//! The demo's step 6.

#[test]
fn step6_a_bad_bundle_takes_no_effect() -> anyhow::Result<()> {
    gate_tests::test(&[gate_tests::steps::BUNDLES])
}
