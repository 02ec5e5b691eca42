//! Torrents: what they may be, lists, uploads, descriptions, history.

pub mod description;
pub mod history;
pub mod markdown;
pub mod torrent;
