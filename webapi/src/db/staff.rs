//! What staff manage: roles.

pub mod role;
