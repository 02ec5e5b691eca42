//! The files of torrents (table `files`).

use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use crate::db::{execute, rows};
use crate::id::TorrentId;

/// Most files inserted by one statement, which bounds its memory.
const BATCH: usize = 2000;

/// One file of a torrent.
#[derive(Debug, Clone)]
pub struct File {
    /// Its position in the torrent, from 0.
    pub position: i32,
    /// The parts of the path below the torrent's name, joined with `/`.
    pub path: String,
    /// Size in bytes.
    pub size: i64,
}

/// Stores all files of a torrent in their order: each is a path and a size in bytes.
pub async fn insert(
    client: &impl GenericClient,
    torrent_id: TorrentId,
    files: &[(&str, i64)],
) -> Result<(), Error> {
    let sql = "
        insert into files (torrent_id, position, path, size)
        select $1, $2 + place::integer - 1, path, size
        from unnest($3::text[], $4::bigint[]) with ordinality as listed (path, size, place)";
    let mut first = 0_i32;
    for batch in files.chunks(BATCH) {
        let (paths, sizes): (Vec<&str>, Vec<i64>) = batch.iter().copied().unzip();
        execute(client, sql, &[&torrent_id, &first, &paths, &sizes]).await?;
        first = first.saturating_add(i32::try_from(batch.len()).unwrap_or(i32::MAX));
    }
    Ok(())
}

/// The first `limit` files of a torrent, or the first after the position `after`.
pub async fn list(
    client: &impl GenericClient,
    torrent_id: TorrentId,
    after: Option<i32>,
    limit: i64,
) -> Result<Vec<File>, Error> {
    let sql = "
        select position, path, size from files
        where torrent_id = $1 and position > $2 order by position limit $3";
    let rows = rows(client, sql, &[&torrent_id, &after.unwrap_or(-1), &limit]).await?;
    let read = |row: &tokio_postgres::Row| File {
        position: row.get("position"),
        path: row.get("path"),
        size: row.get("size"),
    };
    Ok(rows.iter().map(read).collect())
}
