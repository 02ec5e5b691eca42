//! Extractors that require a scope of an API token. A session passes all of them.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::visitor::Visitor;
use crate::app::App;
use crate::domain::member::scope::Scope;
use crate::domain::member::{By, Member};
use crate::error::Error;

/// A member with a session, or with any API token.
#[derive(Debug, Clone)]
pub struct Bearer(pub Member);

/// A member with a session; API tokens are refused, whatever their scopes.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Member);

/// A member who may read the site: scope `read`.
#[derive(Debug, Clone)]
pub struct Reader(pub Member);

/// A member who may read the list of torrents and its live counts: scope `read` or `announce-list`.
#[derive(Debug, Clone)]
pub struct ListFollower(pub Member);

/// A member who may download .torrent files: scope `download`.
#[derive(Debug, Clone)]
pub struct Downloader(pub Member);

/// A member who may upload torrents and change their own: scope `upload`.
#[derive(Debug, Clone)]
pub struct Publisher(pub Member);

impl FromRequestParts<App> for Bearer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        Visitor::of(parts, app).await?.member().cloned().map(Self).ok_or(Error::Unauthorized)
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Bearer(member) = Bearer::from_request_parts(parts, app).await?;
        (member.by == By::Cookie).then_some(Self(member)).ok_or(Error::SessionOnly)
    }
}

/// The member who sent the request, with a session or with an API token that has one of `scopes`.
pub(super) async fn member(parts: &mut Parts, app: &App, scopes: &[Scope]) -> Result<Member, Error> {
    let Bearer(member) = Bearer::from_request_parts(parts, app).await?;
    if scopes.iter().any(|scope| member.by.allows(*scope)) {
        return Ok(member);
    }
    let words: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
    Err(Error::TokenScope(words.join(" or ")))
}

macro_rules! extractors {
    ($($name:ident: $scopes:expr,)+) => {
        $(impl FromRequestParts<App> for $name {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
                member(parts, app, &$scopes).await.map(Self)
            }
        })+
    };
}

extractors! {
    Reader: [Scope::Read],
    ListFollower: [Scope::Read, Scope::AnnounceList],
    Downloader: [Scope::Download],
    Publisher: [Scope::Upload],
}
