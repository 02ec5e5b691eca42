//! A torrent of the demonstration.

use std::path::PathBuf;

use bt::bencode::Limits;
use bt::metainfo::{Kind, Metainfo};
use bt::{InfoHash, InfoHashV2};
use tokio::time::Instant;

/// A torrent on the site.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) id: u32,
    pub(super) title: String,
    /// The canonical one.
    pub(super) info_hash: InfoHash,
    /// Some clients report hybrid torrents by this hash.
    v2: Option<InfoHashV2>,
    pub(super) size: u64,
    pub(super) pieces: u32,
    /// The file or folder.
    pub(super) source: PathBuf,
    pub(super) since: Instant,
    /// Seconds from the upload until all clients had it for the first time.
    pub(super) completed: Option<u32>,
    /// Whether it is being removed: no client is given it any more.
    pub(super) leaving: bool,
}

impl Published {
    /// A torrent that was just uploaded and got the number `id`.
    pub(super) fn new(id: u32, title: String, source: PathBuf, metainfo: &Metainfo<'_>) -> Self {
        let in_pieces = |bytes: u64| bytes.div_ceil(metainfo.piece_length.max(1));
        let pieces = match metainfo.kind {
            Kind::V1 => in_pieces(metainfo.size),
            // Each file begins a new piece (BEP 52).
            _ => metainfo.files.iter().map(|file| in_pieces(file.size)).sum(),
        };
        Self {
            id,
            title,
            info_hash: metainfo.hashes.canonical(),
            v2: metainfo.hashes.v2,
            size: metainfo.size,
            pieces: u32::try_from(pieces).unwrap_or(u32::MAX),
            source,
            since: Instant::now(),
            completed: None,
            leaving: false,
        }
    }

    /// Whether `name`, in hex, is one of its hashes.
    pub(super) fn is_named(&self, name: &str) -> bool {
        let canonical = self.info_hash.to_string();
        let v2 = self.v2.map(|hash| [hash.to_string(), hash.truncated().to_string()]);
        name.eq_ignore_ascii_case(&canonical)
            || v2.iter().flatten().any(|hash| hash.eq_ignore_ascii_case(name))
    }
}

/// Reads a .torrent file of our own.
pub(super) fn read(metainfo: &[u8]) -> anyhow::Result<Metainfo<'_>> {
    Ok(Metainfo::parse(metainfo, &Limits::default())?)
}
