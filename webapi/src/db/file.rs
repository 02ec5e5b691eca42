//! The files that torrents bring.

use deadpool_postgres::GenericClient;
use tokio_postgres::Error;

use super::{execute, rows};

/// One file of a torrent.
#[derive(Debug, Clone)]
pub struct File {
    /// Parts joined with `/`, below the torrent's name.
    pub path: String,
    /// In bytes.
    pub size: i64,
}

/// Stores all files of a torrent, in their order. `sizes` are bytes, one for each path.
pub async fn insert(
    client: &impl GenericClient,
    torrent_id: i32,
    paths: &[&str],
    sizes: &[i64],
) -> Result<(), Error> {
    let sql = "
        insert into files (torrent_id, position, path, size)
        select $1, place - 1, path, size
        from unnest($2::text[], $3::bigint[]) with ordinality as listed (path, size, place)";
    execute(client, sql, &[&torrent_id, &paths, &sizes]).await.map(drop)
}

/// The first `limit` files of a torrent.
pub async fn list(client: &impl GenericClient, torrent_id: i32, limit: i64) -> Result<Vec<File>, Error> {
    let sql = "select path, size from files where torrent_id = $1 order by position limit $2";
    let rows = rows(client, sql, &[&torrent_id, &limit]).await?;
    Ok(rows.iter().map(|row| File { path: row.get("path"), size: row.get("size") }).collect())
}
