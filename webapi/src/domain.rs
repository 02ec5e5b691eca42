//! The site's rules: pure decisions, and steps that several handlers share.

pub mod catalogue;
pub mod client_name;
pub mod cursor;
pub mod member;
pub mod staff;
