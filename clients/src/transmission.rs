//! Transmission's RPC (seen with 3.00; the dialect from 4.1 on by its `rpc-spec.md`).

mod dialect;
mod torrent;

use async_trait::async_trait;
use bt::InfoHash;
use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use data_encoding::BASE64;
use parking_lot::Mutex;
use reqwest::StatusCode;
use serde_json::{Value, json};

use self::dialect::Dialect;
pub use self::torrent::activity;
use self::torrent::{FIELDS, Torrents};
use crate::http::{self, ADD_TIMEOUT, ANSWER_TIMEOUT, Answer};
use crate::{Added, Addition, Endpoint, Error, Remote, Torrent};

/// Transmission's CSRF protection: an answer 409 has an id in this header, and every request must repeat it.
const SESSION: &str = "X-Transmission-Session-Id";
/// The header of an answer 409 with the semantic version of the RPC, from 4.1 on.
const RPC_VERSION: &str = "X-Transmission-Rpc-Version";

/// Remote control of a Transmission daemon.
pub struct Transmission {
    endpoint: Endpoint,
    http: reqwest::Client,
    /// Locked to copy or replace it, never across an `.await`.
    session: Mutex<Session>,
}

/// The headers of the last answer 409.
#[derive(Clone, Default)]
struct Session {
    id: String,
    dialect: Dialect,
}

impl Transmission {
    /// A remote control of the daemon at `endpoint`. Nothing is sent yet.
    pub fn new(endpoint: Endpoint) -> Result<Self, Error> {
        endpoint.check_http()?;
        Ok(Self { endpoint, http: http::client().build()?, session: Mutex::default() })
    }

    /// Calls a method of the RPC. Methods, parameters and fields of the result have their names from 4.1 on:
    /// `torrent_get`, `download_dir`, `hash_string`. They are translated for older daemons.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, Error> {
        // If the first attempt is answered 409, the second one repeats the id of that answer.
        for _ in 0..2 {
            let session = self.session.lock().clone();
            let answer = self.send(&session, method, &params).await?;
            match answer.status {
                StatusCode::CONFLICT => *self.session.lock() = Session::of(&answer)?,
                StatusCode::UNAUTHORIZED => return Err(Error::Unauthorized),
                StatusCode::FORBIDDEN => {
                    return Err(Error::Forbidden(
                        "its RPC whitelist lacks our address, or too many passwords were wrong",
                    ));
                }
                StatusCode::MISDIRECTED_REQUEST => {
                    return Err(Error::Forbidden("its host whitelist lacks the name in the URL"));
                }
                status => match serde_json::from_slice(&answer.body) {
                    Ok(body) => return session.dialect.result(method, body),
                    Err(_) if !status.is_success() => return Err(Error::Status(status.as_u16())),
                    Err(error) => return Err(error.into()),
                },
            }
        }
        Err(Error::Unreadable("every session id is refused".to_owned()))
    }

    /// The id of the daemon's session; empty before the first call. The daemon has a file `/tmp/tr_session_id_ID`.
    pub fn session_id(&self) -> String {
        self.session.lock().id.clone()
    }

    async fn send(&self, session: &Session, method: &str, params: &Value) -> Result<Answer, Error> {
        let limit = if method == "torrent_add" { ADD_TIMEOUT } else { ANSWER_TIMEOUT };
        let mut request = self.http.post(self.endpoint.url.clone()).timeout(limit);
        if !self.endpoint.user.is_empty() {
            request = request.basic_auth(&self.endpoint.user, Some(self.endpoint.password.reveal()));
        }
        let request = request.header(SESSION, &session.id).json(&session.dialect.request(method, params));
        http::send(request).await
    }

    async fn list(&self, ids: Option<&InfoHash>) -> Result<Vec<Torrent>, Error> {
        let mut params = json!({ "fields": FIELDS });
        if let Some(hash) = ids {
            params["ids"] = json!([hash.to_string()]);
        }
        let answer: Torrents = serde_json::from_value(self.call("torrent_get", params).await?)?;
        answer.torrents.into_iter().map(Torrent::try_from).collect()
    }

    /// Sets the folder of a torrent that the daemon had already, and has its content checked if something is missing.
    ///
    /// By itself the daemon keeps the old folder. 3.00 stores progress and folder after some minutes or at a regular
    /// end: after a `kill -9` it has lost them and must check the content.
    async fn refresh(&self, hash: &str, folder: &str) -> Result<(), Error> {
        let fields = json!({ "ids": [hash], "fields": ["download_dir", "left_until_done"] });
        let found = self.call("torrent_get", fields).await?;
        let found = &found["torrents"][0];
        if found["download_dir"] != json!(folder) {
            let location = json!({ "ids": [hash], "location": folder, "move": false });
            self.call("torrent_set_location", location).await?;
        }
        if found["left_until_done"] != json!(0) {
            self.call("torrent_verify", json!({ "ids": [hash] })).await?;
        }
        Ok(())
    }

    async fn on_one(&self, method: &str, info_hash: &InfoHash) -> Result<(), Error> {
        self.call(method, json!({ "ids": [info_hash.to_string()] })).await.map(drop)
    }
}

#[async_trait]
impl Remote for Transmission {
    async fn version(&self) -> Result<String, Error> {
        let session = self.call("session_get", json!({ "fields": ["version"] })).await?;
        // "3.00 (bb6b5a062e)"
        let version = session["version"].as_str().and_then(|version| version.split(' ').next());
        version.map(str::to_owned).ok_or_else(|| Error::Unreadable("it names no version".to_owned()))
    }

    async fn add(&self, addition: &Addition<'_>) -> Result<Added, Error> {
        let &Addition { metainfo, folder, label, paused } = addition;
        let info_hash = Metainfo::parse(metainfo, &Limits::default())?.hashes.canonical();
        let torrent =
            json!({ "metainfo": BASE64.encode(metainfo), "download_dir": folder, "paused": paused });
        let answer = self.call("torrent_add", torrent).await?;
        let added = if answer["torrent_duplicate"].is_null() { Added::New } else { Added::Known };
        let hash = info_hash.to_string();
        if let Some(label) = label {
            // `torrent_add` accepts labels only from 4.0 on.
            self.call("torrent_set", json!({ "ids": [hash], "labels": [label] })).await?;
        }
        if added == Added::Known {
            self.refresh(&hash, folder).await?;
            if !paused {
                self.start(&info_hash).await?;
            }
        }
        Ok(added)
    }

    async fn torrents(&self) -> Result<Vec<Torrent>, Error> {
        self.list(None).await
    }

    async fn find(&self, info_hash: &InfoHash) -> Result<Option<Torrent>, Error> {
        Ok(self.list(Some(info_hash)).await?.into_iter().find(|torrent| torrent.info_hash == *info_hash))
    }

    async fn start(&self, info_hash: &InfoHash) -> Result<(), Error> {
        self.on_one("torrent_start", info_hash).await
    }

    async fn stop(&self, info_hash: &InfoHash) -> Result<(), Error> {
        self.on_one("torrent_stop", info_hash).await
    }

    async fn remove(&self, info_hash: &InfoHash, with_data: bool) -> Result<(), Error> {
        let torrent = json!({ "ids": [info_hash.to_string()], "delete_local_data": with_data });
        self.call("torrent_remove", torrent).await.map(drop)
    }
}

impl Session {
    fn of(answer: &Answer) -> Result<Self, Error> {
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let id =
            header(SESSION).ok_or_else(|| Error::Unreadable("status 409 names no session".to_owned()))?;
        Ok(Self { id: id.to_owned(), dialect: Dialect::of(header(RPC_VERSION)) })
    }
}
