//! libFuzzer around one target, which `GATE_FUZZ_TARGET` names. Built and run by `cargo xtask fuzz`.

#![no_main]

use gate_fuzz::Target;
use std::sync::LazyLock;

static TARGET: LazyLock<Option<Target>> =
    LazyLock::new(|| std::env::var("GATE_FUZZ_TARGET").ok().and_then(|name| name.parse().ok()));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(target) = *TARGET else {
        eprintln!("GATE_FUZZ_TARGET names no target; start this with cargo xtask fuzz");
        std::process::exit(2);
    };
    if let Err(finding) = target.run(bytes) {
        eprintln!("{target}: {finding}");
        // What libFuzzer takes for a crash, and minimizes.
        std::process::abort();
    }
});
