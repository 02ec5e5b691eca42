//! What members sent and received: pages of transfers, their states and ratios.

use std::time::Duration;

use deadpool_postgres::GenericClient;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::db;
use crate::db::member::transfer::{Position, Transfer};
use crate::domain::cursor;
use crate::domain::member::Member;
use crate::domain::member::permission::Permission;
use crate::error::Error;
use crate::id::{TorrentId, UserId};

/// A page of a list of transfers.
#[derive(Debug)]
pub struct Page {
    /// The transfers on the page.
    pub transfers: Vec<Transfer>,
    /// The cursor for the next page; `None` on the last.
    pub next: Option<String>,
}

/// Refuses a `member` who may not see the transfers of the member `id`: only they themselves and staff may.
pub fn check(member: &Member, id: UserId) -> Result<(), Error> {
    let allowed = member.id == id || member.may(Permission::MemberViewPrivate);
    allowed
        .then_some(())
        .ok_or(Error::Forbidden("only they themselves and staff may see what a member moved"))
}

/// The transfers of the member `id`. Those that were announced for the first time most recently come first.
pub async fn of_member(
    client: &impl GenericClient,
    peer_timeout: Duration,
    id: UserId,
    after: Option<&str>,
    limit: i64,
) -> Result<Page, Error> {
    let after = after.map(position).transpose()?;
    let mut transfers = db::member::transfer::of_member(client, peer_timeout, id, after, limit + 1).await?;
    let next = cursor::cut(&mut transfers, limit, |last| key(last.first_seen_at, last.torrent.id))?;
    Ok(Page { transfers, next })
}

/// The transfers of members who have finished the torrent `id`, the latest first.
pub async fn snatches(
    client: &impl GenericClient,
    peer_timeout: Duration,
    id: TorrentId,
    after: Option<&str>,
    limit: i64,
) -> Result<Page, Error> {
    let after = after.map(position).transpose()?;
    let mut transfers = db::member::transfer::snatches(client, peer_timeout, id, after, limit + 1).await?;
    let next = cursor::cut(&mut transfers, limit, |last| {
        key(last.snatched_at.unwrap_or(last.first_seen_at), last.member.id)
    })?;
    Ok(Page { transfers, next })
}

/// The key of a position in a list, with the time in microseconds: Postgres is as exact.
fn key<I>(at: OffsetDateTime, id: I) -> (i128, I) {
    (at.unix_timestamp_nanos() / 1000, id)
}

fn position<I: DeserializeOwned>(after: &str) -> Result<Position<I>, Error> {
    let (micros, id): (i64, I) = cursor::decode(after)?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000);
    // `timestamptz` does not reach as far back as this type.
    let at = at.ok().filter(|at| at.year() > 0).ok_or_else(cursor::foreign)?;
    Ok((at, id))
}

/// What a member's clients do with a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They lack nothing.
    Seeding,
    /// They lack something.
    Leeching,
    /// None of them announces it now.
    Inactive,
}

impl State {
    /// Its name in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Seeding => "seeding",
            Self::Leeching => "leeching",
            Self::Inactive => "inactive",
        }
    }
}

impl Transfer {
    /// What the member's clients do with the torrent now.
    pub fn state(&self) -> State {
        match (self.active, self.left) {
            (false, _) => State::Inactive,
            (true, 0) => State::Seeding,
            (true, _) => State::Leeching,
        }
    }
}

/// Bytes sent for each byte received.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ratio {
    /// Neither was anything sent nor received.
    Nothing,
    /// Something was sent, nothing received.
    Boundless,
    /// Bytes sent divided by bytes received.
    Of(f64),
}

impl Ratio {
    /// The ratio of `uploaded` to `downloaded` bytes.
    #[expect(clippy::cast_precision_loss, reason = "a ratio is shown with two places")]
    pub fn new(uploaded: i64, downloaded: i64) -> Self {
        match (uploaded, downloaded) {
            (..=0, ..=0) => Self::Nothing,
            (_, ..=0) => Self::Boundless,
            _ => Self::Of(uploaded as f64 / downloaded as f64),
        }
    }

    /// The number, where there is one.
    pub fn number(self) -> Option<f64> {
        if let Self::Of(number) = self { Some(number) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(Ratio::new(0, 0), Ratio::Nothing);
        assert_eq!(Ratio::new(7, 0), Ratio::Boundless);
        assert_eq!(Ratio::new(0, 7), Ratio::Of(0.0));
        assert_eq!(Ratio::new(3, 2), Ratio::Of(1.5));
        assert_eq!(Ratio::new(3, 0).number(), None);
    }
}
