//! gate-loader

fn main() {}
