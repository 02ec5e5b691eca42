//! The page that a form is on. Our Referrer-Policy keeps browsers from telling it.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use tower::ServiceExt;

use super::Asked;
use crate::error::{Error, Failed};

/// The nearest page for members at the form's own path or above it: `/members/7` for `/members/7/roles`. Asks `pages`
/// in the name of a visitor whose session has ended, whom such a page alone sends to sign in.
pub(super) async fn find<'a>(pages: &Router, asked: &'a Asked) -> Option<&'a str> {
    let mut path = asked.uri.path();
    while !path.is_empty() {
        if is_for_members(pages, asked, path).await {
            return Some(path);
        }
        path = path.rsplit_once('/').map_or("", |(above, _)| above);
    }
    None
}

async fn is_for_members(pages: &Router, asked: &Asked, path: &str) -> bool {
    let Ok(mut request) = Request::get(path).body(Body::empty()) else { return false };
    if let (Some(session), Some(token)) = (&asked.session, &asked.token) {
        request.extensions_mut().insert(session.clone());
        request.extensions_mut().insert(token.clone());
    }
    let Ok(answer) = pages.clone().oneshot(request).await;
    answer.extensions().get::<Failed>().is_some_and(|it| matches!(*it.error, Error::Unauthorized))
}
