//! gate-demo
fn main() {}
