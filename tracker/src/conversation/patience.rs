//! How long a connection may keep us waiting, for the price of one timer a connection instead of one a request.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// A connection is looked at so often within its time-out.
const LOOKS: u32 = 4;

/// Counts the looks at which nothing had happened.
#[derive(Debug)]
pub(super) struct Patience {
    step: Duration,
    /// Made when the connection first waits: one that asks and closes needs none.
    tick: Option<Pin<Box<Sleep>>>,
    /// Something has happened since the last look: an answer, or a write that the client has taken.
    active: bool,
    quiet: u32,
}

impl Patience {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { step: timeout / LOOKS, tick: None, active: false, quiet: 0 }
    }

    /// Says that something has happened.
    pub(super) fn renew(&mut self) {
        self.active = true;
    }

    /// Ready when the client has kept us waiting for too long.
    pub(super) fn poll_exhausted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let step = self.step;
        let tick = self.tick.get_or_insert_with(|| Box::pin(sleep(step)));
        while tick.as_mut().poll(cx).is_ready() {
            self.quiet = if self.active { 0 } else { self.quiet + 1 };
            self.active = false;
            if self.quiet >= LOOKS {
                return Poll::Ready(());
            }
            tick.as_mut().reset(Instant::now() + step);
        }
        Poll::Pending
    }
}
