//! Members' own pages, signing in, invites.

pub mod account;
mod dead_link;
pub mod invite;
pub mod password_reset;
pub mod session;
pub mod transfer;
