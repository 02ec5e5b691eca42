//! Rules for torrents: uploads, lists, descriptions, history.

pub mod description;
pub mod history;
pub mod markdown;
pub mod torrent;
