//! `/account/announce-url`: shows and resets the member's own announce URL.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{get, post};
use tower_sessions::Session;

use super::back_to;
use crate::app::App;
use crate::auth::needs::{ALL, SESSION};
use crate::auth::{Checked, SignedIn};
use crate::db;
use crate::domain::member::Member;
use crate::error::Error;
use crate::routes::Routes;
use crate::ui::member::session::Nothing;
use crate::ui::{PageLayout, flash, page, redirect};

/// `/account/announce-key` is an older address of the form; it leads to the page.
pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Method::GET, "/account/announce-url", ALL, get(show))
        .page(Method::GET, "/account/announce-url/reset", ALL, get(ask))
        .page(Method::POST, "/account/announce-url/reset", SESSION, post(reset))
        .page(Method::GET, "/account/announce-key", ALL, back_to("/account/announce-url"))
}

#[derive(askama::Template)]
#[template(path = "account/announce_url.html")]
struct AnnounceUrlPage {
    layout: PageLayout,
    announce_url: String,
}

#[derive(askama::Template)]
#[template(path = "account/reset_announce_url.html")]
struct ResetPage {
    layout: PageLayout,
}

async fn show(State(app): State<App>, member: Member, layout: PageLayout) -> Result<Response, Error> {
    let profile =
        db::member::user::profile(&app.connection().await?, member.id).await?.ok_or(Error::Unauthorized)?;
    page(AnnounceUrlPage {
        layout: layout.account("announce-url"),
        announce_url: app.announce_urls.of(member.id, &profile.account.key, None),
    })
}

async fn ask(_: Member, layout: PageLayout) -> Result<Response, Error> {
    page(ResetPage { layout: layout.account("announce-url") })
}

async fn reset(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    session: Session,
    Checked(Nothing {}): Checked<Nothing>,
) -> Result<Response, Error> {
    db::member::user::reset_key(&app.connection().await?, member.id).await?;
    let said = "Your announce URL is new. Download your .torrent files again; the old ones no longer work.";
    flash(&session, "success", said).await?;
    Ok(redirect(&app, "/account/announce-url"))
}
