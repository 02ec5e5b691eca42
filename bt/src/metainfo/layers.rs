//! Piece layers of version 2 metainfo (BEP 52): SHA-256 merkle trees over blocks of 16 KiB.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::files::Entry;
use super::{BLOCK, Error};
use crate::bencode::Dict;

type Hash = [u8; 32];

/// Checks that each file larger than a piece has its layer, that each layer belongs to a file, and that the roots
/// match.
pub(super) fn check(entries: &[Entry<'_>], piece_length: u64, layers: Option<Dict<'_>>) -> Result<(), Error> {
    // Files with the same content share one root and one layer.
    let mut pieces_of: HashMap<Hash, u64> = HashMap::new();
    for entry in entries.iter().filter(|entry| entry.size > piece_length) {
        let root = entry.root.ok_or(Error::MissingRoot)?;
        let pieces = entry.size.div_ceil(piece_length);
        if *pieces_of.entry(root).or_insert(pieces) != pieces {
            return Err(Error::Layer);
        }
    }
    let padding = padding_hash(piece_length);
    for layer in layers.into_iter().flatten() {
        let root: Hash = layer.key.try_into().map_err(|_| Error::Layer)?;
        let pieces = pieces_of.remove(&root).ok_or(Error::Layer)?;
        let hashes = layer.value.string().ok_or(Error::Layer)?;
        if pieces.checked_mul(32) != Some(hashes.len() as u64) || merkle_root(hashes, padding) != root {
            return Err(Error::Layer);
        }
    }
    if pieces_of.is_empty() { Ok(()) } else { Err(Error::MissingLayer) }
}

/// The hash of a piece beyond the end of a file: the root of a tree whose leaves are zero.
pub(crate) fn padding_hash(piece_length: u64) -> Hash {
    let levels = (piece_length / BLOCK).trailing_zeros();
    (0..levels).fold([0; 32], |hash, _| pair_hash(&hash, &hash))
}

/// The root of the tree above a layer of hashes, which `padding` fills up to a power of two.
pub(crate) fn merkle_root(layer: &[u8], mut padding: Hash) -> Hash {
    let mut level: Vec<Hash> = layer.as_chunks().0.to_vec();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| pair_hash(&pair[0], pair.get(1).unwrap_or(&padding))).collect();
        padding = pair_hash(&padding, &padding);
    }
    level.first().copied().unwrap_or(padding)
}

pub(crate) fn pair_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update(left).chain_update(right).finalize().into()
}
