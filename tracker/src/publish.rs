//! Live counts out: the PUB socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bt::messages::counts::{self, MAX_RECORDS, Position};
use infra::mq;
use infra::shutdown::Shutdown;
use tokio::time::{Instant, MissedTickBehavior, interval};
use zeromq::{PubSocket, SocketSend};

use crate::state::Tracker;

/// How long changes are gathered.
const GATHER: Duration = Duration::from_millis(100);

/// A message is sent at least so often, that subscribers see a gap soon.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Where the stream of counts is.
#[derive(Debug)]
pub(crate) struct Stream {
    epoch: u64,
    /// Of the last message; what it says was taken from the swarms before.
    seq: AtomicU64,
    /// When a message was last taken by the socket, and a question last answered.
    sent: Moment,
    pub(crate) asked: Moment,
}

/// When something last happened, to the second.
#[derive(Debug, Default)]
pub(crate) struct Moment(AtomicU64);

impl Moment {
    /// It happens at second `now` of the tracker's clock.
    pub(crate) fn mark(&self, now: u32) {
        self.0.store(u64::from(now) + 1, Ordering::Relaxed);
    }

    /// Seconds since then; none before it happened for the first time.
    pub(crate) fn age(&self, now: u32) -> Option<u32> {
        let marked = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Some(now.saturating_sub(u32::try_from(marked).unwrap_or(u32::MAX)))
    }
}

impl Stream {
    /// A new stream, told from all others by a random number.
    pub(crate) fn new() -> std::io::Result<Self> {
        let mut epoch = [0; 8];
        infra::secrets::random(&mut epoch)?;
        Ok(Self {
            epoch: u64::from_be_bytes(epoch),
            seq: AtomicU64::new(0),
            sent: Moment::default(),
            asked: Moment::default(),
        })
    }

    /// The last message. Swarms read after this call contain all that was published up to it.
    pub(crate) fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.seq.load(Ordering::Acquire) }
    }

    /// Seconds since a message was last sent.
    pub(crate) fn age(&self, now: u32) -> Option<u32> {
        self.sent.age(now)
    }

    /// To be called once the next message's records have been taken.
    fn advance(&self) -> Position {
        let seq = self.seq.fetch_add(1, Ordering::AcqRel) + 1;
        Position { epoch: self.epoch, seq }
    }
}

/// Publishes changes until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, mut socket: PubSocket, shutdown: Shutdown) {
    // Until then it would be half of the truth.
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
        // Without records, one empty message.
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
    let frames = counts::encode(tracker.stream.advance(), records);
    let sent = match mq::message(frames.into_iter().map(Into::into)) {
        Ok(message) => socket.send(message).await.map_err(Into::into),
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => tracker.stream.sent.mark(tracker.clock.now()),
        Err(error) => tracing::warn!(%error, "cannot publish counts"),
    }
}
