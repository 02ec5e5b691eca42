//! The program from outside.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod create;
mod demo;
mod interop;
mod namespaces;
