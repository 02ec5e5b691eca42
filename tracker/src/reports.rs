//! Accounting reports on their way to the webapi: gathered from the swarms, kept until the webapi acknowledges them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bt::messages::control::Answer;
use bt::messages::counts::Position;
use bt::messages::report::{Outbox, Report};
use infra::shutdown::Shutdown;
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::state::Tracker;
use crate::swarms::Swarms;

/// How long reports stay with the swarms before they are gathered.
const GATHER: Duration = Duration::from_millis(100);

/// Reports that wait for the webapi: those of this process, and those restored from the restart file.
#[derive(Debug)]
pub(crate) struct ReportQueue {
    outbox: Mutex<Outbox>,
    /// Held while reports move from the swarms to the outbox, so that they keep their order.
    gathering: Mutex<()>,
    /// Reports lost because shards were full.
    lost: AtomicU64,
    /// Whether the log has said that reports are lost. Cleared when the webapi acknowledges reports again.
    full: AtomicBool,
    /// When the webapi last acknowledged a batch, in seconds of the tracker's clock; `u64::MAX` if it never did.
    acknowledged: AtomicU64,
}

/// What waits for the webapi.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Reports that wait, one for each member and torrent in a batch.
    pub(crate) reports: usize,
    /// Batches of them.
    pub(crate) batches: usize,
    /// Reports lost since the start because `maxReports` were waiting.
    pub(crate) dropped: u64,
    /// Second of the tracker's clock at which the webapi last acknowledged a batch.
    pub(crate) acknowledged: Option<u32>,
}

impl ReportQueue {
    /// An empty queue for at most `capacity` reports.
    pub(crate) fn new(capacity: usize) -> std::io::Result<Self> {
        let mut epoch = [0; 8];
        infra::secrets::random(&mut epoch)?;
        Ok(Self {
            outbox: Mutex::new(Outbox::new(u64::from_be_bytes(epoch), capacity)),
            gathering: Mutex::new(()),
            lost: AtomicU64::new(0),
            full: AtomicBool::new(false),
            acknowledged: AtomicU64::new(u64::MAX),
        })
    }

    /// Moves reports from the swarms to the outbox. Also tells the swarms the time of day, by which they date reports.
    pub(crate) fn gather(&self, swarms: &Swarms, clock: Clock) {
        let _gathering = self.gathering.lock();
        let mut dropped = 0;
        swarms.set_started(clock.started());
        swarms.take_reports(clock.now(), |reports, lost| {
            let mut outbox = self.outbox.lock();
            dropped += lost;
            self.lost.fetch_add(lost, Ordering::Relaxed);
            for report in reports {
                dropped += u64::from(!outbox.add(report));
            }
        });
        if dropped > 0 && !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                dropped,
                "reports are lost: maxReports wait for the webapi already; start it, or raise maxReports"
            );
        }
    }

    /// Answers the webapi with the next batch, after it has acknowledged the batch `applied`.
    pub(crate) fn answer(&self, applied: Option<Position>, clock: Clock) -> Answer {
        let mut outbox = self.outbox.lock();
        if let Some(applied) = applied
            && outbox.applied(applied)
        {
            self.acknowledged.store(clock.now().into(), Ordering::Relaxed);
            if self.full.swap(false, Ordering::Relaxed) {
                tracing::info!("the webapi takes reports again");
            }
        }
        let idle = outbox.position();
        match outbox.hand_out() {
            Some((position, reports)) => Answer::Reports { position, reports: reports.to_vec() },
            None => Answer::Reports { position: idle, reports: Vec::new() },
        }
    }

    /// What waits for the webapi.
    pub(crate) fn backlog(&self) -> Backlog {
        let (reports, batches, dropped) = {
            let outbox = self.outbox.lock();
            (outbox.len(), outbox.batches(), outbox.dropped())
        };
        Backlog {
            reports,
            batches,
            dropped: dropped + self.lost.load(Ordering::Relaxed),
            acknowledged: u32::try_from(self.acknowledged.load(Ordering::Relaxed)).ok(),
        }
    }

    /// Hands all batches to `store`, one after the other. Reports that come meanwhile may be among them.
    pub(crate) fn export<E>(
        &self,
        mut store: impl FnMut(Position, &[Report]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = None;
        while let Some((position, reports)) = self.batch_after(after) {
            store(position, &reports)?;
            after = Some(position);
        }
        Ok(())
    }

    /// Adds a batch from the restart file.
    pub(crate) fn restore(&self, position: Position, reports: Vec<Report>) {
        self.outbox.lock().restore(position, reports);
    }

    fn batch_after(&self, after: Option<Position>) -> Option<(Position, Vec<Report>)> {
        let outbox = self.outbox.lock();
        outbox.export(after).map(|(position, reports)| (position, reports.to_vec()))
    }
}

/// Gathers until the process stops.
pub(crate) async fn run(tracker: Arc<Tracker>, shutdown: Shutdown) {
    let mut timer = interval(GATHER);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            _ = timer.tick() => tracker.report_queue.gather(&tracker.swarms, tracker.clock),
        }
    }
}
