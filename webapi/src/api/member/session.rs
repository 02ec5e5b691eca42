//! `/api/session`: signing in and out. `/api/sessions`: the browsers and scripts that a member is signed in with.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use infra::secrets::Secret;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tower_sessions::Session;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::created;
use crate::api::shapes::{
    AnyFailure, BodyFailure, ErrorBody, List, MemberFailure, NotFoundFailure, role_names,
};
use crate::app::App;
use crate::auth::needs::{ALL, ANYONE, NOTHING};
use crate::auth::session::own_hash;
use crate::auth::visitor::Visitor;
use crate::auth::{self, Bearer, CsrfChecked};
use crate::db;
use crate::domain::member::attempts::Caller;
use crate::domain::member::password_reset::Notice;
use crate::domain::member::{By, Member};
use crate::error::Error;
use crate::extract::{Id, Json};
use crate::id::{SessionId, UserId};
use crate::routes::Routes;

/// The operations below `/api/session` and `/api/sessions`.
pub fn routes() -> Routes {
    Routes::new()
        .operation(NOTHING, routes!(sign_in))
        .operation(ANYONE, routes!(show_session))
        .operation(ALL, routes!(sign_out))
        .operation(ALL, routes!(list_sessions))
        .operation(ALL, routes!(end_other_sessions))
        .operation(ALL, routes!(end_session))
}

/// A member's name and password.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SignIn {
    /// The member's name, in any case.
    pub username: String,
    /// The member's password.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionBody {
    /// The member who is signed in.
    pub user: SessionMember,
    /// The value of the header `X-CSRF-Token` in every request that changes something; null where the request came with
    /// an API token, which needs none.
    pub csrf_token: Option<String>,
    /// Tells you that your password was reset with a link, until `DELETE /api/session/password-reset` dismisses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_reset: Option<Notice>,
}

/// The member who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionMember {
    /// The member's id.
    pub id: UserId,
    /// The member's name.
    pub name: String,
    /// What they may do; empty where the request came with an API token without the scope `all`.
    #[schema(schema_with = role_names)]
    pub roles: Vec<String>,
}

/// A browser or a script that is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionItem {
    /// Names the session in `/api/sessions/{id}`.
    pub id: SessionId,
    /// The header `User-Agent` with which it signed in.
    pub user_agent: String,
    /// When it signed in.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last used, exact to five minutes.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// Whether this request came with it.
    pub current: bool,
}

/// Sign in.
///
/// The answer sets the session's cookie, and the cookie `device`, by which later attempts of this browser are told from
/// those of strangers.
///
/// Failed attempts are limited for a network and for a name within a network (`signInAttempts` of the configuration: 10
/// in 5 minutes by default; an IPv6 network is a /64, and its /48 may fail ten times as often), and for a name from all
/// networks together (100). A browser that signed in before and sends its cookie `device` has a limit of its own.
#[utoipa::path(
    post,
    path = "/api/session",
    tag = "session",
    request_body = SignIn,
    responses(
        (status = 201, description = "Signed in", body = SessionBody),
        (status = 401, description = "The name or the password is wrong", body = ErrorBody),
        (status = 403, description = "The account is disabled", body = ErrorBody),
        (
            status = 429,
            description = "Too many failed attempts; `Retry-After` says when to come back",
            body = ErrorBody,
        ),
        BodyFailure,
        AnyFailure,
    )
)]
async fn sign_in(
    State(app): State<App>,
    caller: Caller,
    session: Session,
    headers: HeaderMap,
    Json(form): Json<SignIn>,
) -> Result<impl IntoResponse, Error> {
    let verified = auth::account::verify(&app, &form.username, form.password, &caller).await?;
    let id = verified.id;
    let account =
        db::member::user::find_enabled(&app.connection().await?, id).await?.ok_or(Error::Credentials)?;
    let csrf = auth::session::start(&app, &session, &verified, &headers).await?;
    let user = SessionMember { id, name: account.name, roles: account.roles };
    let password_reset = auth::session::notice(&session).await?;
    let body = SessionBody { user, csrf_token: Some(csrf), password_reset };
    Ok((Extension(caller.remember(&app, &verified)?), created(&app, "/api/session", body)))
}

/// Who is signed in.
///
/// With the CSRF token that requests with changes have to send.
#[utoipa::path(
    get,
    path = "/api/session",
    tag = "session",
    responses(
        (status = 200, description = "The member who sent the request", body = SessionBody),
        MemberFailure,
    )
)]
async fn show_session(
    Bearer(member): Bearer,
    visitor: Visitor,
    session: Session,
) -> Result<Json<SessionBody>, Error> {
    let user = SessionMember { id: member.id, name: member.name, roles: member.roles };
    let csrf_token = visitor.csrf().map(str::to_owned);
    let password_reset = auth::session::notice(&session).await?.filter(|_| member.by == By::Cookie);
    Ok(Json(SessionBody { user, csrf_token, password_reset }))
}

/// Sign out.
///
/// This ends no API token: `DELETE /api/tokens/{id}` does.
#[utoipa::path(
    delete,
    path = "/api/session",
    tag = "session",
    responses(
        (status = 204, description = "The session has ended"),
        MemberFailure,
    )
)]
async fn sign_out(_: Member, _: CsrfChecked, session: Session) -> Result<StatusCode, Error> {
    if session.id().is_some() {
        session.flush().await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Your sessions.
///
/// At most 100: where there would be more, those that were not used for longest end.
#[utoipa::path(
    get,
    path = "/api/sessions",
    tag = "session",
    responses(
        (status = 200, description = "All of them, first the one that the request came with", body = List<SessionItem>),
        MemberFailure,
    )
)]
async fn list_sessions(
    State(app): State<App>,
    member: Member,
    session: Session,
) -> Result<Json<List<SessionItem>>, Error> {
    let own = own_hash(&app, &member, &session);
    let found = db::member::session::list(&app.connection().await?, member.id, own.as_deref()).await?;
    let items = found.into_iter().map(|it| SessionItem {
        id: it.public_id,
        user_agent: it.user_agent,
        created_at: it.created_at,
        last_seen_at: it.last_seen_at,
        current: it.current,
    });
    Ok(Json(List::all(items.collect())))
}

/// End your other sessions.
///
/// API tokens stay.
#[utoipa::path(
    delete,
    path = "/api/sessions",
    tag = "session",
    responses(
        (status = 204, description = "Only the session that the request came with is left"),
        MemberFailure,
    )
)]
async fn end_other_sessions(
    State(app): State<App>,
    member: Member,
    _: CsrfChecked,
    session: Session,
) -> Result<StatusCode, Error> {
    let own = own_hash(&app, &member, &session);
    db::member::session::end_others(&app.connection().await?, member.id, own.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one of your sessions.
///
/// It may be the one that the request comes with.
#[utoipa::path(
    delete,
    path = "/api/sessions/{id}",
    tag = "session",
    params(("id" = SessionId, Path)),
    responses(
        (status = 204, description = "The session has ended"),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn end_session(
    State(app): State<App>,
    member: Member,
    Id(id): Id<SessionId>,
    _: CsrfChecked,
) -> Result<StatusCode, Error> {
    let ended = db::member::session::end(&app.connection().await?, member.id, id).await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NotFound("session")) }
}
