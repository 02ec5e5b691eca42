//! Pages of torrents.

pub mod torrent;
