//! The rules: pure decisions and the steps that more than one handler takes.

pub mod catalogue;
pub mod client_name;
pub mod cursor;
pub mod member;
pub mod staff;
