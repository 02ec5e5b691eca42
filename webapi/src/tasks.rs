//! Background tasks: hourly deletion of old rows, and returning memory to the system.

use std::time::Duration;

use deadpool_postgres::GenericClient;
use time::OffsetDateTime;

use crate::app::App;
use crate::{db, domain};

/// How often ended sessions and old history are deleted.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Days after its end (claimed, revoked or expired) when an invite is deleted and leaves its creator's list.
const INVITE_DAYS: i32 = 90;

/// Wait after a large upload before its memory is returned, as further uploads may follow.
const TRIM_AFTER: Duration = Duration::from_secs(5);

/// Words removed from titles that one statement checks.
const WORDS: i64 = 250;

/// Most of these statements in one sweep.
const WORD_STATEMENTS: usize = 40;

/// Starts the tasks; they end with the app's shutdown.
pub fn start(app: &App) {
    app.shutdown.spawn(sweep(app.clone()));
    app.shutdown.spawn(give_memory_back(app.clone()));
}

/// Returns free memory to the system after large uploads: parsing a torrent allocates many small blocks, which the
/// allocator otherwise keeps.
async fn give_memory_back(app: App) {
    loop {
        tokio::select! {
            () = app.shutdown.requested() => return,
            () = app.metainfo_limits.large() => {}
        }
        tokio::select! {
            () = app.shutdown.requested() => return,
            () = tokio::time::sleep(TRIM_AFTER) => {}
        }
        if let Err(error) = tokio::task::spawn_blocking(infra::memory::trim).await {
            tracing::warn!(%error, "cannot return memory to the system after a large upload");
        }
    }
}

/// Deletes ended sessions, old invites, links, history and words, once an hour.
async fn sweep(app: App) {
    loop {
        if let Ok(client) = app.connection().await
            && let Err(error) = sweep_once(&client).await
        {
            tracing::warn!(
                error = infra::db::state(&error),
                "cannot delete ended sessions, old invites and old history; trying again in an hour"
            );
        }
        tokio::select! {
            () = app.shutdown.requested() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}

async fn sweep_once(client: &impl GenericClient) -> Result<(), tokio_postgres::Error> {
    db::member::session::sweep(client).await?;
    db::member::invite::sweep(client, INVITE_DAYS).await?;
    db::member::report::sweep(client).await?;
    db::member::password_reset::sweep(client).await?;
    let first = domain::catalogue::history::first_day(OffsetDateTime::now_utc());
    while !db::catalogue::history::sweep(client, first).await? {}
    for _ in 0..WORD_STATEMENTS {
        if db::catalogue::word::sweep(client, WORDS).await? < WORDS {
            break;
        }
    }
    Ok(())
}
