//! The error of all layers; each face shows it in its own way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use deadpool_postgres::PoolError;

/// What is wrong with fields of a form, by field name: a sentence that says what to do.
pub type Fields = BTreeMap<&'static str, String>;

/// Why a request failed. `Display` is a sentence for the visitor, without capital and full stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 401: nobody is signed in, or the token is not valid.
    #[error("sign in first")]
    Unauthorized,
    /// 401: wrong name or password. The message is the same for both, so that it does not tell which names exist.
    #[error("the name or the password is not right")]
    Credentials,
    /// 401: the token's end date has passed.
    #[error("this API token has expired; make another one on the page of your tokens")]
    TokenExpired,
    /// 403: the token is valid, but lacks a scope. Holds the scopes that would be enough.
    #[error("this needs an API token with the scope {0}; make one on the page of your tokens")]
    TokenScope(String),
    /// 403: no API token may do this.
    #[error("an API token cannot do this; sign in with your name and password")]
    SessionOnly,
    /// 403: the member may not do this. A sentence that says why.
    #[error("{0}")]
    Forbidden(&'static str),
    /// 404: it does not exist. Holds the word for it, such as `torrent`.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// 422: the form can be read, but some values cannot be used.
    #[error("some fields need another value")]
    Invalid(Fields),
    /// 400: the request cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// 400: a parameter of the URL cannot be used. The message is for tools; a page links to the start of its list.
    #[error("{0}")]
    Parameters(String),
    /// 405: the path exists, but not with this method.
    #[error("this address does not take that method")]
    Method,
    /// 409: the request contradicts stored data.
    #[error("{message}")]
    Conflict {
        /// A word for programs, in lower case with underscores: `torrent_exists`.
        code: &'static str,
        /// A sentence that says what to do.
        message: String,
    },
    /// 410: it existed but has ended, such as a claimed invite.
    #[error("{0}")]
    Gone(&'static str),
    /// 413: the body or the file is too large.
    #[error("{0}")]
    TooLarge(String),
    /// 408: the body arrives too slowly. A sentence that says what to do.
    #[error("{0}")]
    SlowBody(&'static str),
    /// 415: the media type of the body is not accepted here.
    #[error("{0}")]
    MediaType(&'static str),
    /// 429: a member is over a limit, within a time or at the same time.
    #[error("{message}")]
    TooManyRequests {
        /// A sentence that says what to do.
        message: String,
        /// Sent as `Retry-After`.
        retry_after: Duration,
    },
    /// 429: too many failed sign-ins, claims of invites or uses of reset links, or too many searches or streams.
    #[error("too many attempts; try again in {}", wait(*.retry_after))]
    TooMany {
        /// Sent as `Retry-After`.
        retry_after: Duration,
    },
    /// 503: the database or the tracker is away; holds its name. The cause is logged, not shown.
    #[error("the {0} is not available at the moment; try again shortly")]
    Unavailable(&'static str),
    /// 500. The cause is logged once and not shown.
    #[error("something went wrong on our side; it has been logged")]
    Internal(#[source] anyhow::Error),
}

impl Error {
    /// [`Error::Invalid`] with one field.
    pub fn field(name: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid(Fields::from([(name, problem.into())]))
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::Credentials | Self::TokenExpired => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::TokenScope(_) | Self::SessionOnly => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BadRequest(_) | Self::Parameters(_) => StatusCode::BAD_REQUEST,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Gone(_) => StatusCode::GONE,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::SlowBody(_) => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany { .. } | Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word for programs, in the field `code` of the JSON answer.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Credentials => "wrong_credentials",
            Self::TokenExpired => "token_expired",
            Self::TokenScope(_) => "token_scope",
            Self::SessionOnly => "session_only",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Method => "method_not_allowed",
            Self::Invalid(_) => "invalid",
            Self::BadRequest(_) | Self::Parameters(_) => "bad_request",
            Self::Conflict { code, .. } => code,
            Self::Gone(_) => "gone",
            Self::TooLarge(_) => "too_large",
            Self::MediaType(_) => "unsupported_media_type",
            Self::SlowBody(_) => "request_timeout",
            Self::TooMany { .. } => "too_many_attempts",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

/// A wait in words: whole minutes, or seconds if it is less than one minute. Rounded up, so that nobody retries too
/// early.
fn wait(time: Duration) -> String {
    let (number, unit) = match whole_seconds(time) {
        seconds @ 0..60 => (seconds, "second"),
        seconds => (seconds.div_ceil(60), "minute"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// Whole seconds, rounded up, at least one.
fn whole_seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
}

/// An extension of an empty answer: the error that its face has to show.
#[derive(Debug, Clone)]
pub struct Failed(pub Arc<Error>);

impl Error {
    /// The message with a capital letter and a full stop.
    pub fn sentence(&self) -> String {
        let text = self.to_string();
        let mut rest = text.chars();
        let first: String = rest.next().map(|it| it.to_uppercase().collect()).unwrap_or_default();
        format!("{first}{}.", rest.as_str().trim_end_matches('.'))
    }

    /// Seconds after which the same request may succeed; sent as `Retry-After`.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after } | Self::TooManyRequests { retry_after, .. } => {
                Some(whole_seconds(*retry_after))
            }
            Self::Unavailable(_) => Some(2),
            _ => None,
        }
    }
}

/// An empty answer that carries the error to the layer that shows it in the way of the request's face. The cause of a
/// 500 is logged here, once.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Self::Internal(cause) = &self {
            tracing::error!(cause = format!("{cause:#}"), "a request failed");
        }
        let mut response = self.status().into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Failed(Arc::new(self)));
        response
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        if infra::db::is_unavailable(&error) {
            tracing::warn!(error = infra::db::state(&error), "the database is away");
            Self::Unavailable("database")
        } else {
            // Without the error's own text: it may quote the row or the words of a search.
            Self::Internal(anyhow::anyhow!("the database refused a statement: {}", infra::db::state(&error)))
        }
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        let cause = match error {
            PoolError::Backend(error) => infra::db::state(&error),
            other => other.to_string(),
        };
        tracing::warn!(cause, "no database connection");
        Self::Unavailable("database")
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_speak_in_minutes_and_below_one_in_seconds() {
        for (millis, words) in [
            (0, "1 second"),
            (1_000, "1 second"),
            (1_001, "2 seconds"),
            (59_000, "59 seconds"),
            (59_001, "1 minute"),
            (60_000, "1 minute"),
            (60_001, "2 minutes"),
            (293_000, "5 minutes"),
        ] {
            let error = Error::TooMany { retry_after: Duration::from_millis(millis) };
            assert_eq!(error.to_string(), format!("too many attempts; try again in {words}"));
        }
    }
}
