//! A request's body on its way to the reader of its fields: how fast it comes, and how much of it waits there.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{Stream, StreamExt, future};

use super::SLOWEST;

/// What is said to a body that comes too slowly.
pub(super) const SLOW: &str =
    "the upload came in at less than 16 KiB a second; try again on a better connection";

/// How long the speed is averaged over.
const WINDOW: Duration = Duration::from_secs(5);

/// Bytes that come within it at least.
const WINDOW_BYTES: usize = 5 * SLOWEST;

/// Bytes that may wait to be understood: the reader keeps the header of a field until it has come in whole. Far more than
/// one packet, as they come together.
const WAITING: usize = 1 << 20;

/// Counts a body's bytes; clones count the same body.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Since the body's beginning.
    came: AtomicUsize,
    /// Of those, what the reader was done with.
    read: AtomicUsize,
}

impl Flow {
    /// The data of `body`, counted. Ends with an error when too much of it waits to be understood.
    pub(super) fn watch(&self, body: Body) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + use<> {
        let counts = Arc::clone(&self.0);
        body.into_data_stream().map(move |data| {
            let data = data.map_err(io::Error::other)?;
            let came = counts.came.fetch_add(data.len(), Ordering::Relaxed);
            if came.saturating_sub(counts.read.load(Ordering::Relaxed)) > WAITING {
                return Err(io::Error::other("the header of a field is too long"));
            }
            Ok(data)
        })
    }

    /// Says that the reader is done with `bytes` of a field.
    pub(super) fn consume(&self, bytes: usize) {
        self.0.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Says that the reader understood what came before a field's content; what it has of that is less than a packet.
    pub(super) fn header_is_read(&self) {
        self.0.read.store(self.0.came.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Waits until less came within some seconds than a body has to.
    pub(super) async fn becomes_slow(&self) {
        let mut before = 0;
        loop {
            tokio::time::sleep(WINDOW).await;
            let came = self.0.came.load(Ordering::Relaxed);
            if came - before < WINDOW_BYTES {
                return;
            }
            before = came;
        }
    }
}

/// Reads a body to its end and keeps nothing of it, as a client that still sends may not see an answer. Gives up on one
/// that is longer than `limit` bytes or takes longer than `time`.
pub(super) async fn discard(body: Body, limit: usize, time: Duration) {
    let mut left = limit;
    let reading = body.into_data_stream().take_while(move |data| {
        let rest = data.as_ref().ok().and_then(|it| left.checked_sub(it.len()));
        left = rest.unwrap_or_default();
        future::ready(rest.is_some())
    });
    let _ = tokio::time::timeout(time, reading.for_each(|_| future::ready(()))).await;
}
