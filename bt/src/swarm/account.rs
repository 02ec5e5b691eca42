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

/// Seconds after which no announce arrives any more: its client has given up waiting.
const LATEST: u32 = 120;

/// Bytes accounted for within the present second, of peers that announced in it before. All peers of a swarm together
/// may have as much as one peer in a second. Without any, a small torrent that is fetched and left within a second
/// would not count. Without the limit, each announce of a peer that announces in a loop would account for a whole
/// second.
#[derive(Debug, Default)]
pub(super) struct LastSecond {
    second: u32,
    /// In units of [`LastSecond::UNIT`] bytes, rounded up.
    spent: u32,
}

impl LastSecond {
    const UNIT: u64 = 1 << 16;

    /// Bytes that second `now` has left.
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
    /// Whether the announce has lower counters than this peer, or more lacking.
    pub(super) fn is_ahead_of(&self, announcement: &Announcement) -> bool {
        let Announcement { uploaded, downloaded, left, .. } = *announcement;
        kept(uploaded) < self.uploaded()
            || kept(downloaded) < self.downloaded()
            || left.is_some_and(|left| self.lacks_less_than(left))
    }

    /// Applies an announce and returns what it accounts for: nothing for the announce that made this slot.
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
        // `Swarm` explains sessions.
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
            waits = self.add_growth(&mut account, grown, rules, last_second, now) && !stops;
            account.clamped &= !waits;
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
        // Of two threads, the one that announces second may have read the clock first.
        if idle > 0 {
            self.set_seen(now);
        }
        account
    }

    /// Adds to `account` the bytes by which the counters have grown, as far as the peer can have moved them since its
    /// last announce. Returns whether the bytes beyond may count at its next announce, because other peers may have
    /// used up the present second.
    fn add_growth(
        &mut self,
        account: &mut Account,
        grown: (u64, u64),
        rules: &Rules,
        last_second: &mut LastSecond,
        now: u32,
    ) -> bool {
        let idle = self.idle(now);
        let seconds = idle - u32::from(self.is_ahead()).min(idle);
        if seconds > 0 {
            account.add_bytes(grown, rules.bytes_per_second.saturating_mul(seconds.into()));
            self.set_ahead(false);
            return false;
        }
        account.add_bytes(grown, last_second.rest(now, rules.bytes_per_second));
        let moved = account.uploaded.max(account.downloaded);
        last_second.spend(now, moved);
        self.set_ahead(moved > 0 || (self.is_ahead() && idle == 0));
        account.clamped && grown.0.max(grown.1) <= rules.bytes_per_second
    }
}

impl Account {
    fn add_bytes(&mut self, (uploaded, downloaded): (u64, u64), possible: u64) {
        self.clamped = uploaded.max(downloaded) > possible;
        self.uploaded = uploaded.min(possible);
        self.downloaded = downloaded.min(possible);
    }
}
