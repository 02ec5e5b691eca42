//! A peer as it outlives a restart.

use std::net::{SocketAddrV4, SocketAddrV6};

use super::districts::Location;
use super::slot::{OLDEST, Slot};
use super::{Clients, MOST_PER_MEMBER, Swarm};
use crate::peer::{Peer, PeerState};

/// One peer of one swarm, with all that its next announce is accounted by.
///
/// It holds addresses: keep it in the tracker's own file, never log it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct StoredPeer {
    /// Id of the member.
    pub member: u32,
    /// Which of the member's clients, see [`super::IdentityKey`].
    pub identity: u32,
    /// Number of the client's prefix in the [`super::Clients`] of its time.
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
    /// Whether it has received bytes in this session while something was lacking.
    pub fetched: bool,
    /// Whether its next announce accounts for nothing.
    pub baseline: bool,
    /// Whether bytes of the second in which it last announced are accounted for.
    pub ahead: bool,
    /// Seconds since its last announce.
    pub idle: u32,
    /// How many of these seconds other clients of its member have seeded, and been accounted for.
    pub shared: u32,
}

impl Swarm {
    /// `count` of the peers, from location `from` on, in an order that announces change: to get each once, go through
    /// all places before the next announce.
    pub fn export(&self, from: usize, count: usize, now: u32) -> impl Iterator<Item = StoredPeer> {
        self.districts.locations(from, count).map(move |Location { district, at }| {
            let table = self.districts.table(district);
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
                shared: self.shared_seconds.of(slot.member(), slot.identity()),
            }
        })
    }

    /// Takes a peer in again and says whether it did: not one without endpoints, nor one that is here already,
    /// nor one of a member who has too many.
    ///
    /// Its session goes on if `exact`, when nothing was announced after it was stored. Otherwise its first announce
    /// is a new baseline and accounts for neither bytes nor seconds.
    pub fn restore(&mut self, stored: &StoredPeer, now: u32, exact: bool) -> bool {
        let StoredPeer { member, identity, .. } = *stored;
        let nowhere = stored.v4.is_none() && stored.v6.is_none();
        let (number, _) = self.districts.peers_of(member, now);
        if nowhere || number >= MOST_PER_MEMBER || self.districts.find(member, identity).is_some() {
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
        self.share_with_others(member, identity, stored.shared);
        let mut location = self.districts.insert(slot);
        for endpoint in [stored.v6.map(Into::into), stored.v4.map(Into::into)].into_iter().flatten() {
            location = self.settle(location, endpoint);
        }
        true
    }
}

impl StoredPeer {
    /// What staff are shown of it.
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
