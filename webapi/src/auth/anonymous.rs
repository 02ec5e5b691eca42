//! CSRF protection of forms for visitors who are not signed in: the form's hidden field must equal a random cookie.
//!
//! Nothing is stored, so visits without a sign-in cannot fill the database.

use std::sync::{Arc, OnceLock};

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::session::cookie_name;
use crate::app::App;
use crate::error::Error;

/// Characters of a token: 32 bytes in base64.
const LEN: usize = 43;

/// The visitor's CSRF token, drawn when a page first needs it.
#[derive(Debug, Clone, Default)]
pub struct Token {
    sent: Option<String>,
    made: Arc<OnceLock<String>>,
}

impl Token {
    /// The token of a request that passed [`layer`].
    pub fn of(parts: &Parts) -> Result<Self, Error> {
        let token = parts.extensions.get::<Self>().cloned();
        token.ok_or_else(|| Error::Internal(anyhow::anyhow!("no token layer around this route")))
    }

    /// The token that the browser sent as a cookie.
    pub fn sent(&self) -> Option<&str> {
        self.sent.as_deref()
    }

    /// The token for a form's hidden field. A new one is sent as a cookie with the answer.
    pub fn reveal(&self) -> Result<&str, Error> {
        if let Some(sent) = &self.sent {
            return Ok(sent);
        }
        let fresh = infra::secrets::random_text().map_err(anyhow::Error::from)?.reveal().to_owned();
        Ok(self.made.get_or_init(|| fresh))
    }
}

/// Gives each request its [`Token`], and sets the cookie if a new token was drawn.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let name = cookie_name(&app, "visit");
    let token = Token { sent: read(request.headers(), &name), made: Arc::default() };
    request.extensions_mut().insert(token.clone());
    let mut response = next.run(request).await;
    if let Some(made) = token.made.get() {
        let path = if app.base().is_empty() { "/" } else { app.base() };
        let secure = if app.config.webapi.secure { "; Secure" } else { "" };
        let cookie = format!("{name}={made}; HttpOnly; SameSite=Strict{secure}; Path={path}");
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// The value of the request's first cookie of this name.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = cookies.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = cookie(headers, name)?;
    let plain =
        value.len() == LEN && value.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it));
    plain.then(|| value.to_owned())
}
