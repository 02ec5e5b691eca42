//! Torrents: rows, files, lists, words, counts, history.

pub mod change;
pub mod count;
pub mod file;
pub mod history;
pub mod listing;
pub mod torrent;
pub mod word;
