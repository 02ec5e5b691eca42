//! A model of the swarm, written to be read, not to be fast.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use bt::announce::Event;
use bt::swarm::{Announcement, Counts, Rules, StoredPeer};
use bt::{Peer, PeerState};

/// (member, identity).
pub(super) type Key = (u32, u32);

/// `left` is kept in units of this many bytes.
const UNIT: u64 = 1 << 16;

/// A peer and what accounting for its next announce needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) peer: Peer,
    pub(super) seen: u32,
    pub(super) fetched: bool,
    pub(super) baseline: bool,
    /// Whether bytes of the second `seen` are accounted for.
    ahead: bool,
    /// Seconds since `seen` in which other clients of the member are accounted for.
    shared: BTreeSet<u32>,
}

/// What an announce must account for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Account {
    pub(super) known: bool,
    pub(super) snatched: bool,
    pub(super) claimed: bool,
    pub(super) uploaded: u64,
    pub(super) downloaded: u64,
    pub(super) left: u64,
    pub(super) seeded: u32,
    pub(super) leeched: u32,
    pub(super) clamped: bool,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) peers: HashMap<Key, Known>,
    /// The last second in which peers announced more than once, and what they had moved in it.
    pub(super) last_second: (u32, u64),
}

fn state(left: u64, partial: bool) -> PeerState {
    match (left, partial) {
        (0, _) => PeerState::Seeder,
        (_, true) => PeerState::PartialSeed,
        _ => PeerState::Leecher,
    }
}

fn moved_less(a: &Announcement, peer: &Peer) -> bool {
    a.uploaded < peer.uploaded || a.downloaded < peer.downloaded
}

fn lacks_more(a: &Announcement, peer: &Peer) -> bool {
    a.left.is_some_and(|left| left > peer.left)
}

/// Whether an announce was overtaken by another: for two minutes that is possible.
fn is_late(before: &Known, a: &Announcement, now: u32) -> bool {
    let peer = &before.peer;
    let moved_nothing = (a.uploaded, a.downloaded) == (peer.uploaded, peer.downloaded);
    now - before.seen <= 120 && (moved_less(a, peer) || (moved_nothing && lacks_more(a, peer)))
}

impl Known {
    /// Without endpoint.
    fn new(a: &Announcement, now: u32) -> Self {
        let left = a.left.expect("absent only in `stopped`");
        let peer = Peer {
            member: a.member,
            client: a.client,
            v4: None,
            v6: None,
            uploaded: a.uploaded,
            downloaded: a.downloaded,
            left,
            state: state(left, a.event == Event::Paused),
            idle: 0,
        };
        let fetched = left > 0 && a.downloaded > 0;
        Self { peer, seen: now, fetched, baseline: false, ahead: false, shared: BTreeSet::new() }
    }
}

impl Model {
    pub(super) fn counts(&self) -> Counts {
        let number = |state: PeerState| {
            let number = self.peers.values().filter(|it| it.peer.state == state).count();
            u32::try_from(number).expect("few")
        };
        let downloaders = number(PeerState::Leecher);
        let leechers = downloaders + number(PeerState::PartialSeed);
        Counts { seeders: number(PeerState::Seeder), leechers, downloaders, snatched: 0 }
    }

    pub(super) fn announce(&mut self, a: &Announcement, rules: &Rules, now: u32) -> Account {
        let key = (a.member, a.identity);
        let is_new = self.is_new_session(a);
        let Some(mut before) = self.peers.remove(&key) else {
            return self.join(a, now);
        };
        if is_new {
            let left = a.left.expect("absent only in `stopped`");
            let account = Account { known: true, left, ..Account::default() };
            self.put(a, &account, Known::new(a, now));
            return account;
        }
        let starts_over = moved_less(a, &before.peer) && now - before.seen > 120 && a.event != Event::Stopped;
        let is_late = is_late(&before, a, now) || (moved_less(a, &before.peer) && !starts_over);
        let grown = a.downloaded > before.peer.downloaded;
        let fetched = if starts_over { a.downloaded > 0 } else { before.fetched || grown };
        let (mut account, waits) = self.account(&mut before, a, (is_late, starts_over), rules, now);
        account.snatched = account.left == 0 && before.peer.left > 0 && fetched;
        before.fetched = fetched && account.left > 0;
        let counter = |before: u64, now: u64| if starts_over { now } else { before.max(now) };
        if waits {
            before.peer.uploaded += account.uploaded;
            before.peer.downloaded += account.downloaded;
        } else {
            before.peer.uploaded = counter(before.peer.uploaded, a.uploaded);
            before.peer.downloaded = counter(before.peer.downloaded, a.downloaded);
        }
        before.seen = now;
        before.shared.clear();
        before.baseline = false;
        let partial = if is_late { before.peer.state } else { state(1, a.event == Event::Paused) };
        before.peer.state = state(account.left, partial == PeerState::PartialSeed);
        self.put(a, &account, before);
        account
    }

    fn join(&mut self, a: &Announcement, now: u32) -> Account {
        let left = a.left.unwrap_or(0);
        let claimed = a.event == Event::Completed && left == 0;
        let account = Account { claimed, left, ..Account::default() };
        if a.event != Event::Stopped {
            self.put(a, &account, Known::new(a, now));
        }
        account
    }

    /// Whether a peer that is here says `started` as one that is not.
    pub(super) fn is_new_session(&self, a: &Announcement) -> bool {
        let Some(Known { peer, .. }) = self.peers.get(&(a.member, a.identity)) else { return false };
        let here = if a.endpoint.is_ipv4() { peer.v4.is_some() } else { peer.v6.is_some() };
        a.event == Event::Started && here && (moved_less(a, peer) || lacks_more(a, peer))
    }

    fn account(
        &mut self,
        before: &mut Known,
        a: &Announcement,
        (is_late, starts_over): (bool, bool),
        rules: &Rules,
        now: u32,
    ) -> (Account, bool) {
        let Known { peer, seen, baseline, .. } = &*before;
        let stops = a.event == Event::Stopped;
        let pieces = |left: u64| left.div_ceil(UNIT);
        let says_nothing = stops
            && (a.uploaded, a.downloaded) == (0, 0)
            && a.left.is_some_and(|left| pieces(left) != pieces(peer.left));
        let left = a.left.filter(|_| !is_late && !says_nothing).unwrap_or(peer.left);
        let mut account = Account { known: true, left, ..Account::default() };
        if *baseline {
            return (account, false);
        }
        if peer.left == 0 {
            let seconds = (seen + 1..=now).filter(|second| !before.shared.contains(second));
            account.seeded = self.seed(a.member, &seconds.collect::<Vec<_>>());
        } else {
            account.leeched = now - seen;
        }
        let grown = if starts_over {
            (0, 0)
        } else {
            (a.uploaded.saturating_sub(peer.uploaded), a.downloaded.saturating_sub(peer.downloaded))
        };
        let most = rules.bytes_per_second;
        let idle = now - seen;
        let seconds = idle.saturating_sub(before.ahead.into());
        let spent = if self.last_second.0 == now { self.last_second.1 } else { 0 };
        let possible = if seconds > 0 { most * u64::from(seconds) } else { most.saturating_sub(spent) };
        account.uploaded = grown.0.min(possible);
        account.downloaded = grown.1.min(possible);
        let cut = grown.0.max(grown.1) > possible;
        if seconds > 0 {
            before.ahead = false;
            account.clamped = cut;
            return (account, false);
        }
        let moved = account.uploaded.max(account.downloaded);
        self.last_second = (now, spent + moved);
        before.ahead = moved > 0 || (before.ahead && idle == 0);
        let waits = cut && !stops && grown.0.max(grown.1) <= most;
        account.clamped = cut && !waits;
        (account, waits)
    }

    /// A client of the member is accounted for these seconds: no other will be.
    fn seed(&mut self, member: u32, seconds: &[u32]) -> u32 {
        for (_, other) in self.peers.iter_mut().filter(|(key, _)| key.0 == member) {
            other.shared.extend(seconds.iter().filter(|second| **second > other.seen));
        }
        u32::try_from(seconds.len()).expect("few")
    }

    fn put(&mut self, a: &Announcement, account: &Account, mut known: Known) {
        if a.event == Event::Stopped {
            return;
        }
        match a.endpoint {
            SocketAddr::V4(endpoint) => known.peer.v4 = Some(endpoint),
            SocketAddr::V6(endpoint) => known.peer.v6 = Some(endpoint),
        }
        known.peer.left = account.left.div_ceil(UNIT) * UNIT;
        self.peers.insert((a.member, a.identity), known);
    }

    /// A peer that says `started` takes the place of those of its member at its endpoint.
    pub(super) fn replace(&mut self, a: &Announcement) {
        let key = (a.member, a.identity);
        let comes = !self.peers.contains_key(&key) || self.is_new_session(a);
        if a.event != Event::Started || !comes {
            return;
        }
        let is_there = |peer: &Peer| match a.endpoint {
            SocketAddr::V4(endpoint) => peer.v4 == Some(endpoint),
            SocketAddr::V6(endpoint) => peer.v6 == Some(endpoint),
        };
        self.peers.retain(|other, it| *other == key || other.0 != a.member || !is_there(&it.peer));
    }

    /// The peers among which one must give way to a new one of the member, with the second they were seen at.
    pub(super) fn in_the_way(&self, a: &Announcement, rules: &Rules) -> Vec<(Key, u32)> {
        let key = (a.member, a.identity);
        let of_member: Vec<_> = self.peers.iter().filter(|(key, _)| key.0 == a.member).collect();
        let fits = of_member.len() < rules.peers_per_member as usize;
        if a.event == Event::Stopped || self.peers.contains_key(&key) || fits {
            return Vec::new();
        }
        let first = of_member.iter().map(|(_, it)| it.seen).min();
        let longest_silent = of_member.iter().filter(|(_, it)| Some(it.seen) == first);
        longest_silent.map(|(key, it)| (**key, it.seen)).collect()
    }

    /// What is stored of everybody; the clients' numbers are those that `number` gives.
    pub(super) fn stored(&self, now: u32, number: impl Fn(&Peer) -> u16) -> Vec<StoredPeer> {
        let mut all: Vec<StoredPeer> = self
            .peers
            .iter()
            .map(|(&(member, identity), it)| StoredPeer {
                member,
                identity,
                client: number(&it.peer),
                v4: it.peer.v4,
                v6: it.peer.v6,
                uploaded: it.peer.uploaded,
                downloaded: it.peer.downloaded,
                left: it.peer.left,
                partial: it.peer.state == PeerState::PartialSeed,
                fetched: it.fetched,
                baseline: it.baseline,
                ahead: it.ahead,
                idle: now - it.seen,
                shared: u32::try_from(it.shared.len()).expect("few"),
            })
            .collect();
        all.sort_by_key(|it| (it.member, it.identity));
        all
    }

    /// Endpoints of one family that the peer `key` may be told of.
    pub(super) fn candidates<E: Copy + PartialEq>(
        &self,
        key: Key,
        family: impl Fn(&Peer) -> Option<E>,
    ) -> Vec<E> {
        let Some(asker) = self.peers.get(&key).map(|it| &it.peer) else { return Vec::new() };
        self.peers
            .iter()
            .filter(|(of, _)| **of != key)
            .map(|(_, it)| &it.peer)
            .filter(|peer| asker.state != PeerState::Seeder || peer.state != PeerState::Seeder)
            .filter_map(|peer| family(peer).map(|endpoint| (peer, endpoint)))
            .filter(|(peer, endpoint)| peer.member != asker.member || family(asker) != Some(*endpoint))
            .map(|(_, endpoint)| endpoint)
            .collect()
    }
}
