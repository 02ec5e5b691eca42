//! Whether the directory follows the database, and when the database last confirmed it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Written by the feed, read for health checks and metrics; announces do not need it. Held for one copy.
#[derive(Debug, Default)]
pub(crate) struct LinkState(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    connected: bool,
    confirmed: Option<Instant>,
}

/// The state at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// Whether notifications of the database arrive.
    pub(crate) connected: bool,
    /// Time since the database last answered; `None` before its first answer.
    pub(crate) age: Option<Duration>,
}

impl LinkState {
    /// Notes that notifications arrive from now on, or no longer do.
    pub(super) fn connect(&self, connected: bool) {
        self.0.lock().connected = connected;
    }

    /// Notes that the directory holds what the database has just answered.
    pub(super) fn confirm(&self) {
        self.0.lock().confirmed = Some(Instant::now());
    }

    pub(crate) fn state(&self) -> State {
        let Inner { connected, confirmed } = &*self.0.lock();
        State { connected: *connected, age: confirmed.map(|confirmed| confirmed.elapsed()) }
    }
}
