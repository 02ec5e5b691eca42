//! Requests to the site, and its answers.

use std::time::Duration;

use anyhow::{Context, anyhow};
use infra::refusal::Refusal;
use reqwest::header::SET_COOKIE;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::shapes::Failure;

/// Wait for an answer: the site hashes two passwords at a time, and others wait.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The site's REST API.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    http: Client,
    url: String,
}

impl Rest {
    /// A client for the site at `url`, which has no slash at the end.
    pub(super) fn new(url: String) -> anyhow::Result<Self> {
        let http =
            Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).redirect(reqwest::redirect::Policy::none());
        Ok(Self { http: http.build()?, url })
    }

    #[cfg(test)]
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// [`Rest::get`] with a query.
    pub(super) fn get_with(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<RequestBuilder> {
        let url = Url::parse_with_params(&format!("{}{path}", self.url), query)?;
        Ok(self.http.get(url))
    }

    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(super) fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Sends a request. The answer if it is a success, else an error in the site's words.
    pub(super) async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let answer = answer(request).await?;
        if answer.status().is_success() { Ok(answer) } else { Err(refusal(answer).await) }
    }

    /// [`Rest::send`], and the JSON of the answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
        read(self.send(request).await?).await
    }

    /// [`Rest::send`], and none for status 404.
    pub(super) async fn find(&self, request: RequestBuilder) -> anyhow::Result<Option<Response>> {
        let answer = answer(request).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(answer)),
            _ => Err(refusal(answer).await),
        }
    }

    /// [`Rest::read`], and none for status 401.
    pub(super) async fn read_unless_unauthorized<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> anyhow::Result<Option<T>> {
        let answer = answer(request).await?;
        match answer.status() {
            StatusCode::UNAUTHORIZED => Ok(None),
            status if status.is_success() => read(answer).await.map(Some),
            _ => Err(refusal(answer).await),
        }
    }
}

/// The cookies that `answer` sets, as a `Cookie` header.
pub(super) fn cookies(answer: &Response) -> String {
    let set = answer.headers().get_all(SET_COOKIE).iter().filter_map(|it| it.to_str().ok());
    let pairs: Vec<&str> = set.filter_map(|it| it.split(';').next()).map(str::trim).collect();
    pairs.join("; ")
}

/// Sends a request. Its errors name no URL, as links to accounts are secrets.
async fn answer(request: RequestBuilder) -> anyhow::Result<Response> {
    request.send().await.map_err(reqwest::Error::without_url).context("the site does not answer")
}

async fn read<T: DeserializeOwned>(answer: Response) -> anyhow::Result<T> {
    let json = answer.json().await.map_err(reqwest::Error::without_url);
    json.context("the site's answer cannot be read")
}

/// An error in the site's words: a [`Refusal`] if the same request would fail again.
async fn refusal(answer: Response) -> anyhow::Error {
    let status = answer.status();
    let said = match answer.json::<Failure>().await {
        Ok(failure) => format!("the site answers {}: {failure}", status.as_u16()),
        Err(_) => format!("the site answers {status}"),
    };
    let is_final = [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNPROCESSABLE_ENTITY];
    if is_final.contains(&status) { Refusal(said).into() } else { anyhow!(said) }
}
