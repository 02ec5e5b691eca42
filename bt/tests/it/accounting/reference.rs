//! What the sums have to be, written for the reader and not for speed.

use std::collections::BTreeMap;

use bt::announce::Event;

use super::{Announce, BYTES_PER_SECOND, TIMEOUT};

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
    pub(super) clamped: bool,
}

impl Sums {
    fn max(self, other: Self) -> Self {
        Self {
            uploaded: self.uploaded.max(other.uploaded),
            downloaded: self.downloaded.max(other.downloaded),
            seeded: self.seeded.max(other.seeded),
            leeched: self.leeched.max(other.leeched),
            snatched: self.snatched | other.snatched,
            clamped: self.clamped | other.clamped,
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

#[derive(Debug, Clone, Copy)]
struct Session {
    uploaded: u64,
    downloaded: u64,
    left: u64,
    seen: u64,
    snatched: bool,
    /// The next announce counts nothing.
    baseline: bool,
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
    /// Applies an announce at the time `now`, with the client's counters.
    pub(super) fn announce(
        &mut self,
        pair: Pair,
        a: &Announce,
        (uploaded, downloaded): (u64, u64),
        now: u64,
    ) {
        let key = (pair, a.client);
        let known = self.sessions.remove(&key);
        if known.is_none() && a.event == Event::Stopped {
            return;
        }
        let before = known.unwrap_or(Session {
            uploaded,
            downloaded,
            left: a.left,
            seen: now,
            snatched: false,
            baseline: false,
        });
        let transfer = self.transfers.entry(pair).or_default();
        let idle = now - before.seen;
        let was_seeder = before.left == 0;
        if !before.baseline {
            if was_seeder {
                transfer.sums.seeded += idle;
            } else {
                transfer.sums.leeched += idle;
            }
            if uploaded >= before.uploaded && downloaded >= before.downloaded {
                let possible = BYTES_PER_SECOND * idle.max(1);
                let (up, down) = (uploaded - before.uploaded, downloaded - before.downloaded);
                transfer.sums.uploaded += up.min(possible);
                transfer.sums.downloaded += down.min(possible);
                transfer.sums.clamped |= up.max(down) > possible;
            }
        }
        let completed = a.event == Event::Completed;
        let finished = a.left == 0 && (completed || !was_seeder);
        if finished && !before.snatched && (completed || !before.baseline) {
            transfer.sums.snatched = true;
            *self.snatches.entry(pair.1).or_default() += 1;
        }
        if a.event != Event::Stopped {
            let snatched = before.snatched || finished;
            let session =
                Session { uploaded, downloaded, left: a.left, seen: now, snatched, baseline: false };
            self.sessions.insert(key, session);
        }
        transfer.left = a.left;
        transfer.seen = now;
        transfer.stopped =
            a.event == Event::Stopped && !self.sessions.keys().any(|(other, _)| *other == pair);
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
