//! The rules: pure decisions and the steps that more than one handler takes.

pub mod account;
pub mod attempts;
pub mod client_name;
pub mod cursor;
pub mod description;
pub mod device;
pub mod doctor;
pub mod feed_key;
pub mod history;
pub mod invite;
pub mod markdown;
pub mod member;
pub mod password;
pub mod password_reset;
pub mod permission;
pub mod requests;
pub mod role;
pub mod scope;
pub mod swarm;
pub mod token;
pub mod torrent;
pub mod transfer;
