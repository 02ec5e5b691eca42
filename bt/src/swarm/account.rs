//! What one announce adds to a peer's account.

use super::slot::{Slot, kept};
use super::{Announcement, Rules};
use crate::announce::Event;

/// See [`super::Outcome`].
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) snatched: bool,
    pub(super) claimed: bool,
    pub(super) uploaded: u64,
    pub(super) downloaded: u64,
    pub(super) left: u64,
    pub(super) seeded: u32,
    pub(super) leeched: u32,
    pub(super) clamped: bool,
}

/// Seconds after which no announce is under way any more: its client has given it up.
const LATEST: u32 = 120;

/// What peers may have moved in a second that is not over yet, for they announced in it before: as much as one peer in a
/// second, for all peers of a swarm together. Without it, small torrents that are fetched and left within a second would
/// not count; without a limit, each announce of a loop would have a second of its own.
#[derive(Debug, Default)]
pub(super) struct LastSecond {
    second: u32,
    /// In units of [`LastSecond::UNIT`] bytes, rounded up.
    spent: u32,
}

impl LastSecond {
    const UNIT: u64 = 1 << 16;

    /// Bytes that are left of second `now`.
    fn rest(&self, now: u32, bytes_per_second: u64) -> u64 {
        let spent = if self.second == now { u64::from(self.spent) * Self::UNIT } else { 0 };
        bytes_per_second.saturating_sub(spent)
    }

    fn spend(&mut self, now: u32, bytes: u64) {
        if self.second != now {
            *self = Self { second: now, spent: 0 };
        }
        let units = u32::try_from(bytes.div_ceil(Self::UNIT)).unwrap_or(u32::MAX);
        self.spent = self.spent.saturating_add(units);
    }
}

impl Slot {
    /// Whether the announce lacks what this peer had already.
    pub(super) fn is_ahead_of(&self, announcement: &Announcement) -> bool {
        let Announcement { uploaded, downloaded, left, .. } = *announcement;
        kept(uploaded) < self.uploaded()
            || kept(downloaded) < self.downloaded()
            || left.is_some_and(|left| self.lacks_less_than(left))
    }

    /// Takes over the announced counters. For the announce that made this slot they are the same.
    pub(super) fn account(
        &mut self,
        announcement: &Announcement,
        rules: &Rules,
        last_second: &mut LastSecond,
        now: u32,
    ) -> Account {
        let idle = self.idle(now);
        let stops = announcement.event == Event::Stopped;
        let counters = (kept(announcement.uploaded), kept(announcement.downloaded));
        let before = (self.uploaded(), self.downloaded());
        let lower = counters.0 < before.0 || counters.1 < before.1;
        // See `Swarm` on sessions.
        let again = lower && idle > LATEST && !stops;
        let late =
            (lower && !again) || (idle <= LATEST && counters == before && self.is_ahead_of(announcement));
        let baseline = if again { counters } else { before };

        let was_seeder = self.is_seeder();
        let says_nothing =
            stops && counters == (0, 0) && announcement.left.is_some_and(|left| !self.lacks(left));
        let left = announcement.left.filter(|_| !late && !says_nothing).unwrap_or(self.left());
        let fetched = if again { counters.1 > 0 } else { self.fetched() || counters.1 > before.1 };
        let mut account =
            Account { snatched: left == 0 && !was_seeder && fetched, left, ..Account::default() };
        let mut waits = false;
        if !self.baseline() {
            (account.seeded, account.leeched) = if was_seeder { (idle, 0) } else { (0, idle) };
            let grown = (counters.0.saturating_sub(baseline.0), counters.1.saturating_sub(baseline.1));
            let seconds = idle - u32::from(self.is_ahead()).min(idle);
            if seconds > 0 {
                account.add_bytes(grown, rules.bytes_per_second.saturating_mul(seconds.into()));
                self.set_ahead(false);
            } else {
                let rest = last_second.rest(now, rules.bytes_per_second);
                account.add_bytes(grown, rest);
                let moved = account.uploaded.max(account.downloaded);
                last_second.spend(now, moved);
                self.set_ahead(moved > 0 || (self.is_ahead() && idle == 0));
                // Perhaps other peers have used up the second: what is left waits for the next announce.
                waits = account.clamped && !stops && grown.0.max(grown.1) <= rules.bytes_per_second;
                account.clamped &= !waits;
            }
        }
        if waits {
            self.set_counters(before.0 + account.uploaded, before.1 + account.downloaded);
        } else {
            self.set_counters(counters.0.max(baseline.0), counters.1.max(baseline.1));
        }
        self.set_left(left);
        self.set_fetched(fetched && left > 0);
        self.set_baseline(false);
        if !late {
            self.set_partial(announcement.event == Event::Paused);
        }
        // The caller's clock does not go back; an announce that was delayed may.
        if idle > 0 {
            self.set_seen(now);
        }
        account
    }
}

impl Account {
    fn add_bytes(&mut self, (uploaded, downloaded): (u64, u64), possible: u64) {
        self.clamped = uploaded.max(downloaded) > possible;
        self.uploaded = uploaded.min(possible);
        self.downloaded = downloaded.min(possible);
    }
}
