//! Finds the page that a form is on. The site's Referrer-Policy keeps browsers from sending its address.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use tower::ServiceExt;

use crate::error::{Error, Failed};
use crate::face::FailedRequest;

/// The nearest page for members at the target's path or above it: `/members/7` for `/members/7/roles`. It sends `pages`
/// requests without a session, to which only pages for members answer with a redirect to the sign-in.
pub(super) async fn find<'a>(pages: &Router, request: &'a FailedRequest) -> Option<&'a str> {
    let mut path = request.uri.path();
    while !path.is_empty() {
        if is_for_members(pages, request, path).await {
            return Some(path);
        }
        path = path.rsplit_once('/').map_or("", |(above, _)| above);
    }
    None
}

async fn is_for_members(pages: &Router, request: &FailedRequest, path: &str) -> bool {
    let Ok(mut probe) = Request::get(path).body(Body::empty()) else { return false };
    if let (Some(session), Some(token)) = (&request.session, &request.token) {
        probe.extensions_mut().insert(session.clone());
        probe.extensions_mut().insert(token.clone());
    }
    let Ok(answer) = pages.clone().oneshot(probe).await;
    answer.extensions().get::<Failed>().is_some_and(|it| matches!(*it.0, Error::Unauthorized))
}
