//! `/api/tokens`: keys to one's account for tools.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AnyFailure, BodyFailure, ChangeFailure, ErrorBody, Failure, List, MemberFailure, created};
use crate::app::App;
use crate::auth::{CheckedJson, CsrfChecked, Member};
use crate::db;
use crate::db::token::ApiToken;
use crate::domain::token;
use crate::error::Error;
use crate::extract::Json;
use crate::router::parameters::Id;

/// The operations.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, revoke))
}

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenItem {
    /// Of its resource.
    pub id: i32,
    /// What you call it.
    pub name: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// To the minute; null until it is used.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
}

impl From<ApiToken> for TokenItem {
    fn from(row: ApiToken) -> Self {
        let ApiToken { id, name, created_at, last_used_at } = row;
        Self { id, name, created_at, last_used_at }
    }
}

/// A token that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewToken {
    /// What you call it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

/// A token that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedToken {
    /// Of its resource.
    pub id: i32,
    /// What you call it.
    pub name: String,
    /// Send it as `Authorization: Bearer fw_…`. It is never shown again.
    pub token: String,
}

/// Your API tokens.
///
/// At most 50, newest first. Their secrets are not stored.
#[utoipa::path(
    get,
    path = "/api/tokens",
    operation_id = "list_tokens",
    tag = "tokens",
    responses(
        (status = 200, description = "All of them, newest first", body = List<TokenItem>),
        MemberFailure,
        AnyFailure,
    )
)]
async fn list(State(app): State<App>, member: Member) -> Result<Json<List<TokenItem>>, Failure> {
    let found = db::token::list(&app.connection().await?, member.id).await?;
    Ok(Json(List::all(found.into_iter().map(TokenItem::from).collect())))
}

/// Make an API token.
///
/// It opens your account to a tool.
#[utoipa::path(
    post,
    path = "/api/tokens",
    operation_id = "create_token",
    tag = "tokens",
    request_body = NewToken,
    responses(
        (status = 201, description = "Made; the token is in this answer only", body = CreatedToken),
        (status = 409, description = "You have too many", body = ErrorBody),
        MemberFailure,
        ChangeFailure,
        BodyFailure,
        AnyFailure,
    )
)]
async fn create(
    State(app): State<App>,
    member: Member,
    CheckedJson(form): CheckedJson<NewToken>,
) -> Result<impl IntoResponse, Failure> {
    let token::NewToken { row, text } =
        token::create(&app, &app.connection().await?, &member, &form.name).await?;
    let location = format!("/api/tokens/{}", row.id);
    let body = CreatedToken { id: row.id, name: row.name, token: text.reveal().to_owned() };
    Ok(created(&app, &location, body))
}

/// One of your API tokens.
///
/// Its secret is not stored.
#[utoipa::path(
    get,
    path = "/api/tokens/{id}",
    operation_id = "show_token",
    tag = "tokens",
    params(("id" = i32, Path)),
    responses(
        (status = 200, description = "The token without its secret", body = TokenItem),
        (status = 404, description = "You have no such token", body = ErrorBody),
        MemberFailure,
        AnyFailure,
    )
)]
async fn show(State(app): State<App>, member: Member, Id(id): Id) -> Result<Json<TokenItem>, Failure> {
    let found = db::token::find(&app.connection().await?, member.id, id).await?;
    Ok(Json(found.ok_or(Error::NotFound("token"))?.into()))
}

/// Revoke one of your API tokens.
///
/// At once.
#[utoipa::path(
    delete,
    path = "/api/tokens/{id}",
    operation_id = "revoke_token",
    tag = "tokens",
    params(("id" = i32, Path)),
    responses(
        (status = 204, description = "It no longer opens anything"),
        (status = 404, description = "You have no such token", body = ErrorBody),
        MemberFailure,
        ChangeFailure,
        AnyFailure,
    )
)]
async fn revoke(
    State(app): State<App>,
    member: Member,
    Id(id): Id,
    _: CsrfChecked,
) -> Result<StatusCode, Failure> {
    let revoked = db::token::delete(&app.connection().await?, member.id, id).await?;
    if revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NotFound("token").into()) }
}
