//! Tests of `bt` from outside.

#![expect(clippy::expect_used, reason = "a test may end in a panic")]

mod accounting;
mod allocations;
mod announce;
mod control;
mod create;
mod metainfo;
mod recordings;
mod reports;
mod restart;
mod scrape;
mod swarm;
