//! The REST API below `/api`. A handler extracts, applies the rules, stores, and answers in JSON.

pub mod catalogue;
pub mod member;
pub mod openapi;
pub mod shapes;
pub mod staff;

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

/// The operations of all areas.
pub fn routes() -> Routes {
    Routes::new()
        .merge(member::doctor::routes())
        .merge(member::feed_key::routes())
        .merge(member::invite::routes())
        .merge(catalogue::live::routes())
        .merge(openapi::routes())
        .merge(member::password_reset::routes())
        .merge(staff::role::routes())
        .merge(member::session::routes())
        .merge(staff::swarm::routes())
        .merge(member::token::routes())
        .merge(catalogue::torrent::routes())
        .merge(member::transfer::routes())
        .merge(member::account::routes())
}

/// The API as a [`Face`]: its paths, its ways to sign in, and errors in JSON.
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

/// `error` as a response: its status with an [`ErrorBody`] in JSON.
pub fn error_body(error: &Error) -> Response {
    (error.status(), Json(ErrorBody::from(error))).into_response()
}

/// 201 with `body` in JSON; `Location` is the site's URL with `path`, which begins with a slash.
pub fn created(app: &App, path: &str, body: impl Serialize) -> Response {
    let location = format!("{}{path}", app.base());
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response()
}
