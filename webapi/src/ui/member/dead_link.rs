//! The page of an invite or a reset link that no longer works.

use axum::http::StatusCode;
use axum::response::Response;

use crate::error::Error;
use crate::ui::{PageLayout, page};

#[derive(askama::Template)]
#[template(path = "invite/dead_link.html")]
struct DeadLinkPage {
    layout: PageLayout,
    heading: &'static str,
    message: String,
}

/// Answers 410 with the reason that `error` says.
pub(super) fn dead_link(layout: PageLayout, heading: &'static str, error: &Error) -> Result<Response, Error> {
    let mut response = page(DeadLinkPage { layout, heading, message: error.sentence() })?;
    *response.status_mut() = StatusCode::GONE;
    Ok(response)
}
