//! Queries for torrents: rows, files, lists, words of titles, counts, history.

pub mod change;
pub mod count;
pub mod file;
pub mod history;
pub mod listing;
pub mod torrent;
pub mod word;
