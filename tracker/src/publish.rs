//! Publishes live counts on the PUB socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bt::messages::counts::{self, MAX_RECORDS, Position};
use infra::mq;
use infra::shutdown::Shutdown;
use tokio::time::{Instant, MissedTickBehavior, interval};
use zeromq::{PubSocket, SocketSend};

use crate::state::Tracker;

/// How long changes are gathered before they are published.
const GATHER: Duration = Duration::from_millis(100);

/// Longest time between two messages, so that a subscriber soon notices that it has missed one.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How far the stream of counts has come, and when the webapi was last served.
#[derive(Debug)]
pub(crate) struct CountStream {
    epoch: u64,
    /// Sequence number of the last message. Its records were taken from the swarms before the number was.
    seq: AtomicU64,
    /// When the socket last took a message.
    sent: LastTime,
    /// When a question of the webapi was last answered.
    pub(crate) answered: LastTime,
}

/// When something last happened: second of the tracker's clock plus 1, or 0 before the first time.
#[derive(Debug, Default)]
pub(crate) struct LastTime(AtomicU64);

impl LastTime {
    /// Notes that it happens at second `now`.
    pub(crate) fn mark(&self, now: u32) {
        self.0.store(u64::from(now) + 1, Ordering::Relaxed);
    }

    /// Seconds since it last happened; `None` if it never did.
    pub(crate) fn age(&self, now: u32) -> Option<u32> {
        let marked = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Some(now.saturating_sub(u32::try_from(marked).unwrap_or(u32::MAX)))
    }
}

impl CountStream {
    /// A new stream under a random epoch.
    pub(crate) fn new() -> std::io::Result<Self> {
        let mut epoch = [0; 8];
        infra::secrets::random(&mut epoch)?;
        Ok(Self {
            epoch: u64::from_be_bytes(epoch),
            seq: AtomicU64::new(0),
            sent: LastTime::default(),
            answered: LastTime::default(),
        })
    }

    /// The position of the last message. Counts read from the swarms after this call contain all that it said.
    pub(crate) fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.seq.load(Ordering::Acquire) }
    }

    /// Seconds since a message was last sent.
    pub(crate) fn age(&self, now: u32) -> Option<u32> {
        self.sent.age(now)
    }

    /// Takes the next position. The records of its message must have been taken from the swarms before.
    fn advance(&self) -> Position {
        let seq = self.seq.fetch_add(1, Ordering::AcqRel) + 1;
        Position { epoch: self.epoch, seq }
    }
}

/// Publishes changes until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, mut socket: PubSocket, shutdown: Shutdown) {
    // Before that, counts would lack peers that are still in the restart file.
    tracker.directory.restored.wait_for_everything().await;
    let mut timer = interval(GATHER);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            _ = timer.tick() => {}
        }
        let records = tracker.swarms.take_changed();
        let due = last.is_none_or(|last: Instant| last.elapsed() + GATHER > HEARTBEAT);
        if records.is_empty() && !due {
            continue;
        }
        last = Some(Instant::now());
        // Without records this sends one empty message, the heartbeat.
        let mut rest = &records[..];
        loop {
            let (now, later) = rest.split_at(rest.len().min(MAX_RECORDS));
            send(&tracker, &mut socket, now).await;
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
    }
}

async fn send(tracker: &Tracker, socket: &mut PubSocket, records: &[counts::Record]) {
    let frames = counts::encode(tracker.count_stream.advance(), records);
    let sent = match mq::message(frames.into_iter().map(Into::into)) {
        Ok(message) => socket.send(message).await.map_err(Into::into),
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => tracker.count_stream.sent.mark(tracker.clock.now()),
        Err(error) => tracing::warn!(%error, "cannot publish counts"),
    }
}
