//! gatectl

fn main() {}
