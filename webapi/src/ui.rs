//! The pages: the same nouns and rules as the API, answered in HTML.

pub mod frame;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::app::App;
use crate::error::{Error, Face};

pub use frame::{Flash, Frame, FrameMember, flash};

/// All pages.
pub fn routes() -> Router<App> {
    Router::new()
}

/// A handler's error, shown as a page.
#[derive(Debug)]
pub struct Failure(pub Error);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.0.into_failed(Face::Page)
    }
}

/// A rendered page.
#[expect(clippy::needless_pass_by_value, reason = "a page is rendered once and is then of no use")]
pub fn page(template: impl askama::Template) -> Result<Response, Failure> {
    Ok(Html(template.render()?).into_response())
}

/// A form's page once more, with what is wrong beside the fields.
pub fn page_again(template: impl askama::Template, error: &Error) -> Result<Response, Failure> {
    let mut response = page(template)?;
    *response.status_mut() = if error.status().is_client_error() {
        error.status()
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    Ok(response)
}
