//! Rows of torrents with their metainfo and their words for the search (tables `torrents` and `metainfo`).

use bt::{InfoHash, InfoHashV2};
use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::{execute, one, optional};
use crate::id::{Named, TorrentId, UserId};

/// The fields of a torrent that lists show: all but its long texts.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The torrent's id: never used twice, ascending with the time of upload.
    pub id: TorrentId,
    /// Title, 1 to 300 characters.
    pub title: String,
    /// SHA-1 of `info`, for version 1 and hybrid torrents.
    pub info_hash_v1: Option<InfoHash>,
    /// SHA-256 of `info`, for version 2 and hybrid torrents.
    pub info_hash_v2: Option<InfoHashV2>,
    /// The canonical info hash, under which peers and counts are kept: version 1 if there is one, else truncated
    /// version 2.
    pub info_hash: InfoHash,
    /// Bytes of all files.
    pub size: i64,
    /// Number of files, without pad files (BEP 47).
    pub file_count: i32,
    /// The uploader; `None` if the account was deleted.
    pub uploader: Option<Named<UserId>>,
    /// When it was uploaded.
    pub created_at: OffsetDateTime,
    /// The stored number of completed downloads.
    pub snatched: i32,
}

/// A torrent with the long texts that only its own page shows.
#[derive(Debug, Clone)]
pub struct Torrent {
    /// The fields that lists show, too.
    pub summary: Summary,
    /// Description in Markdown.
    pub description: String,
    /// Extended information: a JSON object.
    pub extended: Option<serde_json::Value>,
}

/// The columns of [`Summary`], from `torrents t` and `users u`.
pub(in crate::db) const COLUMNS: &str = "
    t.id, t.title, t.info_hash_v1, t.info_hash_v2, t.info_hash, t.size, t.file_count, t.created_at, t.snatched,
    u.id as uploader_id, u.name as uploader_name";

impl Summary {
    /// Reads a row that has [`COLUMNS`].
    pub(in crate::db) fn from_row(row: &Row) -> Self {
        let uploader = row.get::<_, Option<UserId>>("uploader_id").zip(row.get("uploader_name"));
        Self {
            id: row.get("id"),
            title: row.get("title"),
            info_hash_v1: hash(row.get("info_hash_v1")),
            info_hash_v2: row.get::<_, Option<&[u8]>>("info_hash_v2").and_then(|it| it.try_into().ok()),
            info_hash: hash(row.get("info_hash")).unwrap_or_else(|| [0; 20].into()),
            size: row.get("size"),
            file_count: row.get("file_count"),
            uploader: uploader.map(|(id, name)| Named { id, name }),
            created_at: row.get("created_at"),
            snatched: row.get("snatched"),
        }
    }
}

/// Reads an info hash; a constraint of the table ensures its length.
pub(in crate::db) fn hash(column: Option<&[u8]>) -> Option<InfoHash> {
    column.and_then(|bytes| bytes.try_into().ok())
}

/// The row of a new torrent, without its files.
#[derive(Debug)]
pub struct NewTorrent<'a> {
    /// SHA-1 of `info`, for version 1 and hybrid torrents.
    pub info_hash_v1: Option<InfoHash>,
    /// SHA-256 of `info`, for version 2 and hybrid torrents.
    pub info_hash_v2: Option<InfoHashV2>,
    /// Title, 1 to 300 characters.
    pub title: &'a str,
    /// Description in Markdown.
    pub description: &'a str,
    /// Extended information: a JSON object.
    pub extended: Option<&'a serde_json::Value>,
    /// Bytes of all files.
    pub size: i64,
    /// Number of files, without pad files (BEP 47).
    pub file_count: i32,
    /// The uploader.
    pub uploader_id: UserId,
    /// The file names that the search finds.
    pub file_names: &'a str,
    /// The raw bytes of the `info` dictionary.
    pub info: &'a [u8],
    /// The raw bytes of `piece layers` (BEP 52), for version 2 and hybrid torrents.
    pub piece_layers: Option<&'a [u8]>,
}

/// Stores a torrent with its metainfo and returns its id.
///
/// # Errors
/// A violated constraint `torrents_info_hash…` if a torrent has one of its hashes already.
pub async fn insert(client: &impl GenericClient, new: &NewTorrent<'_>) -> Result<TorrentId, Error> {
    let sql = "
        with torrent as (
            insert into torrents (info_hash_v1, info_hash_v2, title, description, extended, size, file_count,
                                  uploader_id, search)
            values ($1, $2, $3, $4, $5, $6, $7, $8, search_words($3, $9))
            returning id
        ), bytes as (
            insert into metainfo (torrent_id, info, piece_layers) select id, $10, $11 from torrent
        )
        select id from torrent";
    let v1 = new.info_hash_v1.as_ref().map(|it| &it.as_bytes()[..]);
    let v2 = new.info_hash_v2.as_ref().map(|it| &it.as_bytes()[..]);
    let row = one(
        client,
        sql,
        &[
            &v1,
            &v2,
            &new.title,
            &new.description,
            &new.extended,
            &new.size,
            &new.file_count,
            &new.uploader_id,
            &new.file_names,
            &new.info,
            &new.piece_layers,
        ],
    )
    .await?;
    Ok(row.get("id"))
}

/// The torrent with this id.
pub async fn find(client: &impl GenericClient, id: TorrentId) -> Result<Option<Torrent>, Error> {
    let sql = format!(
        "select {COLUMNS}, t.description, t.extended
         from torrents t left join users u on u.id = t.uploader_id where t.id = $1"
    );
    let row = optional(client, &sql, &[&id]).await?;
    Ok(row.map(|row| Torrent {
        summary: Summary::from_row(&row),
        description: row.get("description"),
        extended: row.get("extended"),
    }))
}

/// The summary of the torrent with this id.
pub async fn summary(client: &impl GenericClient, id: TorrentId) -> Result<Option<Summary>, Error> {
    let sql =
        format!("select {COLUMNS} from torrents t left join users u on u.id = t.uploader_id where t.id = $1");
    Ok(optional(client, &sql, &[&id]).await?.as_ref().map(Summary::from_row))
}

/// Id and title of the torrent that has `info_hash`, be it version 1 or truncated version 2.
pub async fn find_by_hash(
    client: &impl GenericClient,
    info_hash: InfoHash,
) -> Result<Option<(TorrentId, String)>, Error> {
    let sql = "
        select id, title from torrents
        where info_hash_v1 = $1 or substring(info_hash_v2 from 1 for 20) = $1
        order by id limit 1";
    let row = optional(client, sql, &[&&info_hash.as_bytes()[..]]).await?;
    Ok(row.map(|row| (row.get("id"), row.get("title"))))
}

/// The stored parts of a .torrent file.
#[derive(Debug)]
pub struct Metainfo {
    /// The raw bytes of `info`, which the info hashes are taken over.
    pub info: Vec<u8>,
    /// The raw bytes of `piece layers` (BEP 52), for version 2 and hybrid torrents.
    pub piece_layers: Option<Vec<u8>>,
}

/// The size in bytes of a torrent's [`Metainfo`].
pub async fn metainfo_size(client: &impl GenericClient, id: TorrentId) -> Result<Option<usize>, Error> {
    let sql = "
        select octet_length(info) + coalesce(octet_length(piece_layers), 0) as size
        from metainfo
        where torrent_id = $1";
    let row = optional(client, sql, &[&id]).await?;
    Ok(row.map(|row| usize::try_from(row.get::<_, i32>("size")).unwrap_or_default()))
}

/// The stored parts of a torrent's .torrent file.
pub async fn metainfo(client: &impl GenericClient, id: TorrentId) -> Result<Option<Metainfo>, Error> {
    let row =
        optional(client, "select info, piece_layers from metainfo where torrent_id = $1", &[&id]).await?;
    Ok(row.map(|row| Metainfo { info: row.get("info"), piece_layers: row.get("piece_layers") }))
}

/// New texts of a torrent.
#[derive(Debug)]
pub struct Edit<'a> {
    /// Title, 1 to 300 characters.
    pub title: &'a str,
    /// Description in Markdown.
    pub description: &'a str,
    /// Extended information: a JSON object, or nothing.
    pub extended: Option<&'a serde_json::Value>,
    /// The file names that the search finds.
    pub file_names: &'a str,
}

/// Changes a torrent's texts; `false` if there is no such torrent.
pub async fn update(client: &impl GenericClient, id: TorrentId, edit: &Edit<'_>) -> Result<bool, Error> {
    let sql = "
        update torrents
        set title = $2, description = $3, extended = $4, search = search_words($2, $5)
        where id = $1";
    let Edit { title, description, extended, file_names } = edit;
    Ok(execute(client, sql, &[&id, title, description, extended, file_names]).await? == 1)
}

/// Deletes a torrent with its metainfo, files and transfers; `false` if there is no such torrent.
pub async fn delete(client: &impl GenericClient, id: TorrentId) -> Result<bool, Error> {
    Ok(execute(client, "delete from torrents where id = $1", &[&id]).await? == 1)
}

/// A torrent's title and size, found by its canonical info hash.
#[derive(Debug)]
pub struct Titled {
    /// The torrent's id.
    pub id: TorrentId,
    /// Its canonical info hash.
    pub info_hash: InfoHash,
    /// Title, 1 to 300 characters.
    pub title: String,
    /// Bytes of all files.
    pub size: i64,
}

/// The torrents that have one of these canonical info hashes; unknown hashes are left out.
pub async fn titles(client: &impl GenericClient, hashes: &[InfoHash]) -> Result<Vec<Titled>, Error> {
    let wanted: Vec<&[u8]> = hashes.iter().map(|it| &it.as_bytes()[..]).collect();
    let rows = crate::db::rows(
        client,
        "select info_hash, id, title, size from torrents where info_hash = any($1)",
        &[&wanted],
    )
    .await?;
    let read = |row: &Row| {
        let info_hash = hash(row.get("info_hash"))?;
        Some(Titled { id: row.get("id"), info_hash, title: row.get("title"), size: row.get("size") })
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// Id and title of the torrents with these ids.
pub async fn titles_by_id(
    client: &impl GenericClient,
    ids: &[TorrentId],
) -> Result<Vec<(TorrentId, String)>, Error> {
    let rows = crate::db::rows(client, "select id, title from torrents where id = any($1)", &[&ids]).await?;
    Ok(rows.iter().map(|row| (row.get("id"), row.get("title"))).collect())
}

/// A torrent that an event stream watches.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// The torrent's id.
    pub id: TorrentId,
    /// Its canonical info hash.
    pub info_hash: InfoHash,
    /// The stored number of completed downloads.
    pub snatched: i32,
}

/// The torrents with these ids, by id; unknown ids are left out.
pub async fn watched(client: &impl GenericClient, ids: &[TorrentId]) -> Result<Vec<Watched>, Error> {
    let sql = "
        select t.id, t.info_hash, t.snatched
        from unnest($1::int[]) with ordinality as wanted (id, place) join torrents t using (id)
        order by place";
    let rows = crate::db::rows(client, sql, &[&ids]).await?;
    let read = |row: &Row| {
        let info_hash = hash(row.get("info_hash"))?;
        Some(Watched { id: row.get("id"), info_hash, snatched: row.get("snatched") })
    };
    Ok(rows.iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests;
