//! Shows errors in the way of the face that a request came to, including errors that axum answers by itself.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::api;
use crate::auth::visitor::Credentials;
use crate::error::{Error, Failed};
use crate::face::{FailedRequest, ShowError};

/// Header of forms that `static/send.js` sends. The script keeps the form on its page: it gets errors in JSON, and the
/// target of a redirect without being redirected.
const SENT_BY_SCRIPT: &str = "x-sent-by-script";

/// The parts of a face that the layer needs.
#[derive(Clone)]
pub(super) struct FaceRules {
    pub(super) prefixes: &'static [&'static str],
    pub(super) credentials: Credentials,
    pub(super) errors: Arc<dyn ShowError>,
}

/// The rules of all faces. Every path belongs to one face.
#[derive(Clone)]
pub(super) struct ErrorRules(pub(super) Arc<[FaceRules]>);

impl ErrorRules {
    /// The face with the longest prefix of `path`.
    fn find(&self, path: &str) -> Option<&FaceRules> {
        let length = |rules: &&FaceRules| {
            let prefixes = rules.prefixes.iter().filter(|it| is_below(path, it));
            prefixes.map(|it| it.len() + 1).max().unwrap_or(0)
        };
        self.0.iter().max_by_key(length)
    }
}

/// Whether `path` is `prefix`, or begins with it and a slash.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Replaces answers that carry [`Failed`], and plain-text answers of axum with an error's status.
pub(super) async fn layer(State(rules): State<ErrorRules>, mut request: Request, next: Next) -> Response {
    let failed = FailedRequest::of(&request);
    let by_script = request.headers().contains_key(SENT_BY_SCRIPT);
    let face = rules.find(failed.uri.path());
    if let Some(face) = face {
        request.extensions_mut().insert(face.credentials);
    }
    let mut response = next.run(request).await;
    let error = response.extensions_mut().remove::<Failed>().map(|it| it.0).or_else(|| bare(&response));
    let Some(error) = error else {
        return if by_script { not_followed(response) } else { response };
    };
    let mut shown = match face {
        Some(face) if !by_script => face.errors.show(&failed, &error).await,
        _ => api::error_body(&error),
    };
    // Other headers of the failed answer are kept: Allow, Retry-After.
    let mut headers = std::mem::take(response.headers_mut());
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONTENT_TYPE);
    headers.extend(std::mem::take(shown.headers_mut()));
    *shown.headers_mut() = headers;
    shown
}

/// Turns a redirect into 204 with its `Location`. A browser would follow the redirect before the script hears of it,
/// and messages that are shown once would be lost on a page that nobody sees.
fn not_followed(mut response: Response) -> Response {
    if response.status() == StatusCode::SEE_OTHER {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response
}

/// The error of an answer that axum made by itself, in plain text.
fn bare(response: &Response) -> Option<Arc<Error>> {
    let status = response.status();
    let ours = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|it| !it.as_bytes().starts_with(b"text/plain"));
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    let error = match status {
        StatusCode::NOT_FOUND => Error::NotFound("page"),
        StatusCode::METHOD_NOT_ALLOWED => Error::Method,
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge("the request is too large".to_owned()),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Error::MediaType("this address does not read that media type"),
        status if status.is_client_error() => {
            Error::BadRequest("the request cannot be read; check its address and parameters".to_owned())
        }
        status => Error::Internal(anyhow::anyhow!("a route answered with status {status}")),
    };
    Some(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_at_a_slash() {
        assert!(is_below("/api", "/api") && is_below("/api/torrents", "/api") && is_below("/x", ""));
        assert!(!is_below("/apiary", "/api") && !is_below("/", "/api"));
    }
}
