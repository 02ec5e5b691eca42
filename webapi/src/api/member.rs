//! Members: accounts, sessions, keys, invites, what they moved.

pub mod account;
pub mod doctor;
pub mod feed_key;
pub mod invite;
pub mod password_reset;
pub mod session;
pub mod token;
pub mod transfer;
