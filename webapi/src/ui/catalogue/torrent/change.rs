//! The pages with the forms that edit and delete a torrent.

use askama::Template;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::Method;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tower_sessions::Session;

use crate::app::App;
use crate::auth::Checked;
use crate::auth::needs::ALL;
use crate::db;
use crate::db::catalogue::torrent::Torrent;
use crate::domain::catalogue::torrent::text::{self, DESCRIPTION_LEN, TITLE_LEN, Typed, extended};
use crate::domain::catalogue::torrent::{change, check_change};
use crate::domain::member::Member;
use crate::error::Error;
use crate::extract::Id;
use crate::id::TorrentId;
use crate::routes::Routes;
use crate::ui::{Faults, PageLayout, flash, page, page_again};

/// Most bytes of the urlencoded form: an escape has three bytes, and a character up to four bytes.
const MAX_FORM: usize = 3 * (4 * (TITLE_LEN + DESCRIPTION_LEN) + extended::TYPED_LEN) + 1024;

/// The routes of the two forms and of their targets.
pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/torrents/{id}/edit", ALL, get(edit))
        .page(Method::POST, "/torrents/{id}/edit", ALL, post(store).layer(DefaultBodyLimit::max(MAX_FORM)))
        .page(Method::GET, "/torrents/{id}/delete", ALL, get(ask))
        .page(Method::POST, "/torrents/{id}/delete", ALL, post(delete))
}

/// The page with the form that edits the texts.
#[derive(Template)]
#[template(path = "torrent/edit.html")]
struct Edit {
    layout: PageLayout,
    id: TorrentId,
    typed: Typed,
    faults: Faults,
}

/// The page that asks whether the torrent shall be deleted.
#[derive(Template)]
#[template(path = "torrent/delete.html")]
struct Delete {
    layout: PageLayout,
    id: TorrentId,
    title: String,
}

/// The unchecked texts of the form.
#[derive(Deserialize)]
struct Texts {
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    extended: String,
}

/// The form that deletes: its only field is the CSRF token.
#[derive(Deserialize)]
struct Nothing {}

async fn own(app: &App, member: &Member, id: TorrentId) -> Result<Torrent, Error> {
    let client = app.connection().await?;
    let torrent = db::catalogue::torrent::find(&client, id).await?.ok_or(Error::NotFound("torrent"))?;
    check_change(member, &torrent.summary)?;
    Ok(torrent)
}

async fn edit(
    State(app): State<App>,
    member: Member,
    layout: PageLayout,
    Id(id): Id<TorrentId>,
) -> Result<Response, Error> {
    let torrent = own(&app, &member, id).await?;
    let extended = torrent.extended.map(|it| serde_json::to_string_pretty(&it)).transpose();
    let extended = extended.map_err(anyhow::Error::from)?.unwrap_or_default();
    let typed = Typed { title: torrent.summary.title, description: torrent.description, extended };
    page(Edit { layout: layout.section("torrents"), id, typed, faults: Faults::default() })
}

async fn store(
    State(app): State<App>,
    member: Member,
    session: Session,
    layout: PageLayout,
    Id(id): Id<TorrentId>,
    Checked(texts): Checked<Texts>,
) -> Result<Response, Error> {
    own(&app, &member, id).await?;
    let Texts { title, description, extended } = texts;
    let typed = Typed { title, description: description.replace("\r\n", "\n"), extended };
    let changed = match typed.clone().check(None) {
        Ok(texts) => store_texts(&app, &member, id, &texts).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(()) => {
            flash(&session, "success", "The torrent was changed.").await?;
            Ok(Redirect::to(&format!("{}/torrents/{id}", app.base())).into_response())
        }
        Err(error) => {
            let (faults, error) = Faults::of(error)?;
            page_again(Edit { layout: layout.section("torrents"), id, typed, faults }, &error)
        }
    }
}

async fn store_texts(app: &App, member: &Member, id: TorrentId, texts: &text::Texts) -> Result<(), Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    change(&transaction, app.config.webapi.uploads_per_day, member, id, texts).await?;
    Ok(transaction.commit().await?)
}

async fn ask(
    State(app): State<App>,
    member: Member,
    layout: PageLayout,
    Id(id): Id<TorrentId>,
) -> Result<Response, Error> {
    let torrent = own(&app, &member, id).await?;
    page(Delete { layout: layout.section("torrents"), id, title: torrent.summary.title })
}

async fn delete(
    State(app): State<App>,
    member: Member,
    session: Session,
    Id(id): Id<TorrentId>,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    let torrent = own(&app, &member, id).await?;
    db::catalogue::torrent::delete(&app.connection().await?, id).await?;
    flash(&session, "success", format!("“{}” was deleted.", torrent.summary.title)).await?;
    Ok(Redirect::to(&format!("{}/", app.base())).into_response())
}
