//! The tracker as its clients see it: the real program, a real Postgres, real sockets.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod announce;
mod connection;
mod database;
mod doctor;
mod harness;
mod http;
mod key;
mod limits;
mod live;
mod metrics;
mod program;
mod reports;
mod restart;
mod tls;
mod udp;
