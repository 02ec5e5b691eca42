//! The site as a whole: served on loopback, with a real database.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod access;
mod account;
mod accounting;
mod assets;
mod attempts;
mod bounds;
mod browsing;
mod corpus;
mod csrf;
mod description;
mod doctor;
mod documented;
mod errors;
mod feed_keys;
mod forms;
mod inputs;
mod invites;
mod live;
mod making;
mod members;
mod metrics;
mod password_resets;
mod passwords;
mod programs;
mod reading;
mod scopes;
mod sessions;
mod snapshots;
mod support;
mod tokens;
mod torrents;
mod tracker;
mod transfers;
mod uploads;
mod walls;
