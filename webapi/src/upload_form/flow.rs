//! Watches a request's body on its way to the multipart parser: its speed, and the bytes that wait in the parser.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{Stream, StreamExt, future};

use super::SLOWEST;

/// The message for a body that arrives too slowly.
pub(super) const SLOW: &str =
    "the upload came in at less than 16 KiB a second; try again on a better connection";

/// Time over which the speed is averaged.
const WINDOW: Duration = Duration::from_secs(5);

/// Fewest bytes that must arrive within [`WINDOW`].
const WINDOW_BYTES: usize = 5 * SLOWEST;

/// Most bytes that may wait in the parser, which keeps the header of a field until it is complete. Far more than one
/// packet, since several arrive together.
const WAITING: usize = 1 << 20;

/// Counts a body's bytes; clones count the same body.
#[derive(Debug, Clone, Default)]
pub(super) struct Flow(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Bytes received since the body's beginning.
    came: AtomicUsize,
    /// Bytes of those that the parser has handed on.
    read: AtomicUsize,
}

impl Flow {
    /// Counts the data of `body`. The stream ends with an error when more than [`WAITING`] bytes wait in the parser.
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

    /// Notes that the parser has handed on `bytes` of a field's content.
    pub(super) fn consume(&self, bytes: usize) {
        self.0.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes that the parser has read a field's header. It still holds less than one packet of the field's content.
    pub(super) fn header_is_read(&self) {
        self.0.read.store(self.0.came.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Returns when fewer than [`WINDOW_BYTES`] arrived within a [`WINDOW`].
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

/// Reads a body to its end and discards it, because a client that still sends may not read an answer. Gives up after
/// `limit` bytes or after `time`.
pub(super) async fn discard(body: Body, limit: usize, time: Duration) {
    let mut left = limit;
    let reading = body.into_data_stream().take_while(move |data| {
        let rest = data.as_ref().ok().and_then(|it| left.checked_sub(it.len()));
        left = rest.unwrap_or_default();
        future::ready(rest.is_some())
    });
    let _ = tokio::time::timeout(time, reading.for_each(|_| future::ready(()))).await;
}
