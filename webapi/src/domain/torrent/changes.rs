//! How many torrents a member may add and edit a day (UTC).

use std::time::Duration;

use deadpool_postgres::GenericClient;
use time::{OffsetDateTime, Time};

use crate::app::App;
use crate::db::change::{self, Change};
use crate::error::Error;
use crate::id::UserId;

/// Refuses a member who made as many changes of this kind today as they may.
///
/// # Errors
/// [`Error::TooManyRequests`], until the next day.
pub async fn check(
    app: &App,
    client: &impl GenericClient,
    member: UserId,
    kind: Change,
) -> Result<(), Error> {
    let made = change::today(client, member, kind).await?;
    if made < allowed(app) { Ok(()) } else { Err(refusal(app, kind)) }
}

/// Counts a change, unless the member made as many today as they may.
///
/// # Errors
/// [`Error::TooManyRequests`]; a transaction is to be rolled back then.
pub async fn count(
    app: &App,
    client: &impl GenericClient,
    member: UserId,
    kind: Change,
) -> Result<(), Error> {
    let made = change::count(client, member, kind).await?;
    if made <= allowed(app) { Ok(()) } else { Err(refusal(app, kind)) }
}

fn allowed(app: &App) -> i32 {
    app.config.webapi.uploads_per_day.try_into().unwrap_or(i32::MAX)
}

fn refusal(app: &App, kind: Change) -> Error {
    let limit = allowed(app);
    let message = match kind {
        Change::Upload => format!("you have uploaded {limit} torrents today; go on tomorrow (UTC)"),
        Change::Edit => format!("you have edited torrents {limit} times today; go on tomorrow (UTC)"),
    };
    Error::TooManyRequests { message, retry_after: until_midnight(OffsetDateTime::now_utc().time()) }
}

fn until_midnight(now: Time) -> Duration {
    let passed = now.duration_since(Time::MIDNIGHT).unsigned_abs();
    Duration::from_hours(24).saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_ends_at_midnight() {
        let at = |hour, minute| until_midnight(Time::from_hms(hour, minute, 0).expect("a time"));
        assert_eq!(at(23, 59), Duration::from_mins(1));
        assert_eq!(at(0, 0), Duration::from_hours(24));
    }
}
