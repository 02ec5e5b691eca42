//! The table `torrent_counts`, which lists are sorted by: a copy of the tracker's counts, written in batches.

use bt::InfoHash;
use bt::messages::counts::Record;
use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use crate::db::{execute, one};

/// Inserts the missing rows: the table is unlogged, so that a crash of the database server empties it.
pub async fn refill(client: &impl GenericClient) -> Result<u64, Error> {
    let sql = "
        insert into torrent_counts (torrent_id)
        select id from torrents t
        where not exists (select from torrent_counts c where c.torrent_id = t.id)
        on conflict do nothing";
    execute(client, sql, &[]).await
}

/// Whether a crash has emptied the table: it then lacks the row of the oldest torrent.
pub async fn is_emptied(client: &impl GenericClient) -> Result<bool, Error> {
    let sql = "
        select exists (
            select from (select id from torrents order by id limit 1) as oldest
            where not exists (select from torrent_counts c where c.torrent_id = oldest.id)
        ) as emptied";
    Ok(one(client, sql, &[]).await?.get("emptied"))
}

/// Stores the seeders and leechers of `records` in the rows that differ.
pub async fn write(client: &impl GenericClient, records: &[Record]) -> Result<(), Error> {
    let hashes: Vec<&[u8]> = records.iter().map(|it| &it.info_hash.as_bytes()[..]).collect();
    let column = |of: fn(&Record) -> u32| -> Vec<i32> { records.iter().map(of).map(saturated).collect() };
    let seeders = column(|it| it.seeders);
    let leechers = column(|it| it.leechers);
    let sql = "
        insert into torrent_counts as c (torrent_id, seeders, leechers)
        select t.id, v.seeders, v.leechers
        from unnest($1::bytea[], $2::int[], $3::int[]) as v (info_hash, seeders, leechers)
        join torrents t using (info_hash)
        order by t.id
        on conflict (torrent_id) do update set seeders = excluded.seeders, leechers = excluded.leechers
        where (c.seeders, c.leechers) is distinct from (excluded.seeders, excluded.leechers)";
    execute(client, sql, &[&hashes, &seeders, &leechers]).await?;
    Ok(())
}

/// Sets the counts of all torrents to zero that are not in `present`, the torrents with peers.
pub async fn clear_others(client: &impl GenericClient, present: &[InfoHash]) -> Result<u64, Error> {
    let present: Vec<&[u8]> = present.iter().map(|it| &it.as_bytes()[..]).collect();
    let sql = "
        with gone as (
            select c.torrent_id
            from torrent_counts c join torrents t on t.id = c.torrent_id
            where (c.seeders > 0 or c.leechers > 0)
              and not exists (select from unnest($1::bytea[]) as p (info_hash) where p.info_hash = t.info_hash)
        )
        update torrent_counts c set seeders = 0, leechers = 0 from gone where c.torrent_id = gone.torrent_id";
    execute(client, sql, &[&present]).await
}

fn saturated(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{add_torrent, add_user, client, run_sql, value};
    use crate::id::TorrentId;
    use deadpool_postgres::Client;

    /// A database with torrents whose info hashes are 1, 2 and 3 twenty times.
    async fn three() -> (Client, [TorrentId; 3]) {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let mut ids = [TorrentId(0); 3];
        for (number, id) in (1..).zip(&mut ids) {
            *id = add_torrent(&client, number, "A torrent", wren).await;
        }
        (client, ids)
    }

    fn record(number: u8, seeders: u32, leechers: u32) -> Record {
        Record { info_hash: [number; 20].into(), seeders, leechers, snatched: 0 }
    }

    /// Seeders and leechers of all rows, by id.
    async fn counts(client: &Client) -> Vec<(i32, i32)> {
        let sql = "select seeders, leechers from torrent_counts order by torrent_id";
        let rows = client.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get("seeders"), row.get("leechers"))).collect()
    }

    #[tokio::test]
    async fn refill_adds_rows_that_are_missing_and_leaves_others_alone() {
        let (client, [_, second, _]) = three().await;
        write(&client, &[record(1, 4, 5), record(2, 6, 7)]).await.unwrap();
        run_sql(&client, &format!("delete from torrent_counts where torrent_id = {second}")).await;
        assert_eq!(refill(&client).await.unwrap(), 1);
        assert_eq!(counts(&client).await, [(4, 5), (0, 0), (0, 0)]);
        assert_eq!(refill(&client).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn the_oldest_torrents_row_tells_whether_the_table_was_emptied() {
        let (client, [first, _, third]) = three().await;
        assert!(!is_emptied(&client).await.unwrap());
        run_sql(&client, &format!("delete from torrent_counts where torrent_id = {third}")).await;
        assert!(!is_emptied(&client).await.unwrap());
        run_sql(&client, &format!("delete from torrent_counts where torrent_id = {first}")).await;
        assert!(is_emptied(&client).await.unwrap());
        run_sql(&client, "delete from torrents").await;
        assert!(!is_emptied(&client).await.unwrap());
    }

    #[tokio::test]
    async fn write_sets_the_counts_of_known_torrents_where_they_differ() {
        let (client, [first, second, _]) = three().await;
        run_sql(&client, &format!("delete from torrent_counts where torrent_id = {second}")).await;
        write(&client, &[record(9, 1, 1), record(2, u32::MAX, 0), record(1, 3, 2)]).await.unwrap();
        assert_eq!(counts(&client).await, [(3, 2), (i32::MAX, 0), (0, 0)]);
        let place = format!("select ctid::text from torrent_counts where torrent_id = {first}");
        let before: String = value(&client, &place).await;
        write(&client, &[record(1, 3, 2)]).await.unwrap();
        assert_eq!(value::<String>(&client, &place).await, before);
        write(&client, &[]).await.unwrap();
        assert_eq!(counts(&client).await, [(3, 2), (i32::MAX, 0), (0, 0)]);
    }

    #[tokio::test]
    async fn clear_others_sets_torrents_without_peers_to_zero() {
        let (client, _) = three().await;
        write(&client, &[record(1, 1, 2), record(2, 0, 4), record(3, 5, 0)]).await.unwrap();
        assert_eq!(clear_others(&client, &[[1; 20].into(), [9; 20].into()]).await.unwrap(), 2);
        assert_eq!(counts(&client).await, [(1, 2), (0, 0), (0, 0)]);
        assert_eq!(clear_others(&client, &[]).await.unwrap(), 1);
        assert_eq!(counts(&client).await, [(0, 0), (0, 0), (0, 0)]);
    }
}
