//! Writes present counts down, in batches, for pages that sort by them.

use std::mem;
use std::time::Duration;

use bt::InfoHash;
use bt::messages::counts::Record;
use tokio::time::{MissedTickBehavior, interval};

use super::history::History;
use super::{Counts, Dirty, Live};
use crate::app::App;
use crate::db::count;
use crate::error::Error;

/// Between two batches.
const PACE: Duration = Duration::from_secs(1);

/// Ticks between two looks at whether a crash emptied the table.
const LOOK: u32 = 10;

/// Records in one statement.
const BATCH: usize = 5000;

/// What has to be written.
struct Work {
    records: Vec<Record>,
    /// Whatever is not among `records` has no peers.
    whole: bool,
}

/// Writes until the process stops. What fails is written with the next batch.
pub(super) async fn keep(app: &App) {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut history = History::default();
    let mut until_look = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.shutdown.requested() => return,
        }
        if until_look == 0 {
            until_look = LOOK;
            match refill(app).await {
                Ok(true) => app.live.mark_all(),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "whether counts are missing is not known"),
            }
        }
        until_look -= 1;
        if let Some(work) = app.live.take_work()
            && let Err(error) = write(app, &work).await
        {
            tracing::warn!(%error, "counts were not written down; trying again");
            app.live.give_back(&work);
        } else if app.live.is_known() {
            history.keep(app).await;
        }
    }
}

async fn refill(app: &App) -> Result<bool, Error> {
    let client = app.connection().await?;
    if !count::is_emptied(&client).await? {
        return Ok(false);
    }
    let rows = count::refill(&client).await?;
    tracing::info!(rows, "refilled the counts that a crash of the database server had emptied");
    Ok(true)
}

async fn write(app: &App, work: &Work) -> Result<(), Error> {
    let client = app.connection().await?;
    if work.whole {
        let present: Vec<InfoHash> = work.records.iter().map(|it| it.info_hash).collect();
        count::clear_others(&client, &present).await?;
    }
    for records in work.records.chunks(BATCH) {
        count::write(&client, records).await?;
    }
    Ok(())
}

impl Live {
    /// What changed since it was last asked; `None` when nothing did, or nothing is known.
    fn take_work(&self) -> Option<Work> {
        let mut state = self.0.state.write();
        let counts = state.counts.as_ref()?;
        let record = |info_hash: &InfoHash, counts: &Counts| {
            let Counts { seeders, leechers, snatched } = *counts;
            Record { info_hash: *info_hash, seeders, leechers, snatched }
        };
        let records: Vec<Record> = if state.dirty.whole {
            counts.iter().map(|(hash, counts)| record(hash, counts)).collect()
        } else {
            let some = state.dirty.some.iter();
            some.filter_map(|hash| counts.get(hash).map(|counts| record(hash, counts))).collect()
        };
        let Dirty { whole, .. } = mem::take(&mut state.dirty);
        (whole || !records.is_empty()).then_some(Work { records, whole })
    }

    fn give_back(&self, work: &Work) {
        let mut state = self.0.state.write();
        state.dirty.whole |= work.whole;
        state.dirty.some.extend(work.records.iter().map(|it| it.info_hash));
    }

    fn is_known(&self) -> bool {
        self.0.state.read().counts.is_some()
    }

    fn mark_all(&self) {
        self.0.state.write().dirty.whole = true;
    }
}
