//! Faces: a face is one interface of the site with its own routes, ways to sign in and errors. There are two: pages for
//! people, and the API for tools.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use futures_util::future::BoxFuture;
use tower_sessions::Session;

use crate::auth::anonymous;
use crate::auth::visitor::Credentials;
use crate::error::Error;
use crate::routes::Routes;

/// One interface of the site.
pub struct Face {
    /// Prefixes of its paths. A path that no route matches gets the error of the face with the longest matching prefix.
    pub prefixes: &'static [&'static str],
    /// Its routes.
    pub routes: Routes,
    /// The ways to sign in that it accepts.
    pub credentials: Credentials,
    /// How it shows errors.
    pub errors: Arc<dyn ShowError>,
}

/// How a face shows errors.
pub trait ShowError: Send + Sync {
    /// The answer to `request`, which failed with `error`. Headers of the failed answer are added to it afterwards.
    fn show<'a>(&'a self, request: &'a FailedRequest, error: &'a Error) -> BoxFuture<'a, Response>;
}

/// The parts of a failed request that showing its error needs.
pub struct FailedRequest {
    /// Its method.
    pub method: Method,
    /// Its path and query, without the site's base path.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its session, if the session layer has seen it.
    pub session: Option<Session>,
    /// Its CSRF token for forms of visitors who are not signed in.
    pub token: Option<anonymous::Token>,
}

impl FailedRequest {
    /// Copies these parts of `request`.
    pub fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            session: request.extensions().get().cloned(),
            token: request.extensions().get().cloned(),
        }
    }
}
