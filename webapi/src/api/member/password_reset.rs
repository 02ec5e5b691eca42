//! `/api/password-resets` and `/api/members/{id}/password-resets`: links that set a new password, for members who
//! forgot theirs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use infra::secrets::Secret;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tower_sessions::Session;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::created;
use crate::api::shapes::{AnyFailure, BodyFailure, ErrorBody, MemberFailure, NotFoundFailure};
use crate::app::App;
use crate::auth::needs::{NOTHING, SESSION};
use crate::auth::{self, CsrfChecked, PasswordResetter, SignedIn};
use crate::db;
use crate::domain::member::attempts::Caller;
use crate::domain::member::password_reset::{self, Found, State as ResetState};
use crate::domain::member::permission::Permission;
use crate::error::Error;
use crate::extract::{Id, Json, SecretSegment};
use crate::id::UserId;
use crate::routes::Routes;

/// The operations below `/api/password-resets`, and those that make a link and dismiss its notice.
pub fn routes() -> Routes {
    Routes::new()
        .operation(SESSION.and(Permission::MemberResetPassword), routes!(create_password_reset))
        .operation(NOTHING, routes!(show_password_reset))
        .operation(NOTHING, routes!(apply_password_reset))
        .operation(SESSION, routes!(dismiss_password_reset))
}

/// A link that sets a new password.
#[derive(Debug, Serialize, ToSchema)]
struct NewReset {
    /// The link to pass on. Whoever has it can set the password. It cannot be shown again.
    #[schema(value_type = String)]
    url: Secret,
    /// Until when it can be used.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// A link, as whoever has it sees it.
#[derive(Debug, Serialize, ToSchema)]
struct ResetBody {
    /// Name of the member whose password it sets.
    username: String,
    /// Whether it can be used, or why not.
    state: ResetState,
    /// Until when it can be used.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// The new password.
#[derive(Debug, Deserialize, ToSchema)]
struct NewPassword {
    /// 8 characters at least, 200 bytes at most, hard to guess and no name.
    #[schema(value_type = String)]
    password: Secret,
}

/// Make a link that sets a member's password.
///
/// For staff, with a session. The link works once, within 24 hours. It stops working when another one is made for the
/// same member, when the password is changed, and when you may no longer make it. Nobody makes a link for a member who
/// has a role that they lack; administrators lack none.
#[utoipa::path(
    post,
    path = "/api/members/{id}/password-resets",
    tag = "members",
    params(("id" = UserId, Path)),
    responses(
        (status = 201, description = "The link to pass on", body = NewReset),
        (status = 409, description = "The account is your own: change your password instead", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn create_password_reset(
    State(app): State<App>,
    PasswordResetter(member): PasswordResetter,
    Id(id): Id<UserId>,
    _: CsrfChecked,
) -> Result<impl IntoResponse, Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    let row = password_reset::create(&transaction, &member, id).await?;
    transaction.commit().await?;
    let location = format!("/api/password-resets/{}", password_reset::secret(&app.keys, &row).reveal());
    let url = password_reset::url(&app.keys, app.site(), &row);
    let body = NewReset { url, expires_at: row.expires_at };
    Ok(created(&app, &location, body))
}

/// The state of a link that sets a password.
///
/// Whoever has the link may ask.
#[utoipa::path(
    get,
    path = "/api/password-resets/{secret}",
    tag = "session",
    params(("secret" = String, Path)),
    responses(
        (status = 200, description = "The link", body = ResetBody),
        NotFoundFailure,
        AnyFailure,
    )
)]
async fn show_password_reset(
    State(app): State<App>,
    SecretSegment(secret): SecretSegment,
) -> Result<Json<ResetBody>, Error> {
    let Found { row, state } = password_reset::find(&app.keys, &app.connection().await?, &secret).await?;
    Ok(Json(ResetBody { username: row.user_name, state, expires_at: row.expires_at }))
}

/// Set the password that a link is for.
///
/// All sessions of the member end; API tokens stay. A disabled account stays disabled. Forged links count as failed
/// attempts of the network that they come from (`signInAttempts` of the configuration: 10 in 5 minutes by default).
#[utoipa::path(
    post,
    path = "/api/password-resets/{secret}",
    tag = "session",
    params(("secret" = String, Path)),
    request_body = NewPassword,
    responses(
        (status = 204, description = "The password is set; sign in"),
        (status = 403, description = "A page of another site made a browser send this", body = ErrorBody),
        (status = 410, description = "The link was used, has expired or was replaced", body = ErrorBody),
        (
            status = 429,
            description = "Too many failed attempts; `Retry-After` says when to come back",
            body = ErrorBody,
        ),
        NotFoundFailure,
        BodyFailure,
        AnyFailure,
    )
)]
async fn apply_password_reset(
    State(app): State<App>,
    caller: Caller,
    SecretSegment(secret): SecretSegment,
    Json(form): Json<NewPassword>,
) -> Result<StatusCode, Error> {
    auth::account::use_reset_link(&app, &secret, form.password, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Dismiss the notice that your password was reset.
///
/// `GET /api/session` shows the notice until then.
#[utoipa::path(
    delete,
    path = "/api/session/password-reset",
    tag = "session",
    responses(
        (status = 204, description = "The notice is not shown again"),
        MemberFailure,
    )
)]
async fn dismiss_password_reset(
    State(app): State<App>,
    // A program with a token must not hide the notice from its member.
    SignedIn(member): SignedIn,
    _: CsrfChecked,
    session: Session,
) -> Result<StatusCode, Error> {
    db::member::password_reset::mark_seen(&app.connection().await?, member.id).await?;
    auth::session::forget_notice(&session).await?;
    Ok(StatusCode::NO_CONTENT)
}
