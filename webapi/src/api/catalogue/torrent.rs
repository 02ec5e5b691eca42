//! `/api/torrents`: lists, uploads, reads, changes, deletes and downloads torrents.

mod files;
mod shapes;

use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::Response;
use utoipa_axum::routes;

use crate::api::shapes::{BodyFailure, ErrorBody, List, MemberFailure, NotFoundFailure};
use crate::app::App;
use crate::auth::needs::{DOWNLOAD, FOLLOW, READ, UPLOAD};
use crate::auth::{CheckedJson, CsrfChecked, Downloader, ListFollower, Publisher, Reader};
use crate::db;
use crate::domain::catalogue::torrent::upload::Refusal;
use crate::domain::catalogue::torrent::{self, listing, text};
use crate::error::Error;
use crate::extract::{Id, Json, Paging, Query};
use crate::id::TorrentId;
use crate::routes::Routes;
use crate::torrent_file;
use crate::upload_form::{self, Form};
pub use shapes::{File, Links, Torrent, TorrentChange, TorrentDetails, TorrentWithFiles, Uploaded, Uploader};

/// The operations below `/api/torrents`.
pub fn routes() -> Routes {
    Routes::new()
        .operation(FOLLOW, routes!(list))
        .operation(UPLOAD, routes!(create))
        .operation(READ, routes!(show))
        .operation(UPLOAD, routes!(change))
        .operation(UPLOAD, routes!(delete))
        .operation(DOWNLOAD, routes!(metainfo))
        .merge(files::routes())
}

/// List torrents
///
/// All torrents, or those that a search finds, by default the newest first. Only `GET /api/torrents/{id}` answers
/// description and extended information.
#[utoipa::path(
    get,
    path = "/api/torrents",
    operation_id = "list_torrents",
    tag = "torrents",
    params(listing::Parameters, Paging),
    responses(
        (status = 200, description = "A page of the list", body = List<Torrent>),
        (status = 400, description = "A parameter cannot be used", body = ErrorBody),
        (status = 429, description = "You have too many searches under way", body = ErrorBody),
        MemberFailure,
    )
)]
async fn list(
    State(app): State<App>,
    ListFollower(member): ListFollower,
    Query(parameters): Query<listing::Parameters>,
    paging: Paging,
) -> Result<Json<List<Torrent>>, Error> {
    let order = listing::Order::parse(&parameters)?;
    let _permit = app.searches.permit_for(member.id, &order).await?;
    let client = app.connection().await?;
    let page = listing::page(&client, &order, paging.cursor(), paging.limit()).await?;
    let items = page.torrents.into_iter().map(|it| Torrent::new(&app, it)).collect();
    Ok(Json(List { items, next: page.next, total: page.total }))
}

/// The fields of an upload.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
struct UploadForm {
    /// The .torrent file.
    #[schema(value_type = String, format = Binary)]
    torrent: Vec<u8>,
    /// If it is empty or left out, the torrent's own name is the title.
    #[schema(max_length = 300)]
    title: Option<String>,
    /// Markdown.
    #[schema(max_length = 100_000)]
    description: Option<String>,
    /// A JSON object as text.
    extended: Option<String>,
}

/// Upload a torrent
///
/// The private flag is added if it is missing, and trackers in the file are dropped; `redownload` says whether you
/// can seed with the file you have. A torrent has 100,000 files at most. A member uploads one torrent at a time and
/// `webapi.uploadsPerDay` (1000) a day (UTC), and the uploads of all members hold 64 MiB at most; an upload beyond
/// these limits is answered 429.
#[utoipa::path(
    post,
    path = "/api/torrents",
    operation_id = "upload_torrent",
    tag = "torrents",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Stored; `Location` is its address", body = Uploaded,
            headers(("Location" = String, description = "The new torrent in the API"))),
        (status = 408, description = "The body arrived at less than 16 KiB a second", body = ErrorBody),
        (status = 409, description = "`torrent_exists`: the message names the existing torrent", body = ErrorBody),
        MemberFailure,
        BodyFailure,
    )
)]
async fn create(
    State(app): State<App>,
    Publisher(member): Publisher,
    _: CsrfChecked,
    request: Request,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Uploaded>), Error> {
    let mut permit = match upload_form::admit(&app, &member).await {
        Ok(permit) => permit,
        Err(refused) => {
            Form::refuse(request).await;
            return Err(refused);
        }
    };
    let upload = Form::read(&app, request, None, &mut permit).await?.finish(&app)?;
    let stored = upload_form::store(&app, &member, upload).await.map_err(|refusal| refused(&app, refusal))?;
    let answer = Uploaded::new(&app, &stored);
    Ok((StatusCode::CREATED, [(header::LOCATION, answer.links.itself.clone())], Json(answer)))
}

fn refused(app: &App, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Error(error) => error,
        Refusal::Exists { id, title } => Error::Conflict {
            code: "torrent_exists",
            message: format!("This torrent is here already: “{title}”, {}", Links::of(app, id).page),
        },
    }
}

/// Read a torrent
///
/// A torrent with its first 2,000 files; `more_files` is the address that lists the others.
#[utoipa::path(
    get,
    path = "/api/torrents/{id}",
    operation_id = "show_torrent",
    tag = "torrents",
    params(("id" = TorrentId, Path, description = "Id of the torrent")),
    responses(
        (status = 200, description = "The torrent with its files", body = TorrentWithFiles),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn show(
    State(app): State<App>,
    _: Reader,
    Id(id): Id<TorrentId>,
) -> Result<Json<TorrentWithFiles>, Error> {
    let client = app.connection().await?;
    let torrent = db::catalogue::torrent::find(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    let files = torrent::files::page(&client, id, None, None).await?;
    Ok(Json(TorrentWithFiles::new(&app, torrent, files)))
}

/// Change a torrent
///
/// For its uploader and moderators. A member may change torrents `webapi.uploadsPerDay` (1000) times a day (UTC).
#[utoipa::path(
    patch,
    path = "/api/torrents/{id}",
    operation_id = "change_torrent",
    tag = "torrents",
    params(("id" = TorrentId, Path, description = "Id of the torrent")),
    request_body = TorrentChange,
    responses(
        (status = 200, description = "The changed torrent", body = TorrentDetails),
        NotFoundFailure,
        MemberFailure,
        BodyFailure,
    )
)]
async fn change(
    State(app): State<App>,
    Publisher(member): Publisher,
    Id(id): Id<TorrentId>,
    CheckedJson(change): CheckedJson<TorrentChange>,
) -> Result<Json<TorrentDetails>, Error> {
    let mut client = app.connection().await?;
    let current = db::catalogue::torrent::find(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    torrent::check_change(&member, &current.summary)?;
    let keeps_extended = change.extended.is_none();
    let typed = text::Typed {
        title: change.title.unwrap_or(current.summary.title),
        description: change.description.unwrap_or(current.description),
        extended: change.extended.flatten().map(|it| it.to_string()).unwrap_or_default(),
    };
    let mut texts = typed.check(None)?;
    if keeps_extended {
        // Kept unchecked: an object stored under earlier, wider bounds must not block a change of other fields.
        texts.extended = current.extended;
    }
    let transaction = client.transaction().await?;
    torrent::change(&transaction, app.config.webapi.uploads_per_day, &member, id, &texts).await?;
    transaction.commit().await?;
    let changed = db::catalogue::torrent::find(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    Ok(Json(TorrentDetails::new(&app, changed)))
}

/// Delete a torrent
///
/// For its uploader and moderators. Clients that still announce it are told that it is not registered.
#[utoipa::path(
    delete,
    path = "/api/torrents/{id}",
    operation_id = "delete_torrent",
    tag = "torrents",
    params(("id" = TorrentId, Path, description = "Id of the torrent")),
    responses(
        (status = 204, description = "The torrent is deleted"),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn delete(
    State(app): State<App>,
    Publisher(member): Publisher,
    _: CsrfChecked,
    Id(id): Id<TorrentId>,
) -> Result<StatusCode, Error> {
    let client = app.connection().await?;
    let current = db::catalogue::torrent::summary(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    torrent::check_change(&member, &current)?;
    db::catalogue::torrent::delete(&client, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Download a torrent
///
/// The .torrent file with your own announce URL, which is a secret: do not pass the file on.
#[utoipa::path(
    get,
    path = "/api/torrents/{id}/metainfo",
    operation_id = "download_torrent",
    tag = "torrents",
    params(("id" = TorrentId, Path, description = "Id of the torrent")),
    responses(
        (status = 200, description = "The file", content_type = "application/x-bittorrent", body = Vec<u8>),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn metainfo(
    State(app): State<App>,
    Downloader(member): Downloader,
    Id(id): Id<TorrentId>,
) -> Result<Response, Error> {
    torrent_file::answer(&app, &member, id).await
}
