//! The cookie that identifies a browser which has signed in before; see [`crate::domain::member::device`].

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use time::OffsetDateTime;

use super::anonymous::cookie;
use super::session::cookie_name;
use crate::app::App;
use crate::domain::member::Verified;
use crate::domain::member::attempts::Caller;
use crate::domain::member::device::{Devices, LIFETIME};
use crate::error::Error;
use crate::extract::ClientAddress;

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        Ok(Self { address, devices: shown(app, &parts.headers) })
    }
}

fn shown(app: &App, headers: &HeaderMap) -> Devices {
    cookie(headers, &cookie_name(app, "device")).map(Devices::parse).unwrap_or_default()
}

/// An extension of an answer: a cookie to set, in a header after that of the session's cookie.
#[derive(Debug, Clone)]
pub struct Remembered(pub HeaderValue);

impl Caller {
    /// The cookie that will identify this browser as one of `member`, who has just signed in with it.
    pub fn remember(&self, app: &App, member: &Verified) -> Result<Remembered, Error> {
        let devices = self.devices.add(&app.keys.device, member, OffsetDateTime::now_utc())?;
        let path = if app.base().is_empty() { "/" } else { app.base() };
        let secure = if app.config.webapi.secure { "; Secure" } else { "" };
        let (name, value) = (cookie_name(app, "device"), devices.to_text());
        let age = LIFETIME.whole_seconds();
        let cookie = format!("{name}={value}; HttpOnly; SameSite=Lax{secure}; Path={path}; Max-Age={age}");
        HeaderValue::try_from(cookie).map(Remembered).map_err(|error| Error::Internal(error.into()))
    }
}
