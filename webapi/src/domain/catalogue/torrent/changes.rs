//! Limits on the torrents that a member adds and edits a day (UTC).

use std::time::Duration;

use deadpool_postgres::GenericClient;
use time::{OffsetDateTime, Time};

use crate::db::catalogue::change::{self, Change};
use crate::error::Error;
use crate::id::UserId;

/// Refuses a member who has made `per_day` changes of this kind today.
///
/// # Errors
/// [`Error::TooManyRequests`], until the next day.
pub async fn check(
    client: &impl GenericClient,
    member: UserId,
    kind: Change,
    per_day: u32,
) -> Result<(), Error> {
    let made = change::today(client, member, kind).await?;
    if made < most(per_day) { Ok(()) } else { Err(refusal(kind, per_day)) }
}

/// Counts a change, unless the member has made `per_day` of this kind today. To be called in a transaction, which the
/// error must roll back.
///
/// # Errors
/// [`Error::TooManyRequests`], until the next day.
pub async fn count(
    client: &impl GenericClient,
    member: UserId,
    kind: Change,
    per_day: u32,
) -> Result<(), Error> {
    let made = change::count(client, member, kind).await?;
    if made <= most(per_day) { Ok(()) } else { Err(refusal(kind, per_day)) }
}

fn most(per_day: u32) -> i32 {
    per_day.try_into().unwrap_or(i32::MAX)
}

fn refusal(kind: Change, per_day: u32) -> Error {
    let message = match kind {
        Change::Upload => format!("you have uploaded {per_day} torrents today; go on tomorrow (UTC)"),
        Change::Edit => format!("you have edited torrents {per_day} times today; go on tomorrow (UTC)"),
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
