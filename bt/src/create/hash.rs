//! The hashes of one piece, from its bytes in order: SHA-1 of all (BEP 3), the root of a SHA-256 tree (BEP 52).

use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::metainfo::{BLOCK, Kind, pair_hash};

/// [`BLOCK`] as a number of bytes in memory.
const BLOCK_BYTES: usize = 16 << 10;
const _: () = assert!(BLOCK_BYTES as u64 == BLOCK, "both are the block of BEP 52");

/// The hashes of one piece. One of them is unused if the torrent's kind does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceHashes {
    pub(super) v1: [u8; 20],
    pub(super) v2: [u8; 32],
}

impl PieceHashes {
    /// Stands for hashes that are not known yet. Not zero, which means no hash in version 2.
    pub const UNKNOWN: Self = Self { v1: [0xff; 20], v2: [0xff; 32] };
}

/// Hashes one piece from its bytes, in parts of any length. [`super::Layout::hasher`] makes it.
#[derive(Debug, Clone)]
pub struct PieceHasher {
    v1: Option<Sha1>,
    /// Bytes of the pad file at the piece's end, which are zero and are not read.
    padding: u64,
    v2: Option<Tree>,
}

impl PieceHasher {
    /// `width` is the number of leaves of the version 2 tree, a power of two.
    pub(super) fn new(kind: Kind, padding: u64, width: u64) -> Self {
        let tree = Tree { block: Sha256::new(), filled: 0, roots: Vec::new(), leaves: 0, width };
        Self { v1: (kind != Kind::V2).then(Sha1::new), padding, v2: (kind != Kind::V1).then_some(tree) }
    }

    /// Takes the next bytes of the piece.
    pub fn update(&mut self, bytes: &[u8]) {
        // Block by block, so that the second hash finds the bytes in the cache.
        for block in bytes.chunks(BLOCK_BYTES) {
            if let Some(v1) = &mut self.v1 {
                v1.update(block);
            }
            if let Some(v2) = &mut self.v2 {
                v2.update(block);
            }
        }
    }

    /// The hashes, after all bytes of the piece.
    pub fn finish(self) -> PieceHashes {
        let mut hashes = PieceHashes::UNKNOWN;
        if let Some(mut v1) = self.v1 {
            let mut padding = self.padding;
            while padding > 0 {
                let part = usize::try_from(padding).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
                v1.update(&[0; BLOCK_BYTES][..part]);
                padding -= part as u64;
            }
            hashes.v1 = v1.finalize().into();
        }
        if let Some(v2) = self.v2 {
            hashes.v2 = v2.root();
        }
        hashes
    }
}

/// A merkle tree over blocks of 16 KiB, filled up with leaves of zero. Only the roots of finished subtrees are kept.
#[derive(Debug, Clone)]
struct Tree {
    /// Hash of the present block so far.
    block: Sha256,
    /// Bytes of the present block so far.
    filled: usize,
    /// Roots of the finished subtrees, largest first: one for each bit that is set in `leaves`.
    roots: Vec<[u8; 32]>,
    leaves: u64,
    width: u64,
}

impl Tree {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.filled));
            self.block.update(part);
            self.filled += part.len();
            if self.filled == BLOCK_BYTES {
                self.end_block();
            }
            bytes = rest;
        }
    }

    fn end_block(&mut self) {
        let leaf = self.block.finalize_reset().into();
        self.filled = 0;
        self.push(leaf);
    }

    fn push(&mut self, leaf: [u8; 32]) {
        let mut hash = leaf;
        let mut parts = self.leaves;
        while parts & 1 == 1
            && let Some(left) = self.roots.pop()
        {
            hash = pair_hash(&left, &hash);
            parts >>= 1;
        }
        self.roots.push(hash);
        self.leaves += 1;
    }

    fn root(mut self) -> [u8; 32] {
        if self.filled > 0 {
            self.end_block();
        }
        while self.leaves < self.width {
            self.push([0; 32]);
        }
        self.roots.pop().unwrap_or_default()
    }
}
