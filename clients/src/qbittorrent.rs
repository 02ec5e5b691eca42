//! qBittorrent's Web API (seen with 4.5.2, Web API 2.8.19; 5.x by its change log).

mod torrent;

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bt::InfoHash;
use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use url::Url;

use self::torrent::Listed;
pub use self::torrent::activity;
use crate::http::{self, ADD_TIMEOUT, Answer};
use crate::remote::{LIST_PAUSE, LIST_TIMEOUT};
use crate::{Added, Addition, Endpoint, Error, Remote, Torrent};

/// Remote control of a qBittorrent whose Web API is turned on.
pub struct Qbittorrent {
    endpoint: Endpoint,
    /// URL of the Web API, with a slash at the end.
    api: Url,
    /// Keeps all cookies, because the session's cookie has another name from 5.2 on. Without the cookie, qBittorrent
    /// makes a session for each request and keeps it for an hour.
    http: reqwest::Client,
    signed_in: AtomicBool,
}

impl Qbittorrent {
    /// A remote control of the program at `endpoint`. Nothing is sent yet.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        endpoint.check_http()?;
        let mut api = endpoint.url.clone();
        api.set_path(&format!("{}/api/v2/", endpoint.url.path().trim_end_matches('/')));
        api.set_query(None);
        let http = http::client().cookie_store(true).build()?;
        Ok(Self { endpoint, api, http, signed_in: AtomicBool::new(false) })
    }

    /// Gets a path of the Web API, such as `torrents/info`, and parses the JSON of the answer.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        Ok(serde_json::from_slice(&self.read(path).await?)?)
    }

    /// Posts a form to a path of the Web API.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<(), Error> {
        let answer = self.send(Method::POST, path, |request| Ok(request.form(form))).await?;
        answer.success().map(drop)
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        self.send(Method::GET, path, Ok).await?.success()
    }

    /// Sends a request, which `finish` completes, within a session. If the session has ended, it signs in again, once.
    async fn send(
        &self,
        method: Method,
        path: &str,
        finish: impl Fn(RequestBuilder) -> Result<RequestBuilder, Error>,
    ) -> Result<Answer, Error> {
        let has_user = !self.endpoint.user.is_empty();
        let mut is_second = false;
        loop {
            if has_user && !self.signed_in.load(Ordering::Acquire) {
                self.sign_in().await?;
            }
            let mut request = self.http.request(method.clone(), self.url(path)?);
            if !has_user && !self.endpoint.password.is_empty() {
                // An API key, from 5.2 on.
                request = request.bearer_auth(self.endpoint.password.reveal());
            }
            let answer = http::send(finish(request)?).await?;
            if answer.status != StatusCode::FORBIDDEN {
                return Ok(answer);
            }
            if !has_user || is_second {
                return Err(Error::Unauthorized);
            }
            self.signed_in.store(false, Ordering::Release);
            is_second = true;
        }
    }

    fn url(&self, path: &str) -> Result<Url, Error> {
        self.api.join(path).map_err(|error| Error::Url(error.to_string()))
    }

    async fn sign_in(&self) -> Result<(), Error> {
        let form = [("username", self.endpoint.user.as_str()), ("password", self.endpoint.password.reveal())];
        let answer = http::send(self.http.post(self.url("auth/login")?).form(&form)).await?;
        if answer.status == StatusCode::FORBIDDEN {
            return Err(Error::Forbidden("too many passwords were wrong"));
        }
        // Success is 200 with "Ok.", or 204 without a body from Web API 2.14 on. A wrong password is 200 with "Fails.",
        // or 401 from 2.14 on.
        if answer.success()? == b"Fails." {
            return Err(Error::Unauthorized);
        }
        self.signed_in.store(true, Ordering::Release);
        Ok(())
    }

    /// The torrent with this info hash. qBittorrent names a hybrid torrent by its truncated hash of version 2, so one
    /// that is asked for by its hash of version 1 must be looked for in the whole list.
    async fn listed(&self, info_hash: &InfoHash) -> Result<Option<Listed>, Error> {
        let named: Vec<Listed> = self.get(&format!("torrents/info?hashes={info_hash}")).await?;
        if let Some(torrent) = named.into_iter().next() {
            return Ok(Some(torrent));
        }
        let all: Vec<Listed> = self.get("torrents/info").await?;
        Ok(all.into_iter().find(|torrent| torrent.is_named(info_hash)))
    }

    /// Posts a torrent's hash to a path of the Web API; 4.x has `old_path` instead. An unknown torrent is no error.
    async fn on_one(&self, path: &str, old_path: &str, info_hash: &InfoHash) -> Result<(), Error> {
        let Some(torrent) = self.listed(info_hash).await? else { return Ok(()) };
        match self.post(path, &[("hashes", &torrent.hash)]).await {
            Err(Error::Status(404)) => self.post(old_path, &[("hashes", &torrent.hash)]).await,
            done => done,
        }
    }
}

#[async_trait]
impl Remote for Qbittorrent {
    async fn version(&self) -> Result<String, Error> {
        let version = self.read("app/version").await?;
        Ok(String::from_utf8_lossy(&version).trim_start_matches('v').to_owned())
    }

    async fn add(&self, addition: &Addition<'_>) -> Result<Added, Error> {
        let info_hash = Metainfo::parse(addition.metainfo, &Limits::default())?.hashes.canonical();
        if self.listed(&info_hash).await?.is_some() {
            if !addition.paused {
                self.start(&info_hash).await?;
            }
            return Ok(Added::Known);
        }
        let finish = |request: RequestBuilder| Ok(request.timeout(ADD_TIMEOUT).multipart(form(addition)?));
        let answer = self.send(Method::POST, "torrents/add", finish).await?;
        if answer.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            return Err(Error::Refused("this is no torrent".to_owned()));
        }
        // 200 with "Fails.", or 409 from Web API 2.14 on, is a duplicate, or a torrent that it refuses.
        let refused = answer.status == StatusCode::CONFLICT || answer.body == b"Fails.";
        if !refused {
            answer.success()?;
        }
        // The torrent appears in the list a moment after the answer.
        let deadline = Instant::now() + LIST_TIMEOUT;
        loop {
            match self.listed(&info_hash).await? {
                Some(_) if refused => return Ok(Added::Known),
                Some(_) => return Ok(Added::New),
                None if refused => return Err(Error::Refused("it does not take the torrent".to_owned())),
                None if Instant::now() >= deadline => return Err(Error::NotListed),
                None => sleep(LIST_PAUSE).await,
            }
        }
    }

    async fn torrents(&self) -> Result<Vec<Torrent>, Error> {
        let torrents: Vec<Listed> = self.get("torrents/info").await?;
        torrents.into_iter().map(Torrent::try_from).collect()
    }

    async fn find(&self, info_hash: &InfoHash) -> Result<Option<Torrent>, Error> {
        self.listed(info_hash).await?.map(Torrent::try_from).transpose()
    }

    async fn start(&self, info_hash: &InfoHash) -> Result<(), Error> {
        self.on_one("torrents/start", "torrents/resume", info_hash).await
    }

    async fn stop(&self, info_hash: &InfoHash) -> Result<(), Error> {
        self.on_one("torrents/stop", "torrents/pause", info_hash).await
    }

    async fn remove(&self, info_hash: &InfoHash, with_data: bool) -> Result<(), Error> {
        let Some(torrent) = self.listed(info_hash).await? else { return Ok(()) };
        let with_data = if with_data { "true" } else { "false" };
        self.post("torrents/delete", &[("hashes", &torrent.hash), ("deleteFiles", with_data)]).await
    }
}

/// The form for `torrents/add`.
fn form(addition: &Addition<'_>) -> Result<Form, Error> {
    let file = Part::bytes(addition.metainfo.to_vec()).file_name("added.torrent");
    let paused = if addition.paused { "true" } else { "false" };
    let form = Form::new()
        .part("torrents", file.mime_str("application/x-bittorrent")?)
        .text("savepath", addition.folder.to_owned())
        // Otherwise the category's folder would be used instead of `savepath`.
        .text("autoTMM", "false")
        .text("contentLayout", "Original")
        .text("skip_checking", "false")
        // The name in 4.x, then that in 5.x.
        .text("paused", paused)
        .text("stopped", paused);
    Ok(match addition.label {
        Some(label) => form.text("category", label.to_owned()),
        None => form,
    })
}
