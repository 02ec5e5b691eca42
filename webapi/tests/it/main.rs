//! The site as a whole: served on loopback, with a real database.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod access;
mod csrf;
mod errors;
mod invites;
mod members;
mod programs;
mod sessions;
mod support;
mod tokens;
