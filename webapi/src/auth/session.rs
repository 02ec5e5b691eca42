//! Sessions of signed-in members; visitors who are not signed in have none.

pub mod store;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use time::{Duration, OffsetDateTime};
use tower_sessions::cookie::SameSite;
use tower_sessions::session::Error as SessionError;
use tower_sessions::session_store::Error as StoreError;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use self::store::{
    LAST_SEEN_AT, PASSWORD_HASH, REFUSED, Stamp, Store, UNAVAILABLE, USER_AGENT, USER_ID, hash,
};
use crate::app::App;
use crate::domain::member::password_reset::{self, Notice};
use crate::domain::member::{By, Member, Verified};
use crate::error::Error;
use crate::id::UserId;

/// Key of the CSRF token in a session's data.
const CSRF: &str = "csrf";

/// Key, in a session's data, of the notice that the password was reset, kept until the member dismisses it.
const NOTICE: &str = "password_reset";

/// A session's `last_seen_at` is stored at most this often.
const RENEW_AFTER: Duration = Duration::minutes(5);

/// Characters of the `User-Agent` that are stored.
const USER_AGENT_LEN: usize = 300;

/// What a session's data says of its member.
#[derive(Debug)]
pub struct Ticket {
    /// The member who signed in.
    pub user_id: UserId,
    /// The CSRF token, which only the site's own pages know.
    pub csrf: String,
}

/// The layer that gives each request its session, and sets the cookie of a new one.
pub fn layer(app: &App) -> SessionManagerLayer<Store> {
    let path = app.base();
    SessionManagerLayer::new(Store::new(app.clone()))
        .with_name(cookie_name(app, "session"))
        .with_path(if path.is_empty() { "/".to_owned() } else { path.to_owned() })
        .with_secure(app.config.webapi.secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(Duration::days(app.config.webapi.session_days.into())))
}

/// The cookie's `name` with the prefix `__Host-` or `__Secure-` (RFC 6265bis, 4.1.3) where the site is served over
/// HTTPS only: browsers then refuse the cookie without `Secure`.
pub fn cookie_name(app: &App, name: &str) -> String {
    match (app.config.webapi.secure, app.base().is_empty()) {
        (false, _) => name.to_owned(),
        // `__Host-` requires the path `/`.
        (true, true) => format!("__Host-{name}"),
        (true, false) => format!("__Secure-{name}"),
    }
}

/// The session of a request that passed [`layer`].
pub fn of(parts: &Parts) -> Result<Session, Error> {
    let session = parts.extensions.get::<Session>().cloned();
    session.ok_or_else(|| Error::Internal(anyhow::anyhow!("no session layer around this route")))
}

/// Opens a new session for `member` and returns its CSRF token. The browser's previous session ends.
pub async fn start(
    app: &App,
    session: &Session,
    member: &Verified,
    headers: &HeaderMap,
) -> Result<String, Error> {
    let notice = password_reset::notice(&app.connection().await?, member.id).await?;
    if session.id().is_some() {
        session.flush().await?;
    }
    let agent = headers.get(header::USER_AGENT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let csrf = infra::secrets::random_text().map_err(anyhow::Error::from)?.reveal().to_owned();
    session.insert(USER_ID, member.id).await?;
    session.insert(PASSWORD_HASH, &member.password_hash).await?;
    session.insert(USER_AGENT, agent.chars().take(USER_AGENT_LEN).collect::<String>()).await?;
    session.insert(CSRF, &csrf).await?;
    if let Some(notice) = notice {
        session.insert(NOTICE, notice).await?;
    }
    if let Err(error) = session.save().await {
        // Otherwise the layer would try to save it again.
        session.clear().await;
        return Err(error.into());
    }
    Ok(csrf)
}

/// The notice that the password was reset, until the member dismisses it.
pub async fn notice(session: &Session) -> Result<Option<Notice>, Error> {
    // A notice that another version of this program wrote may be unreadable: pages must be shown all the same.
    if session.get_value(NOTICE).await?.is_none() {
        return Ok(None);
    }
    Ok(session.get(NOTICE).await.ok().flatten())
}

/// Stops showing the notice in this session.
pub async fn forget_notice(session: &Session) -> Result<(), Error> {
    session.remove_value(NOTICE).await?;
    Ok(())
}

/// What the data of `session` says; `None` if nobody is signed in with it.
pub async fn ticket(session: &Session) -> Result<Option<Ticket>, Error> {
    if session.id().is_none() {
        return Ok(None);
    }
    let user_id = session.get(USER_ID).await?;
    let csrf = session.get(CSRF).await?;
    Ok(user_id.zip(csrf).map(|(user_id, csrf)| Ticket { user_id, csrf }))
}

/// The hash of this session's id, its key in the table; `None` if `member` signed in with a token.
pub fn own_hash(app: &App, member: &Member, session: &Session) -> Option<Vec<u8>> {
    let id = session.id().filter(|_| member.by == By::Cookie)?;
    Some(hash(app, &id))
}

/// Extends the session after a visit of its owner, at most every five minutes.
pub async fn renew(session: &Session) -> Result<(), Error> {
    let seen: Option<Stamp> = session.get(LAST_SEEN_AT).await?;
    if seen.is_some_and(|it| OffsetDateTime::now_utc() - it.0 > RENEW_AFTER) {
        // Marks the session as changed: the layer saves it with a new end and sends its cookie again.
        session.set_expiry(session.expiry());
    }
    Ok(())
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Store(StoreError::Backend(text)) if text == UNAVAILABLE => {
                Self::Unavailable("database")
            }
            SessionError::Store(StoreError::Backend(text)) if text == REFUSED => Self::Credentials,
            other => Self::Internal(other.into()),
        }
    }
}
