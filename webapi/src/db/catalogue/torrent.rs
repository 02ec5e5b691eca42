//! Torrents: their rows, their metainfo and the words that find them.

use bt::{InfoHash, InfoHashV2};
use deadpool_postgres::GenericClient;
use time::OffsetDateTime;
use tokio_postgres::{Error, Row};

use crate::db::{execute, one, optional};
use crate::id::{Named, TorrentId, UserId};

/// What lists show of a torrent: everything whose length is bounded by a line.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Never used twice, ascending with the time of upload.
    pub id: TorrentId,
    /// 1 to 300 characters.
    pub title: String,
    /// SHA-1 of `info`, where it is version 1 or hybrid.
    pub info_hash_v1: Option<InfoHash>,
    /// SHA-256 of `info`, where it is version 2 or hybrid.
    pub info_hash_v2: Option<InfoHashV2>,
    /// The canonical hash: what peers and counts go by.
    pub info_hash: InfoHash,
    /// Bytes of all files.
    pub size: i64,
    /// Without pad files.
    pub file_count: i32,
    /// Whoever uploaded it, while the account is there.
    pub uploader: Option<Named<UserId>>,
    /// When it was uploaded.
    pub created_at: OffsetDateTime,
    /// Completed downloads as written down last.
    pub snatched: i32,
}

/// A torrent with what its own page alone shows: one of these may be as long as all else on a page of a list.
#[derive(Debug, Clone)]
pub struct Torrent {
    /// What lists show, too.
    pub summary: Summary,
    /// Markdown.
    pub description: String,
    /// What the uploader added: a JSON object.
    pub extended: Option<serde_json::Value>,
}

/// The columns of [`Summary`], from `torrents t` and `users u`.
pub(in crate::db) const COLUMNS: &str = "
    t.id, t.title, t.info_hash_v1, t.info_hash_v2, t.info_hash, t.size, t.file_count, t.created_at, t.snatched,
    u.id as uploader_id, u.name as uploader_name";

impl Summary {
    /// From [`COLUMNS`].
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

/// An info hash's column; its length is checked by the schema.
pub(in crate::db) fn hash(column: Option<&[u8]>) -> Option<InfoHash> {
    column.and_then(|bytes| bytes.try_into().ok())
}

/// What is stored of an upload, besides its files.
#[derive(Debug)]
pub struct NewTorrent<'a> {
    /// SHA-1 of `info`, where it is version 1 or hybrid.
    pub info_hash_v1: Option<InfoHash>,
    /// SHA-256 of `info`, where it is version 2 or hybrid.
    pub info_hash_v2: Option<InfoHashV2>,
    /// 1 to 300 characters.
    pub title: &'a str,
    /// Markdown.
    pub description: &'a str,
    /// A JSON object.
    pub extended: Option<&'a serde_json::Value>,
    /// Bytes of all files.
    pub size: i64,
    /// Without pad files.
    pub file_count: i32,
    /// Whoever uploads it.
    pub uploader_id: UserId,
    /// The first file names, for the search.
    pub file_names: &'a str,
    /// The raw bytes that a download is made from.
    pub info: &'a [u8],
    /// The raw `piece layers` of version 2.
    pub piece_layers: Option<&'a [u8]>,
}

/// Stores a torrent and its metainfo and answers its id.
///
/// # Errors
/// A violated constraint `torrents_info_hash…` when it is there already.
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

/// What lists show of the torrent with this id.
pub async fn summary(client: &impl GenericClient, id: TorrentId) -> Result<Option<Summary>, Error> {
    let sql =
        format!("select {COLUMNS} from torrents t left join users u on u.id = t.uploader_id where t.id = $1");
    Ok(optional(client, &sql, &[&id]).await?.as_ref().map(Summary::from_row))
}

/// The id and title of the torrent that peers announce under `info_hash`, by any of its hashes.
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

/// The raw `info` and `piece layers` of a torrent.
#[derive(Debug)]
pub struct Metainfo {
    /// What the hashes are taken over.
    pub info: Vec<u8>,
    /// Of version 2.
    pub piece_layers: Option<Vec<u8>>,
}

/// Bytes of what the download of a torrent is made from.
pub async fn metainfo_size(client: &impl GenericClient, id: TorrentId) -> Result<Option<usize>, Error> {
    let sql = "
        select octet_length(info) + coalesce(octet_length(piece_layers), 0) as size
        from metainfo
        where torrent_id = $1";
    let row = optional(client, sql, &[&id]).await?;
    Ok(row.map(|row| usize::try_from(row.get::<_, i32>("size")).unwrap_or_default()))
}

/// What the download of a torrent is made from.
pub async fn metainfo(client: &impl GenericClient, id: TorrentId) -> Result<Option<Metainfo>, Error> {
    let row =
        optional(client, "select info, piece_layers from metainfo where torrent_id = $1", &[&id]).await?;
    Ok(row.map(|row| Metainfo { info: row.get("info"), piece_layers: row.get("piece_layers") }))
}

/// What its owner may change of a torrent.
#[derive(Debug)]
pub struct Edit<'a> {
    /// 1 to 300 characters.
    pub title: &'a str,
    /// Markdown.
    pub description: &'a str,
    /// A JSON object, or none.
    pub extended: Option<&'a serde_json::Value>,
    /// The first file names, for the search.
    pub file_names: &'a str,
}

/// Changes a torrent; `false` where there is none.
pub async fn update(client: &impl GenericClient, id: TorrentId, edit: &Edit<'_>) -> Result<bool, Error> {
    let sql = "
        update torrents
        set title = $2, description = $3, extended = $4, search = search_words($2, $5)
        where id = $1";
    let Edit { title, description, extended, file_names } = edit;
    Ok(execute(client, sql, &[&id, title, description, extended, file_names]).await? == 1)
}

/// Deletes a torrent with all that belongs to it; `false` where there is none.
pub async fn delete(client: &impl GenericClient, id: TorrentId) -> Result<bool, Error> {
    Ok(execute(client, "delete from torrents where id = $1", &[&id]).await? == 1)
}

/// A torrent by its canonical info hash.
#[derive(Debug)]
pub struct Titled {
    /// The torrent's id.
    pub id: TorrentId,
    /// Its canonical info hash.
    pub info_hash: InfoHash,
    /// 1 to 300 characters.
    pub title: String,
    /// Bytes of all files.
    pub size: i64,
}

/// Those of the torrents with these canonical info hashes that are here.
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
    /// Its canonical hash.
    pub info_hash: InfoHash,
    /// Completed downloads as written down last.
    pub snatched: i32,
}

/// Those of `ids` that are here, in their order.
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
