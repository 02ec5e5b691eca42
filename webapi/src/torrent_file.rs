//! The answer that downloads a .torrent file, for pages and API.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::db;
use crate::domain::catalogue::torrent::file_name::disposition;
use crate::domain::member::Member;
use crate::error::Error;
use crate::id::TorrentId;

/// The file of torrent `id` with the announce URL of `member`.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn answer(app: &App, member: &Member, id: TorrentId) -> Result<Response, Error> {
    let client = app.connection().await?;
    let torrent = db::catalogue::torrent::summary(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let metainfo = db::catalogue::torrent::metainfo(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    drop(client);
    let announce = app.announce_urls.of(member.id, &member.key, Some(torrent.info_hash));
    let page = format!("{}/torrents/{id}", app.site());
    let bytes = bt::metainfo::write(&metainfo.info, metainfo.piece_layers.as_deref(), &announce, &page);
    let disposition = HeaderValue::try_from(disposition(&torrent.title)).map_err(anyhow::Error::from)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-bittorrent")),
        (header::CONTENT_DISPOSITION, disposition),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, bytes).into_response())
}
