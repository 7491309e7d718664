//! gate-authz

fn main() {}
