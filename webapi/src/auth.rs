//! Who is asking: extractors for members and their rights.

pub mod anonymous;
pub mod csrf;
pub mod device;
pub mod scoped;
pub mod session;
pub mod visitor;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use bt::announce_key::Binding;

pub use csrf::{Checked, CheckedJson, CsrfChecked, Guard};
pub use device::Caller;
pub use scoped::{Bearer, Downloader, Follower, Publisher, Reader, SignedIn};

use crate::app::App;
use crate::db::user::Account;
use crate::domain::invite::may_invite;
use crate::domain::scope::{Scope, Scopes};
use crate::error::Error;

/// The role that manages members and roles.
pub const ADMINISTRATOR: &str = "administrator";
/// The role that keeps the torrents in order.
pub const MODERATOR: &str = "moderator";
/// The role that creates invites.
pub const INVITER: &str = "inviter";

/// All roles: the rows of the table `roles`.
pub const ROLES: [&str; 3] = [ADMINISTRATOR, INVITER, MODERATOR];

/// How a member proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// With the session's cookie.
    Cookie,
    /// With an API token.
    Token {
        /// Of its row.
        id: i32,
        /// What it may be used for.
        scopes: Scopes,
    },
}

impl By {
    /// Whether this proof does for what needs `scope`. A session does for all.
    pub fn allows(self, scope: Scope) -> bool {
        match self {
            Self::Cookie => true,
            Self::Token { scopes, .. } => scopes.allow(scope),
        }
    }
}

/// The one who asks. As an extractor it refuses everybody who is not signed in, disabled members, and API tokens without
/// the scope `all`: what a token of fewer scopes may do says so with one of the extractors in [`scoped`].
#[derive(Debug, Clone)]
pub struct Member {
    /// Of their account.
    pub id: i32,
    /// As they sign in.
    pub name: String,
    /// Names from the table `roles`, sorted. A token of fewer scopes than `all` brings none.
    pub roles: Vec<String>,
    /// Of their announce keys.
    pub key: Binding,
    /// Cookie or token.
    pub by: By,
}

impl Member {
    /// `account` after its owner proved who they are.
    pub fn new(account: Account, by: By) -> Self {
        let Account { id, name, roles, key, .. } = account;
        let roles = if by.allows(Scope::All) { roles } else { Vec::new() };
        Self { id, name, roles, key, by }
    }

    /// Whether they hold `role`.
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|it| it == role)
    }

    /// Administrator or moderator.
    pub fn is_staff(&self) -> bool {
        self.is_administrator() || self.has(MODERATOR)
    }

    /// Manages members.
    pub fn is_administrator(&self) -> bool {
        self.has(ADMINISTRATOR)
    }

    /// Inviter or administrator.
    pub fn may_invite(&self) -> bool {
        may_invite(&self.roles)
    }
}

impl FromRequestParts<App> for Member {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        scoped::member(parts, app, &[Scope::All]).await
    }
}

/// A member who is administrator or moderator.
#[derive(Debug, Clone)]
pub struct Staff(pub Member);

/// A member who is administrator and signed in with a session: no API token does what is for administrators alone.
#[derive(Debug, Clone)]
pub struct Administrator(pub Member);

/// A member who may create invites.
#[derive(Debug, Clone)]
pub struct Inviter(pub Member);

impl FromRequestParts<App> for Staff {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let member = Member::from_request_parts(parts, app).await?;
        let allowed = member.is_staff();
        allowed.then_some(Self(member)).ok_or(Error::Forbidden("this is for moderators and administrators"))
    }
}

impl FromRequestParts<App> for Administrator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let SignedIn(member) = SignedIn::from_request_parts(parts, app).await?;
        let allowed = member.is_administrator();
        allowed.then_some(Self(member)).ok_or(Error::Forbidden("this is for administrators"))
    }
}

impl FromRequestParts<App> for Inviter {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let member = Member::from_request_parts(parts, app).await?;
        let allowed = member.may_invite();
        allowed.then_some(Self(member)).ok_or(Error::Forbidden("this is for members who may invite"))
    }
}
