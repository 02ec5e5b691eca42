//! Pulls accounting reports from the tracker and applies each to the database once.
//!
//! The tracker keeps a batch until the webapi acknowledges it. The transaction that applies a batch also stores its
//! position: if an acknowledgement is lost, the same batch comes again and is recognised.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, bail};
use bt::messages::control::{Answer, Request};
use bt::messages::counts::Position;
use bt::messages::report::Report;
use deadpool_postgres::Object;
use tokio::time::{sleep, timeout};

use super::control::Control;
use crate::app::App;
use crate::db;

/// Pause between two requests while there are no reports.
const IDLE_INTERVAL: Duration = Duration::from_millis(500);

/// Longest wait for the tracker's answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait for a batch to be applied.
const APPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after the first error; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(4);

/// Pulls reports until the process stops. Of several errors in a row the first is logged.
pub(super) async fn keep(app: &App) {
    let mut retry = FIRST_RETRY;
    let mut quiet = false;
    loop {
        let mut done = false;
        let fault = tokio::select! {
            fault = pull(app, &mut done) => fault,
            () = app.shutdown.requested() => return,
        };
        if done {
            (retry, quiet) = (FIRST_RETRY, false);
        }
        if let Err(fault) = fault
            && !quiet
        {
            tracing::warn!(
                cause = format!("{fault:#}"),
                "accounting reports wait in the tracker; trying again"
            );
        }
        quiet = true;
        tokio::select! {
            () = sleep(retry) => {}
            () = app.shutdown.requested() => return,
        }
        retry = LAST_RETRY.min(retry * 2);
    }
}

/// Asks for batches and applies them until something fails. Sets `done` after the first batch.
async fn pull(app: &App, done: &mut bool) -> anyhow::Result<Infallible> {
    let mut control = Control::open(&app.config.zeromq.control).await?;
    let mut applied = None;
    loop {
        let request = Request::Reports { applied };
        let answer = timeout(ANSWER_TIMEOUT, control.ask(&request)).await;
        let Answer::Reports { position, reports } = answer.context("the tracker does not answer")?? else {
            bail!("the tracker answered another request");
        };
        if reports.is_empty() {
            *done = true;
            sleep(IDLE_INTERVAL).await;
            continue;
        }
        apply(app, position, &reports).await?;
        *done = true;
        applied = Some(position);
    }
}

async fn apply(app: &App, position: Position, reports: &[Report]) -> anyhow::Result<()> {
    let mut client = app.connection().await?;
    match timeout(APPLY_TIMEOUT, commit(&mut client, position, reports)).await {
        Ok(Ok(new)) => {
            if new {
                app.metrics.count_reports(reports.len());
            }
            tracing::debug!(reports = reports.len(), new, "reports are applied");
            Ok(())
        }
        Ok(Err(error)) => bail!("the database refused a batch of reports: {}", infra::db::state(&error)),
        Err(_) => {
            // The statement may still run on this connection and would block the next one.
            drop(Object::take(client));
            bail!("the database did not apply a batch of reports in time")
        }
    }
}

async fn commit(
    client: &mut Object,
    position: Position,
    reports: &[Report],
) -> Result<bool, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    let new = db::member::report::apply(&transaction, position, reports).await?;
    transaction.commit().await?;
    Ok(new)
}
