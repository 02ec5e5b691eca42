//! The numbers of peers of torrents, hour by hour, for 90 days (tables `history_days` and `torrent_history`).

use deadpool_postgres::GenericClient;
use time::{Date, OffsetDateTime};
use tokio_postgres::{Error, Row};

use crate::db::{execute, one, rows};
use crate::id::TorrentId;

/// Days of history that are kept, including today.
pub const DAYS: u16 = 90;

/// Ids of torrents that one statement covers.
const STEP: i32 = 50_000;

/// Most rows that one statement deletes.
const SWEEP: i64 = 20_000;

/// The stored history of a torrent on one day.
#[derive(Debug)]
pub struct Day {
    /// The day, in UTC.
    pub day: Date,
    /// The hours that have a sample, as bits: bit 0 is the hour after midnight.
    pub hours: i32,
    /// The points, 9 bytes each; `sql/migrations/0002_accounting.sql` describes them.
    pub points: Vec<u8>,
}

/// Stores the numbers of `torrent_counts` as the sample of the hour of `now`, unless that hour has one; says whether it
/// did. To be called in a transaction: another process that stores the same hour waits for its end.
pub async fn sample(client: &impl GenericClient, now: OffsetDateTime) -> Result<bool, Error> {
    let (day, hour) = (now.date(), i32::from(now.hour()));
    let sql = "
        insert into history_days as d (day, hours) values ($1, 1 << $2)
        on conflict (day) do update set hours = d.hours | excluded.hours where d.hours & excluded.hours = 0";
    if execute(client, sql, &[&day, &hour]).await? == 0 {
        return Ok(false);
    }
    let greatest = "select coalesce(max(torrent_id), 0) as id from torrent_counts";
    let greatest: i32 = one(client, greatest, &[]).await?.get("id");
    for step in 0..=greatest / STEP {
        write(client, (day, hour), (step * STEP, (step * STEP).saturating_add(STEP - 1))).await?;
    }
    Ok(true)
}

/// Adds a point for each torrent whose numbers differ from its last point of the day. A torrent without peers gets one
/// only after a point with peers.
async fn write(
    client: &impl GenericClient,
    (day, hour): (Date, i32),
    (first, last): (i32, i32),
) -> Result<(), Error> {
    let sql = "
        insert into torrent_history as h (torrent_id, day, points)
        select torrent_id, $1, set_byte('\\x00', 0, $2) || int4send(seeders) || int4send(leechers)
        from torrent_counts
        where torrent_id between $3 and $4 and (seeders > 0 or leechers > 0)
        order by torrent_id
        on conflict (torrent_id, day) do update set points = h.points || excluded.points
        where substring(h.points from length(h.points) - 7) <> substring(excluded.points from 2)";
    execute(client, sql, &[&day, &hour, &first, &last]).await?;
    let sql = "
        update torrent_history h
        set points = h.points || set_byte('\\x00', 0, $2) || '\\x0000000000000000'
        from torrent_counts c
        where h.day = $1 and h.torrent_id between $3 and $4 and c.torrent_id = h.torrent_id
          and c.seeders = 0 and c.leechers = 0
          and substring(h.points from length(h.points) - 7) <> '\\x0000000000000000'";
    execute(client, sql, &[&day, &hour, &first, &last]).await.map(drop)
}

/// The days with samples from `first` on, oldest first.
pub async fn days(client: &impl GenericClient, torrent: TorrentId, first: Date) -> Result<Vec<Day>, Error> {
    let sql = "
        select d.day, d.hours, coalesce(h.points, '') as points
        from history_days d
        left join torrent_history h on h.day = d.day and h.torrent_id = $1
        where d.day >= $2
        order by d.day";
    let read = |row: &Row| Day { day: row.get("day"), hours: row.get("hours"), points: row.get("points") };
    Ok(rows(client, sql, &[&torrent, &first]).await?.iter().map(read).collect())
}

/// Deletes some of the rows before the day `first`; says whether none is left.
pub async fn sweep(client: &impl GenericClient, first: Date) -> Result<bool, Error> {
    execute(client, "delete from history_days where day < $1", &[&first]).await?;
    let sql = "
        delete from torrent_history
        where ctid = any(array(select ctid from torrent_history where day < $1 limit $2))";
    let deleted = execute(client, sql, &[&first, &SWEEP]).await?;
    Ok(deleted < SWEEP.cast_unsigned())
}
