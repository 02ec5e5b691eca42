//! The handshake: the first 68 bytes of each side (BEP 3).

use crate::bytes::take;
use crate::{InfoHash, PeerId};

/// Bytes of a handshake.
pub const HANDSHAKE_LEN: usize = 68;

/// How every handshake begins.
pub(super) const PROTOCOL: [u8; 20] = *b"\x13BitTorrent protocol";

/// One side's handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake {
    /// Bits for extensions of the protocol (BEP 4).
    pub reserved: [u8; 8],
    /// The torrent. A peer may answer with the other hash of a hybrid.
    pub info_hash: InfoHash,
    /// Who sends the handshake.
    pub peer_id: PeerId,
}

impl Handshake {
    /// A handshake that offers the extension protocol and nothing else.
    ///
    /// The bit "may upgrade to v2" (BEP 52) stays off: libtorrent hangs up for a version 1 torrent if it is set.
    pub fn new(info_hash: InfoHash, peer_id: PeerId) -> Self {
        Self { reserved: [0, 0, 0, 0, 0, 0x10, 0, 0], info_hash, peer_id }
    }

    /// Whether the sender knows the extension protocol (BEP 10).
    pub fn has_extensions(&self) -> bool {
        self.reserved[5] & 0x10 != 0
    }

    /// `19 "BitTorrent protocol" reserved[8] info_hash[20] peer_id[20]`.
    pub fn encode(&self) -> [u8; HANDSHAKE_LEN] {
        let mut wire = [0; HANDSHAKE_LEN];
        wire[..20].copy_from_slice(&PROTOCOL);
        wire[20..28].copy_from_slice(&self.reserved);
        wire[28..48].copy_from_slice(self.info_hash.as_bytes());
        wire[48..].copy_from_slice(&self.peer_id);
        wire
    }

    /// The inverse of [`Handshake::encode`]; `None` for another protocol.
    pub fn parse(wire: &[u8; HANDSHAKE_LEN]) -> Option<Self> {
        let mut rest = &wire[..];
        if take(&mut rest)? != PROTOCOL {
            return None;
        }
        let reserved = take(&mut rest)?;
        Some(Self { reserved, info_hash: take::<20>(&mut rest)?.into(), peer_id: take(&mut rest)? })
    }
}
