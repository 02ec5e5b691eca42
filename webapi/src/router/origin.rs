//! Refuses changes that another site made a browser send, by headers of the browser, in addition to CSRF tokens.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::error::Error;

/// Checks `Sec-Fetch-Site`, or `Origin` if the browser does not send the former.
pub(super) async fn layer(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_ours(request.headers(), app.config.api_url.as_str()) {
        return next.run(request).await;
    }
    Error::Forbidden("this change was asked for by another site").into_response()
}

fn is_ours(headers: &HeaderMap, site: &str) -> bool {
    let value =
        |name| headers.get(name).map(|it: &axum::http::HeaderValue| it.to_str().unwrap_or("unreadable"));
    if let Some(from) = value(header::HeaderName::from_static("sec-fetch-site")) {
        return matches!(from, "same-origin" | "none");
    }
    // The site's Referrer-Policy makes browsers send `null` for its own forms, too: CSRF tokens decide then.
    let Some(origin) = value(header::ORIGIN).filter(|it| *it != "null") else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host == value(header::HOST) || origin == root(site)
}

/// The origin of a URL: scheme, host and port.
fn root(site: &str) -> &str {
    let host = site.find("://").map_or(0, |at| at + 3);
    site[host..].find('/').map_or(site, |at| &site[..host + at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(headers: &[(&'static str, &'static str)]) -> bool {
        let pairs = headers.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), axum::http::HeaderValue::from_static(value))
        });
        is_ours(&pairs.collect(), "https://site.example.org/base")
    }

    #[test]
    fn the_browser_s_own_word_goes_first() {
        assert!(ours(&[("sec-fetch-site", "same-origin")]));
        assert!(ours(&[("sec-fetch-site", "none")]));
        assert!(!ours(&[("sec-fetch-site", "same-site")]));
        assert!(!ours(&[("sec-fetch-site", "cross-site"), ("origin", "https://site.example.org")]));
    }

    #[test]
    fn without_it_the_origin_must_be_the_site_or_the_host_asked() {
        assert!(ours(&[]));
        assert!(ours(&[("origin", "https://site.example.org")]));
        assert!(ours(&[("origin", "http://127.0.0.1:8000"), ("host", "127.0.0.1:8000")]));
        assert!(!ours(&[("origin", "https://site.example.org.evil.example")]));
        assert!(!ours(&[("origin", "https://evil.example"), ("host", "127.0.0.1:8000")]));
    }
}
