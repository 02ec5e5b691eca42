//! The page with the upload form.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tower_sessions::Session;

use super::notice;
use crate::app::App;
use crate::auth::Guard;
use crate::auth::needs::ALL;
use crate::domain::catalogue::torrent::text::Typed;
use crate::domain::catalogue::torrent::upload::{self, Refusal};
use crate::domain::member::Member;
use crate::error::{Error, Fields};
use crate::id::TorrentId;
use crate::routes::Routes;
use crate::ui::parts::format;
use crate::ui::{PageLayout, page, page_again};
use crate::upload_form::{self, Form};

/// The routes of the form and of its target.
pub(super) fn routes() -> Routes {
    Routes::new().page(Method::GET, "/upload", ALL, get(show)).page(Method::POST, "/upload", ALL, post(store))
}

/// The page with the form.
#[derive(Template)]
#[template(path = "torrent/upload.html")]
struct Upload {
    layout: PageLayout,
    typed: Typed,
    errors: Fields,
    /// Id and title of the torrent that the site has already, after an upload of it.
    exists: Option<(TorrentId, String)>,
    limit: String,
    max_bytes: usize,
    /// Messages for a file that is too large, and for one that is no .torrent file: a script shows them before the form
    /// is sent.
    too_large: String,
    no_torrent: &'static str,
}

impl Upload {
    fn new(app: &App, layout: PageLayout) -> Self {
        let max_bytes = app.config.webapi.upload_max_bytes;
        Self {
            layout: layout.section("upload"),
            typed: Typed::default(),
            errors: Fields::new(),
            exists: None,
            limit: format::size_of(max_bytes as u64),
            max_bytes,
            too_large: upload::too_large(max_bytes),
            no_torrent: upload::NO_TORRENT,
        }
    }
}

async fn show(State(app): State<App>, _: Member, layout: PageLayout) -> Result<Response, Error> {
    page(Upload::new(&app, layout))
}

async fn store(
    State(app): State<App>,
    member: Member,
    guard: Guard,
    layout: PageLayout,
    session: Session,
    request: Request,
) -> Result<Response, Error> {
    // A refused upload is read all the same, without its file, so that the form shows the typed texts again.
    let (mut permit, refused) = match upload_form::admit(&app, &member).await {
        Ok(permit) => (permit, None),
        Err(refused @ Error::TooManyRequests { .. }) => match app.metainfo_limits.texts(member.id) {
            Ok(permit) => (permit, Some(refused)),
            Err(error) => {
                Form::refuse(request).await;
                return Err(error);
            }
        },
        Err(error) => return Err(error),
    };
    let form = Form::read(&app, request, Some(&guard), &mut permit).await?;
    let typed = form.typed().clone();
    let stored = match refused.map_or_else(|| form.finish(&app), Err) {
        Ok(upload) => upload_form::store(&app, &member, upload).await,
        Err(error) => Err(error.into()),
    };
    let again = Upload { typed, ..Upload::new(&app, layout) };
    match stored {
        Ok(stored) => {
            notice::leave(&session, &stored).await?;
            Ok(Redirect::to(&format!("{}/torrents/{}", app.base(), stored.id)).into_response())
        }
        Err(Refusal::Exists { id, title }) => {
            let error = Error::Conflict { code: "torrent_exists", message: String::new() };
            page_again(Upload { exists: Some((id, title)), ..again }, &error)
        }
        Err(Refusal::Error(Error::Invalid(fields))) => {
            let error = Error::Invalid(Fields::new());
            page_again(Upload { errors: fields, ..again }, &error)
        }
        Err(Refusal::Error(error @ (Error::TooLarge(_) | Error::TooManyRequests { .. }))) => {
            page_again(Upload { errors: Fields::from([("torrent", error.sentence())]), ..again }, &error)
        }
        Err(Refusal::Error(error)) => Err(error),
    }
}
