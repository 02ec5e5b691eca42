//! The schema, its migrations and its roles on a real server.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod migration_samples;
mod migration_steps;
mod migrations;
mod notifications;
mod permissions;
mod postgres;
mod words;
