//! `/api/invites` and `/api/members/{id}/invites`: links that make one account each.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use infra::secrets::Secret;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::created;
use crate::api::member::account::check_own;
use crate::api::shapes::{
    AnyFailure, BodyFailure, ErrorBody, List, MemberBody, MemberFailure, NotFoundFailure,
};
use crate::app::App;
use crate::auth::needs::{ALL, NOTHING};
use crate::auth::{self, CsrfChecked, InviteCreator};
use crate::db;
use crate::db::member::invite::Invite;
use crate::domain::cursor;
use crate::domain::member::Member;
use crate::domain::member::attempts::Caller;
use crate::domain::member::invite::{self, State as InviteState};
use crate::domain::member::permission::Permission;
use crate::error::Error;
use crate::extract::{Id, Json, Paging, Segment};
use crate::id::UserId;
use crate::routes::Routes;

/// The operations below `/api/invites` and `/api/members/{id}/invites`.
pub fn routes() -> Routes {
    Routes::new()
        .operation(ALL, routes!(list_invites))
        .operation(ALL.and(Permission::InviteCreate), routes!(create_invite))
        .operation(NOTHING, routes!(show_invite))
        .operation(NOTHING, routes!(claim_invite))
        .operation(ALL, routes!(revoke_invite))
        .operation(ALL, routes!(list_invites_of_member))
        .operation(ALL.and(Permission::InviteCreate), routes!(create_invite_of_member))
}

/// An invite.
#[derive(Debug, Serialize, ToSchema)]
pub struct InviteBody {
    /// The link to pass on: whoever has it can claim the invite. Null where the invite is no longer open, or where you
    /// may no longer invite.
    pub url: Option<String>,
    /// Whom it is for, in the words of the member who made it; null to everybody else.
    pub note: Option<String>,
    /// Whether it can be claimed, or why not.
    pub state: InviteState,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when it can be claimed.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl InviteBody {
    /// The invite as the member who made it sees it.
    fn own(app: &App, maker: &Member, row: &Invite) -> Self {
        let body = Self::new(app, row);
        let url = body.url.filter(|_| maker.may(Permission::InviteCreate));
        Self { url, note: row.note.clone(), ..body }
    }

    /// The invite as whoever has the link sees it.
    fn new(app: &App, row: &Invite) -> Self {
        let state = InviteState::of(row);
        Self {
            url: (state == InviteState::Open).then(|| invite::url(&app.keys, app.site(), row)),
            note: None,
            state,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

/// The invite to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewInvite {
    /// Whom it is for: 100 characters at most. You and the staff see it.
    #[serde(default)]
    pub note: Option<String>,
}

/// The new account's name and password.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Claim {
    /// Letters, digits, dots, dashes or underscores; unique in any case.
    #[schema(min_length = 2, max_length = 32)]
    pub username: String,
    /// 8 characters at least, 200 bytes at most, hard to guess and no name.
    #[schema(value_type = String)]
    pub password: Secret,
}

/// Your invites.
///
/// Newest first, also those that were claimed or revoked or have expired.
#[utoipa::path(
    get,
    path = "/api/invites",
    tag = "invites",
    params(Paging),
    responses(
        (status = 200, description = "Newest first; what ended 90 days ago is left out", body = List<InviteBody>),
        (status = 400, description = "The parameters cannot be read", body = ErrorBody),
        MemberFailure,
    )
)]
async fn list_invites(
    State(app): State<App>,
    member: Member,
    paging: Paging,
) -> Result<Json<List<InviteBody>>, Error> {
    page(&app, &member, &paging).await
}

/// Make an invite.
///
/// For inviters and administrators. It makes one account, and expires after `webapi.inviteDays` of the configuration.
/// The body may be left out.
#[utoipa::path(
    post,
    path = "/api/invites",
    tag = "invites",
    request_body = Option<NewInvite>,
    responses(
        (status = 201, description = "The invite, with the link to pass on", body = InviteBody),
        (status = 409, description = "You have as many open invites as allowed, 10 by default", body = ErrorBody),
        MemberFailure,
        BodyFailure,
    )
)]
async fn create_invite(
    State(app): State<App>,
    InviteCreator(member): InviteCreator,
    _: CsrfChecked,
    body: Option<Json<NewInvite>>,
) -> Result<impl IntoResponse, Error> {
    make(&app, &member, body).await
}

async fn make(app: &App, member: &Member, body: Option<Json<NewInvite>>) -> Result<Response, Error> {
    let note = body.and_then(|Json(wish)| wish.note).unwrap_or_default();
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    let row = invite::create(&transaction, &app.invite_limits(), member, &note).await?;
    transaction.commit().await?;
    let location = format!("/api/invites/{}", invite::secret(&app.keys, &row));
    Ok(created(app, &location, InviteBody::own(app, member, &row)))
}

/// The state of an invite.
///
/// Whoever has its link may ask. An invite that was claimed or revoked or has expired is shown with that state.
#[utoipa::path(
    get,
    path = "/api/invites/{secret}",
    tag = "invites",
    params(("secret" = String, Path)),
    responses(
        (status = 200, description = "The invite, whatever its state", body = InviteBody),
        NotFoundFailure,
        AnyFailure,
    )
)]
async fn show_invite(State(app): State<App>, Segment(secret): Segment) -> Result<Json<InviteBody>, Error> {
    let row = invite::find(&app.keys, &app.connection().await?, &secret).await?;
    Ok(Json(InviteBody::new(&app, &row)))
}

/// Claim an invite: make the account that it is for.
///
/// Of several claims at the same moment one succeeds. Forged links and names that are taken count as failed attempts of
/// the network that they come from (`signInAttempts` of the configuration: 10 in 5 minutes by default).
#[utoipa::path(
    post,
    path = "/api/invites/{secret}",
    tag = "invites",
    params(("secret" = String, Path)),
    request_body = Claim,
    responses(
        (status = 201, description = "The new account; sign in with it", body = MemberBody),
        (status = 403, description = "A page of another site made a browser send this", body = ErrorBody),
        (status = 410, description = "It was claimed, revoked or has expired", body = ErrorBody),
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
async fn claim_invite(
    State(app): State<App>,
    caller: Caller,
    Segment(secret): Segment,
    Json(form): Json<Claim>,
) -> Result<impl IntoResponse, Error> {
    let fields = (form.username.as_str(), form.password);
    let new = auth::account::claim_invite(&app, &secret, fields, &caller).await?;
    let profile = db::member::user::profile(&app.connection().await?, new.id)
        .await?
        .ok_or(Error::NotFound("member"))?;
    Ok(created(&app, &format!("/api/members/{}", new.id), MemberBody::new(profile)))
}

/// Take back an invite that nobody has claimed.
///
/// For the member who made it and for administrators.
#[utoipa::path(
    delete,
    path = "/api/invites/{secret}",
    tag = "invites",
    params(("secret" = String, Path)),
    responses(
        (status = 204, description = "Its link no longer works"),
        (status = 409, description = "It has been claimed", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn revoke_invite(
    State(app): State<App>,
    member: Member,
    Segment(secret): Segment,
    _: CsrfChecked,
) -> Result<StatusCode, Error> {
    let client = app.connection().await?;
    let row = invite::find(&app.keys, &client, &secret).await?;
    invite::revoke(&client, &member, &row).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Your invites, at your own address.
///
/// The same as `GET /api/invites`.
#[utoipa::path(
    get,
    path = "/api/members/{id}/invites",
    tag = "members",
    params(("id" = UserId, Path), Paging),
    responses(
        (status = 200, description = "Newest first; what ended 90 days ago is left out", body = List<InviteBody>),
        (status = 400, description = "The parameters cannot be read", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn list_invites_of_member(
    State(app): State<App>,
    member: Member,
    Id(id): Id<UserId>,
    paging: Paging,
) -> Result<Json<List<InviteBody>>, Error> {
    check_own(&member, id)?;
    page(&app, &member, &paging).await
}

/// Make an invite, at your own address.
///
/// The same as `POST /api/invites`.
#[utoipa::path(
    post,
    path = "/api/members/{id}/invites",
    tag = "members",
    params(("id" = UserId, Path)),
    request_body = Option<NewInvite>,
    responses(
        (status = 201, description = "The invite, with the link to pass on", body = InviteBody),
        (status = 409, description = "You have as many open invites as allowed, 10 by default", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
        BodyFailure,
    )
)]
async fn create_invite_of_member(
    State(app): State<App>,
    InviteCreator(member): InviteCreator,
    Id(id): Id<UserId>,
    _: CsrfChecked,
    body: Option<Json<NewInvite>>,
) -> Result<impl IntoResponse, Error> {
    check_own(&member, id)?;
    make(&app, &member, body).await
}

async fn page(app: &App, member: &Member, paging: &Paging) -> Result<Json<List<InviteBody>>, Error> {
    let (limit, before) = (paging.limit(), paging.after()?);
    let client = app.connection().await?;
    let mut found = db::member::invite::list(&client, member.id, before, limit + 1).await?;
    let next = cursor::cut(&mut found, limit, |last| last.id)?;
    let total = Some(db::member::invite::count(&client, member.id).await?);
    let items = found.iter().map(|row| InviteBody::own(app, member, row)).collect();
    Ok(Json(List { items, next, total }))
}
