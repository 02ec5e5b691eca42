//! How long ago the database last said that the directory is right.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Written by the feed, read by whoever watches. Announces need it not.
#[derive(Debug, Default)]
pub(crate) struct LinkState(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    connected: bool,
    confirmed: Option<Instant>,
}

/// At one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// Whether changes of the database are heard.
    pub(crate) connected: bool,
    /// Since the database last answered; none before it did so for the first time.
    pub(crate) age: Option<Duration>,
}

impl LinkState {
    /// The database is heard from now on, or no more.
    pub(super) fn connect(&self, connected: bool) {
        self.0.lock().connected = connected;
    }

    /// What the database has just said is in the directory.
    pub(super) fn confirm(&self) {
        self.0.lock().confirmed = Some(Instant::now());
    }

    pub(crate) fn state(&self) -> State {
        let Inner { connected, confirmed } = &*self.0.lock();
        State { connected: *connected, age: confirmed.map(|confirmed| confirmed.elapsed()) }
    }
}
