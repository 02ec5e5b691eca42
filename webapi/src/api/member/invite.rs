//! `/api/invites` and `/api/members/{id}/invites`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use infra::secrets::Secret;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::created;
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

/// The operations.
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
    /// The link to pass on: whoever has it can claim the invite. Null where it is no longer open, or where who asks may
    /// not invite any more.
    pub url: Option<String>,
    /// For whom it is, in the words of its maker; null to everybody else.
    pub note: Option<String>,
    /// Whether it can be claimed.
    pub state: InviteState,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// From then on it cannot be claimed.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl InviteBody {
    /// For its maker.
    fn own(app: &App, maker: &Member, row: &Invite) -> Self {
        let body = Self::new(app, row);
        let url = body.url.filter(|_| maker.may(Permission::InviteCreate));
        Self { url, note: row.note.clone(), ..body }
    }

    /// For whoever has the link.
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

/// An invite that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewInvite {
    /// For whom it is: 100 characters at most. You and the staff see it.
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
/// Newest first, whatever became of them.
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
/// For inviters and administrators. It makes one account and expires after the days that the site grants. The body may be
/// left out.
#[utoipa::path(
    post,
    path = "/api/invites",
    tag = "invites",
    request_body = Option<NewInvite>,
    responses(
        (status = 201, description = "Made; pass the link on", body = InviteBody),
        (status = 409, description = "You have as many open ones as the site allows, 10 by default", body = ErrorBody),
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
/// Its link is all that one needs to ask. One that was revoked, claimed or has expired is still answered, with that
/// state.
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

/// Claim an invite: make the account it is for.
///
/// Of several claims at the same moment one succeeds.
/// Forged invites and names that are taken are counted per network (`signInAttempts` of the configuration, 10 in 5
/// minutes where it says nothing else).
#[utoipa::path(
    post,
    path = "/api/invites/{secret}",
    tag = "invites",
    params(("secret" = String, Path)),
    request_body = Claim,
    responses(
        (status = 201, description = "The account is made; sign in", body = MemberBody),
        (status = 403, description = "Another site asked a browser for this", body = ErrorBody),
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
/// For whoever made it and administrators.
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

/// Your invites, below your own resource.
///
/// As `/api/invites`.
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
    crate::api::member::account::own(&member, id)?;
    page(&app, &member, &paging).await
}

/// Make an invite, below your own resource.
///
/// As `POST /api/invites`.
#[utoipa::path(
    post,
    path = "/api/members/{id}/invites",
    tag = "members",
    params(("id" = UserId, Path)),
    request_body = Option<NewInvite>,
    responses(
        (status = 201, description = "Made; pass the link on", body = InviteBody),
        (status = 409, description = "You have as many open ones as the site allows, 10 by default", body = ErrorBody),
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
    crate::api::member::account::own(&member, id)?;
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
