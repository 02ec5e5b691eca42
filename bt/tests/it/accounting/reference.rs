//! What the sums have to be: what the clients moved, as far as the tracker can know of it.

use std::collections::BTreeMap;

use bt::announce::Event;

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
    snatched: bool,
    /// The next announce counts nothing.
    baseline: bool,
}

impl Session {
    fn new(message: &Message, now: u64, snatched: bool) -> Self {
        Self {
            number: message.session,
            uploaded: message.uploaded,
            downloaded: message.downloaded,
            left: message.left,
            sent: message.sent,
            seen: now,
            families: [false; 2],
            snatched,
            baseline: false,
        }
    }
}

/// What a restart brings back.
#[derive(Debug, Clone, Default)]
pub(super) struct Copy {
    sessions: BTreeMap<(Pair, u32), Session>,
    transfers: BTreeMap<Pair, Transfer>,
}

#[derive(Debug, Default)]
pub(super) struct Reference {
    sessions: BTreeMap<(Pair, u32), Session>,
    pub(super) transfers: BTreeMap<Pair, Transfer>,
    snatches: BTreeMap<u32, u32>,
}

impl Reference {
    /// A client's announce arrives at the time `now`.
    pub(super) fn arrive(&mut self, message: &Message, now: u64) {
        let pair = message.pair();
        let key = (pair, message.who.2);
        let known = self.sessions.remove(&key);
        if known.is_none() && message.event == Event::Stopped {
            return;
        }
        let is_new = known.is_some_and(|it| it.number != message.session);
        let mut session = match known {
            Some(session) if !(is_new && message.event == Event::Started) => session,
            other => Session::new(message, now, other.is_some_and(|it| it.snatched)),
        };
        let was_seeder = session.left == 0;
        if is_new || message.sent > session.sent {
            (session.left, session.sent) = (message.left, message.sent);
        }
        let transfer = self.transfers.entry(pair).or_default();
        let sums = &mut transfer.sums;
        if !session.baseline {
            let seconds = if was_seeder { &mut sums.seeded } else { &mut sums.leeched };
            *seconds += now - session.seen;
        }
        if is_new {
            let (families, snatched, baseline) = (session.families, session.snatched, session.baseline);
            let left = session.left;
            session = Session { left, families, snatched, baseline, ..Session::new(message, now, false) };
        } else if !session.baseline {
            sums.uploaded += message.uploaded.saturating_sub(session.uploaded);
            sums.downloaded += message.downloaded.saturating_sub(session.downloaded);
        }
        let completed = message.event == Event::Completed;
        let finished = session.left == 0 && (completed || !was_seeder);
        if finished && !session.snatched && (completed || !session.baseline) {
            sums.snatched = true;
            *self.snatches.entry(pair.1).or_default() += 1;
        }
        session.snatched |= finished;
        session.uploaded = session.uploaded.max(message.uploaded);
        session.downloaded = session.downloaded.max(message.downloaded);
        session.seen = now;
        session.baseline = false;
        session.families[usize::from(message.over_v6)] = true;
        transfer.left = session.left;
        transfer.seen = now;
        if message.event != Event::Stopped {
            self.sessions.insert(key, session);
        }
        transfer.stopped =
            message.event == Event::Stopped && !self.sessions.keys().any(|(other, _)| *other == pair);
    }

    /// What the tracker knows of a client.
    pub(super) fn session(&self, pair: Pair, client: u32) -> Option<&Session> {
        self.sessions.get(&(pair, client))
    }

    pub(super) fn copy(&self) -> Copy {
        Copy { sessions: self.sessions.clone(), transfers: self.transfers.clone() }
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
        self.sessions.values_mut().for_each(|session| session.baseline = true);
        self.restart(now);
        for (pair, transfer) in &mut self.transfers {
            let kept = copy.transfers.get(pair).copied().unwrap_or_default();
            let applied = applied.get(pair).copied().unwrap_or_default();
            transfer.sums = kept.sums.max(applied.sums);
        }
    }

    /// Downloads finished, of each torrent that has any.
    pub(super) fn snatches(&self) -> Vec<(u32, u32)> {
        self.snatches.iter().map(|(torrent, count)| (*torrent, *count)).collect()
    }

    /// Asserts that nothing has more than it may.
    pub(super) fn check(&self, database: &BTreeMap<Pair, Transfer>) {
        for (pair, stored) in database {
            let may = self.transfers.get(pair).copied().unwrap_or_default().sums;
            assert_eq!(may.max(stored.sums), may, "{pair:?} has more than it may: {stored:?}");
        }
    }
}
