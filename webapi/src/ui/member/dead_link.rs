//! The page of an invite or a reset link that no longer works.

use axum::http::StatusCode;
use axum::response::Response;

use crate::error::Error;
use crate::ui::{Frame, page};

#[derive(askama::Template)]
#[template(path = "invite/dead_link.html")]
struct DeadLinkPage {
    frame: Frame,
    heading: &'static str,
    message: String,
}

/// Answers 410 with the reason that `error` says.
pub(super) fn dead_link(frame: Frame, heading: &'static str, error: &Error) -> Result<Response, Error> {
    let mut response = page(DeadLinkPage { frame, heading, message: error.sentence() })?;
    *response.status_mut() = StatusCode::GONE;
    Ok(response)
}
