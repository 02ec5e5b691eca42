//! Process.
fn main() {}
