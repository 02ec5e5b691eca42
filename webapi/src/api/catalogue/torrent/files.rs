//! `/api/torrents/{id}/files`: all files of a torrent, page by page.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::File;
use crate::api::shapes::{ErrorBody, List, MemberFailure, NotFoundFailure};
use crate::app::App;
use crate::auth::Reader;
use crate::auth::needs::READ;
use crate::db;
use crate::domain::catalogue::torrent::files;
use crate::error::Error;
use crate::extract::{Id, Json, Query};
use crate::id::TorrentId;
use crate::routes::Routes;

/// The operation `GET /api/torrents/{id}/files`.
pub(super) fn routes() -> Routes {
    Routes::new().operation(READ, routes!(list))
}

/// Which part of the list of files.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// Files on a page.
    #[param(minimum = 1, maximum = 2000, default = 2000)]
    limit: Option<u16>,
    /// `next` of the previous page: the position of its last file. The torrent's first file has position 0.
    #[param(minimum = 0)]
    after: Option<i32>,
}

/// List files
///
/// In the order in which the torrent lists them.
#[utoipa::path(
    get,
    path = "/api/torrents/{id}/files",
    operation_id = "list_files",
    tag = "torrents",
    params(("id" = TorrentId, Path, description = "Id of the torrent"), Parameters),
    responses(
        (status = 200, description = "A page of the torrent's files", body = List<File>),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn list(
    State(app): State<App>,
    _: Reader,
    Id(id): Id<TorrentId>,
    Query(Parameters { limit, after }): Query<Parameters>,
) -> Result<Json<List<File>>, Error> {
    let client = app.connection().await?;
    let torrent = db::catalogue::torrent::summary(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let page = files::page(&client, id, after, limit).await?;
    let items = page.files.into_iter().map(File::from).collect();
    let total = Some(i64::from(torrent.file_count));
    Ok(Json(List { items, next: page.next.map(|it| it.to_string()), total }))
}
