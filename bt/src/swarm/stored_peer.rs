//! Peers as the restart file holds them.

use std::net::{SocketAddrV4, SocketAddrV6};

use super::peer_buckets::Location;
use super::slot::{OLDEST, Slot};
use super::{Clients, MOST_PER_MEMBER, Swarm};
use crate::peer::{Peer, PeerState};

/// One peer of one swarm, with all that accounting for its next announce needs.
///
/// It holds addresses: keep it in the tracker's own file, never log it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct StoredPeer {
    /// Id of the member.
    pub member: u32,
    /// The member's client, by [`super::IdentityKey::identity`].
    pub identity: u32,
    /// Number of the client's prefix in the [`super::Clients`] of the process that stored the peer.
    pub client: u16,
    /// Where it listens for IPv4.
    pub v4: Option<SocketAddrV4>,
    /// Where it listens for IPv6.
    pub v6: Option<SocketAddrV6>,
    /// Bytes sent in this session, below 2^48.
    pub uploaded: u64,
    /// Bytes received in this session, below 2^48.
    pub downloaded: u64,
    /// Bytes lacking, rounded up to 64 KiB.
    pub left: u64,
    /// Whether it fetches nothing (BEP 21).
    pub partial: bool,
    /// Whether it received bytes in this session while it lacked something.
    pub fetched: bool,
    /// Whether its next announce is a baseline, which accounts for nothing.
    pub baseline: bool,
    /// Whether bytes were accounted for within the second of its last announce.
    pub ahead: bool,
    /// Seconds since its last announce.
    pub idle: u32,
    /// For how many of these seconds other clients of its member were credited as seeders.
    pub shared: u32,
}

impl Swarm {
    /// `count` peers from number `from` on. Announces change the order: to get each peer once, go through all before
    /// the next announce.
    pub fn export(&self, from: usize, count: usize, now: u32) -> impl Iterator<Item = StoredPeer> {
        self.buckets.locations(from, count).map(move |Location { bucket, at }| {
            let table = self.buckets.table(bucket);
            let slot = table.slot(at);
            StoredPeer {
                member: slot.member(),
                identity: slot.identity(),
                client: slot.client(),
                v4: table.v4(at),
                v6: table.v6(at),
                uploaded: slot.uploaded(),
                downloaded: slot.downloaded(),
                left: slot.left(),
                partial: slot.role() == PeerState::PartialSeed,
                fetched: slot.fetched(),
                baseline: slot.baseline(),
                ahead: slot.is_ahead(),
                idle: slot.idle(now),
                shared: self.shared_seconds.of(slot.member(), slot.idle(now), now),
            }
        })
    }

    /// Adds a peer and says whether it did: not a peer without endpoints, nor one that the swarm has, nor one of a
    /// member with too many.
    ///
    /// `exact` says that nothing was announced after the peer was stored: its session goes on. Otherwise its first
    /// announce is a baseline and accounts for neither bytes nor seconds.
    pub fn restore(&mut self, stored: &StoredPeer, now: u32, exact: bool) -> bool {
        let StoredPeer { member, identity, .. } = *stored;
        let nowhere = stored.v4.is_none() && stored.v6.is_none();
        let (number, _) = self.buckets.peers_of(member, now);
        if nowhere || number >= MOST_PER_MEMBER || self.buckets.find(member, identity).is_some() {
            return false;
        }
        let mut slot = Slot::empty(member, identity, stored.client);
        slot.set_counters(stored.uploaded, stored.downloaded);
        slot.set_left(stored.left);
        slot.set_partial(stored.partial);
        slot.set_fetched(stored.fetched);
        slot.set_baseline(stored.baseline || !exact);
        slot.set_ahead(stored.ahead);
        slot.set_seen(now.wrapping_sub(stored.idle.min(OLDEST)));
        self.partial_seeds += u32::from(slot.role() == PeerState::PartialSeed);
        self.share_again(member, (stored.idle.min(OLDEST), stored.shared), now);
        let mut location = self.buckets.insert(slot);
        for endpoint in [stored.v6.map(Into::into), stored.v4.map(Into::into)].into_iter().flatten() {
            location = self.settle(location, endpoint);
        }
        true
    }
}

impl StoredPeer {
    /// The peer as staff see it.
    pub(super) fn peer(self, clients: &Clients) -> Peer {
        let state = match (self.left, self.partial) {
            (0, _) => PeerState::Seeder,
            (_, false) => PeerState::Leecher,
            (_, true) => PeerState::PartialSeed,
        };
        let Self { member, v4, v6, uploaded, downloaded, left, idle, .. } = self;
        Peer { member, client: clients.prefix(self.client), v4, v6, uploaded, downloaded, left, state, idle }
    }
}
