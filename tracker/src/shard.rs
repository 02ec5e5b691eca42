//! The shards that torrents are divided among, each with one lock over its swarms.

use bt::InfoHash;

/// One for each first byte of an info hash.
pub(crate) const SHARDS: usize = 256;

/// The shard of a torrent, by its canonical info hash.
pub(crate) fn shard_of(info_hash: &InfoHash) -> usize {
    usize::from(info_hash.as_bytes()[0])
}
