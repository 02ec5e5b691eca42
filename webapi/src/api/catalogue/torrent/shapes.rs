//! JSON shapes of torrents.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::app::App;
use crate::db;
use crate::domain::catalogue::torrent::files::Page;
use crate::domain::catalogue::torrent::upload::Stored;
use crate::id::{TorrentId, UserId};

/// A torrent as lists have it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Torrent {
    /// The torrent's id. It is never given to another torrent, even after a deletion.
    pub id: TorrentId,
    /// One line of text.
    #[schema(min_length = 1, max_length = 300)]
    pub title: String,
    /// The info hash that peers announce, 40 hexadecimal digits: SHA-1 (version 1), or for a torrent of version 2 alone
    /// the first 20 bytes of the SHA-256 (BEP 52).
    #[schema(example = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a")]
    pub info_hash: String,
    /// The info hash of version 2 (BEP 52), 64 hexadecimal digits; null for a torrent of version 1.
    pub info_hash_v2: Option<String>,
    /// Bytes of all files.
    pub size: i64,
    /// How many files it has, without pad files (BEP 47).
    pub file_count: i32,
    /// When it was uploaded.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The member who uploaded it; null if the account was deleted.
    pub uploader: Option<Uploader>,
    /// Peers that have everything; null while the tracker is not heard.
    pub seeders: Option<u32>,
    /// All other peers; null while the tracker is not heard.
    pub leechers: Option<u32>,
    /// Completed downloads.
    pub snatched: u32,
    /// Addresses of the torrent.
    pub links: Links,
}

/// Who uploaded a torrent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploader {
    /// The member's id.
    pub id: UserId,
    /// The member's name.
    pub name: String,
}

/// Addresses of a torrent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The torrent in the API.
    #[serde(rename = "self")]
    pub itself: String,
    /// The torrent's page of the site.
    pub page: String,
    /// The .torrent file with your own announce URL, a secret.
    pub metainfo: String,
    /// The list of all its files, page by page.
    pub files: String,
}

impl Links {
    /// The addresses of torrent `id`.
    pub fn of(app: &App, id: TorrentId) -> Self {
        let site = app.config.api_url.as_str();
        Self {
            itself: format!("{site}/api/torrents/{id}"),
            page: format!("{site}/torrents/{id}"),
            metainfo: format!("{site}/api/torrents/{id}/metainfo"),
            files: format!("{site}/api/torrents/{id}/files"),
        }
    }
}

impl Torrent {
    /// The stored torrent with its present counts.
    pub fn new(app: &App, torrent: db::catalogue::torrent::Summary) -> Self {
        let present = app.live.present(torrent.info_hash, torrent.snatched);
        Self {
            id: torrent.id,
            info_hash: torrent.info_hash.to_string(),
            info_hash_v2: torrent.info_hash_v2.map(|it| it.to_string()),
            size: torrent.size,
            file_count: torrent.file_count,
            created_at: torrent.created_at,
            uploader: torrent.uploader.map(|it| Uploader { id: it.id, name: it.name }),
            seeders: present.seeders,
            leechers: present.leechers,
            snatched: present.snatched,
            links: Links::of(app, torrent.id),
            title: torrent.title,
        }
    }
}

/// A torrent with what its uploader wrote.
#[derive(Debug, Serialize, ToSchema)]
pub struct TorrentDetails {
    /// The fields that lists of torrents have, too.
    #[serde(flatten)]
    pub torrent: Torrent,
    /// Markdown, up to 100,000 characters.
    pub description: String,
    /// A JSON object of the uploader's: at most 1,000 values, nested 8 deep, 128 KiB when printed.
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub extended: Option<Value>,
}

impl TorrentDetails {
    /// The stored torrent with its present counts.
    pub fn new(app: &App, torrent: db::catalogue::torrent::Torrent) -> Self {
        let db::catalogue::torrent::Torrent { summary, description, extended } = torrent;
        Self { torrent: Torrent::new(app, summary), description, extended }
    }
}

/// A torrent with its files.
#[derive(Debug, Serialize, ToSchema)]
pub struct TorrentWithFiles {
    /// The torrent.
    #[serde(flatten)]
    pub torrent: TorrentDetails,
    /// The first 2,000 files, in the order in which the torrent lists them.
    pub files: Vec<File>,
    /// Address of the list of the other files; null if `files` has all.
    pub more_files: Option<String>,
}

impl TorrentWithFiles {
    /// The stored torrent with the first page of its files.
    pub fn new(app: &App, torrent: db::catalogue::torrent::Torrent, page: Page) -> Self {
        let all = Links::of(app, torrent.summary.id).files;
        Self {
            torrent: TorrentDetails::new(app, torrent),
            files: page.files.into_iter().map(File::from).collect(),
            more_files: page.next.map(|next| format!("{all}?after={next}")),
        }
    }
}

/// One file of a torrent.
#[derive(Debug, Serialize, ToSchema)]
pub struct File {
    /// The parts of the path below the torrent's name, joined with `/`.
    pub path: String,
    /// In bytes.
    pub size: i64,
}

impl From<db::catalogue::file::File> for File {
    fn from(file: db::catalogue::file::File) -> Self {
        Self { path: file.path, size: file.size }
    }
}

/// The result of an upload.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// The new torrent's id.
    pub id: TorrentId,
    /// The info hash that peers announce, 40 hexadecimal digits. It differs from that of your file if the private flag
    /// was added.
    pub info_hash: String,
    /// The info hash of version 2 (BEP 52), 64 hexadecimal digits; null for a torrent of version 1.
    pub info_hash_v2: Option<String>,
    /// Whether you must download the site's .torrent file to seed.
    pub redownload: bool,
    /// Why you must or need not, and what to do, in sentences.
    pub reason: String,
    /// Addresses of the torrent.
    pub links: Links,
}

impl Uploaded {
    /// The answer to an upload.
    pub fn new(app: &App, stored: &Stored) -> Self {
        Self {
            id: stored.id,
            info_hash: stored.hashes.canonical().to_string(),
            info_hash_v2: stored.hashes.v2.map(|it| it.to_string()),
            redownload: stored.redownload.is_needed(),
            reason: stored.redownload.reason().to_owned(),
            links: Links::of(app, stored.id),
        }
    }
}

/// What to change of a torrent; fields that are left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TorrentChange {
    /// One line of text.
    #[schema(min_length = 1, max_length = 300)]
    pub title: Option<String>,
    /// Markdown.
    #[schema(max_length = 100_000)]
    pub description: Option<String>,
    /// A JSON object of at most 64 KiB and 1,000 values, nested 8 deep; null removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub extended: Option<Option<Value>>,
}

/// Reads a field that is present, null or not: serde alone reads null as if the field were left out.
#[expect(clippy::option_option, reason = "left out, null, a value")]
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Value>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
