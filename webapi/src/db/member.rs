//! Queries for members: accounts, sessions, keys, invites, transfers.

pub mod feed_key;
pub mod invite;
pub mod password_reset;
pub mod report;
pub mod session;
pub mod token;
pub mod transfer;
pub mod user;
