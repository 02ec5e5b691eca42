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

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::error::{Error, Face};
use crate::extract::Json;
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

/// A handler's error, shown as [`ErrorBody`].
#[derive(Debug)]
pub struct Failure(pub Error);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_failed(Face::Json)
    }
}

/// 201 with `body`, and `path` as `Location`.
pub fn created(app: &App, path: &str, body: impl Serialize) -> Response {
    let location = format!("{}{path}", app.base());
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response()
}
