//! gate-audit

fn main() {}
