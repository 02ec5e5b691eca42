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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{add_torrent, add_user, client, value};

    #[tokio::test]
    async fn insert_numbers_files_across_batches() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let torrent = add_torrent(&client, 1, "A torrent", wren).await;
        let paths: Vec<String> = (0..=BATCH).map(|it| format!("{it}.txt")).collect();
        let files: Vec<(&str, i64)> = paths.iter().map(String::as_str).zip(0..).collect();
        insert(&client, torrent, &files).await.unwrap();
        assert_eq!(value::<i64>(&client, "select count(*) from files").await, 2001);
        let alike = "select bool_and(path = position || '.txt' and size = position) from files";
        assert!(value::<bool>(&client, alike).await);
        insert(&client, torrent, &[]).await.unwrap();
        assert_eq!(value::<i64>(&client, "select count(*) from files").await, 2001);
    }

    #[tokio::test]
    async fn list_goes_on_behind_a_position() {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let torrent = add_torrent(&client, 1, "A torrent", wren).await;
        let other = add_torrent(&client, 2, "Another", wren).await;
        insert(&client, torrent, &[("c", 3), ("a/b", 1), ("b", 2)]).await.unwrap();
        for (after, limit, expected) in [
            (None, 2, &[(0, "c", 3), (1, "a/b", 1)][..]),
            (Some(1), 2, &[(2, "b", 2)][..]),
            (Some(2), 2, &[][..]),
        ] {
            let files = list(&client, torrent, after, limit).await.unwrap();
            let found: Vec<_> = files.iter().map(|it| (it.position, it.path.as_str(), it.size)).collect();
            assert_eq!(found, expected);
        }
        assert!(list(&client, other, None, 2).await.unwrap().is_empty());
    }
}
