//! One peer for the staff's list of peers, in a fixed number of bytes.

use crate::InfoHash;
use crate::bytes::take;
use crate::compact::{V4_LEN, V6_LEN, read_v4, read_v6, write_v4, write_v6};
use crate::peer::{Peer, PeerState};

/// Bytes of one [`PeerRecord`].
pub const PEER_RECORD_LEN: usize = 85;

const HAS_V4: u8 = 4;
const HAS_V6: u8 = 8;
const TRIED: u8 = 16;
const REACHABLE: u8 = 32;

/// A peer and its torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRecord {
    /// The torrent's canonical info hash.
    pub info_hash: InfoHash,
    /// The peer.
    pub peer: Peer,
    /// Whether the tracker could connect to the peer lately; `None` if it did not try.
    pub reachable: Option<bool>,
}

impl PeerRecord {
    /// `info_hash[20] ‖ member u32 ‖ client[8] ‖ v4[6] ‖ v6[18] ‖ uploaded u64 ‖ downloaded u64 ‖ left u64 ‖ idle u32 ‖
    /// flags u8`; flags are the state (0 seeder, 1 leecher, 2 partial seed), 4 with v4, 8 with v6, 16 where a
    /// connection was tried, 32 where it was accepted.
    pub(super) fn encode(&self) -> [u8; PEER_RECORD_LEN] {
        let Peer { member, client, v4, v6, uploaded, downloaded, left, state, idle } = &self.peer;
        let state = match state {
            PeerState::Seeder => 0,
            PeerState::Leecher => 1,
            PeerState::PartialSeed => 2,
        };
        let tried = match self.reachable {
            None => 0,
            Some(false) => TRIED,
            Some(true) => TRIED | REACHABLE,
        };
        let flags = state | v4.map_or(0, |_| HAS_V4) | v6.map_or(0, |_| HAS_V6) | tried;
        let mut bytes = [0; PEER_RECORD_LEN];
        let mut rest = &mut bytes[..];
        for part in [
            &self.info_hash.as_bytes()[..],
            &member.to_be_bytes(),
            client,
            &v4.map_or([0; V4_LEN], write_v4),
            &v6.map_or([0; V6_LEN], write_v6),
            &uploaded.to_be_bytes(),
            &downloaded.to_be_bytes(),
            &left.to_be_bytes(),
            &idle.to_be_bytes(),
            &[flags],
        ] {
            let (head, tail) = rest.split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        }
        bytes
    }

    /// Reads what `encode` writes; `None` for unknown flags.
    pub(super) fn decode(bytes: &[u8; PEER_RECORD_LEN]) -> Option<Self> {
        let mut rest = &bytes[..];
        let info_hash: [u8; 20] = take(&mut rest)?;
        let member = u32::from_be_bytes(take(&mut rest)?);
        let client = take(&mut rest)?;
        let v4 = take(&mut rest)?;
        let v6 = take(&mut rest)?;
        let uploaded = u64::from_be_bytes(take(&mut rest)?);
        let downloaded = u64::from_be_bytes(take(&mut rest)?);
        let left = u64::from_be_bytes(take(&mut rest)?);
        let idle = u32::from_be_bytes(take(&mut rest)?);
        let [flags] = take(&mut rest)?;
        let reachable = match flags & (TRIED | REACHABLE) {
            0 => None,
            TRIED => Some(false),
            REACHABLE => return None,
            _ => Some(true),
        };
        let state = match flags & !(HAS_V4 | HAS_V6 | TRIED | REACHABLE) {
            0 => PeerState::Seeder,
            1 => PeerState::Leecher,
            2 => PeerState::PartialSeed,
            _ => return None,
        };
        let v4 = (flags & HAS_V4 != 0).then(|| read_v4(v4));
        let v6 = (flags & HAS_V6 != 0).then(|| read_v6(&v6));
        let peer = Peer { member, client, v4, v6, uploaded, downloaded, left, state, idle };
        Some(Self { info_hash: info_hash.into(), peer, reachable })
    }
}
