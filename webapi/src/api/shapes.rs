//! JSON shapes that several operations share: references, members, lists and errors.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoResponses, ToSchema};

use crate::app::App;
use crate::db;
use crate::db::member::user::Profile;
use crate::domain::member::permission::Permission;
use crate::domain::member::scope::Scope;
use crate::domain::member::transfer::Ratio;
use crate::domain::member::{Member, ROLES};
use crate::error::{Error, Fields};
use crate::id::{TorrentId, UserId};
use crate::schema::one_of;

/// A member.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberBody {
    /// The member's id.
    pub id: UserId,
    /// The member's name.
    pub name: String,
    /// Names of the member's roles.
    #[schema(schema_with = role_names)]
    pub roles: Vec<String>,
    /// When the account was created.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// How many of the existing torrents the member uploaded.
    pub torrents: i64,
    /// The announce URL that is valid for all torrents, for .torrent files that one makes oneself. A secret: shown only
    /// to the member, and through a token only with the scope `download`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce_url: Option<String>,
    /// Whether the account is disabled and may not sign in. Shown only to staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Who invited the member. Shown only to staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<MemberReference>,
    /// What the member uploaded and downloaded. Shown only to the member and to staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
}

/// A member, by id and name.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberReference {
    /// The member's id.
    pub id: UserId,
    /// The member's name.
    pub name: String,
}

impl MemberBody {
    /// The fields that every member may see.
    pub fn new(profile: Profile) -> Self {
        let Profile { account, torrents, .. } = profile;
        Self {
            id: account.id,
            name: account.name,
            roles: account.roles,
            created_at: account.created_at,
            torrents,
            announce_url: None,
            disabled: None,
            invited_by: None,
            totals: None,
        }
    }

    /// The fields that `member` may see.
    pub fn to(app: &App, member: &Member, profile: Profile) -> Self {
        let disabled = profile.account.disabled_at.is_some();
        let inviter = profile.inviter.as_ref().map(|it| MemberReference { id: it.id, name: it.name.clone() });
        let (id, key) = (profile.account.id, profile.account.key);
        let totals = profile.totals;
        let mut body = Self::new(profile);
        if member.id == id || member.may(Permission::MemberViewPrivate) {
            body.totals = Some(totals.into());
        }
        if member.id == id && member.by.allows(Scope::Download) {
            body.announce_url = Some(app.announce_urls.of(id, &key, None));
        }
        if member.may(Permission::MemberViewPrivate) {
            body.disabled = Some(disabled);
            body.invited_by = inviter;
        }
        body
    }
}

/// A torrent, by id and title.
#[derive(Debug, Serialize, ToSchema)]
pub struct TorrentReference {
    /// The torrent's id.
    pub id: TorrentId,
    /// The torrent's title.
    pub title: String,
}

/// Sums of a member over all torrents, deleted ones included.
#[derive(Debug, Serialize, ToSchema)]
pub struct Totals {
    /// Bytes sent to other peers.
    pub uploaded: i64,
    /// Bytes received from other peers.
    pub downloaded: i64,
    /// `uploaded` divided by `downloaded`; null if nothing was downloaded.
    pub ratio: Option<f64>,
    /// Seconds as a seeder, added up over all torrents.
    pub seeded_seconds: i64,
    /// Seconds as a leecher, added up over all torrents.
    pub leeched_seconds: i64,
}

impl From<db::member::transfer::Totals> for Totals {
    fn from(totals: db::member::transfer::Totals) -> Self {
        let db::member::transfer::Totals { uploaded, downloaded, seeded_seconds, leeched_seconds } = totals;
        let ratio = Ratio::new(uploaded, downloaded).number();
        Self { uploaded, downloaded, ratio, seeded_seconds, leeched_seconds }
    }
}

/// The schema of a role's name.
pub fn role_name() -> RefOr<Schema> {
    one_of(ROLES, "What a member may do, as `/api/roles` says it.").into()
}

/// The schema of a list of names of roles.
pub fn role_names() -> RefOr<Schema> {
    ArrayBuilder::new().items(role_name()).description(Some("What they may do.")).into()
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The items of this page, in order.
    pub items: Vec<T>,
    /// The cursor to pass as `after` for the next page; null on the last page.
    pub next: Option<String>,
    /// How many items the whole list has; null where counting them would cost more than the page.
    pub total: Option<i64>,
}

impl<T> List<T> {
    /// A list that has only this page.
    pub fn all(items: Vec<T>) -> Self {
        let total = i64::try_from(items.len()).ok();
        Self { items, next: None, total }
    }
}

/// The body of every answer whose status is an error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What was wrong with the request.
    pub error: ErrorDetail,
}

/// What was wrong with the request.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// A word for programs, such as `not_found`, which stays the same between versions.
    #[schema(example = "not_found")]
    pub code: String,
    /// A sentence for people.
    #[schema(example = "there is no such torrent")]
    pub message: String,
    /// What is wrong with each field, by the field's name; only where fields are at fault.
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

/// Errors that any operation may answer.
#[derive(Debug, IntoResponses)]
pub enum AnyFailure {
    /// A fault of the site; it has been logged.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The database or the tracker is away; `Retry-After` says when to come back.
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// Errors of operations for members.
#[derive(Debug, IntoResponses)]
pub enum MemberFailure {
    /// Nobody is signed in, or the token is not valid; the code is `token_expired` for a token past its end date.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// Your roles do not allow it, `X-CSRF-Token` is missing or wrong, or the API token may not do this: the code is
    /// `token_scope` if another scope would, `session_only` if no token may.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The member is over a limit: `webapi.requestsPerMinute` (600) requests a minute, or one that the operation
    /// describes. `Retry-After` is the number of seconds to wait.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// It has been logged.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The database or the tracker is away; `Retry-After` says when to come back.
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// Errors of operations that read a body.
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

/// Errors of operations whose path names one thing.
#[derive(Debug, IntoResponses)]
pub enum NotFoundFailure {
    /// Nothing has the id or the secret in the path, or it belongs to another member.
    #[response(status = 404)]
    NotFound(ErrorBody),
}
