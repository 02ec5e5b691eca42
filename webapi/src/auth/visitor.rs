//! Finds out, once for each request, who sent it.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use tower_sessions::Session;

use super::session;
use crate::app::App;
use crate::db;
use crate::domain::member::token;
use crate::domain::member::{By, Member};
use crate::error::Error;
use crate::id::TokenId;
use crate::reading;

/// An extension of requests: they do not count towards `webapi.requestsPerMinute`.
#[derive(Debug, Clone, Copy)]
pub struct Uncounted;

/// The ways to sign in that a face accepts: an extension of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// Whether a session's cookie is accepted.
    pub session: bool,
    /// Whether an API token in the header `Authorization` is accepted.
    pub bearer: bool,
    /// What is done with a request whose API token is not valid.
    pub invalid_token: InvalidToken,
}

/// What is done with a request whose API token is not, or no longer, valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidToken {
    /// It is refused.
    Refused,
    /// It is treated as one without a token: a page then leads to signing in, which an old token must not prevent.
    Ignored,
}

impl Default for Credentials {
    fn default() -> Self {
        Self { session: true, bearer: true, invalid_token: InvalidToken::Refused }
    }
}

/// The sender of a request: a member, or somebody who is not signed in.
#[derive(Debug, Clone)]
pub struct Visitor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    member: Option<Member>,
    csrf: Option<String>,
}

impl Visitor {
    /// The sender of a request. It is kept in `parts`, so that several extractors ask the database only once. A
    /// member's request is counted, unless its route is [`Uncounted`]. One that only reads waits while too many others
    /// of its member run.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] for a member who has sent more than `webapi.requestsPerMinute` allows, or of whom too
    /// many requests wait already.
    pub async fn of(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let credentials = parts.extensions.get::<Credentials>().copied().unwrap_or_default();
        let visitor = match Self::find(app, credentials, &parts.headers, &session::of(parts)?).await {
            Err(Error::Unauthorized | Error::TokenExpired)
                if credentials.invalid_token == InvalidToken::Ignored =>
            {
                Self::new(None, None)
            }
            found => found?,
        };
        parts.extensions.insert(visitor.clone());
        let counted = parts.extensions.get::<Uncounted>().is_none();
        if let Some(member) = visitor.member().filter(|_| counted) {
            app.requests.count(member.id, Instant::now())?;
        }
        if let Some(member) = visitor.member() {
            reading::wait_for_permit(&app.readers, member.id, app.backend_timeout()).await?;
        }
        Ok(visitor)
    }

    /// Asks the database who the sender is. A bearer token has precedence over a session, and an invalid one is an
    /// error. Other schemes of `Authorization` are ignored: a proxy in front of the site may use them.
    pub async fn find(
        app: &App,
        credentials: Credentials,
        headers: &HeaderMap,
        session: &Session,
    ) -> Result<Self, Error> {
        let look_up = async {
            match headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes) {
                Some(value) if credentials.bearer && token::is_bearer(value) => bearer(app, value).await,
                _ if credentials.session => by_session(app, session).await,
                _ => Ok(Self::new(None, None)),
            }
        };
        let found = tokio::time::timeout(app.backend_timeout(), look_up).await;
        found.unwrap_or_else(|_| {
            app.close_idle_connections();
            Err(Error::Unavailable("database"))
        })
    }

    /// The member, if somebody is signed in.
    pub fn member(&self) -> Option<&Member> {
        self.0.member.as_ref()
    }

    /// The CSRF token of the session, if the sender signed in with one.
    pub fn csrf(&self) -> Option<&str> {
        self.0.csrf.as_deref()
    }

    fn new(member: Option<Member>, csrf: Option<String>) -> Self {
        Self(Arc::new(Inner { member, csrf }))
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        Self::of(parts, app).await
    }
}

async fn bearer(app: &App, authorization: &[u8]) -> Result<Visitor, Error> {
    let token = token::parse_authorization(authorization).ok_or(Error::Unauthorized)?;
    let client = app.connection().await?;
    let id = TokenId::from_unsigned(token.id()).ok_or(Error::Unauthorized)?;
    let row = db::member::token::find_with_account(&client, id).await?.ok_or(Error::Unauthorized)?;
    if !token.verify(&app.keys.api_token, &[&row.nonce]) {
        return Err(Error::Unauthorized);
    }
    if row.expired {
        return Err(Error::TokenExpired);
    }
    db::member::token::touch(&client, row.id).await?;
    let by = By::Token { id: row.id, scopes: token::scopes(row.scopes.as_deref()) };
    Ok(Visitor::new(Some(Member::new(row.account, by)), None))
}

async fn by_session(app: &App, session: &Session) -> Result<Visitor, Error> {
    let Some(ticket) = session::ticket(session).await? else { return Ok(Visitor::new(None, None)) };
    let client = app.connection().await?;
    let Some(account) = db::member::user::find_enabled(&client, ticket.user_id).await? else {
        return Ok(Visitor::new(None, None));
    };
    drop(client);
    session::renew(session).await?;
    Ok(Visitor::new(Some(Member::new(account, By::Cookie)), Some(ticket.csrf)))
}
