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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{add_torrent, add_user, client, run_sql, value};
    use time::macros::{date, datetime};

    #[tokio::test]
    async fn sample_writes_an_hour_once_and_only_what_changed() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let torrent = add_torrent(&client, 1, "With peers", wren).await;
        add_torrent(&client, 2, "Without peers", wren).await;
        let start = datetime!(2026-11-21 03:30 UTC);
        let change =
            format!("update torrent_counts set seeders = 3, leechers = 2 where torrent_id = {torrent}");
        run_sql(&client, &change).await;
        assert!(sample(&client, start).await.unwrap());
        run_sql(&client, "update torrent_counts set seeders = 0, leechers = 0").await;
        assert!(!sample(&client, start + time::Duration::minutes(29)).await.unwrap());
        run_sql(&client, &change).await;
        assert!(sample(&client, start + time::Duration::hours(1)).await.unwrap());
        run_sql(&client, "update torrent_counts set seeders = 0, leechers = 0").await;
        for hour in [2, 3] {
            assert!(sample(&client, start + time::Duration::hours(hour)).await.unwrap());
        }
        assert_eq!(value::<i32>(&client, "select hours from history_days").await, 0b111_1000);
        assert_eq!(value::<i64>(&client, "select count(*) from torrent_history").await, 1);
        let points: Vec<u8> = value(&client, "select points from torrent_history").await;
        assert_eq!(points, [3, 0, 0, 0, 3, 0, 0, 0, 2, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[tokio::test]
    async fn sample_reaches_torrents_of_all_steps() {
        let client = client().await;
        let last = STEP - 1;
        run_sql(
            &client,
            &format!(
                "insert into torrents (id, info_hash_v1, title, size, file_count, search) overriding system value
                 select n, decode(lpad(to_hex(n), 40, '0'), 'hex'), 'A torrent', 1, 1, ''
                 from unnest(array[1, {last}, {STEP}, {STEP} * 2]) as n;
                 update torrent_counts set seeders = 1"
            ),
        )
        .await;
        assert!(sample(&client, datetime!(2026-11-21 00:00 UTC)).await.unwrap());
        let ids: Vec<i32> =
            value(&client, "select array_agg(torrent_id order by torrent_id) from torrent_history").await;
        assert_eq!(ids, [1, last, STEP, STEP * 2]);
    }

    #[tokio::test]
    async fn days_of_a_torrent_begin_with_the_first_asked_for() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let torrent = add_torrent(&client, 1, "A torrent", wren).await;
        let other = add_torrent(&client, 2, "Another", wren).await;
        run_sql(
            &client,
            &format!(
                "insert into history_days (day, hours) values ('2026-11-22', 2), ('2026-11-21', 3), ('2026-11-20', 1);
                 insert into torrent_history (torrent_id, day, points) values
                     ({torrent}, '2026-11-20', '\\x01'), ({torrent}, '2026-11-21', '\\x02'),
                     ({other}, '2026-11-22', '\\x03')"
            ),
        )
        .await;
        let found = days(&client, torrent, date!(2026 - 11 - 21)).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|it| (it.day, it.hours, it.points)).collect();
        let expected = [(date!(2026 - 11 - 21), 3, vec![2]), (date!(2026 - 11 - 22), 2, vec![])];
        assert_eq!(found, expected);
        assert!(days(&client, torrent, date!(2026 - 11 - 23)).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn sweep_deletes_older_days_some_rows_at_a_time() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let torrent = add_torrent(&client, 1, "A torrent", wren).await;
        run_sql(
            &client,
            &format!(
                "insert into history_days (day, hours) select date '2026-11-21' - n, 1 from generate_series(0, 2) n;
                 insert into torrent_history (torrent_id, day, points)
                 select {torrent}, date '2026-11-21' - n, '' from generate_series(0, {SWEEP} + 1) n"
            ),
        )
        .await;
        let first = date!(2026 - 11 - 21);
        assert!(!sweep(&client, first).await.unwrap());
        assert_eq!(value::<i64>(&client, "select count(*) from torrent_history").await, 2);
        assert!(sweep(&client, first).await.unwrap());
        assert_eq!(value::<Date>(&client, "select day from torrent_history").await, first);
        assert_eq!(value::<Date>(&client, "select day from history_days").await, first);
    }
}
