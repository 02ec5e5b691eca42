//! The blocks of one `info`: which are asked for, and what has come.

use std::collections::BTreeMap;

use super::Failure;
use crate::peer_wire::METADATA_BLOCK;

/// The blocks of `info`. Memory is taken for what has come, not for what is claimed.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Bytes of `info`, as the peer claims.
    size: usize,
    /// Blocks before this one are asked for.
    asked: u32,
    /// The blocks that have come without a gap.
    info: Vec<u8>,
    /// The blocks that came before their turn.
    early: BTreeMap<u32, Vec<u8>>,
}

impl Blocks {
    /// No block of an `info` of `size` bytes, of which there is at least one.
    pub(super) fn new(size: usize) -> Self {
        Self { size, asked: 0, info: Vec::new(), early: BTreeMap::new() }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The next block to ask for, if fewer than `window` are under way.
    pub(super) fn ask(&mut self, window: usize) -> Option<u32> {
        let piece = self.asked;
        let there = self.gapless() + self.early.len();
        if self.due(piece) == 0 || piece as usize - there >= window {
            return None;
        }
        self.asked += 1;
        Some(piece)
    }

    /// Takes a block. Returns `info` if it was the last one.
    pub(super) fn take(&mut self, piece: u32, block: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        if piece >= self.asked {
            return Err(Failure::Unasked);
        }
        let turn = self.gapless();
        if (piece as usize) < turn || self.early.contains_key(&piece) {
            return Err(Failure::Repeated);
        }
        let due = self.due(piece);
        if block.len() != due {
            return Err(Failure::BlockLength { found: block.len(), due });
        }
        if piece as usize > turn {
            self.early.insert(piece, block.to_vec());
            return Ok(None);
        }
        self.append(block);
        let mut next = piece + 1;
        while let Some(block) = self.early.remove(&next) {
            self.append(&block);
            next += 1;
        }
        Ok((self.info.len() == self.size).then(|| std::mem::take(&mut self.info)))
    }

    /// How many blocks have come without a gap.
    fn gapless(&self) -> usize {
        self.info.len().div_ceil(METADATA_BLOCK)
    }

    /// Bytes of a block; 0 after the last one.
    fn due(&self, piece: u32) -> usize {
        let before = (piece as usize).saturating_mul(METADATA_BLOCK);
        self.size.saturating_sub(before).min(METADATA_BLOCK)
    }

    /// Appends a block. Memory doubles as in any vector, but not beyond the size.
    fn append(&mut self, block: &[u8]) {
        if self.info.capacity() - self.info.len() < block.len() {
            let more = self.info.len().max(block.len()).min(self.size - self.info.len());
            self.info.reserve_exact(more);
        }
        self.info.extend_from_slice(block);
    }
}
