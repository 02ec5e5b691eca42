//! The launcher with the real tracker, webapi and Postgres.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod backup;
mod faults;
mod launcher;
mod privileges;
mod refusals;
mod reset;
mod restarts;
mod sites;
mod starts;
