//! adduser.
fn main() {}
