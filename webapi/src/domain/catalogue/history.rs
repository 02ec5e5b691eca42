//! A torrent's numbers of peers, hour by hour, expanded from its stored points.

use deadpool_postgres::GenericClient;
use time::{Date, Duration, OffsetDateTime};

use crate::db;
use crate::db::catalogue::history::{DAYS, Day};
use crate::error::Error;
use crate::id::TorrentId;

/// Bytes of a stored point: the hour of the day, seeders u32 and leechers u32, big-endian.
const POINT: usize = 9;

/// Numbers of peers in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Peers {
    /// Peers that lack nothing.
    pub seeders: u32,
    /// All other peers.
    pub leechers: u32,
}

/// A torrent's peers in each hour from `start` on; `None` for an hour without a sample.
#[derive(Debug, PartialEq, Eq)]
pub struct History {
    /// Beginning of the first hour.
    pub start: OffsetDateTime,
    /// One entry an hour; the last is the present hour.
    pub hours: Vec<Option<Peers>>,
}

/// The first day of the history that is kept at `now`.
pub fn first_day(now: OffsetDateTime) -> Date {
    now.date().saturating_sub(Duration::days(i64::from(DAYS) - 1))
}

/// The history of `torrent` since `created`, the time of its upload, for the last [`DAYS`] days at most.
pub async fn read(
    client: &impl GenericClient,
    torrent: TorrentId,
    created: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<History, Error> {
    let first = first_day(now);
    let days = db::catalogue::history::days(client, torrent, first).await?;
    let start = created.max(first.midnight().assume_utc());
    Ok(History::expand(&days, start, now))
}

impl History {
    /// Expands the points of `days` into the hours from that of `start` to that of `now`.
    fn expand(days: &[Day], start: OffsetDateTime, now: OffsetDateTime) -> Self {
        let start = full_hour(start.min(now));
        let length = usize::try_from((now - start).whole_hours()).unwrap_or(0) + 1;
        let mut hours = vec![None; length];
        for Day { day, hours: known, points } in days {
            let midnight = (day.midnight().assume_utc() - start).whole_hours();
            let mut points: Vec<(u8, Peers)> = points.chunks_exact(POINT).filter_map(point).collect();
            points.sort_by_key(|(hour, _)| *hour);
            let mut points = points.into_iter().peekable();
            let mut peers = Peers::default();
            for hour in 0..24 {
                while let Some((_, next)) = points.next_if(|(at, _)| *at <= hour) {
                    peers = next;
                }
                let place = usize::try_from(midnight + i64::from(hour)).ok().and_then(|it| hours.get_mut(it));
                if let Some(place) = place
                    && known >> hour & 1 == 1
                {
                    *place = Some(peers);
                }
            }
        }
        Self { start, hours }
    }

    /// Whether no hour has a peer.
    pub fn is_empty(&self) -> bool {
        self.hours.iter().flatten().all(|it| *it == Peers::default())
    }

    /// Each hour with a sample, oldest first.
    pub fn known(&self) -> impl DoubleEndedIterator<Item = (OffsetDateTime, Peers)> {
        let at = |place| self.start + Duration::hours(i64::try_from(place).unwrap_or(i64::MAX));
        self.hours.iter().enumerate().filter_map(move |(place, peers)| Some((at(place), (*peers)?)))
    }
}

/// The beginning of the hour that contains `time`.
fn full_hour(time: OffsetDateTime) -> OffsetDateTime {
    time - Duration::seconds(time.unix_timestamp().rem_euclid(3600))
        - Duration::nanoseconds(time.nanosecond().into())
}

fn point(bytes: &[u8]) -> Option<(u8, Peers)> {
    let (hour, rest) = bytes.split_first()?;
    let (seeders, rest) = rest.split_first_chunk()?;
    let (leechers, _) = rest.split_first_chunk()?;
    let peers = Peers { seeders: u32::from_be_bytes(*seeders), leechers: u32::from_be_bytes(*leechers) };
    Some((*hour, peers))
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    fn points(points: &[(u8, u32, u32)]) -> Vec<u8> {
        let bytes = |(hour, seeders, leechers): &(u8, u32, u32)| {
            [&[*hour][..], &seeders.to_be_bytes(), &leechers.to_be_bytes()].concat()
        };
        points.iter().flat_map(bytes).collect()
    }

    fn day(day: Date, hours: std::ops::RangeInclusive<u8>, peers: &[(u8, u32, u32)]) -> Day {
        Day { day, hours: hours.map(|it| 1 << it).sum(), points: points(peers) }
    }

    #[test]
    fn a_point_holds_until_the_next_of_its_day_and_unknown_hours_stay_unknown() {
        let days = [
            day(date!(2026 - 11 - 19), 22..=23, &[(22, 3, 1)]),
            day(date!(2026 - 11 - 20), 2..=3, &[]),
            day(date!(2026 - 11 - 21), 0..=1, &[(1, 5, 0)]),
        ];
        let history =
            History::expand(&days, datetime!(2026-11-19 21:59:59.5 UTC), datetime!(2026-11-21 01:30 UTC));
        assert_eq!(history.start, datetime!(2026-11-19 21:00 UTC));
        assert_eq!(history.hours.len(), 29);
        let known: Vec<_> = history.known().map(|(at, it)| (at, it.seeders, it.leechers)).collect();
        assert_eq!(
            known,
            [
                (datetime!(2026-11-19 22:00 UTC), 3, 1),
                (datetime!(2026-11-19 23:00 UTC), 3, 1),
                (datetime!(2026-11-20 02:00 UTC), 0, 0),
                (datetime!(2026-11-20 03:00 UTC), 0, 0),
                (datetime!(2026-11-21 00:00 UTC), 0, 0),
                (datetime!(2026-11-21 01:00 UTC), 5, 0),
            ]
        );
    }

    #[test]
    fn what_lies_outside_is_left_out_and_odd_bytes_do_no_harm() {
        let mut odd = day(date!(2026 - 11 - 21), 0..=23, &[(9, 1, 1), (8, 7, 7), (200, 9, 9)]);
        odd.points.extend([1, 2, 3]);
        let now = datetime!(2026-11-21 09:00 UTC);
        let history = History::expand(&[odd], datetime!(2026-11-21 08:10 UTC), now);
        let seeders: Vec<_> = history.hours.iter().map(|it| it.map(|it| it.seeders)).collect();
        assert_eq!(seeders, [Some(7), Some(1)]);
        // The clock was set back after the upload.
        let history = History::expand(&[], datetime!(2026-11-22 00:00 UTC), now);
        assert_eq!(history.hours, [None]);
        assert!(history.is_empty());
    }

    #[test]
    fn ninety_days_are_kept_today_included() {
        assert_eq!(first_day(datetime!(2026-11-21 23:59 UTC)), date!(2026 - 08 - 24));
    }
}
