//! Bytes that torrents moved, over restarts of their programs, and rates.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Time between two samples at least: closer ones give no useful rate.
const SAMPLE_DISTANCE: Duration = Duration::from_millis(750);

/// Sent and downloaded: both in bytes, or both in bytes a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) sent: u64,
    pub(super) fetched: u64,
}

/// Totals since each torrent was added. A program that was killed has lost all or some of its own totals.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: HashMap<String, Entry>,
    rates: Rates,
}

#[derive(Debug, Default)]
struct Entry {
    /// Bytes that the program has lost.
    forgotten: Moved,
    /// The program's latest totals.
    last: Moved,
    /// Whether the program was started again since.
    again: bool,
}

impl Ledger {
    /// Notes that the program is started again.
    pub(super) fn begin(&mut self) {
        self.entries.values_mut().for_each(|entry| entry.again = true);
    }

    /// Enters the program's totals of a torrent. The totals since it was added, and the rate.
    pub(super) fn enter(&mut self, hash: &str, said: Moved, now: Instant) -> (Moved, Moved) {
        let entry = self.entries.entry(hash.to_owned()).or_default();
        if std::mem::take(&mut entry.again) {
            entry.forgotten = Moved {
                sent: (entry.forgotten.sent + entry.last.sent).saturating_sub(said.sent),
                fetched: (entry.forgotten.fetched + entry.last.fetched).saturating_sub(said.fetched),
            };
        }
        entry.last = said;
        let whole =
            Moved { sent: entry.forgotten.sent + said.sent, fetched: entry.forgotten.fetched + said.fetched };
        (whole, self.rates.rate(hash, whole, now))
    }

    /// Removes a torrent.
    pub(super) fn strike(&mut self, hash: &str) {
        self.entries.remove(hash);
        self.rates.samples.remove(hash);
    }
}

/// Rates computed from totals, for programs whose own rates are means over a long time.
#[derive(Debug, Default)]
pub(super) struct Rates {
    samples: HashMap<String, Sample>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    total: Moved,
    rate: Moved,
}

impl Rates {
    /// The rate of `key`, whose total is now `total`; 0 at first.
    pub(super) fn rate(&mut self, key: &str, total: Moved, now: Instant) -> Moved {
        let Some(sample) = self.samples.get_mut(key) else {
            self.samples.insert(key.to_owned(), Sample { at: now, total, rate: Moved::default() });
            return Moved::default();
        };
        let passed = now.saturating_duration_since(sample.at);
        if passed >= SAMPLE_DISTANCE {
            let per_second = |after: u64, before: u64| {
                let bytes = u128::from(after.saturating_sub(before)) * 1000 / passed.as_millis();
                u64::try_from(bytes).unwrap_or(u64::MAX)
            };
            let rate = Moved {
                sent: per_second(total.sent, sample.total.sent),
                fetched: per_second(total.fetched, sample.total.fetched),
            };
            *sample = Sample { at: now, total, rate };
        }
        sample.rate
    }

    /// Drops keys that had no total in the last minute.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.samples.retain(|_, sample| now.saturating_duration_since(sample.at) < Duration::from_mins(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn moved(sent: u64, fetched: u64) -> Moved {
        Moved { sent, fetched }
    }

    #[test]
    fn a_killed_program_loses_no_bytes() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        assert_eq!(ledger.enter("a", moved(10, 100), now).0, moved(10, 100));
        ledger.begin();
        assert_eq!(ledger.enter("a", moved(0, 60), now).0, moved(10, 100), "it knows of 60 of 100");
        assert_eq!(ledger.enter("a", moved(5, 65), now).0, moved(15, 105));
        ledger.begin();
        assert_eq!(ledger.enter("a", moved(6, 65), now).0, moved(15, 105));
        ledger.strike("a");
        assert_eq!(ledger.enter("a", moved(1, 2), now).0, moved(1, 2));
    }

    #[test]
    fn a_program_that_was_stopped_counts_nothing_twice() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        ledger.enter("a", moved(10, 100), now);
        ledger.begin();
        assert_eq!(
            ledger.enter("a", moved(12, 130), now).0,
            moved(12, 130),
            "more than was heard before it stopped"
        );
    }

    #[test]
    fn rates_are_those_of_the_last_second() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(rates.rate("a", moved(1000, 0), at(0)), moved(0, 0));
        assert_eq!(rates.rate("a", moved(3000, 500), at(1000)), moved(2000, 500));
        assert_eq!(rates.rate("a", moved(9000, 500), at(1100)), moved(2000, 500), "too soon");
        assert_eq!(rates.rate("a", moved(9000, 500), at(3000)), moved(3000, 0));
        rates.tidy(at(64_000));
        assert_eq!(rates.rate("a", moved(9500, 500), at(64_000)), moved(0, 0), "forgotten");
    }
}
