//! The REST API below `/api`: extract, rule, store, answer in JSON.

pub mod doctor;
pub mod feed_key;
pub mod invite;
pub mod live;
pub mod openapi;
pub mod password_reset;
pub mod role;
pub mod session;
pub mod shapes;
pub mod swarm;
pub mod token;
pub mod torrent;
pub mod transfer;
pub mod user;

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;

use self::shapes::ErrorBody;
use crate::app::App;
use crate::auth::visitor::{Credentials, InvalidToken};
use crate::error::Error;
use crate::extract::Json;
use crate::face::{Face, FailedRequest, ShowError};
use crate::routes::Routes;

/// All operations.
pub fn routes() -> Routes {
    Routes::new()
        .merge(doctor::routes())
        .merge(feed_key::routes())
        .merge(invite::routes())
        .merge(live::routes())
        .merge(openapi::routes())
        .merge(password_reset::routes())
        .merge(role::routes())
        .merge(session::routes())
        .merge(swarm::routes())
        .merge(token::routes())
        .merge(torrent::routes())
        .merge(transfer::routes())
        .merge(user::routes())
}

/// The API as a face of the site.
pub fn face() -> Face {
    Face {
        prefixes: &["/api"],
        routes: routes(),
        credentials: Credentials { session: true, bearer: true, invalid_token: InvalidToken::Refused },
        errors: Arc::new(ErrorBodies),
    }
}

/// Shows errors as [`ErrorBody`].
struct ErrorBodies;

impl ShowError for ErrorBodies {
    fn show<'a>(&'a self, _: &'a FailedRequest, error: &'a Error) -> BoxFuture<'a, Response> {
        std::future::ready(error_body(error)).boxed()
    }
}

/// An error in JSON.
pub fn error_body(error: &Error) -> Response {
    (error.status(), Json(ErrorBody::from(error))).into_response()
}

/// 201 with `body`, and `path` as `Location`.
pub fn created(app: &App, path: &str, body: impl Serialize) -> Response {
    let location = format!("{}{path}", app.base());
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response()
}
