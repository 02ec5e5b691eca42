//! Live counts in memory, for pages and event streams. [`crate::tracker`] keeps them up to date.
//!
//! While the tracker is not heard there are no counts: pages then show "–" instead of old numbers.

mod streams;

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;

use bt::InfoHash;
use bt::messages::counts::Record;
use parking_lot::RwLock;
use tokio::sync::watch;

pub use streams::{EventStreams, StreamPermit};

/// Present counts of all torrents, cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    /// Locked for look-ups and for applying one message; never across an `.await`.
    state: RwLock<State>,
    /// A version number that grows with each change.
    changes: watch::Sender<u64>,
    streams: EventStreams,
}

#[derive(Default)]
struct State {
    /// Counts by canonical info hash; a torrent that is missing has no peers. `None` while the tracker is not heard.
    counts: Option<HashMap<InfoHash, Counts>>,
    dirty: Dirty,
}

/// Counts that are not written to the database yet.
pub(crate) struct Unwritten {
    pub(crate) records: Vec<Record>,
    /// Whether `records` has all torrents with peers, so that all others have none.
    pub(crate) whole: bool,
}

/// Torrents whose counts differ from those in the database.
#[derive(Default)]
struct Dirty {
    /// All torrents differ: a new snapshot came.
    whole: bool,
    some: HashSet<InfoHash>,
}

/// The present counts of one torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Peers that have everything.
    pub seeders: u32,
    /// All other peers.
    pub leechers: u32,
    /// Completed downloads as the tracker counts them; 0 for a torrent that it has not mentioned.
    pub snatched: u32,
}

/// The counts of one torrent as pages show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present {
    /// Peers that have everything; `None` while the tracker is not heard.
    pub seeders: Option<u32>,
    /// All other peers; `None` while the tracker is not heard.
    pub leechers: Option<u32>,
    /// Completed downloads: the higher one of the tracker's number and the stored one.
    pub snatched: u32,
}

impl Live {
    /// No counts, until the tracker has answered.
    #[expect(clippy::new_without_default, reason = "without the tracker's tasks it stays empty")]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            state: RwLock::default(),
            changes: watch::Sender::new(0),
            streams: EventStreams::default(),
        }))
    }

    /// The counts to show of a torrent that has `stored` completed downloads in the database.
    pub fn present(&self, info_hash: InfoHash, stored: i32) -> Present {
        let stored = u32::try_from(stored).unwrap_or(0);
        match &self.0.state.read().counts {
            Some(counts) => {
                let Counts { seeders, leechers, snatched } =
                    counts.get(&info_hash).copied().unwrap_or_default();
                Present { seeders: Some(seeders), leechers: Some(leechers), snatched: snatched.max(stored) }
            }
            None => Present { seeders: None, leechers: None, snatched: stored },
        }
    }

    /// A receiver that is notified of each change, after which [`Live::present`] may differ.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Whether the tracker's counts are known.
    pub fn is_heard(&self) -> bool {
        self.0.state.read().counts.is_some()
    }

    /// The counter of open event streams.
    pub fn streams(&self) -> &EventStreams {
        &self.0.streams
    }

    /// Replaces all counts by a snapshot: `records` has all torrents with peers.
    pub(crate) fn replace(&self, records: Vec<Record>) {
        let counts = records.into_iter().map(|it| (it.info_hash, it.into())).collect();
        let mut state = self.0.state.write();
        state.counts = Some(counts);
        state.dirty = Dirty { whole: true, some: HashSet::new() };
        drop(state);
        self.tell();
    }

    /// Applies new counts of some torrents. Ignored while the tracker is not heard: only a snapshot makes them
    /// complete.
    pub(crate) fn change(&self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let mut state = self.0.state.write();
        let State { counts, dirty } = &mut *state;
        let Some(counts) = counts else { return };
        for record in records {
            dirty.some.insert(record.info_hash);
            counts.insert(record.info_hash, record.into());
        }
        drop(state);
        self.tell();
    }

    /// Forgets all counts: the tracker is no longer heard.
    pub(crate) fn lose(&self) {
        if self.0.state.write().counts.take().is_some() {
            self.tell();
        }
    }

    /// The counts changed since the last call; `None` if there are none, or while the tracker is not heard.
    pub(crate) fn take_unwritten(&self) -> Option<Unwritten> {
        let mut state = self.0.state.write();
        let counts = state.counts.as_ref()?;
        let record = |info_hash: &InfoHash, counts: &Counts| {
            let Counts { seeders, leechers, snatched } = *counts;
            Record { info_hash: *info_hash, seeders, leechers, snatched }
        };
        let records: Vec<Record> = if state.dirty.whole {
            counts.iter().map(|(hash, counts)| record(hash, counts)).collect()
        } else {
            let some = state.dirty.some.iter();
            some.filter_map(|hash| counts.get(hash).map(|counts| record(hash, counts))).collect()
        };
        let Dirty { whole, .. } = mem::take(&mut state.dirty);
        (whole || !records.is_empty()).then_some(Unwritten { records, whole })
    }

    /// Marks as unwritten again what could not be written.
    pub(crate) fn give_back(&self, work: &Unwritten) {
        let mut state = self.0.state.write();
        state.dirty.whole |= work.whole;
        state.dirty.some.extend(work.records.iter().map(|it| it.info_hash));
    }

    /// Marks every torrent as unwritten: the table was emptied.
    pub(crate) fn mark_all(&self) {
        self.0.state.write().dirty.whole = true;
    }

    fn tell(&self) {
        self.0.changes.send_modify(|version| *version += 1);
    }
}

impl From<Record> for Counts {
    fn from(record: Record) -> Self {
        let Record { seeders, leechers, snatched, .. } = record;
        Self { seeders, leechers, snatched }
    }
}
