//! Stores the present counts in the database, in batches, for lists that are sorted by them.

use std::time::Duration;

use bt::InfoHash;
use tokio::time::{MissedTickBehavior, interval};

use super::history::History;
use crate::app::App;
use crate::db::catalogue::count;
use crate::error::Error;
use crate::live::Unwritten;

/// Time between two batches.
const PACE: Duration = Duration::from_secs(1);

/// Batches between two checks whether a crash of the database server has emptied the table.
const LOOK: u32 = 10;

/// Most records in one statement.
const BATCH: usize = 5000;

/// Stores counts until the process stops. Counts that could not be stored are part of the next batch.
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
                Err(error) => tracing::warn!(%error, "cannot check whether the table of counts was emptied"),
            }
        }
        until_look -= 1;
        if let Some(work) = app.live.take_unwritten()
            && let Err(error) = write(app, &work).await
        {
            tracing::warn!(%error, "cannot store counts; trying again");
            app.live.give_back(&work);
        } else if app.live.is_heard() {
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

async fn write(app: &App, work: &Unwritten) -> Result<(), Error> {
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
