//! gate-authn

fn main() {}
