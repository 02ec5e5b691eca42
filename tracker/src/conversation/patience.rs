//! How long a connection may keep us waiting, for the price of one timer a thread.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use infra::shutdown::Shutdown;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{MissedTickBehavior, interval};

/// A connection is looked at so often within its time-out.
const LOOKS: u32 = 4;

/// Wakes all connections of a thread when it is time to look at them, and when the process stops.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    /// Cheaper to ask than `notify`.
    rings: AtomicU32,
    notify: Notify,
}

impl Bell {
    /// Rings until the stop is requested, then a last time. For the thread that the connections are on.
    pub(crate) async fn ring(&self, timeout: Duration, shutdown: &Shutdown) {
        let mut timer = interval((timeout / LOOKS).max(Duration::from_millis(1)));
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !shutdown.is_requested() {
            tokio::select! {
                _ = timer.tick() => self.ring_once(),
                () = shutdown.requested() => {}
            }
        }
        self.ring_once();
    }

    /// A future that is ready at the first ring after this call.
    pub(super) fn rung(&self) -> Notified<'_> {
        self.notify.notified()
    }

    /// How often it has rung.
    pub(super) fn rings(&self) -> u32 {
        self.rings.load(Relaxed)
    }

    fn ring_once(&self) {
        self.rings.fetch_add(1, Relaxed);
        self.notify.notify_waiters();
    }
}

/// Counts the looks at which nothing had happened.
#[derive(Debug)]
pub(super) struct Patience {
    /// Something has happened since the last look: an answer, or a write that the client has taken.
    active: bool,
    quiet: u32,
}

impl Patience {
    /// The first look may come at once; it does not count.
    pub(super) fn new() -> Self {
        Self { active: true, quiet: 0 }
    }

    /// Says that something has happened.
    pub(super) fn renew(&mut self) {
        self.active = true;
    }

    /// Says whether the client has kept us waiting for too long; to be asked at each ring.
    pub(super) fn look(&mut self) -> bool {
        self.quiet = if self.active { 0 } else { self.quiet + 1 };
        self.active = false;
        self.quiet >= LOOKS
    }
}
