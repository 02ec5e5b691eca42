//! The REST API below `/api`: extract, rule, store, answer in JSON.

pub mod doctor;
pub mod feed_key;
pub mod invite;
pub mod live;
pub mod openapi;
pub mod password_reset;
pub mod permissions;
pub mod role;
pub mod session;
pub mod swarm;
pub mod token;
pub mod torrent;
pub mod transfer;
pub mod user;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::domain::member::ROLES;
use crate::error::{Error, Face, Fields};
use crate::extract::Json;

/// All operations.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
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

/// Every answer that is no success.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What was wrong.
    pub error: ErrorDetail,
}

/// What was wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// Stable word to branch on, as `not_found`.
    #[schema(example = "not_found")]
    pub code: String,
    /// A sentence for people.
    #[schema(example = "there is no such torrent")]
    pub message: String,
    /// What is wrong with each field, by its name, where the fields are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>)]
    pub fields: Option<Fields>,
}

impl From<&Error> for ErrorBody {
    fn from(error: &Error) -> Self {
        let fields = if let Error::Invalid(fields) = error { Some(fields.clone()) } else { None };
        Self { error: ErrorDetail { code: error.code().to_owned(), message: error.to_string(), fields } }
    }
}

/// The schema of a text that is one of `words`.
fn one_of(words: impl IntoIterator<Item = &'static str>, description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).description(Some(description))
}

/// The schema of a role's name.
fn role_name() -> RefOr<Schema> {
    one_of(ROLES, "What a member may do, as `/api/roles` says it.").into()
}

/// The schema of what a member may do.
fn role_names() -> RefOr<Schema> {
    ArrayBuilder::new().items(role_name()).description(Some("What they may do.")).into()
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The things, in order.
    pub items: Vec<T>,
    /// Pass it as `after` for the next page; null at the end.
    pub next: Option<String>,
    /// How many there are in all; null where counting would cost more than the page.
    pub total: Option<i64>,
}

impl<T> List<T> {
    /// All there are.
    pub fn all(items: Vec<T>) -> Self {
        let total = i64::try_from(items.len()).ok();
        Self { items, next: None, total }
    }
}

/// 201 with `body`, and `path` as `Location`.
pub fn created(app: &App, path: &str, body: impl Serialize) -> Response {
    let location = format!("{}{path}", app.base());
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(body)).into_response()
}

/// Answers that any operation may give.
#[derive(Debug, IntoResponses)]
pub enum AnyFailure {
    /// It has been logged.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The database or the tracker is away; `Retry-After` says when to come back.
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// Answers of operations that are for members.
#[derive(Debug, IntoResponses)]
pub enum MemberFailure {
    /// Not signed in, or the token is no longer valid: `token_expired` where its time is over.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// Not yours to do, `X-CSRF-Token` is missing or wrong, or what an API token is not for: `token_scope`,
    /// `session_only`.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// More than a member may do: `webapi.requestsPerMinute` (600) requests a minute, or what the operation says of itself.
    /// `Retry-After` says in how many seconds to come back.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
}

/// Answers of operations that change something: the right or the CSRF token is missing.
#[derive(Debug, IntoResponses)]
pub enum ChangeFailure {
    /// Not yours to do, or `X-CSRF-Token` is missing or wrong.
    #[response(status = 403)]
    Forbidden(ErrorBody),
}

/// Answers of operations that read a body.
#[derive(Debug, IntoResponses)]
pub enum BodyFailure {
    /// The body cannot be read.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The body is of another media type than this operation reads.
    #[response(status = 415)]
    MediaType(ErrorBody),
    /// Values that cannot be used; `fields` names them.
    #[response(status = 422)]
    Invalid(ErrorBody),
}
