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
