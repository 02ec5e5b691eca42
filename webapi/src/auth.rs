//! Who sent a request: extractors for members and their rights, sessions, CSRF tokens.

pub mod account;
pub mod anonymous;
pub mod csrf;
pub mod device;
pub mod scoped;
pub mod session;
pub mod visitor;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

pub use csrf::{Checked, CheckedJson, CsrfChecked, Guard};
pub use scoped::{Bearer, Downloader, Follower, Publisher, Reader, SignedIn};

use crate::app::App;
use crate::domain::member::Member;
use crate::domain::scope::Scope;
use crate::error::Error;

/// Refuses everybody who is not signed in, disabled members, and API tokens without the scope `all`: handlers that
/// take other tokens say so with one of the extractors in [`scoped`].
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
