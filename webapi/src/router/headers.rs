//! Security and cache headers of every answer.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::auth::device::Remembered;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const FIXED: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// One year, without `includeSubDomains`: subdomains are the operator's decision.
const ALWAYS_HTTPS: &str = "max-age=31536000";

/// Adds the headers. Answers without a `Cache-Control` of their own must not be cached.
pub(super) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status().is_server_error() && !response.headers().contains_key(header::CONTENT_TYPE) {
        // The session layer could not save the session: the database went away after the page was made.
        response = (StatusCode::SERVICE_UNAVAILABLE, "The database is not available; try again shortly.\n")
            .into_response();
    }
    // After the session's cookie: tools may read only the first `Set-Cookie`.
    if let Some(Remembered(cookie)) = response.extensions_mut().remove() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if app.config.webapi.secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ALWAYS_HTTPS));
        secure_cookies(headers);
    }
    response
}

/// Adds `Secure` to removed cookies, which the session layer sends without it: browsers refuse a cookie named `__Host-`
/// or `__Secure-` without `Secure`.
fn secure_cookies(headers: &mut axum::http::HeaderMap) {
    let cookies: Vec<HeaderValue> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    headers.remove(header::SET_COOKIE);
    for cookie in cookies {
        let complete = match cookie.to_str() {
            Ok(text) if !text.contains("; Secure") => HeaderValue::try_from(format!("{text}; Secure")).ok(),
            _ => None,
        };
        headers.append(header::SET_COOKIE, complete.unwrap_or(cookie));
    }
}
