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

impl Slot {
    /// Takes over the announced counters. For the announce that made this slot they are the same.
    pub(super) fn account(&mut self, announcement: &Announcement, rules: &Rules, now: u32) -> Account {
        let idle = self.idle(now);
        let was_seeder = self.is_seeder();
        let left = announcement.left.unwrap_or(self.left());
        // Some clients never send `completed`: what was lacking and is not any more counts as well.
        let finished = left == 0 && (announcement.event == Event::Completed || !was_seeder);
        // What was lacking in an old copy may have been counted after it was made.
        let counts = !self.baseline() || announcement.event == Event::Completed;
        let snatched = finished && counts && !self.snatched();
        let mut account = Account { snatched, left, ..Account::default() };
        if !self.baseline() {
            (account.seeded, account.leeched) = if was_seeder { (idle, 0) } else { (0, idle) };
            self.add_bytes(announcement, rules, idle, &mut account);
        }
        self.set_counters(announcement.uploaded, announcement.downloaded);
        self.set_left(left);
        self.set_snatched(self.snatched() || finished);
        self.set_baseline(false);
        // The caller's clock does not go back; an announce that was delayed may.
        if idle > 0 {
            self.set_seen(now);
        }
        account
    }

    fn add_bytes(&self, announcement: &Announcement, rules: &Rules, idle: u32, account: &mut Account) {
        let (uploaded, downloaded) = (kept(announcement.uploaded), kept(announcement.downloaded));
        if uploaded < self.uploaded() || downloaded < self.downloaded() {
            return;
        }
        let possible = rules.bytes_per_second.saturating_mul(idle.max(1).into());
        let mut believe = |grown: u64| {
            account.clamped |= grown > possible;
            grown.min(possible)
        };
        let sums = (believe(uploaded - self.uploaded()), believe(downloaded - self.downloaded()));
        (account.uploaded, account.downloaded) = sums;
    }
}
