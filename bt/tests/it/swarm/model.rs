//! What a swarm must be, written for the reader and not for speed.

use std::collections::HashMap;
use std::net::SocketAddr;

use bt::announce::Event;
use bt::swarm::{Announcement, Counts, Rules, Stored};
use bt::{Peer, PeerState};

/// (member, identity).
pub(super) type Key = (u32, u32);

/// What is lacking is kept in pieces of so many bytes.
const UNIT: u64 = 1 << 16;

/// A peer and what its next announce is accounted by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) peer: Peer,
    pub(super) seen: u32,
    pub(super) snatched: bool,
    pub(super) baseline: bool,
}

/// What an announce is to account for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Account {
    pub(super) known: bool,
    pub(super) snatched: bool,
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
    pub(super) snatched: u32,
}

fn state(left: u64, partial: bool) -> PeerState {
    match (left, partial) {
        (0, _) => PeerState::Seeder,
        (_, true) => PeerState::PartialSeed,
        _ => PeerState::Leecher,
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
        Counts { seeders: number(PeerState::Seeder), leechers, downloaders, snatched: self.snatched }
    }

    pub(super) fn announce(&mut self, a: &Announcement, rules: &Rules, now: u32) -> Account {
        let key = (a.member, a.identity);
        let before = self.peers.remove(&key);
        if before.is_none() && a.event == Event::Stopped {
            return Account { left: a.left.unwrap_or(0), ..Account::default() };
        }
        let account = Self::account(before.as_ref(), a, rules, now);
        self.snatched += u32::from(account.snatched);
        if a.event != Event::Stopped {
            self.put(before.as_ref(), a, &account, now);
        }
        account
    }

    fn account(before: Option<&Known>, a: &Announcement, rules: &Rules, now: u32) -> Account {
        let stored = before.map(|it| it.peer.left);
        let left = a.left.or(stored).expect("absent only in `stopped`");
        let got_all = left == 0 && (a.event == Event::Completed || stored.is_some_and(|left| left > 0));
        // What an old copy lacked may have been counted after the copy was made.
        let counts = a.event == Event::Completed || before.is_none_or(|it| !it.baseline);
        let mut account = Account {
            known: before.is_some(),
            snatched: got_all && counts && before.is_none_or(|it| !it.snatched),
            left,
            ..Account::default()
        };
        let Some(Known { peer, seen, .. }) = before.filter(|it| !it.baseline) else { return account };
        let seconds = now - seen;
        if peer.left == 0 {
            account.seeded = seconds;
        } else {
            account.leeched = seconds;
        }
        if a.uploaded >= peer.uploaded && a.downloaded >= peer.downloaded {
            let most = rules.bytes_per_second * u64::from(seconds.max(1));
            let grown = (a.uploaded - peer.uploaded, a.downloaded - peer.downloaded);
            account.uploaded = grown.0.min(most);
            account.downloaded = grown.1.min(most);
            account.clamped = grown.0 > most || grown.1 > most;
        }
        account
    }

    fn put(&mut self, before: Option<&Known>, a: &Announcement, account: &Account, now: u32) {
        let (mut v4, mut v6) = before.map_or((None, None), |it| (it.peer.v4, it.peer.v6));
        match a.endpoint {
            SocketAddr::V4(endpoint) => v4 = Some(endpoint),
            SocketAddr::V6(endpoint) => v6 = Some(endpoint),
        }
        let left = account.left.div_ceil(UNIT) * UNIT;
        let peer = Peer {
            member: a.member,
            client: before.map_or(a.client, |it| it.peer.client),
            v4,
            v6,
            uploaded: a.uploaded,
            downloaded: a.downloaded,
            left,
            state: state(left, a.event == Event::Paused),
            idle: 0,
        };
        let has_got_all = before.is_some_and(|it| it.snatched || (it.peer.left > 0 && left == 0));
        let snatched = account.snatched || has_got_all;
        let known = Known { peer, seen: now, snatched, baseline: false };
        self.peers.insert((a.member, a.identity), known);
    }

    /// A new peer takes the place of those of its member at its endpoint.
    pub(super) fn replace(&mut self, a: &Announcement) {
        if a.event == Event::Stopped || self.peers.contains_key(&(a.member, a.identity)) {
            return;
        }
        let is_there = |peer: &Peer| match a.endpoint {
            SocketAddr::V4(endpoint) => peer.v4 == Some(endpoint),
            SocketAddr::V6(endpoint) => peer.v6 == Some(endpoint),
        };
        self.peers.retain(|(member, _), it| *member != a.member || !is_there(&it.peer));
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
    pub(super) fn stored(&self, now: u32, number: impl Fn(&Peer) -> u16) -> Vec<Stored> {
        let mut all: Vec<Stored> = self
            .peers
            .iter()
            .map(|(&(member, identity), it)| Stored {
                member,
                identity,
                client: number(&it.peer),
                v4: it.peer.v4,
                v6: it.peer.v6,
                uploaded: it.peer.uploaded,
                downloaded: it.peer.downloaded,
                left: it.peer.left,
                partial: it.peer.state == PeerState::PartialSeed,
                snatched: it.snatched,
                baseline: it.baseline,
                idle: now - it.seen,
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
