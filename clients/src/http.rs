//! HTTP requests whose answers are bounded in bytes and time.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode};

use crate::Error;

/// Most bytes of an answer. A list of 10,000 torrents with the fields that are asked for has about 15 MiB.
pub(crate) const MAX_ANSWER: usize = 32 << 20;

/// Longest time from a request to the last byte of its answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// [`ANSWER_TIMEOUT`] of a request with a .torrent file, which may have several MiB and be sent over a slow line.
pub(crate) const ADD_TIMEOUT: Duration = Duration::from_mins(1);

/// A complete answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// An HTTP client that follows no redirects, which could send passwords to other servers, and ignores proxies of the
/// environment.
pub(crate) fn client() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .connect_timeout(ANSWER_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
}

/// Sends a request and reads the whole answer, whatever its status.
pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, Error> {
    let mut answer = request.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Error::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: answer.status(), headers: std::mem::take(answer.headers_mut()), body })
}

impl Answer {
    /// The body, if the status is a success.
    pub(crate) fn success(self) -> Result<Vec<u8>, Error> {
        match self.status {
            status if status.is_success() => Ok(self.body),
            StatusCode::UNAUTHORIZED => Err(Error::Unauthorized),
            status => Err(Error::Status(status.as_u16())),
        }
    }
}
