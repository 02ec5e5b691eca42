//! `/api/feed-keys`: keys that list and download torrents and open nothing else.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::created;
use crate::api::shapes::{BodyFailure, ErrorBody, List, MemberFailure, NotFoundFailure};
use crate::app::App;
use crate::auth::needs::{ALL, SESSION};
use crate::auth::{CheckedJson, CsrfChecked, SignedIn};
use crate::db;
use crate::db::member::feed_key::FeedKey;
use crate::domain::member::Member;
use crate::domain::member::feed_key;
use crate::domain::member::key::Created;
use crate::error::Error;
use crate::extract::{Id, Json};
use crate::id::FeedKeyId;
use crate::routes::Routes;

/// The operations below `/api/feed-keys`.
pub fn routes() -> Routes {
    Routes::new()
        .operation(ALL, routes!(list_feed_keys))
        .operation(SESSION, routes!(create_feed_key))
        .operation(ALL, routes!(show_feed_key))
        .operation(ALL, routes!(revoke_feed_key))
}

/// A feed key without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct FeedKeyItem {
    /// Names the key in `/api/feed-keys/{id}`.
    id: FeedKeyId,
    /// The name that you gave it.
    name: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was last used, to the minute; null until it is used.
    #[serde(with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
}

impl From<FeedKey> for FeedKeyItem {
    fn from(row: FeedKey) -> Self {
        let FeedKey { id, name, created_at, last_used_at } = row;
        Self { id, name, created_at, last_used_at }
    }
}

/// The feed key to make.
#[derive(Debug, Deserialize, ToSchema)]
struct NewFeedKey {
    /// A name of 1 to 100 characters that none of your other feed keys has.
    name: String,
}

/// A feed key that was just made.
#[derive(Debug, Serialize, ToSchema)]
struct CreatedFeedKey {
    /// Names the key in `/api/feed-keys/{id}`.
    id: FeedKeyId,
    /// The name that you gave it.
    name: String,
    /// The key itself, `fwf_…`. It is never shown again.
    key: String,
}

/// Your feed keys.
///
/// Their secrets are not stored.
#[utoipa::path(
    get,
    path = "/api/feed-keys",
    tag = "feed-keys",
    responses(
        (status = 200, description = "All of them, newest first: 50 at most", body = List<FeedKeyItem>),
        MemberFailure,
    )
)]
async fn list_feed_keys(State(app): State<App>, member: Member) -> Result<Json<List<FeedKeyItem>>, Error> {
    let found = db::member::feed_key::list(&app.connection().await?, member.id).await?;
    Ok(Json(List::all(found.into_iter().map(FeedKeyItem::from).collect())))
}

/// Make a feed key.
///
/// With it a program lists and downloads torrents in your name. It opens nothing else, not even this API.
#[utoipa::path(
    post,
    path = "/api/feed-keys",
    tag = "feed-keys",
    request_body = NewFeedKey,
    responses(
        (status = 201, description = "The feed key; only this answer has its secret", body = CreatedFeedKey),
        (status = 409, description = "You have 50 already", body = ErrorBody),
        MemberFailure,
        BodyFailure,
    )
)]
async fn create_feed_key(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    CheckedJson(form): CheckedJson<NewFeedKey>,
) -> Result<impl IntoResponse, Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    let Created { row, secret } = feed_key::create(&app.keys, &transaction, member.id, &form.name).await?;
    transaction.commit().await?;
    let location = format!("/api/feed-keys/{}", row.id);
    let body = CreatedFeedKey { id: row.id, name: row.name, key: secret.reveal().to_owned() };
    Ok(created(&app, &location, body))
}

/// One of your feed keys.
///
/// Its secret is not stored.
#[utoipa::path(
    get,
    path = "/api/feed-keys/{id}",
    tag = "feed-keys",
    params(("id" = FeedKeyId, Path)),
    responses(
        (status = 200, description = "The feed key without its secret", body = FeedKeyItem),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn show_feed_key(
    State(app): State<App>,
    member: Member,
    Id(id): Id<FeedKeyId>,
) -> Result<Json<FeedKeyItem>, Error> {
    let found = db::member::feed_key::find(&app.connection().await?, member.id, id).await?;
    Ok(Json(found.ok_or(Error::NotFound("feed key"))?.into()))
}

/// Revoke one of your feed keys.
///
/// It stops working at once. Your other keys stay.
#[utoipa::path(
    delete,
    path = "/api/feed-keys/{id}",
    tag = "feed-keys",
    params(("id" = FeedKeyId, Path)),
    responses(
        (status = 204, description = "The feed key no longer works"),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn revoke_feed_key(
    State(app): State<App>,
    member: Member,
    Id(id): Id<FeedKeyId>,
    _: CsrfChecked,
) -> Result<StatusCode, Error> {
    let revoked = db::member::feed_key::delete(&app.connection().await?, member.id, id).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NotFound("feed key")) }
}
