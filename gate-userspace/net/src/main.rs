//! gate-net

fn main() {}
