//! Pages of members: their account, signing in, invites, reset links, transfers.

pub mod account;
mod dead_link;
pub mod invite;
pub mod password_reset;
pub mod session;
pub mod transfer;
