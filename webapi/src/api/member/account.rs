//! `/api/members`: members, their passwords and announce keys.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use infra::secrets::Secret;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::api::shapes::{BodyFailure, ErrorBody, List, MemberBody, MemberFailure, NotFoundFailure};
use crate::app::App;
use crate::auth::needs::{ALL, DOWNLOAD, READ, SESSION};
use crate::auth::session::own_hash;
use crate::auth::{
    self, CheckedJson, CsrfChecked, Downloader, MemberDisabler, MemberViewer, Reader, SignedIn,
};
use crate::db;
use crate::domain::cursor;
use crate::domain::member::Member;
use crate::domain::member::account::PasswordChange;
use crate::domain::member::attempts::Caller;
use crate::domain::member::permission::Permission;
use crate::domain::staff::role;
use crate::error::Error;
use crate::extract::{Id, Json, Paging, Query};
use crate::id::UserId;
use crate::routes::Routes;

/// The operations below `/api/members`, except invites, reset links and transfers.
pub fn routes() -> Routes {
    Routes::new()
        .operation(ALL.and(Permission::MemberViewPrivate), routes!(list_members))
        .operation(READ, routes!(show_member))
        .operation(SESSION.and(Permission::MemberDisable), routes!(change_member))
        .operation(SESSION, routes!(change_password))
        .operation(DOWNLOAD, routes!(show_announce_key))
        .operation(SESSION, routes!(reset_announce_key))
}

/// Which members the list has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Selection {
    /// The beginning of the name, in any case.
    search: Option<String>,
}

/// What an administrator changes of a member.
#[derive(Debug, Deserialize, ToSchema)]
struct Change {
    /// Whether the member is kept from signing in and announcing.
    disabled: bool,
}

/// The present and the new password.
#[derive(Debug, Deserialize, ToSchema)]
struct ChangePassword {
    /// The present password.
    #[schema(value_type = String)]
    password: Secret,
    /// 8 characters at least, 200 bytes at most, hard to guess and no name.
    #[schema(value_type = String)]
    new_password: Secret,
}

/// Where your clients announce.
#[derive(Debug, Serialize, ToSchema)]
struct AnnounceKey {
    /// For torrents that you make yourself. It is a secret: whoever has it announces in your name.
    announce_url: String,
}

/// The members.
///
/// For staff.
#[utoipa::path(
    get,
    path = "/api/members",
    tag = "members",
    params(Selection, Paging),
    responses(
        (status = 200, description = "By name", body = List<MemberBody>),
        (status = 400, description = "The parameters cannot be read", body = ErrorBody),
        MemberFailure,
    )
)]
async fn list_members(
    State(app): State<App>,
    MemberViewer(member): MemberViewer,
    Query(parameters): Query<Selection>,
    paging: Paging,
) -> Result<Json<List<MemberBody>>, Error> {
    let (limit, after) = (paging.limit(), paging.after::<String>()?);
    let prefix = parameters.search.unwrap_or_default();
    let client = app.connection().await?;
    let mut found = db::member::user::list(&client, &prefix, after.as_deref(), limit + 1).await?;
    let next = cursor::cut(&mut found, limit, |last| last.account.name.clone())?;
    let total = Some(db::member::user::count(&client, &prefix).await?);
    let items = found.into_iter().map(|it| MemberBody::to(&app, &member, it)).collect();
    Ok(Json(List { items, next, total }))
}

/// A member.
///
/// Some fields are shown only to the member and to staff.
#[utoipa::path(
    get,
    path = "/api/members/{id}",
    tag = "members",
    params(("id" = UserId, Path)),
    responses(
        (status = 200, description = "The member", body = MemberBody),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn show_member(
    State(app): State<App>,
    Reader(member): Reader,
    Id(id): Id<UserId>,
) -> Result<Json<MemberBody>, Error> {
    answer(&app, &member, id).await
}

/// Disable a member or let them in again.
///
/// For administrators.
#[utoipa::path(
    patch,
    path = "/api/members/{id}",
    tag = "members",
    params(("id" = UserId, Path)),
    request_body = Change,
    responses(
        (
            status = 200,
            description = "The member. Sessions, keys and open invites of a disabled member have ended",
            body = MemberBody,
        ),
        (status = 409, description = "The member is the last administrator, or yourself", body = ErrorBody),
        NotFoundFailure,
        MemberFailure,
        BodyFailure,
    )
)]
async fn change_member(
    State(app): State<App>,
    MemberDisabler(member): MemberDisabler,
    Id(id): Id<UserId>,
    CheckedJson(form): CheckedJson<Change>,
) -> Result<Json<MemberBody>, Error> {
    let mut client = app.connection().await?;
    let transaction = client.transaction().await?;
    role::set_disabled(&transaction, member.id, id, form.disabled).await?;
    transaction.commit().await?;
    drop(client);
    app.announce_departure(id);
    answer(&app, &member, id).await
}

/// Change your password.
///
/// Your other sessions end; your API tokens stay. A wrong present password counts as a failed attempt of this session
/// (`signInAttempts` of the configuration: 10 in 5 minutes by default).
#[utoipa::path(
    put,
    path = "/api/members/{id}/password",
    tag = "members",
    params(("id" = UserId, Path)),
    request_body = ChangePassword,
    responses(
        (status = 204, description = "The password is changed"),
        NotFoundFailure,
        MemberFailure,
        BodyFailure,
    )
)]
async fn change_password(
    State(app): State<App>,
    caller: Caller,
    SignedIn(member): SignedIn,
    Id(id): Id<UserId>,
    session: Session,
    CheckedJson(form): CheckedJson<ChangePassword>,
) -> Result<impl IntoResponse, Error> {
    check_own(&member, id)?;
    let change = PasswordChange { present: form.password, new: form.new_password };
    let current = own_hash(&app, &member, &session);
    let changed = auth::account::change_password(&app, &member, current.as_deref(), change, &caller).await?;
    Ok((Extension(caller.remember(&app, &changed)?), StatusCode::NO_CONTENT))
}

/// Your announce URL.
///
/// For torrents that you make yourself. Keep it secret.
#[utoipa::path(
    get,
    path = "/api/members/{id}/announce-key",
    tag = "members",
    params(("id" = UserId, Path)),
    responses(
        (status = 200, description = "The announce URL, for any torrent of the site", body = AnnounceKey),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn show_announce_key(
    State(app): State<App>,
    Downloader(member): Downloader,
    Id(id): Id<UserId>,
) -> Result<Json<AnnounceKey>, Error> {
    check_own(&member, id)?;
    Ok(Json(AnnounceKey { announce_url: app.announce_urls.of(id, &member.key, None) }))
}

/// Reset your announce key.
///
/// All .torrent files that you downloaded before must be downloaded again.
#[utoipa::path(
    post,
    path = "/api/members/{id}/announce-key",
    tag = "members",
    params(("id" = UserId, Path)),
    responses(
        (status = 200, description = "The new announce URL", body = AnnounceKey),
        NotFoundFailure,
        MemberFailure,
    )
)]
async fn reset_announce_key(
    State(app): State<App>,
    SignedIn(member): SignedIn,
    Id(id): Id<UserId>,
    _: CsrfChecked,
) -> Result<Json<AnnounceKey>, Error> {
    check_own(&member, id)?;
    let key = db::member::user::reset_key(&app.connection().await?, id).await?;
    Ok(Json(AnnounceKey { announce_url: app.announce_urls.of(id, &key, None) }))
}

/// Refuses a request about an account that is not the member's own.
pub fn check_own(member: &Member, id: UserId) -> Result<(), Error> {
    (member.id == id).then_some(()).ok_or(Error::Forbidden("this belongs to another member"))
}

async fn answer(app: &App, member: &Member, id: UserId) -> Result<Json<MemberBody>, Error> {
    let profile =
        db::member::user::profile(&app.connection().await?, id).await?.ok_or(Error::NotFound("member"))?;
    Ok(Json(MemberBody::to(app, member, profile)))
}
