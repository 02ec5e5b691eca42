//! The router: the routes of all faces, and the layers around them.

mod errors;
mod headers;
mod origin;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower::util::MapRequest;

use self::errors::{ErrorRules, FaceRules};
use crate::app::App;
use crate::error::Error;
use crate::face::Face;
use crate::routes::Routes;
use crate::{api, auth, health, reading, ui, upload_form};

/// Largest body in bytes, for routes without a limit of their own.
const MAX_BODY: usize = 1 << 20;

/// The whole site: pages and API.
pub fn create(app: App) -> Router {
    let faces = vec![ui::face(&app), api::face()];
    with_faces(app, faces)
}

/// A site with these faces.
fn with_faces(app: App, faces: Vec<Face>) -> Router {
    let rules = faces.iter().map(|face| FaceRules {
        prefixes: face.prefixes,
        credentials: face.credentials,
        errors: Arc::clone(&face.errors),
    });
    let rules = ErrorRules(rules.collect());
    let routes = faces.into_iter().fold(Routes::new(), |all, face| all.merge(face.routes));
    let (site, ..) = routes.split();
    let site = site
        .fallback(async || Error::NotFound("page"))
        .method_not_allowed_fallback(async || Error::Method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), limit_time))
        .layer(middleware::from_fn_with_state(app.clone(), origin::layer))
        .layer(middleware::from_fn_with_state(rules, errors::layer))
        .layer(middleware::from_fn_with_state(app.clone(), auth::anonymous::layer))
        .layer(auth::session::layer(&app))
        .layer(middleware::from_fn_with_state(app.clone(), headers::layer))
        .layer(middleware::from_fn_with_state(app.clone(), follow_reads))
        .layer(middleware::from_fn_with_state(app.clone(), trace))
        // Added after the layers: monitoring needs no session and is not counted.
        .route("/healthz", get(health::health));
    let depth = app.config.path_depth;
    // A router's layers run after its route is chosen, so the path must be rewritten outside the router.
    Router::new()
        .fallback_service(MapRequest::new(site.with_state(app), move |request| rewrite(request, depth)))
}

/// Former prefix of the paths at [`MEMBERS`]; it is still answered.
const FORMER_MEMBERS: &str = "/api/users";
const MEMBERS: &str = "/api/members";

/// Removes the first `depth` segments of the path, which a proxy leaves on it (`pathDepth`), and replaces a former
/// prefix by the present one. A path with fewer segments becomes `/`.
fn rewrite(mut request: Request, depth: usize) -> Request {
    let uri = request.uri();
    let rest = uri.path().splitn(depth + 2, '/').nth(depth + 1).unwrap_or_default();
    let former = FORMER_MEMBERS.strip_prefix('/').and_then(|it| rest.strip_prefix(it));
    let path = match former.filter(|it| it.is_empty() || it.starts_with('/')) {
        Some(below) => format!("{MEMBERS}{below}"),
        None if depth == 0 => return request,
        None => format!("/{rest}"),
    };
    let query = uri.query().map(|it| format!("?{it}")).unwrap_or_default();
    if let Ok(path) = PathAndQuery::try_from(format!("{path}{query}")) {
        *request.uri_mut() = Uri::from(path);
    }
    request
}

/// Cancels in Postgres the queries that a dropped request that only reads left running.
async fn follow_reads(State(app): State<App>, request: Request, next: Next) -> Response {
    if !request.method().is_safe() {
        return next.run(request).await;
    }
    reading::follow(Arc::clone(&app.holders), next.run(request)).await
}

/// Routes that uploads are sent to. Their time is bounded by the slowest accepted speed of the body and by the
/// database's `statement_timeout`.
const UPLOADS: [&str; 2] = ["/upload", "/api/torrents"];

/// Bounds the time of a request: [`App::backend_timeout`] for one that only reads, so that its page soon says that the
/// database is away, besides the time that it waited for other requests of its member; for a change
/// `webapi.requestTimeoutSeconds`, so that it is not cut off halfway.
async fn limit_time(State(app): State<App>, request: Request, next: Next) -> Response {
    let reads = request.method().is_safe();
    let limit = app.config.webapi.request_timeout;
    let route = request.extensions().get::<MatchedPath>();
    let uploads = !reads && route.is_some_and(|it| UPLOADS.contains(&it.as_str()));
    let limit = match (reads, uploads) {
        (true, _) => limit.min(app.backend_timeout()),
        (false, true) => limit + Duration::from_secs((upload_form::MAX_BODY / upload_form::SLOWEST) as u64),
        (false, false) => limit,
    };
    let mut answer = pin!(next.run(request));
    let started = tokio::time::Instant::now();
    loop {
        let end = started + limit + reading::waited();
        if let Ok(response) = tokio::time::timeout_at(end, answer.as_mut()).await {
            return response;
        }
        // It may have waited for other requests of its member since.
        if end >= started + limit + reading::waited() {
            break;
        }
    }
    if reads {
        reading::cancel();
        app.close_idle_connections();
        return Error::Unavailable("database").into_response();
    }
    Error::Unavailable("answer").into_response()
}

/// Counts and logs requests by their matched route, never by the path, which may contain an invite link or a token.
async fn trace(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let started = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    app.metrics.count(route, response.status(), started.elapsed());
    let (status, micros) = (response.status().as_u16(), started.elapsed().as_micros());
    tracing::debug!(%method, route, status, micros, "answered");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(uri: &str, depth: usize) -> String {
        let request = Request::builder().uri(uri).body(axum::body::Body::empty()).expect("a request");
        rewrite(request, depth).uri().to_string()
    }

    #[test]
    fn leading_segments_are_ignored() {
        assert_eq!(rewritten("/api/torrents?x=1", 0), "/api/torrents?x=1");
        assert_eq!(rewritten("/a/api/torrents?x=1", 1), "/api/torrents?x=1");
        assert_eq!(rewritten("/a/b/c/d/torrents/", 4), "/torrents/");
    }

    #[test]
    fn former_paths_of_members_are_those_of_today() {
        assert_eq!(rewritten("/api/users", 0), "/api/members");
        assert_eq!(rewritten("/a/api/users/7/roles?x=1", 1), "/api/members/7/roles?x=1");
        assert_eq!(rewritten("/api/usersx", 0), "/api/usersx");
        assert_eq!(rewritten("/api/users", 1), "/users");
    }

    #[test]
    fn fewer_segments_than_the_depth_are_the_root() {
        assert_eq!(rewritten("/", 2), "/");
        assert_eq!(rewritten("/a", 1), "/");
        assert_eq!(rewritten("/a?x=1", 2), "/?x=1");
    }
}
