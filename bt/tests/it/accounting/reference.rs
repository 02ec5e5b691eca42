//! The reference: the sums that clients moved, as far as the tracker can know.

use std::collections::BTreeMap;

use bt::announce::Event;
use bt::swarm::Claims;

use super::TIMEOUT;
use super::client::Message;

/// Member and torrent.
pub(super) type Pair = (u32, u32);

/// They only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    pub(super) uploaded: u64,
    pub(super) downloaded: u64,
    pub(super) seeded: u64,
    pub(super) leeched: u64,
    pub(super) snatched: bool,
}

impl Sums {
    fn max(self, other: Self) -> Self {
        Self {
            uploaded: self.uploaded.max(other.uploaded),
            downloaded: self.downloaded.max(other.downloaded),
            seeded: self.seeded.max(other.seeded),
            leeched: self.leeched.max(other.leeched),
            snatched: self.snatched | other.snatched,
        }
    }
}

/// The account of a member and a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Transfer {
    pub(super) sums: Sums,
    pub(super) left: u64,
    pub(super) seen: u64,
    pub(super) stopped: bool,
}

/// What has arrived of a client's session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    /// As the client counts its sessions.
    pub(super) number: u64,
    /// The most that was announced.
    pub(super) uploaded: u64,
    downloaded: u64,
    /// As the announce said that was sent last, by its number.
    left: u64,
    sent: u64,
    pub(super) seen: u64,
    /// Over IPv4 and IPv6.
    pub(super) families: [bool; 2],
    /// Something was received while something was lacking.
    fetched: bool,
    /// The next announce counts nothing.
    baseline: bool,
}

impl Session {
    fn new(message: &Message, now: u64) -> Self {
        Self {
            number: message.session,
            uploaded: message.uploaded,
            downloaded: message.downloaded,
            left: message.left,
            sent: message.sent,
            seen: now,
            families: [false; 2],
            fetched: message.left > 0 && message.downloaded > 0,
            baseline: false,
        }
    }
}

/// Seconds in which a member has seeded a torrent with any client: stretches that do not meet, each without its first
/// second.
#[derive(Debug, Clone, Default)]
struct Seconds(Vec<(u64, u64)>);

impl Seconds {
    /// Adds those after `begin` up to `end`, and says how many of them are new.
    fn add(&mut self, begin: u64, end: u64) -> u64 {
        let known: u64 = self.0.iter().map(|&(a, b)| b.min(end).saturating_sub(a.max(begin))).sum();
        let (mut joined, mut rest) = ((begin, end), Vec::new());
        for (a, b) in self.0.drain(..) {
            if b < begin || a > end {
                rest.push((a, b));
            } else {
                joined = (joined.0.min(a), joined.1.max(b));
            }
        }
        self.0 = rest;
        self.0.push(joined);
        end - begin - known
    }
}

/// What a restart brings back.
#[derive(Debug, Clone, Default)]
pub(super) struct Copy {
    sessions: BTreeMap<(Pair, u32), Session>,
    transfers: BTreeMap<Pair, Transfer>,
    seconds: BTreeMap<Pair, Seconds>,
}

#[derive(Debug, Default)]
pub(super) struct Reference {
    sessions: BTreeMap<(Pair, u32), Session>,
    pub(super) transfers: BTreeMap<Pair, Transfer>,
    seconds: BTreeMap<Pair, Seconds>,
    /// When clients that nobody knew said `completed`.
    claims: BTreeMap<(Pair, u32), u64>,
}

impl Reference {
    /// A client's announce arrives at the time `now`.
    pub(super) fn arrive(&mut self, message: &Message, now: u64) {
        let pair = message.pair();
        let key = (pair, message.who.2);
        let stops = message.event == Event::Stopped;
        let known = self.sessions.remove(&key);
        if known.is_none() && stops {
            return;
        }
        let is_new = known.is_some_and(|it| it.number != message.session);
        let mut session = match known {
            Some(session) if !(is_new && message.event == Event::Started) => session,
            _ => Session::new(message, now),
        };
        let was_seeder = session.left == 0;
        if is_new || message.sent > session.sent {
            (session.left, session.sent) = (message.left, message.sent);
        }
        let transfer = self.transfers.entry(pair).or_default();
        let sums = &mut transfer.sums;
        if !session.baseline && was_seeder {
            sums.seeded += self.seconds.entry(pair).or_default().add(session.seen, now);
        } else if !session.baseline {
            sums.leeched += now - session.seen;
        }
        if is_new {
            let (families, left, baseline) = (session.families, session.left, session.baseline);
            session = Session { left, families, baseline, ..Session::new(message, now) };
        } else if !session.baseline {
            sums.uploaded += message.uploaded.saturating_sub(session.uploaded);
            sums.downloaded += message.downloaded.saturating_sub(session.downloaded);
        }
        session.fetched |= message.downloaded > session.downloaded;
        sums.snatched |= session.left == 0 && !was_seeder && session.fetched;
        session.fetched &= session.left > 0;
        session.uploaded = session.uploaded.max(message.uploaded);
        session.downloaded = session.downloaded.max(message.downloaded);
        session.seen = now;
        session.baseline = false;
        session.families[usize::from(message.over_v6)] = true;
        transfer.left = session.left;
        transfer.seen = now;
        if message.event == Event::Completed {
            if known.is_none() && session.left == 0 {
                self.claims.insert(key, now);
            }
        } else if self.claims.remove(&key).is_some() {
            transfer.sums.snatched |= message.event != Event::Started;
        }
        if !stops {
            self.sessions.insert(key, session);
        }
        transfer.stopped = stops && !self.sessions.keys().any(|(other, _)| *other == pair);
    }

    /// The tracker reports what is due at the time `now`.
    pub(super) fn gather(&mut self, now: u64) {
        for ((pair, client), at) in std::mem::take(&mut self.claims) {
            if now < at + u64::from(Claims::WAIT) {
                self.claims.insert((pair, client), at);
                continue;
            }
            let transfer = self.transfers.entry(pair).or_default();
            (transfer.sums.snatched, transfer.left, transfer.stopped) = (true, 0, false);
        }
    }

    /// What the tracker knows of a client.
    pub(super) fn session(&self, pair: Pair, client: u32) -> Option<&Session> {
        self.sessions.get(&(pair, client))
    }

    pub(super) fn copy(&self) -> Copy {
        let Self { sessions, transfers, seconds, .. } = self;
        Copy { sessions: sessions.clone(), transfers: transfers.clone(), seconds: seconds.clone() }
    }

    /// The tracker stopped and is back at the time `now`.
    pub(super) fn restart(&mut self, now: u64) {
        self.sessions.retain(|_, session| now - session.seen <= TIMEOUT.into());
    }

    /// The tracker died and is back with what the copy has.
    ///
    /// Of each pair, reports are applied in their order. So after that the sums are those of the copy or those that
    /// were applied already, whichever are further.
    pub(super) fn kill(&mut self, copy: &Copy, applied: &BTreeMap<Pair, Transfer>, now: u64) {
        self.sessions.clone_from(&copy.sessions);
        self.seconds.clone_from(&copy.seconds);
        self.claims.clear();
        self.sessions.values_mut().for_each(|session| session.baseline = true);
        self.restart(now);
        for (pair, transfer) in &mut self.transfers {
            let kept = copy.transfers.get(pair).copied().unwrap_or_default();
            let applied = applied.get(pair).copied().unwrap_or_default();
            transfer.sums = kept.sums.max(applied.sums);
        }
    }

    /// Asserts that nothing has more than it may.
    pub(super) fn check(&self, database: &BTreeMap<Pair, Transfer>) {
        for (pair, stored) in database {
            let may = self.transfers.get(pair).copied().unwrap_or_default().sums;
            assert_eq!(may.max(stored.sums), may, "{pair:?} has more than it may: {stored:?}");
        }
    }
}
