//! The answer with a .torrent file, for pages and API.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};

use crate::app::App;
use crate::db;
use crate::domain::catalogue::torrent::file_name::disposition;
use crate::domain::catalogue::torrent::metainfo_limits::Download;
use crate::domain::member::Member;
use crate::error::Error;
use crate::id::TorrentId;

/// Bytes given to the connection at a time. It copies what it cannot send yet, and asks for more when that is sent.
const PIECE: usize = 64 << 10;

/// The bytes of an answer with their [`Download`], which counts them until they are sent.
struct Counted {
    bytes: Vec<u8>,
    _download: Download,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The file of torrent `id` with the announce URL of `member`.
///
/// # Errors
/// [`Error::NotFound`] for an unknown torrent, [`Error::TooManyRequests`] while downloads hold too many bytes.
pub async fn answer(app: &App, member: &Member, id: TorrentId) -> Result<Response, Error> {
    let client = app.connection().await?;
    let torrent = db::catalogue::torrent::summary(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let size = db::catalogue::torrent::metainfo_size(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let download = app.metainfo_limits.download(member.id, size)?;
    let metainfo = db::catalogue::torrent::metainfo(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    drop(client);
    let announce = app.announce_urls.of(member.id, &member.key, Some(torrent.info_hash));
    let page = format!("{}/torrents/{id}", app.site());
    let bytes = bt::metainfo::write(&metainfo.info, metainfo.piece_layers.as_deref(), &announce, &page);
    let bytes = Bytes::from_owner(Counted { bytes, _download: download });
    let disposition = HeaderValue::try_from(disposition(&torrent.title)).map_err(anyhow::Error::from)?;
    let headers = [
        (header::CONTENT_LENGTH, bytes.len().into()),
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-bittorrent")),
        (header::CONTENT_DISPOSITION, disposition),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(pieces(bytes))).into_response())
}

/// `bytes` in pieces of [`PIECE`] bytes.
fn pieces(bytes: Bytes) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(bytes, |mut rest| async move {
        let piece = rest.split_to(rest.len().min(PIECE));
        (!piece.is_empty()).then_some((Ok(piece), rest))
    })
}
