//! Stores once an hour how many peers each torrent has.

use time::OffsetDateTime;

use crate::app::App;
use crate::db;
use crate::error::Error;

/// The hour that was stored last.
#[derive(Debug, Default)]
pub(super) struct History {
    last: Option<i64>,
}

impl History {
    /// Stores the present hour unless it is stored already. To be called while the table of counts is up to date.
    pub(super) async fn keep(&mut self, app: &App) {
        let now = OffsetDateTime::now_utc();
        let hour = now.unix_timestamp().div_euclid(3600);
        if self.last == Some(hour) {
            return;
        }
        match sample(app, now).await {
            Ok(()) => self.last = Some(hour),
            Err(error) => {
                tracing::warn!(%error, "cannot store this hour's numbers of peers; trying again");
            }
        }
    }
}

async fn sample(app: &App, now: OffsetDateTime) -> Result<(), Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    db::catalogue::history::sample(&transaction, now).await?;
    Ok(transaction.commit().await?)
}
