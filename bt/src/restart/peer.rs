//! One peer in a restart file: 39 bytes, 6 for an IPv4 endpoint, 18 for an IPv6 endpoint, and 4 if other clients of its
//! member seed as well.

use crate::bytes::take;
use crate::compact::{read_v4, read_v6, write_v4, write_v6};
use crate::swarm::StoredPeer;

const PARTIAL: u8 = 1;
const FETCHED: u8 = 2;
const BASELINE: u8 = 4;
const HAS_V4: u8 = 8;
const HAS_V6: u8 = 16;
const HAS_SHARED: u8 = 32;
const AHEAD: u8 = 64;

/// Appends `flags u8 ‖ member u32 ‖ identity u32 ‖ client u16 ‖ idle u32 ‖ uploaded u64 ‖ downloaded u64 ‖ left u64`,
/// then what the flags name: `IPv4 endpoint[6] ‖ IPv6 endpoint[18] ‖ shared u32`.
pub(super) fn encode(peer: &StoredPeer, bytes: &mut Vec<u8>) {
    let flag = |set, flag| if set { flag } else { 0 };
    let mut fixed = [0; 39];
    fixed[0] = flag(peer.partial, PARTIAL)
        | flag(peer.fetched, FETCHED)
        | flag(peer.baseline, BASELINE)
        | flag(peer.ahead, AHEAD)
        | flag(peer.v4.is_some(), HAS_V4)
        | flag(peer.v6.is_some(), HAS_V6)
        | flag(peer.shared > 0, HAS_SHARED);
    fixed[1..5].copy_from_slice(&peer.member.to_be_bytes());
    fixed[5..9].copy_from_slice(&peer.identity.to_be_bytes());
    fixed[9..11].copy_from_slice(&peer.client.to_be_bytes());
    fixed[11..15].copy_from_slice(&peer.idle.to_be_bytes());
    fixed[15..23].copy_from_slice(&peer.uploaded.to_be_bytes());
    fixed[23..31].copy_from_slice(&peer.downloaded.to_be_bytes());
    fixed[31..].copy_from_slice(&peer.left.to_be_bytes());
    bytes.extend_from_slice(&fixed);
    if let Some(v4) = peer.v4 {
        bytes.extend_from_slice(&write_v4(v4));
    }
    if let Some(v6) = peer.v6 {
        bytes.extend_from_slice(&write_v6(v6));
    }
    if peer.shared > 0 {
        bytes.extend_from_slice(&peer.shared.to_be_bytes());
    }
}

/// Reads one peer off the front; `None` if the bytes break off or have unknown flags.
pub(super) fn decode(rest: &mut &[u8]) -> Option<StoredPeer> {
    let [flags] = take(rest)?;
    if flags & !(PARTIAL | FETCHED | BASELINE | HAS_V4 | HAS_V6 | HAS_SHARED | AHEAD) != 0 {
        return None;
    }
    Some(StoredPeer {
        partial: flags & PARTIAL != 0,
        fetched: flags & FETCHED != 0,
        baseline: flags & BASELINE != 0,
        ahead: flags & AHEAD != 0,
        member: u32::from_be_bytes(take(rest)?),
        identity: u32::from_be_bytes(take(rest)?),
        client: u16::from_be_bytes(take(rest)?),
        idle: u32::from_be_bytes(take(rest)?),
        uploaded: u64::from_be_bytes(take(rest)?),
        downloaded: u64::from_be_bytes(take(rest)?),
        left: u64::from_be_bytes(take(rest)?),
        v4: if flags & HAS_V4 != 0 { Some(read_v4(take(rest)?)) } else { None },
        v6: if flags & HAS_V6 != 0 { Some(read_v6(&take(rest)?)) } else { None },
        shared: if flags & HAS_SHARED != 0 { u32::from_be_bytes(take(rest)?) } else { 0 },
    })
}
