//! How other threads reach an event loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;

/// Wakes or stops an event loop from another thread.
#[derive(Debug, Clone)]
pub(crate) struct LoopHandle {
    pub(super) waker: Arc<Waker>,
    pub(super) cut: Arc<AtomicBool>,
}

impl LoopHandle {
    /// Makes the loop look for answers of the database and for the stop.
    pub(crate) fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake an event-loop thread");
        }
    }

    /// Ends the loop at once, with all its connections.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.wake();
    }
}
