//! Shows errors in the way of the face that a request came to; also those that axum answers itself.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::api;
use crate::auth::visitor::Credentials;
use crate::error::{Error, Failed};
use crate::face::{FailedRequest, ShowError};

/// Header of forms that a script of ours sends (`static/send.js`). The script keeps the form on its page: it is told of
/// errors in JSON, and where a success leads instead of being led there.
const SENT_BY_SCRIPT: &str = "x-sent-by-script";

/// What the layer knows of a face.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) prefixes: &'static [&'static str],
    pub(super) credentials: Credentials,
    pub(super) errors: Arc<dyn ShowError>,
}

/// All faces; there is one for every path.
#[derive(Clone)]
pub(super) struct Faces(pub(super) Arc<[Rules]>);

impl Faces {
    /// The face with the longest prefix of `path`.
    fn find(&self, path: &str) -> Option<&Rules> {
        let length = |rules: &&Rules| {
            let prefixes = rules.prefixes.iter().filter(|it| is_below(path, it));
            prefixes.map(|it| it.len() + 1).max().unwrap_or(0)
        };
        self.0.iter().max_by_key(length)
    }
}

/// Whether `path` is `prefix` or continues it after a slash.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Replaces answers that carry [`Failed`], and bare ones with an error's status.
pub(super) async fn layer(State(faces): State<Faces>, mut request: Request, next: Next) -> Response {
    let failed = FailedRequest::of(&request);
    let by_script = request.headers().contains_key(SENT_BY_SCRIPT);
    let face = faces.find(failed.uri.path());
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
    // What the answer said of itself stays: Allow, Retry-After.
    let mut headers = std::mem::take(response.headers_mut());
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONTENT_TYPE);
    headers.extend(std::mem::take(shown.headers_mut()));
    *shown.headers_mut() = headers;
    shown
}

/// A redirect as 204 with its `Location`. Browsers follow redirects before a script hears of them, and messages that are
/// shown once would be spent on a page that nobody sees.
fn not_followed(mut response: Response) -> Response {
    if response.status() == StatusCode::SEE_OTHER {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response
}

/// An error that is none of ours: axum's own, in plain text.
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
        status => Error::Internal(anyhow::anyhow!("an answer of status {status}")),
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
