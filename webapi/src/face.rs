//! A face is one way to use the site, with routes, ways to sign in and errors of its own: pages for people, the API for
//! tools.

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

/// One way to use the site.
pub struct Face {
    /// Where its paths begin. The longest prefix of all faces decides whose error a path that is not there gets.
    pub prefixes: &'static [&'static str],
    /// What it answers.
    pub routes: Routes,
    /// How its visitors say who they are.
    pub credentials: Credentials,
    /// How it shows errors.
    pub errors: Arc<dyn ShowError>,
}

/// Shows errors in the way of a face.
pub trait ShowError: Send + Sync {
    /// The answer to `request`, which ended in `error`. Headers of the failed answer are added to it afterwards.
    fn show<'a>(&'a self, request: &'a FailedRequest, error: &'a Error) -> BoxFuture<'a, Response>;
}

/// What showing an error needs of its request.
pub struct FailedRequest {
    /// Its method.
    pub method: Method,
    /// Its path and query, below the base.
    pub uri: Uri,
    /// All of its headers.
    pub headers: HeaderMap,
    /// Its session.
    pub session: Option<Session>,
    /// Its token for forms of visitors who are not signed in.
    pub token: Option<anonymous::Token>,
}

impl FailedRequest {
    /// Keeps what of `request` may be needed.
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
