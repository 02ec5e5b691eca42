//! Torrents and their live counts.

pub mod live;
pub mod torrent;
