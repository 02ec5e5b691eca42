//! Parts that several operations answer with: references, members, lists and errors.

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
    /// What they may do.
    #[schema(schema_with = role_names)]
    pub roles: Vec<String>,
    /// When the account was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// How many torrents they uploaded that are still there.
    pub torrents: i64,
    /// Only to oneself, of tokens to those with the scope `download`: for torrents that one makes by hand. A secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce_url: Option<String>,
    /// Only to staff: whether they may sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Only to staff: who invited them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<MemberReference>,
    /// Only to oneself and staff: what was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
}

/// A member in few words.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberReference {
    /// The member's id.
    pub id: UserId,
    /// The member's name.
    pub name: String,
}

impl MemberBody {
    /// What all may see.
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

    /// What `member` may see.
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

/// A torrent in few words.
#[derive(Debug, Serialize, ToSchema)]
pub struct TorrentReference {
    /// The torrent's id.
    pub id: TorrentId,
    /// The torrent's title.
    pub title: String,
}

/// What a member moved of all torrents, deleted ones included.
#[derive(Debug, Serialize, ToSchema)]
pub struct Totals {
    /// Bytes sent.
    pub uploaded: i64,
    /// Bytes received.
    pub downloaded: i64,
    /// Sent by received; null where nothing was received.
    pub ratio: Option<f64>,
    /// Seconds as a seeder, of each torrent.
    pub seeded_seconds: i64,
    /// Seconds as a leecher, of each torrent.
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

/// The schema of what a member may do.
pub fn role_names() -> RefOr<Schema> {
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
    /// It has been logged.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The database or the tracker is away; `Retry-After` says when to come back.
    #[response(status = 503)]
    Unavailable(ErrorBody),
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

/// Answers of operations on one thing that its path names.
#[derive(Debug, IntoResponses)]
pub enum NotFoundFailure {
    /// Nothing has the id or the secret that the path names, or it is another member's.
    #[response(status = 404)]
    NotFound(ErrorBody),
}
