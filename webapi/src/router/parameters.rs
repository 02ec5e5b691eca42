//! Parts of a path as types.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use infra::secrets::Secret;

use crate::app::App;
use crate::error::Error;

/// The only parameter of a path, a row's id. What is no number is a thing that is not there.
#[derive(Debug, Clone, Copy)]
pub struct Id(pub i32);

impl FromRequestParts<App> for Id {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let id = Path::<i32>::from_request_parts(parts, app).await;
        id.map(|Path(id)| Self(id)).map_err(|_| Error::NotFound("page"))
    }
}

/// The only parameter of a path as text. What is no text is a thing that is not there.
#[derive(Debug, Clone)]
pub struct Segment(pub String);

impl FromRequestParts<App> for Segment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        text.map(|Path(text)| Self(text)).map_err(|_| Error::NotFound("page"))
    }
}

/// As [`Segment`], for a path that opens something to whoever has it.
#[derive(Debug, Clone)]
pub struct SecretSegment(pub Secret);

impl FromRequestParts<App> for SecretSegment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let Segment(text) = Segment::from_request_parts(parts, app).await?;
        Ok(Self(text.into()))
    }
}
