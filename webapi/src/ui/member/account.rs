//! `/account`: a member's own pages, beside a rail with links to each.

mod announce_url;
mod doctor;
mod feed_keys;
mod overview;
mod secret;
mod security;
mod tokens;
mod transfers;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};

use crate::app::App;
use crate::domain::member::Member;
use crate::error::Error;
use crate::routes::Routes;
use crate::ui::redirect;

/// The routes of the pages and of their forms.
pub fn routes() -> Routes {
    Routes::new()
        .merge(overview::routes())
        .merge(transfers::routes())
        .merge(doctor::routes())
        .merge(announce_url::routes())
        .merge(security::routes())
        .merge(tokens::routes())
        .merge(feed_keys::routes())
}

/// Redirects a GET of a form's address to the page that has the form.
pub(super) fn back_to(page: &'static str) -> MethodRouter<App> {
    get(async move |State(app): State<App>, _: Member| -> Result<Response, Error> {
        Ok(redirect(&app, page))
    })
}
