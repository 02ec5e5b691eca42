//! One error for all layers; each face shows it in its own way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use deadpool_postgres::PoolError;

/// What is wrong with each field of a form, by field name: a sentence that says what to do.
pub type Fields = BTreeMap<&'static str, String>;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 401: nobody is signed in, or the token is not (any longer) valid.
    #[error("sign in first")]
    Unauthorized,
    /// 401: the same words whether the name or the password is not right.
    #[error("the name or the password is not right")]
    Credentials,
    /// 401: the token was valid until its end date.
    #[error("this API token has expired; make another one on the page of your tokens")]
    TokenExpired,
    /// 403: the token is valid, but not for this. Holds the scopes that would do.
    #[error("this needs an API token with the scope {0}; make one on the page of your tokens")]
    TokenScope(String),
    /// 403: no token does this.
    #[error("an API token cannot do this; sign in with your name and password")]
    SessionOnly,
    /// 403: signed in, but this is not theirs to do.
    #[error("{0}")]
    Forbidden(&'static str),
    /// 404. Holds what is not there, as `torrent`.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// 422: the form is well-formed but its values are not usable.
    #[error("some fields need another value")]
    Invalid(Fields),
    /// 400: the request itself cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// 400: a parameter of the address cannot be used. The words are for tools; a page offers its list's start instead.
    #[error("{0}")]
    Parameters(String),
    /// 405.
    #[error("this address does not take that method")]
    Method,
    /// 409: at odds with what is there. A code for tools and a sentence.
    #[error("{message}")]
    Conflict {
        /// Lower case with underscores, stable: `torrent_exists`.
        code: &'static str,
        /// A sentence that says what to do.
        message: String,
    },
    /// 410: it was there and is over, as a claimed invite.
    #[error("{0}")]
    Gone(&'static str),
    /// 413.
    #[error("{0}")]
    TooLarge(String),
    /// 408: what to do about a body that comes too slowly.
    #[error("{0}")]
    SlowBody(&'static str),
    /// 415.
    #[error("{0}")]
    MediaType(&'static str),
    /// 429: more than a member may do within a time or at once. A sentence that says of what.
    #[error("{message}")]
    TooManyRequests {
        /// A sentence that says what to do.
        message: String,
        /// Goes out as `Retry-After`.
        retry_after: Duration,
    },
    /// 429: failed attempts to sign in or to claim an invite.
    #[error("too many attempts; try again in {}", wait(*.retry_after))]
    TooMany {
        /// Goes out as `Retry-After`.
        retry_after: Duration,
    },
    /// 503: the database or the tracker is away. The cause is logged, not shown.
    #[error("the {0} is not available at the moment; try again shortly")]
    Unavailable(&'static str),
    /// 500. The cause is logged once and not shown.
    #[error("something went wrong on our side; it has been logged")]
    Internal(#[source] anyhow::Error),
}

impl Error {
    /// One field's fault.
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

    /// The word that tools branch on, in `error.code`.
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

/// A wait in words: whole minutes, or seconds where it is less than one. Rounded up, so that nobody comes too early.
fn wait(time: Duration) -> String {
    let (number, unit) = match whole_seconds(time) {
        seconds @ 0..60 => (seconds, "second"),
        seconds => (seconds.div_ceil(60), "minute"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// At least one.
fn whole_seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
}

/// Rides on an answer whose error still has to be shown.
#[derive(Debug, Clone)]
pub struct Failed(pub Arc<Error>);

impl Error {
    /// The words with a capital and a full stop.
    pub fn sentence(&self) -> String {
        let text = self.to_string();
        let mut rest = text.chars();
        let first: String = rest.next().map(|it| it.to_uppercase().collect()).unwrap_or_default();
        format!("{first}{}.", rest.as_str().trim_end_matches('.'))
    }

    /// Seconds after which the request may do.
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

/// An empty answer that carries the error to the layer that shows it in the way of the request's face. Logs the cause of a
/// 500, once.
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
            // Not the error's own words: they may hold the row and what was searched for.
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
