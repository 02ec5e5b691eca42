//! Torrents in JSON.

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
    /// Never used twice.
    pub id: TorrentId,
    /// One line.
    #[schema(min_length = 1, max_length = 300)]
    pub title: String,
    /// What peers announce, 40 hexadecimal digits: version 1 where there is one, else the truncated version 2.
    #[schema(example = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a")]
    pub info_hash: String,
    /// 64 hexadecimal digits; null for a torrent of version 1.
    pub info_hash_v2: Option<String>,
    /// Bytes of all files.
    pub size: i64,
    /// Without pad files.
    pub file_count: i32,
    /// When it was uploaded.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Null when the account is gone.
    pub uploader: Option<Uploader>,
    /// Peers that have everything; null while the tracker is not heard.
    pub seeders: Option<u32>,
    /// All other peers; null while the tracker is not heard.
    pub leechers: Option<u32>,
    /// Completed downloads.
    pub snatched: u32,
    /// Where to go from here.
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
    /// This resource.
    #[serde(rename = "self")]
    pub itself: String,
    /// Its page for people.
    pub page: String,
    /// The .torrent file with your own announce URL.
    pub metainfo: String,
    /// All of its files, page by page.
    pub files: String,
}

impl Links {
    /// Of the torrent `id`.
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
    /// As lists have it.
    #[serde(flatten)]
    pub torrent: Torrent,
    /// Markdown, up to 100,000 characters.
    pub description: String,
    /// What the uploader added: up to 1,000 values in lists and objects up to 8 deep, 128 KiB as JSON.
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
    /// In the order of the torrent, the first 2,000.
    pub files: Vec<File>,
    /// Where the other files are listed; null when `files` has all.
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
    /// Parts joined with `/`, below the torrent's name.
    pub path: String,
    /// In bytes.
    pub size: i64,
}

impl From<db::catalogue::file::File> for File {
    fn from(file: db::catalogue::file::File) -> Self {
        Self { path: file.path, size: file.size }
    }
}

/// What became of an upload.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// Of the new torrent.
    pub id: TorrentId,
    /// What peers announce: it differs from your file's where the private flag was added.
    pub info_hash: String,
    /// 64 hexadecimal digits; null for a torrent of version 1.
    pub info_hash_v2: Option<String>,
    /// Whether you must download our file to seed.
    pub redownload: bool,
    /// Why, and what to do.
    pub reason: String,
    /// Where to go from here.
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

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TorrentChange {
    /// One line.
    #[schema(min_length = 1, max_length = 300)]
    pub title: Option<String>,
    /// Markdown.
    #[schema(max_length = 100_000)]
    pub description: Option<String>,
    /// An object of up to 64 KiB and 1,000 values, in lists and objects up to 8 deep; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub extended: Option<Option<Value>>,
}

/// Tells null from a field that is left out.
#[expect(clippy::option_option, reason = "left out, null, a value")]
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Value>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
