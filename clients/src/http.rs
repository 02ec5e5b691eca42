//! HTTP with bounds: for each answer in bytes and time.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode};

use crate::Error;

/// Bytes of an answer at most. A list of 10,000 torrents with what is asked of each is about 15 MiB.
pub(crate) const MAX_ANSWER: usize = 32 << 20;

/// From a request to the last byte of its answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// [`ANSWER_TIMEOUT`] of a request that carries a .torrent, which may be some MiB on a slow line.
pub(crate) const ADD_TIMEOUT: Duration = Duration::from_mins(1);

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A client that follows no redirects, which could lead passwords elsewhere, and no proxies of the environment.
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
    /// The body of a success.
    pub(crate) fn success(self) -> Result<Vec<u8>, Error> {
        match self.status {
            status if status.is_success() => Ok(self.body),
            StatusCode::UNAUTHORIZED => Err(Error::Unauthorized),
            status => Err(Error::Status(status.as_u16())),
        }
    }
}
