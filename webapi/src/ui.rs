//! The pages: what the API does, in HTML for browsers.

pub mod catalogue;
pub mod docs;
mod error_page;
pub mod member;
pub mod parts;
pub mod staff;

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::app::App;
use crate::auth::visitor::{Credentials, InvalidToken};
use crate::error::{Error, Fields};
use crate::face::Face;
use crate::routes::Routes;

use error_page::ErrorPages;
pub use parts::format::Timestamp;
pub use parts::layout::{Flash, LayoutMember, PageLayout, flash};

/// The pages and targets of forms of all areas.
pub fn routes() -> Routes {
    Routes::new()
        .merge(member::account::routes())
        .merge(parts::assets::routes())
        .merge(docs::routes())
        .merge(member::invite::routes())
        .merge(member::password_reset::routes())
        .merge(member::session::routes())
        .merge(staff::swarm::routes())
        .merge(catalogue::torrent::routes())
        .merge(member::transfer::routes())
        .merge(staff::members::routes())
}

/// Pages accept a session's cookie, and API tokens of tools that read them.
const CREDENTIALS: Credentials =
    Credentials { session: true, bearer: true, invalid_token: InvalidToken::Ignored };

/// The pages as a [`Face`]: their paths, their ways to sign in, and errors as pages.
pub fn face(app: &App) -> Face {
    let (pages, ..) = routes().split();
    Face {
        prefixes: &["", docs::PATH],
        routes: routes(),
        credentials: CREDENTIALS,
        errors: Arc::new(ErrorPages::new(app, pages.with_state(app.clone()))),
    }
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.into())
    }
}

/// A rendered page.
pub fn page(template: impl askama::Template) -> Result<Response, Error> {
    Ok(Html(template.render()?).into_response())
}

/// The page of a form again, with the status of `error`; the template shows what is wrong beside the fields.
pub fn page_again(template: impl askama::Template, error: &Error) -> Result<Response, Error> {
    let mut response = page(template)?;
    *response.status_mut() = match error {
        Error::Invalid(_) | Error::Credentials => StatusCode::UNPROCESSABLE_ENTITY,
        other => other.status(),
    };
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

/// A redirect (303) to another page of the site; `path` begins with a slash.
pub fn redirect(app: &App, path: &str) -> Response {
    Redirect::to(&format!("{}{path}", app.base())).into_response()
}

/// What is wrong with a form, in sentences for its template.
#[derive(Debug, Default)]
pub struct Faults {
    /// Messages beside the fields, by the fields' names.
    pub fields: Fields,
    /// The message above the form.
    pub form: Option<String>,
}

impl Faults {
    /// The name of the first field that needs another value, which gets the focus.
    pub fn first(&self) -> Option<&'static str> {
        self.fields.keys().next().copied()
    }

    /// The messages for an `error` after which the form is shown again, with that error. Any other error is returned as
    /// `Err`, for the error page.
    pub fn of(error: Error) -> Result<(Self, Error), Error> {
        let faults = match &error {
            Error::Invalid(fields) => Self { fields: fields.clone(), form: None },
            Error::Credentials
            | Error::Conflict { .. }
            | Error::TooMany { .. }
            | Error::TooManyRequests { .. }
            | Error::Forbidden(_) => Self { fields: Fields::new(), form: Some(error.sentence()) },
            _ => return Err(error),
        };
        Ok((faults, error))
    }
}
