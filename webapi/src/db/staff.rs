//! Queries for staff: roles.

pub mod role;
