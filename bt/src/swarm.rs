//! The peers of one torrent: who is there, what each has moved, whom to tell of whom.

mod table;
mod v6_list;
mod window;

use std::net::SocketAddr;

use crate::announce::Event;
use crate::peer::{Peer, PeerId, PeerState, unmapped, write_v4, write_v6};
use table::{Slot, Table};
pub use window::PeerBuffer;

/// The numbers of a swarm that everybody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Counts {
    /// Peers that lack nothing: `complete`.
    pub seeders: u32,
    /// All others, partial seeds among them: `incomplete`.
    pub leechers: u32,
    /// Leechers without the partial seeds (BEP 21).
    pub downloaders: u32,
    /// Downloads that were finished, ever: `downloaded`.
    pub snatched: u32,
}

/// One announce, as the swarm needs it.
#[derive(Debug, Clone, Copy)]
pub struct Announcement {
    /// Who announces.
    pub member: u32,
    /// With which client. (`member`, `peer_id`) is one peer, over however many addresses.
    pub peer_id: PeerId,
    /// Where the peer listens, in the family it announced over; the other family's endpoint is kept (BEP 7).
    pub endpoint: SocketAddr,
    /// Bytes sent in this session.
    pub uploaded: u64,
    /// Bytes received in this session.
    pub downloaded: u64,
    /// Bytes lacking; `None` leaves a known peer as it was and makes an unknown one a leecher.
    pub left: Option<u64>,
    /// What has happened.
    pub event: Event,
    /// Peers to give, both families together; the caller has applied its cap.
    pub numwant: u32,
    /// Whether the answer needs the peers' ids.
    pub with_ids: bool,
}

/// What an announce changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The counts until now.
    pub before: Counts,
    /// The counts from now on; publish them when they differ.
    pub after: Counts,
    /// Whether this announce finished a download that was not counted before.
    pub snatched: bool,
    /// Bytes sent since this peer's last announce.
    pub uploaded: u64,
    /// Bytes received since this peer's last announce.
    pub downloaded: u64,
    /// Seconds since this peer's last announce, when it was a seeder then.
    pub seeded: u32,
}

/// The peers of one torrent.
///
/// **Sessions.** The first announce of a peer, and any whose `uploaded` or `downloaded` is lower than before, is
/// the baseline of a session: it accounts for nothing. So neither a restart of the tracker nor announces that
/// overtake each other make bytes out of nothing.
///
/// **Cost.** An announce takes time in proportion to the peers it is given, not to the swarm, but for the growth
/// of the tables, which is amortised. An IPv4 peer takes about 70 bytes.
#[derive(Debug, Default)]
pub struct Swarm {
    table: Table,
    partial_seeds: u32,
    snatched: u32,
    /// Where [`Swarm::expire`] goes on, downward.
    cursor: usize,
}

impl Swarm {
    /// An empty swarm of a torrent that was snatched so often before.
    pub fn new(snatched: u32) -> Self {
        Self { snatched, ..Self::default() }
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many are here, both roles together.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// The numbers at this moment.
    pub fn counts(&self) -> Counts {
        let seeders = narrow(self.table.seeders());
        let leechers = narrow(self.table.len()) - seeders;
        Counts { seeders, leechers, downloaders: leechers - self.partial_seeds, snatched: self.snatched }
    }

    /// Raises the number of snatches to what another source knows; never lowers it.
    pub fn raise_snatched(&mut self, snatched: u32) {
        self.snatched = self.snatched.max(snatched);
    }

    /// Applies one announce and fills `peers` with those to tell of.
    ///
    /// `now` is in seconds of a monotonic clock, the same for all calls on one swarm. A leecher is given a random
    /// window of all peers, a seeder of the leechers; first those of the family it announced over, then the
    /// other. Never given are the asker itself and what the same member announces at the same endpoint.
    pub fn announce(
        &mut self,
        announcement: &Announcement,
        now: u32,
        rng: &mut fastrand::Rng,
        peers: &mut PeerBuffer,
    ) -> Outcome {
        peers.clear();
        let before = self.counts();
        let start = window::Start::draw(&self.table, announcement, rng);
        let found = self.table.find(announcement.member, &announcement.peer_id);
        let account = if announcement.event == Event::Stopped {
            found.map(|at| self.stop(at, announcement, now)).unwrap_or_default()
        } else {
            let (at, account) = self.update(found, announcement, now, rng);
            window::fill(&self.table, at, announcement, start, peers);
            account
        };
        if account.snatched {
            self.snatched = self.snatched.saturating_add(1);
        }
        let Account { snatched, uploaded, downloaded, seeded } = account;
        Outcome { before, after: self.counts(), snatched, uploaded, downloaded, seeded }
    }

    /// Drops peers that were silent for more than `timeout` seconds and says how many.
    ///
    /// Looks at no more than `steps` peers and goes on from there at the next call; `usize::MAX` looks at all.
    pub fn expire(&mut self, now: u32, timeout: u32, steps: usize) -> usize {
        let before = self.len();
        if steps >= before {
            self.cursor = before;
        }
        // Downward: what `remove` moves into the hole comes from above and has been looked at.
        for _ in 0..steps.min(before) {
            if self.cursor == 0 || self.cursor > self.len() {
                self.cursor = self.len();
            }
            let Some(at) = self.cursor.checked_sub(1) else { break };
            self.cursor = at;
            if now.saturating_sub(self.table.slot(at).seen) > timeout {
                self.remove(at);
            }
        }
        before - self.len()
    }

    /// Drops every peer of a member (disabled, for example) and says how many. Looks at the whole swarm.
    pub fn remove_member(&mut self, member: u32) -> usize {
        let before = self.len();
        for at in (0..before).rev() {
            if self.table.slot(at).member == member {
                self.remove(at);
            }
        }
        before - self.len()
    }

    /// Everybody here, in no order, for staff.
    pub fn peers(&self, now: u32) -> impl Iterator<Item = Peer> {
        (0..self.len()).map(move |at| {
            let slot = self.table.slot(at);
            Peer {
                member: slot.member,
                peer_id: slot.peer_id,
                v4: self.table.v4(at),
                v6: self.table.v6(at),
                uploaded: slot.uploaded,
                downloaded: slot.downloaded,
                left: slot.left(),
                state: slot.state(),
                idle: now.saturating_sub(slot.seen),
            }
        })
    }

    fn update(
        &mut self,
        found: Option<usize>,
        announcement: &Announcement,
        now: u32,
        rng: &mut fastrand::Rng,
    ) -> (usize, Account) {
        let at = found.unwrap_or_else(|| self.table.insert(Slot::new(announcement, now), rng));
        let slot = self.table.slot_mut(at);
        let was_partial = slot.state() == PeerState::PartialSeed;
        let account = slot.account(announcement, now);
        slot.set_partial(announcement.event == Event::Paused);
        let is_partial = slot.state() == PeerState::PartialSeed;
        self.partial_seeds =
            self.partial_seeds + u32::from(is_partial) - u32::from(found.is_some() && was_partial);
        let at = match unmapped(announcement.endpoint) {
            SocketAddr::V4(v4) => self.table.place(at, Some(write_v4(v4))),
            SocketAddr::V6(v6) => {
                self.table.set_v6(at, write_v6(v6));
                self.table.place(at, None)
            }
        };
        (at, account)
    }

    fn stop(&mut self, at: usize, announcement: &Announcement, now: u32) -> Account {
        let slot = self.table.slot_mut(at);
        self.partial_seeds -= u32::from(slot.state() == PeerState::PartialSeed);
        let account = slot.account(announcement, now);
        self.table.remove(at);
        account
    }

    fn remove(&mut self, at: usize) {
        self.partial_seeds -= u32::from(self.table.slot(at).state() == PeerState::PartialSeed);
        self.table.remove(at);
    }
}

/// What one announce adds to a peer's account.
#[derive(Debug, Default)]
struct Account {
    snatched: bool,
    uploaded: u64,
    downloaded: u64,
    seeded: u32,
}

impl Slot {
    /// Takes over the announced counters. For the announce that made this slot they are the same.
    fn account(&mut self, announcement: &Announcement, now: u32) -> Account {
        let seeded = if self.left() == 0 { now.saturating_sub(self.seen) } else { 0 };
        let left = announcement.left.unwrap_or(self.left());
        // Some clients never send `completed`: what was lacking and is not any more counts as well.
        let finished = left == 0 && (announcement.event == Event::Completed || self.left() > 0);
        let snatched = finished && !self.snatched();
        let same_session =
            announcement.uploaded >= self.uploaded && announcement.downloaded >= self.downloaded;
        let grown = |new: u64, old: u64| if same_session { new - old } else { 0 };
        let account = Account {
            snatched,
            uploaded: grown(announcement.uploaded, self.uploaded),
            downloaded: grown(announcement.downloaded, self.downloaded),
            seeded,
        };
        self.uploaded = announcement.uploaded;
        self.downloaded = announcement.downloaded;
        self.set_left(left);
        if snatched {
            self.set_snatched();
        }
        // The caller's clock does not go back; an announce that was delayed may.
        self.seen = self.seen.max(now);
        account
    }
}

/// A swarm never has four thousand million peers: their slots alone would take 224 GiB.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
