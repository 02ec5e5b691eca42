//! Live counts: what the tracker says over ZeroMQ, in memory, for pages and event streams.
//!
//! PUB and SUB lose messages, so this follows the Clone pattern of the ZeroMQ guide (chapter 5): subscribe, ask for a
//! snapshot, drop what is older, ask again at any gap. While there is no truth nothing is claimed.

mod connection;
mod decisions;
mod follower;
mod history;
mod peers;
mod question;
mod reports;
mod seats;
mod store;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bt::InfoHash;
use bt::messages::counts::Record;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::app::App;

pub use decisions::{connections, decisions};
pub use peers::{Peers, peers};
pub use seats::{Seat, Seats};

/// Present counts of all torrents, cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    /// Held for look-ups and for putting in what one message brings; never across an `.await`.
    state: RwLock<State>,
    /// Grows with each change.
    changes: watch::Sender<u64>,
    seats: Seats,
}

#[derive(Default)]
struct State {
    /// By canonical info hash; a torrent that is not there has no peer. `None` without truth.
    counts: Option<HashMap<InfoHash, Counts>>,
    dirty: Dirty,
}

/// What differs from the database.
#[derive(Default)]
struct Dirty {
    /// All: a new snapshot came.
    whole: bool,
    some: HashSet<InfoHash>,
}

/// The present numbers of one torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Peers that lack nothing.
    pub seeders: u32,
    /// All other peers.
    pub leechers: u32,
    /// Completed downloads as the tracker counts them; 0 for a torrent that it did not speak of.
    pub snatched: u32,
}

/// What is shown of one torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present {
    /// Peers that lack nothing; `None` while the tracker is not heard.
    pub seeders: Option<u32>,
    /// All other peers; `None` while the tracker is not heard.
    pub leechers: Option<u32>,
    /// Completed downloads, as far as known.
    pub snatched: u32,
}

impl Live {
    /// Without truth until the tracker has answered.
    #[expect(clippy::new_without_default, reason = "an empty one is of no use by itself")]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            state: RwLock::default(),
            changes: watch::Sender::new(0),
            seats: Seats::default(),
        }))
    }

    /// The numbers to show of a torrent of which `stored` completed downloads are written down.
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

    /// Tells of each change, for [`Live::present`] to be asked again.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Whether the tracker's counts are known.
    pub fn is_heard(&self) -> bool {
        self.0.state.read().counts.is_some()
    }

    /// Places for event streams.
    pub fn seats(&self) -> &Seats {
        &self.0.seats
    }

    /// The whole truth, as of now.
    fn replace(&self, records: Vec<Record>) {
        let counts = records.into_iter().map(|it| (it.info_hash, it.into())).collect();
        let mut state = self.0.state.write();
        state.counts = Some(counts);
        state.dirty = Dirty { whole: true, some: HashSet::new() };
        drop(state);
        self.tell();
    }

    /// The new numbers of some torrents. Nothing is kept while there is no truth.
    fn change(&self, records: Vec<Record>) {
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

    /// From now on nothing is known.
    fn lose(&self) {
        if self.0.state.write().counts.take().is_some() {
            self.tell();
        }
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

/// Starts following the tracker, writing down what it says and applying its reports, until the process stops.
pub fn start(app: &App) {
    let (live, zeromq, shutdown) = (app.live.clone(), app.config.zeromq.clone(), app.shutdown.clone());
    app.shutdown.spawn(async move { connection::keep(&live, &zeromq, &shutdown).await });
    let (storing, pulling) = (app.clone(), app.clone());
    app.shutdown.spawn(async move { store::keep(&storing).await });
    app.shutdown.spawn(async move { reports::keep(&pulling).await });
}
