//! `/api/tokens`: API tokens, with which a member's programs use this API.

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
use crate::db::member::token::ApiToken;
use crate::domain::member::Member;
use crate::domain::member::key::Created;
use crate::domain::member::scope::Scope;
use crate::domain::member::token;
use crate::error::Error;
use crate::extract::{Id, Json};
use crate::id::TokenId;
use crate::routes::Routes;

/// The operations below `/api/tokens`.
pub fn routes() -> Routes {
    Routes::new()
        .operation(ALL, routes!(list_tokens))
        .operation(SESSION, routes!(create_token))
        .operation(ALL, routes!(show_token))
        .operation(ALL, routes!(revoke_token))
}

/// An API token without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenItem {
    /// Names the token in `/api/tokens/{id}`.
    pub id: TokenId,
    /// The name that you gave it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Whether it is older than scopes: such a token may do all that a token can, and never ends. Replace it by a new
    /// one.
    pub before_scopes: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it stops working; null where it never does.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// Whether `expires_at` has passed.
    pub expired: bool,
    /// When it was last used, to the minute; null until it is used.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
}

impl From<ApiToken> for TokenItem {
    fn from(row: ApiToken) -> Self {
        let ApiToken { id, name, scopes, created_at, expires_at, expired, last_used_at } = row;
        let before_scopes = scopes.is_none();
        let scopes = token::scopes(scopes.as_deref()).iter().collect();
        Self { id, name, scopes, before_scopes, created_at, expires_at, expired, last_used_at }
    }
}

/// The token to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewToken {
    /// A name that none of your other tokens has.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may be used for: one scope at least. Without this field, `all`.
    #[serde(default = "all")]
    #[schema(value_type = Vec<Scope>)]
    pub scopes: Vec<String>,
    /// Days until it stops working, 1 to 3650. Without this field, 365; null for a token that never ends.
    #[serde(default = "one_year")]
    pub expires_in_days: Option<u32>,
}

fn all() -> Vec<String> {
    vec![Scope::All.word().to_owned()]
}

#[expect(clippy::unnecessary_wraps, reason = "the default of a field")]
fn one_year() -> Option<u32> {
    Some(token::DAYS)
}

/// A token that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedToken {
    /// Names the token in `/api/tokens/{id}`.
    pub id: TokenId,
    /// The name that you gave it.
    pub name: String,
    /// Send it as `Authorization: Bearer fw_…`. It is never shown again.
    pub token: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it stops working; null where it never does.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

/// Your API tokens.
///
/// At most 50, newest first. Their secrets are not stored.
#[utoipa::path(
    get,
    path = "/api/tokens",
    tag = "tokens",
    responses(
        (status = 200, description = "All of them, newest first", body = List<TokenItem>),
        MemberFailure,
    )
)]
async fn list_tokens(State(app): State<App>, member: Member) -> Result<Json<List<TokenItem>>, Error> {
    let found = db::member::token::list(&app.connection().await?, member.id).await?;
    Ok(Json(List::all(found.into_iter().map(TokenItem::from).collect())))
}

/// Make an API token.
///
/// A program that sends it acts in your name, within its scopes. Only a session makes tokens; no token does.
#[utoipa::path(
    post,
    path = "/api/tokens",
    tag = "tokens",
    request_body = NewToken,
    responses(
        (status = 201, description = "The token; only this answer has its secret", body = CreatedToken),
        (status = 409, description = "You have 50 already", body = ErrorBody),
        MemberFailure,
        BodyFailure,
    )
)]
async fn create_token(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    CheckedJson(form): CheckedJson<NewToken>,
) -> Result<impl IntoResponse, Error> {
    let request = token::TokenRequest { name: &form.name, scopes: &form.scopes, days: form.expires_in_days };
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    let Created { row, secret } = token::create(&app.keys, &transaction, member.id, &request).await?;
    transaction.commit().await?;
    let location = format!("/api/tokens/{}", row.id);
    let body = CreatedToken {
        id: row.id,
        name: row.name,
        token: secret.reveal().to_owned(),
        scopes: token::scopes(row.scopes.as_deref()).iter().collect(),
        expires_at: row.expires_at,
    };
    Ok(created(&app, &location, body))
}

/// One of your API tokens.
///
/// Its secret is not stored.
#[utoipa::path(
    get,
    path = "/api/tokens/{id}",
    tag = "tokens",
    params(("id" = TokenId, Path)),
    responses(
        (status = 200, description = "The token without its secret", body = TokenItem),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn show_token(
    State(app): State<App>,
    member: Member,
    Id(id): Id<TokenId>,
) -> Result<Json<TokenItem>, Error> {
    let found = db::member::token::find(&app.connection().await?, member.id, id).await?;
    Ok(Json(found.ok_or(Error::NotFound("token"))?.into()))
}

/// Revoke one of your API tokens.
///
/// It stops working at once.
#[utoipa::path(
    delete,
    path = "/api/tokens/{id}",
    tag = "tokens",
    params(("id" = TokenId, Path)),
    responses(
        (status = 204, description = "The token no longer works"),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn revoke_token(
    State(app): State<App>,
    member: Member,
    Id(id): Id<TokenId>,
    _: CsrfChecked,
) -> Result<StatusCode, Error> {
    let revoked = db::member::token::delete(&app.connection().await?, member.id, id).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NotFound("token")) }
}
