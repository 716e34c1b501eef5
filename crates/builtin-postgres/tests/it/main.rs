//! Tests with real processes.
fn main() {}
