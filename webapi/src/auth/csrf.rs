//! CSRF checks: proof that the site's own page asked for a change. Forms and bodies are read only through them.

use axum::extract::rejection::RawFormRejection;
use axum::extract::{FromRequest, FromRequestParts, RawForm, Request};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;

use super::anonymous;
use super::visitor::Visitor;
use crate::app::App;
use crate::error::Error;
use crate::extract::{self, Json};

/// The header with the CSRF token, for scripts that sign in with a session's cookie.
pub const HEADER: &str = "x-csrf-token";

/// The CSRF token that a change by this visitor must carry.
#[derive(Debug, Clone)]
pub struct Guard(Expected);

#[derive(Debug, Clone)]
enum Expected {
    /// No token: the request has a bearer token, which no browser sends by itself.
    Nothing,
    Token(String),
    /// The request has no cookie, so it comes from no form of the site.
    Unknown,
}

impl Guard {
    /// Checks that `token` is the expected one.
    pub fn verify(&self, token: &str) -> Result<(), Error> {
        let right = match &self.0 {
            Expected::Nothing => true,
            Expected::Token(expected) => expected.as_bytes().ct_eq(token.as_bytes()).into(),
            Expected::Unknown => false,
        };
        right.then_some(()).ok_or(Error::Forbidden("this page is out of date; reload it and try again"))
    }
}

impl FromRequestParts<App> for Guard {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let visitor = Visitor::of(parts, app).await?;
        Ok(Self(match (visitor.member(), visitor.csrf()) {
            (Some(_), None) => Expected::Nothing,
            (_, Some(token)) => Expected::Token(token.to_owned()),
            (None, None) => match anonymous::Token::of(parts)?.sent() {
                Some(token) => Expected::Token(token.to_owned()),
                None => Expected::Unknown,
            },
        }))
    }
}

/// Extractor for changes without a form: the header `X-CSRF-Token` was right, or a bearer token makes it unnecessary.
#[derive(Debug, Clone, Copy)]
pub struct CsrfChecked;

impl FromRequestParts<App> for CsrfChecked {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let guard = Guard::from_request_parts(parts, app).await?;
        let token = parts.headers.get(HEADER).and_then(|it| it.to_str().ok()).unwrap_or_default();
        guard.verify(token)?;
        Ok(Self)
    }
}

/// Extractor of an urlencoded form: its field `csrf`, or the header `X-CSRF-Token`, was right.
#[derive(Debug)]
pub struct Checked<T>(pub T);

#[derive(Deserialize)]
struct Field {
    #[serde(default)]
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<App> for Checked<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let guard = Guard::from_request_parts(&mut parts, app).await?;
        let header = parts.headers.get(HEADER).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let RawForm(form) = RawForm::from_request(Request::from_parts(parts, body), app).await?;
        let Field { csrf } = extract::form(&form)?;
        guard.verify(header.as_deref().unwrap_or(&csrf))?;
        Ok(Self(extract::form(&form)?))
    }
}

/// Extractor of a JSON body; a visitor with a session's cookie must send the header `X-CSRF-Token`.
#[derive(Debug)]
pub struct CheckedJson<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for CheckedJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        CsrfChecked::from_request_parts(&mut parts, app).await?;
        let Json(value) = Json::from_request(Request::from_parts(parts, body), app).await?;
        Ok(Self(value))
    }
}

impl From<RawFormRejection> for Error {
    fn from(rejection: RawFormRejection) -> Self {
        match rejection {
            RawFormRejection::InvalidFormContentType(_) => {
                Self::MediaType("send the form as application/x-www-form-urlencoded")
            }
            RawFormRejection::BytesRejection(other) => extract::unreadable("form", &other),
            other => Self::BadRequest(format!("the form cannot be read: {}", other.body_text())),
        }
    }
}
