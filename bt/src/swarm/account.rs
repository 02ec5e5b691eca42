//! What one announce adds to a peer's account.

use super::slot::{Slot, kept};
use super::{Announcement, Rules};
use crate::announce::Event;

/// See [`super::Outcome`].
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) snatched: bool,
    pub(super) uploaded: u64,
    pub(super) downloaded: u64,
    pub(super) left: u64,
    pub(super) seeded: u32,
    pub(super) leeched: u32,
    pub(super) clamped: bool,
}

/// Seconds after which no announce is under way any more: its client has given it up.
const LATEST: u32 = 120;

impl Slot {
    /// Whether the announce lacks what this peer had already.
    pub(super) fn is_ahead_of(&self, announcement: &Announcement) -> bool {
        let Announcement { uploaded, downloaded, left, .. } = *announcement;
        kept(uploaded) < self.uploaded()
            || kept(downloaded) < self.downloaded()
            || left.is_some_and(|left| self.lacks_less_than(left))
    }

    /// Takes over the announced counters. For the announce that made this slot they are the same.
    pub(super) fn account(&mut self, announcement: &Announcement, rules: &Rules, now: u32) -> Account {
        let idle = self.idle(now);
        let counters = (kept(announcement.uploaded), kept(announcement.downloaded));
        let before = (self.uploaded(), self.downloaded());
        let lower = counters.0 < before.0 || counters.1 < before.1;
        // See `Swarm` on sessions.
        let again = lower && idle > LATEST;
        let late = idle <= LATEST && (lower || (counters == before && self.is_ahead_of(announcement)));
        let baseline = if again { counters } else { before };

        let was_seeder = self.is_seeder();
        let left = announcement.left.filter(|_| !late).unwrap_or(self.left());
        // Some clients never send `completed`: what was lacking and is not any more counts as well.
        let finished = left == 0 && (announcement.event == Event::Completed || !was_seeder);
        // What was lacking in an old copy may have been counted after it was made.
        let counts = !self.baseline() || announcement.event == Event::Completed;
        let snatched = finished && counts && !self.snatched();
        let mut account = Account { snatched, left, ..Account::default() };
        if !self.baseline() {
            (account.seeded, account.leeched) = if was_seeder { (idle, 0) } else { (0, idle) };
            account.add_bytes(counters, baseline, rules.bytes_per_second.saturating_mul(idle.max(1).into()));
        }
        self.set_counters(counters.0.max(baseline.0), counters.1.max(baseline.1));
        self.set_left(left);
        self.set_snatched(self.snatched() || finished);
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
    /// Each counter by itself: one that is lower adds nothing.
    fn add_bytes(&mut self, counters: (u64, u64), baseline: (u64, u64), possible: u64) {
        let uploaded = counters.0.saturating_sub(baseline.0);
        let downloaded = counters.1.saturating_sub(baseline.1);
        self.clamped = uploaded.max(downloaded) > possible;
        self.uploaded = uploaded.min(possible);
        self.downloaded = downloaded.min(possible);
    }
}
