//! Pulls accounting reports from the tracker and puts them into the database, each once.
//!
//! The tracker keeps a batch until it hears that it is applied. That it is, is written in the transaction that applies
//! it: whatever gets lost in between, the same batch comes again and is known.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, bail};
use bt::control::{Answer, Request};
use bt::counts::Position;
use bt::report::Report;
use deadpool_postgres::Object;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use zeromq::{DealerSocket, Socket, SocketRecv};

use super::connection::{connect, send};
use crate::app::App;
use crate::db;

/// Between two questions while there is nothing to report.
const PACE: Duration = Duration::from_millis(500);

/// Wait for an answer.
const ANSWER: Duration = Duration::from_secs(2);

/// Wait for a batch to be in the database.
const APPLY: Duration = Duration::from_secs(10);

/// Wait after the first fault; twice as long after each further one.
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(4);

/// Pulls until the process stops. The first of several faults in a row is logged.
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

/// Asks and applies until something fails. `done` once an answer was dealt with.
async fn pull(app: &App, done: &mut bool) -> anyhow::Result<Infallible> {
    let mut control = DealerSocket::new();
    connect(&mut control, &app.config.zeromq.control).await?;
    let mut applied = None;
    for id in 1.. {
        send(&mut control, Request::Reports { applied }.encode(id)).await?;
        let (position, reports) = answer(&mut control, id).await?;
        if reports.is_empty() {
            *done = true;
            sleep(PACE).await;
            continue;
        }
        apply(app, position, &reports).await?;
        *done = true;
        applied = Some(position);
    }
    bail!("no numbers are left for questions")
}

/// The answer to question `id`; those to earlier ones are passed over.
async fn answer(control: &mut DealerSocket, id: u64) -> anyhow::Result<(Position, Vec<Report>)> {
    let deadline = Instant::now() + ANSWER;
    loop {
        let message = timeout_at(deadline, control.recv()).await.context("the tracker does not answer")??;
        match Answer::decode(&message.into_vec())? {
            (answered, _) if answered != id => {}
            (_, Answer::Reports { position, reports }) => return Ok((position, reports)),
            (_, Answer::Error(sentence)) => bail!("the tracker refused: {sentence}"),
            _ => bail!("the tracker answered another question"),
        }
    }
}

async fn apply(app: &App, position: Position, reports: &[Report]) -> anyhow::Result<()> {
    let mut client = app.connection().await?;
    match timeout(APPLY, commit(&mut client, position, reports)).await {
        Ok(Ok(new)) => {
            if new {
                app.metrics.count_reports(reports.len());
            }
            tracing::debug!(reports = reports.len(), new, "reports are applied");
            Ok(())
        }
        Ok(Err(error)) => bail!("the database: {}", infra::db::state(&error)),
        Err(_) => {
            // Whatever comes next on this connection would wait behind what does not come.
            drop(Object::take(client));
            bail!("the database does not answer")
        }
    }
}

async fn commit(
    client: &mut Object,
    position: Position,
    reports: &[Report],
) -> Result<bool, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    let new = db::report::apply(&transaction, position, reports).await?;
    transaction.commit().await?;
    Ok(new)
}
