//! The demo's step 7, after those that it looks for in the log.

use gate_tests::steps::{BUNDLES, BYPASSES, DENIALS, FLOWS, GRANTS, LOG};

#[test]
fn step7_everything_is_in_the_log() -> anyhow::Result<()> {
    gate_tests::test(&[FLOWS, DENIALS, BYPASSES, GRANTS, BUNDLES, LOG])
}
