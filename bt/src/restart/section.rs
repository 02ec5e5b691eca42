//! The sections of a restart file, and their records.

use super::{CLIENTS, MEMBERS, REPORTS, SAVED, SWARM, SwarmHead, TORRENTS, peer};
use crate::announce_key::{Binding, Nonce};
use crate::bytes::take;
use crate::info_hash::InfoHash;
use crate::messages::counts::Position;
use crate::messages::report::Report;
use crate::peer::ClientPrefix;
use crate::swarm::StoredPeer;

const MEMBER_LEN: usize = 25;
const MEMBER_LEN_V1: usize = 9;
const TORRENT_LEN: usize = 49;

const ENABLED: u8 = 1;
const HAS_NONCE: u8 = 2;

const HAS_V1: u8 = 1;
const HAS_V2: u8 = 2;

/// A member in the restart file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Id of the member's row.
    pub id: u32,
    /// What the member's announce keys are bound to.
    pub key: Binding,
    /// Whether the account may announce.
    pub enabled: bool,
}

/// A torrent in the restart file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torrent {
    /// Id of the torrent's row.
    pub id: u32,
    /// The version 1 hash.
    pub v1: Option<InfoHash>,
    /// The version 2 hash, truncated.
    pub v2: Option<InfoHash>,
    /// Members who have finished a download, as the tracker last read it.
    pub snatched: u32,
}

/// One section of a file; [`super::Writer`] explains each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// When the file was written, in seconds since 1970.
    Saved(u64),
    /// The client prefixes, by the numbers that peers have.
    Clients(Vec<ClientPrefix>),
    /// Some of the members.
    Members(Vec<Member>),
    /// Some of the torrents.
    Torrents(Vec<Torrent>),
    /// One batch of reports.
    Reports(Position, Vec<Report>),
    /// Some of a swarm's peers.
    Swarm(SwarmHead, Vec<StoredPeer>),
}

impl Section {
    pub(super) fn decode(version: u32, kind: u8, mut payload: &[u8]) -> Option<Self> {
        let rest = &mut payload;
        Some(match kind {
            SAVED => {
                let at = u64::from_be_bytes(take(rest)?);
                rest.is_empty().then_some(Self::Saved(at))?
            }
            CLIENTS => Self::Clients(records(rest, |prefix: &ClientPrefix| Some(*prefix))?),
            MEMBERS if version == 1 => Self::Members(records(rest, Member::decode_v1)?),
            MEMBERS => Self::Members(records(rest, Member::decode)?),
            TORRENTS => Self::Torrents(records(rest, Torrent::decode)?),
            REPORTS => {
                let position = Position::decode(&take::<16>(rest)?).ok()?;
                Self::Reports(position, records(rest, Report::decode)?)
            }
            SWARM => {
                let info_hash: [u8; 20] = take(rest)?;
                let snatched = u32::from_be_bytes(take(rest)?);
                let _unused: [u8; 4] = take(rest)?;
                let mut peers = Vec::new();
                while !rest.is_empty() {
                    peers.push(peer::decode(rest)?);
                }
                Self::Swarm(SwarmHead { info_hash: info_hash.into(), snatched }, peers)
            }
            _ => return None,
        })
    }
}

impl Member {
    /// `id u32 ‖ key_version u32 ‖ flags u8 ‖ nonce[16]`; flags are 1 where enabled, 2 with a nonce.
    pub(super) fn encode(&self) -> [u8; MEMBER_LEN] {
        let mut bytes = [0; MEMBER_LEN];
        bytes[..4].copy_from_slice(&self.id.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.key.version.to_be_bytes());
        let nonce = self.key.nonce.as_bytes();
        bytes[8] = if self.enabled { ENABLED } else { 0 } | if nonce.is_empty() { 0 } else { HAS_NONCE };
        bytes[9..9 + nonce.len()].copy_from_slice(nonce);
        bytes
    }

    fn decode(bytes: &[u8; MEMBER_LEN]) -> Option<Self> {
        let mut rest = &bytes[..];
        let id = u32::from_be_bytes(take(&mut rest)?);
        let version = u32::from_be_bytes(take(&mut rest)?);
        let [flags] = take(&mut rest)?;
        if flags & !(ENABLED | HAS_NONCE) != 0 {
            return None;
        }
        let nonce: [u8; 16] = take(&mut rest)?;
        let nonce = if flags & HAS_NONCE != 0 { nonce.into() } else { Nonce::EMPTY };
        Some(Self { id, key: Binding { version, nonce }, enabled: flags & ENABLED != 0 })
    }

    /// `id u32 ‖ key_version u32 ‖ enabled u8`, without a nonce.
    fn decode_v1(bytes: &[u8; MEMBER_LEN_V1]) -> Option<Self> {
        let [.., flags] = *bytes;
        let mut wide = [0; MEMBER_LEN];
        wide[..MEMBER_LEN_V1].copy_from_slice(bytes);
        if flags & !ENABLED == 0 { Self::decode(&wide) } else { None }
    }
}

impl Torrent {
    /// `id u32 ‖ snatched u32 ‖ flags u8 ‖ v1[20] ‖ v2[20]`; flags are 1 with v1, 2 with v2.
    pub(super) fn encode(&self) -> [u8; TORRENT_LEN] {
        let mut bytes = [0; TORRENT_LEN];
        bytes[..4].copy_from_slice(&self.id.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.snatched.to_be_bytes());
        bytes[8] = self.v1.map_or(0, |_| HAS_V1) | self.v2.map_or(0, |_| HAS_V2);
        bytes[9..29].copy_from_slice(self.v1.unwrap_or([0; 20].into()).as_bytes());
        bytes[29..].copy_from_slice(self.v2.unwrap_or([0; 20].into()).as_bytes());
        bytes
    }

    fn decode(bytes: &[u8; TORRENT_LEN]) -> Option<Self> {
        let mut rest = &bytes[..];
        let id = u32::from_be_bytes(take(&mut rest)?);
        let snatched = u32::from_be_bytes(take(&mut rest)?);
        let [flags] = take(&mut rest)?;
        let (v1, v2): ([u8; 20], [u8; 20]) = (take(&mut rest)?, take(&mut rest)?);
        if flags & !(HAS_V1 | HAS_V2) != 0 {
            return None;
        }
        let v1 = (flags & HAS_V1 != 0).then(|| v1.into());
        let v2 = (flags & HAS_V2 != 0).then(|| v2.into());
        Some(Self { id, v1, v2, snatched })
    }
}

fn records<const N: usize, T>(bytes: &[u8], decode: impl Fn(&[u8; N]) -> Option<T>) -> Option<Vec<T>> {
    let (records, []) = bytes.as_chunks() else { return None };
    records.iter().map(decode).collect()
}
