//! The swarm of one torrent: its peers, what each has moved, and which peers an announce is answered with.

mod account;
mod announcement;
mod budget;
mod claims;
mod clients;
mod growth;
mod identity;
mod index;
mod peer_buckets;
mod shared_seconds;
mod slot;
mod stored_peer;
mod table;
mod v6_list;
mod window;

use std::net::SocketAddr;

use crate::announce::Event;
use crate::compact::{write_v4, write_v6};
use crate::peer::{ClientPrefix, Peer, PeerState, unmapped};
use account::{Account, LastSecond};
pub use announcement::{Announcement, Rules};
pub use budget::{Budget, MemberRate};
pub use claims::{Claim, Claims};
pub use clients::Clients;
pub use identity::IdentityKey;
use peer_buckets::{Location, PeerBuckets};
use shared_seconds::SharedSeconds;
use slot::Slot;
pub use stored_peer::StoredPeer;
pub use window::PeerBuffer;

/// The public counts of a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Counts {
    /// Peers that lack nothing: `complete`.
    pub seeders: u32,
    /// All others, partial seeds among them: `incomplete`.
    pub leechers: u32,
    /// Leechers without the partial seeds (BEP 21).
    pub downloaders: u32,
    /// Members who finished a download, ever, as the database counts them: `downloaded`.
    pub snatched: u32,
}

/// The numbers of endpoints in a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Endpoints {
    /// IPv4 endpoints of seeders.
    pub v4_seeders: u32,
    /// IPv4 endpoints of all other peers.
    pub v4_leechers: u32,
    /// IPv6 endpoints of seeders.
    pub v6_seeders: u32,
    /// IPv6 endpoints of all other peers.
    pub v6_leechers: u32,
}

/// Peers of one member in one swarm, whatever the rules say: they are searched one after the other.
const MOST_PER_MEMBER: u32 = 128;

/// What an announce changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Outcome {
    /// The counts before the announce.
    pub before: Counts,
    /// The counts after the announce; publish them if they differ.
    pub after: Counts,
    /// Whether the peer was in the swarm before. The `stopped` of a peer that was not changes nothing.
    pub known: bool,
    /// Whether this announce finished a download: the peer lacked something before, lacks nothing now, and has received
    /// bytes in this session. A member may finish a download more than once.
    pub snatched: bool,
    /// Whether a peer that was not in the swarm says `completed`: it may have been forgotten, see [`Claims`].
    pub claimed: bool,
    /// Bytes sent since this peer's last announce.
    pub uploaded: u64,
    /// Bytes received since this peer's last announce.
    pub downloaded: u64,
    /// Bytes lacking, as announced. If the announce did not say, or was late, what the peer lacked before, rounded up.
    pub left: u64,
    /// Seconds since this peer's last announce, if it was a seeder then, without those that another client of its
    /// member was credited for.
    pub seeded: u32,
    /// Seconds since this peer's last announce, if it lacked something then.
    pub leeched: u32,
    /// Whether the announce claimed more bytes than [`Rules`] allow. The rest does not count.
    pub clamped: bool,
}

/// The peers of one torrent.
///
/// **Sessions.** A client counts from 0 when it starts a torrent. The first announce of a session is the baseline and
/// accounts for nothing. Lower counters do not prove a new session, because announces overtake each other, above all
/// those of a client that announces over both families, of which one is slow. A baseline too low would count bytes
/// twice. So a session is new
/// - if the client says `started` over a family in which the swarm has an endpoint of it, with lower counters or more
///   lacking. Over the other family, such a `started` may be the second half of a pair;
/// - or if counters are lower than at the last announce, and that was more than 120 s ago: no client waits so long for
///   an answer.
///
/// Any other announce with lower counters is late: it adds nothing, and neither counters nor `left` change. `left` does
/// not grow either within 120 s in which nothing was moved: a late announce must not make a seeder a leecher that
/// finishes once more. A late `started` over the same family cannot be told from a new session, but clients send no
/// further announce over a family before `started` is answered.
///
/// `stopped` begins no session: that of `WebTorrent` has counters of 0.
///
/// **Snatches.** A client that finds the whole torrent on its disk has downloaded nothing: `left` becomes 0 and
/// `downloaded` does not grow. That is so after a re-check, and for clients that announce before their first check
/// (`CTorrent`). `WebTorrent` counts what it finds as downloaded, but lacks nothing from its first announce on, even if
/// it says `completed`.
///
/// **Restarts.** A client that crashed sent no `stopped`, and comes back with another peer id and `started`: that
/// replaces the member's peers at the same endpoint. Without `started` both stay: two clients of a member behind one
/// address may use the same port.
///
/// **Cost.** An announce takes time in proportion to the peers in its answer, not to the swarm, and the longest single
/// step moves 4095 peers. An IPv4 peer takes about 38 bytes, see `Table`.
#[derive(Debug, Default)]
pub struct Swarm {
    buckets: PeerBuckets,
    partial_seeds: u32,
    snatched: u32,
    last_second: LastSecond,
    shared_seconds: SharedSeconds,
}

impl Swarm {
    /// An empty swarm of a torrent that `snatched` members have finished.
    pub fn new(snatched: u32) -> Self {
        Self { snatched, ..Self::default() }
    }

    /// Whether the swarm has no peers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of peers, seeders and leechers.
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// The present counts.
    pub fn counts(&self) -> Counts {
        let total = self.buckets.total();
        let leechers = total.peers - total.seeders;
        let downloaders = leechers - self.partial_seeds;
        Counts { seeders: total.seeders, leechers, downloaders, snatched: self.snatched }
    }

    /// The numbers of endpoints. A peer with both families has two.
    pub fn endpoints(&self) -> Endpoints {
        let total = self.buckets.total();
        Endpoints {
            v4_seeders: total.v4_seeders,
            v4_leechers: total.v4 - total.v4_seeders,
            v6_seeders: total.v6_seeders,
            v6_leechers: total.v6 - total.v6_seeders,
        }
    }

    /// Sets the number of snatches, which the database counts.
    pub fn set_snatched(&mut self, snatched: u32) {
        self.snatched = snatched;
    }

    /// Applies one announce and fills `peers` for the answer.
    ///
    /// `now` is in seconds of a monotonic clock, the same for all calls on one swarm. A leecher gets a random window of
    /// all peers, a seeder one of the leechers: first of the family it announced over, then of the other. The answer
    /// has neither the announcing peer nor another peer of its member at the same endpoint.
    ///
    /// `intern` returns the number of a client's prefix, see [`Clients`]; it is called for a new peer only.
    pub fn announce(
        &mut self,
        announcement: &Announcement,
        rules: &Rules,
        now: u32,
        rng: &mut fastrand::Rng,
        intern: impl FnOnce(ClientPrefix) -> u16,
        peers: &mut PeerBuffer,
    ) -> Outcome {
        peers.clear();
        let before = self.counts();
        let start = window::WindowStart::draw(&self.buckets, announcement, rng);
        let found = self.buckets.find(announcement.member, announcement.identity);
        let account = if announcement.event == Event::Stopped {
            match found {
                Some(location) => self.stop(location, announcement, rules, now),
                None => Account { left: announcement.left.unwrap_or_default(), ..Account::default() },
            }
        } else {
            let location = match found {
                Some(location) if self.is_start_of_another(location, announcement) => {
                    // Its endpoint of the other family goes as well: a late `started` over that joins the new session.
                    self.remove(location);
                    self.join(announcement, rules, now, intern)
                }
                Some(location) => location,
                None => self.join(announcement, rules, now, intern),
            };
            let (location, mut account) = self.update(location, announcement, rules, now);
            account.claimed = found.is_none() && announcement.event == Event::Completed && account.left == 0;
            window::fill(&self.buckets, location, announcement, start, peers);
            account
        };
        let Account { snatched, claimed, uploaded, downloaded, left, seeded, leeched, clamped } = account;
        let (known, after) = (found.is_some(), self.counts());
        Outcome {
            before,
            after,
            known,
            snatched,
            claimed,
            uploaded,
            downloaded,
            left,
            seeded,
            leeched,
            clamped,
        }
    }

    /// Drops peers that were silent for more than `timeout` seconds and says how many.
    ///
    /// Visits at most `steps` peers, and the next call goes on from there; `usize::MAX` visits all.
    pub fn expire(&mut self, now: u32, timeout: u32, steps: usize) -> usize {
        let before = self.len();
        let all = steps >= before;
        if all {
            self.buckets.search_all();
        }
        let first = self.buckets.searched();
        // Downward: a peer that `remove` moves into the gap comes from above and has been visited.
        for _ in 0..steps.min(before) {
            let Some(location) = self.buckets.next_searched() else { break };
            if self.buckets.slot(location).idle(now) > timeout {
                self.remove(location);
            }
        }
        if all {
            self.buckets.merge_all();
        } else {
            (self.buckets.searched()..=first).rev().for_each(|bucket| self.buckets.merge(bucket));
        }
        before - self.len()
    }

    /// Drops every peer of a member and says how many.
    pub fn remove_member(&mut self, member: u32) -> usize {
        let before = self.len();
        while let (_, Some(location)) = self.buckets.peers_of(member, 0) {
            self.remove(location);
            self.buckets.merge(location.bucket);
        }
        before - self.len()
    }

    /// Whether a member has a peer in the swarm. In a large swarm this visits the member's peers only.
    pub fn has_member(&self, member: u32) -> bool {
        self.buckets.peers_of(member, 0).0 > 0
    }

    /// All peers, in no order, for staff. `clients` is the table that numbered their clients.
    pub fn peers(&self, now: u32, clients: &Clients) -> impl Iterator<Item = Peer> {
        self.export(0, usize::MAX, now).map(|stored| stored.peer(clients))
    }

    /// Whether a known peer begins a new session with `started`.
    fn is_start_of_another(&self, location: Location, announcement: &Announcement) -> bool {
        announcement.event == Event::Started
            && self.buckets.slot(location).is_ahead_of(announcement)
            && self.buckets.is_reachable(location, unmapped(announcement.endpoint))
    }

    /// Adds a peer without endpoint; [`Swarm::update`] must follow.
    fn join(
        &mut self,
        announcement: &Announcement,
        rules: &Rules,
        now: u32,
        intern: impl FnOnce(ClientPrefix) -> u16,
    ) -> Location {
        // The client was started again after a crash: its former peer cannot be there any more.
        while announcement.event == Event::Started
            && let Some(location) =
                self.buckets.at_endpoint(announcement.member, unmapped(announcement.endpoint))
        {
            self.remove(location);
        }
        let (number, longest_silent) = self.buckets.peers_of(announcement.member, now);
        if let Some(location) = longest_silent
            && number >= rules.peers_per_member.min(MOST_PER_MEMBER)
        {
            self.remove(location);
        }
        self.share_with_others(announcement.member);
        self.buckets.insert(Slot::new(announcement, intern(announcement.client), now))
    }

    fn update(
        &mut self,
        location: Location,
        announcement: &Announcement,
        rules: &Rules,
        now: u32,
    ) -> (Location, Account) {
        let account = self.account(location, announcement, rules, now);
        (self.settle(location, announcement.endpoint), account)
    }

    /// Gives a peer a new endpoint and moves it to the zone of its state.
    fn settle(&mut self, location: Location, endpoint: SocketAddr) -> Location {
        match unmapped(endpoint) {
            SocketAddr::V4(v4) => self.buckets.update_zone(location, Some(write_v4(v4))),
            SocketAddr::V6(v6) => {
                self.buckets.set_v6(location, write_v6(v6));
                self.buckets.update_zone(location, None)
            }
        }
    }

    fn stop(&mut self, location: Location, announcement: &Announcement, rules: &Rules, now: u32) -> Account {
        let account = self.account(location, announcement, rules, now);
        self.remove(location);
        self.buckets.merge(location.bucket);
        account
    }

    /// What the announce accounts for. `settle` or `remove` must follow, as the peer's state may have changed.
    fn account(
        &mut self,
        location: Location,
        announcement: &Announcement,
        rules: &Rules,
        now: u32,
    ) -> Account {
        let slot = self.buckets.slot_mut(location);
        let idle = slot.idle(now);
        let was_partial = slot.role() == PeerState::PartialSeed;
        let mut account = slot.account(announcement, rules, &mut self.last_second, now);
        let is_partial = slot.role() == PeerState::PartialSeed;
        self.partial_seeds = self.partial_seeds + u32::from(is_partial) - u32::from(was_partial);
        self.share_seconds(location, &mut account, idle, now);
        account
    }

    fn remove(&mut self, location: Location) {
        let slot = self.buckets.slot(location);
        self.partial_seeds -= u32::from(slot.role() == PeerState::PartialSeed);
        self.shared_seconds.remove(slot.member());
        self.buckets.remove(location);
    }
}
