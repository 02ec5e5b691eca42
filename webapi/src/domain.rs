//! The rules: pure decisions and the steps that more than one handler takes.

pub mod token;
