//! gate-proxy

fn main() {}
