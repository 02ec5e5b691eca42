//! The configuration: one JSON file for tracker and webapi. Every key is required, an unknown one is refused.

#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::secrets::Secret;

/// Shortest `salt` that is accepted, in characters.
pub const MIN_SALT_LEN: usize = 32;

/// What a list of clients holds.
const BEGINNINGS: &str = "expected the first 1 to 8 characters of peer ids, as \"-qB\"";

/// Longest `peerTimeoutSeconds`.
const MAX_PEER_TIMEOUT: Duration = Duration::from_hours(24);

/// Longest `databaseTimeoutSeconds`.
const MAX_DATABASE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a configuration cannot be used: a sentence that names the file and, where there is one, the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", file.display())]
    Read {
        /// The file named by the caller.
        file: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// A key is unknown, missing, of another type or out of range.
    #[error("{}: {key}: {problem}", file.display())]
    Key {
        /// The file named by the caller.
        file: PathBuf,
        /// The key with its parents, as `webapi.postgresql`; `.` is the whole document.
        key: String,
        /// What is wrong with it and what is expected.
        problem: String,
    },
}

/// The whole configuration, as `example.conf.json` shows it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// External URL that announces arrive under, without `/announce`.
    pub tracker_url: BaseUrl,
    /// External URL of the site; the API is below it at `/api`.
    pub api_url: BaseUrl,
    /// Leading path segments that a proxy leaves on each request and that are ignored.
    pub path_depth: usize,
    /// The server's secret, from which all others are derived.
    #[serde(deserialize_with = "salt")]
    pub salt: Secret,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Where tracker and webapi meet.
    pub zeromq: Zeromq,
    /// What `webapi migrate` uses.
    pub migrate: Migrate,
    /// The site and API process.
    pub webapi: Webapi,
    /// The announce process.
    pub tracker: Tracker,
}

/// ZeroMQ endpoints, bound by the tracker: `ipc://PATH` or `tcp://ADDR:PORT`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Zeromq {
    /// PUB socket of live counts.
    #[serde(deserialize_with = "endpoint")]
    pub counts: String,
    /// ROUTER socket of snapshots and questions.
    #[serde(deserialize_with = "endpoint")]
    pub control: String,
}

/// The connection of the role that owns the database.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Migrate {
    /// It may create tables, and the roles of the other two connections where they are missing.
    pub postgresql: Postgresql,
}

/// Settings of the site and API process.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Webapi {
    /// Where the site listens.
    pub listen: SocketAddr,
    /// Where Prometheus reads `/metrics`; nowhere when empty. Nothing there asks who is reading.
    pub metrics_listen: Vec<SocketAddr>,
    /// Whether cookies are only for HTTPS: `true` behind a proxy that speaks it.
    pub secure: bool,
    /// Connection of the read-write role.
    pub postgresql: Postgresql,
    /// Database connections at most.
    #[serde(deserialize_with = "positive")]
    pub pool_size: usize,
    /// Client connections at most.
    #[serde(deserialize_with = "positive")]
    pub max_connections: usize,
    /// Time for a request's header to arrive, counted from the end of the answer before it.
    #[serde(rename = "headerTimeoutSeconds", deserialize_with = "seconds")]
    pub header_timeout: Duration,
    /// Time for a request to be answered.
    #[serde(rename = "requestTimeoutSeconds", deserialize_with = "seconds")]
    pub request_timeout: Duration,
    /// How long what only reads waits for database or tracker, before a page says that they are away.
    #[serde(rename = "backendTimeoutSeconds", deserialize_with = "seconds")]
    pub backend_timeout: Duration,
    /// Largest .torrent file, in bytes.
    #[serde(deserialize_with = "positive")]
    pub upload_max_bytes: usize,
    /// Most bencode tokens in a .torrent file.
    #[serde(deserialize_with = "positive")]
    pub upload_max_tokens: usize,
    /// Torrents that a member may upload on a day (UTC), and how often they may edit one.
    #[serde(deserialize_with = "positive")]
    pub uploads_per_day: u32,
    /// Requests of a member within a minute; files of the site and event streams are not counted.
    #[serde(deserialize_with = "positive")]
    pub requests_per_minute: u32,
    /// Days without a visit after which a session ends.
    #[serde(deserialize_with = "positive")]
    pub session_days: u32,
    /// Days after signing in after which a session ends in any case.
    #[serde(deserialize_with = "positive")]
    pub session_max_days: u32,
    /// Days after which an unclaimed invite expires.
    #[serde(deserialize_with = "positive")]
    pub invite_days: u32,
    /// Invites of one member that can be claimed at the same time.
    pub open_invites: u32,
    /// Failed sign-ins, claims and reset links allowed within the window: per name from one network, per network, and
    /// per browser that signed in before. An IPv6 network is a /64; its /48 may fail ten times as often. One name may
    /// fail 100 times from all networks together.
    #[serde(deserialize_with = "positive")]
    pub sign_in_attempts: u32,
    /// The window of `signInAttempts`.
    #[serde(rename = "signInWindowSeconds", deserialize_with = "seconds")]
    pub sign_in_window: Duration,
}

/// Settings of the announce process.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tracker {
    /// Where announces arrive; one address for each family as a rule.
    pub listen: Vec<SocketAddr>,
    /// Where announces over HTTPS arrive; nowhere when empty.
    pub tls_listen: Vec<SocketAddr>,
    /// Certificate chain for `tlsListen`, PEM, the server's first; read again when it changes.
    pub tls_certificate: PathBuf,
    /// Its private key, PEM.
    pub tls_key: PathBuf,
    /// Where announces over UDP arrive (BEP 15); nowhere when empty.
    pub udp_listen: Vec<SocketAddr>,
    /// Where Prometheus reads `/metrics`; nowhere when empty. Nothing there asks who is reading.
    pub metrics_listen: Vec<SocketAddr>,
    /// Where swarms and reports survive a restart. The only place beside the memory that holds addresses of peers.
    pub restart_file: PathBuf,
    /// Connection of the read-only role.
    pub postgresql: Postgresql,
    /// How long an announce waits for the database where memory does not know member or torrent.
    #[serde(rename = "databaseTimeoutSeconds", deserialize_with = "seconds")]
    pub database_timeout: Duration,
    /// Client connections at most.
    #[serde(deserialize_with = "positive")]
    pub max_connections: usize,
    /// Time for a request's header to arrive, counted from the end of the answer before it.
    #[serde(rename = "headerTimeoutSeconds", deserialize_with = "seconds")]
    pub header_timeout: Duration,
    /// When a client shall announce again; up to a tenth is added as jitter.
    #[serde(rename = "intervalSeconds", deserialize_with = "seconds")]
    pub interval: Duration,
    /// Before this a client shall not announce again without an event.
    #[serde(rename = "minIntervalSeconds", deserialize_with = "seconds")]
    pub min_interval: Duration,
    /// A peer that was silent for this long is dropped.
    #[serde(rename = "peerTimeoutSeconds", deserialize_with = "seconds")]
    pub peer_timeout: Duration,
    /// Peers handed out where the client names no number.
    pub numwant: usize,
    /// Peers handed out at most.
    pub max_numwant: usize,
    /// How often members and torrents in memory are compared with the database.
    #[serde(rename = "reconcileSeconds", deserialize_with = "seconds")]
    pub reconcile: Duration,
    /// Clients of one member that are peers of one torrent at the same time, at most.
    #[serde(deserialize_with = "positive")]
    pub peers_per_member: u32,
    /// Announces of one member, on average, at most.
    #[serde(deserialize_with = "positive")]
    pub announces_per_minute: u32,
    /// Announces of one member that may come at once, as when a client with so many torrents starts.
    #[serde(deserialize_with = "positive")]
    pub announce_burst: u32,
    /// Beginnings of peer ids, as `-qB`; others are refused. All are allowed when empty.
    pub clients_allowed: Vec<String>,
    /// Beginnings of peer ids that are refused, also of those allowed.
    pub clients_denied: Vec<String>,
    /// What a client may have moved since its last announce, at most; more is cut off and shown to staff.
    #[serde(deserialize_with = "positive")]
    pub max_bytes_per_second: u64,
    /// What a member may move with all clients and torrents together, both directions added up; more is cut off and
    /// shown to staff.
    #[serde(deserialize_with = "positive")]
    pub max_member_bytes_per_second: u64,
    /// Whether the tracker connects to clients now and then to see whether others can; shown to their members and to
    /// staff.
    pub check_connectability: bool,
    /// Accounts of member and torrent that wait for the webapi, at most.
    #[serde(deserialize_with = "positive")]
    pub max_reports: usize,
}

/// A Postgres connection, in libpq's words. There is no TLS: use a unix socket or a private network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Postgresql {
    /// A host name, an address or the directory of the server's unix socket.
    pub host: String,
    /// Also part of the socket's name.
    pub port: u16,
    /// The database.
    #[serde(alias = "database")]
    pub dbname: String,
    /// The role.
    pub user: String,
    /// The role's password.
    pub password: Secret,
}

/// An `http` or `https` URL without query, and without a slash at its end.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL; append paths that begin with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path, empty or beginning with a slash, never ending in one.
    pub fn path(&self) -> &str {
        let host = self.0.find("://").map_or(0, |at| at + 3);
        self.0[host..].find('/').map_or("", |at| &self.0[host + at..])
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let url = Url::parse(&text).map_err(|_| wrong("expected a URL as https://site.example.org"))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("expected an http or https URL without a query"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("expected a URL without a user name: it is shown to members"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl Config {
    /// Reads `file`.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text =
            fs::read_to_string(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
        Self::parse(&text, file)
    }

    /// Reads `text`, which came from `file` (named in errors only).
    pub fn parse(text: &str, file: &Path) -> Result<Self, Error> {
        parse_json::<Self>(text, file)?.checked(file)
    }

    fn checked(self, file: &Path) -> Result<Self, Error> {
        self.check().map_err(|(key, problem)| Error::Key {
            file: file.to_owned(),
            key: key.to_owned(),
            problem: problem.to_owned(),
        })?;
        Ok(self)
    }

    /// Reads a `value` that is made of what `file` says: errors name the key there, and no position in any text.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn from_value(value: &serde_json::Value, file: &Path) -> Result<Self, Error> {
        let config: Self = serde_path_to_error::deserialize(value).map_err(|problem| Error::Key {
            file: file.to_owned(),
            key: problem.path().to_string(),
            problem: problem.into_inner().to_string(),
        })?;
        config.checked(file)
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.path_depth > 16 {
            return Err(("pathDepth", "expected 0 to 16"));
        }
        if self.tracker.listen.is_empty() {
            return Err(("tracker.listen", "expected at least one address as \"127.0.0.1:8080\""));
        }
        if self.tracker.numwant > self.tracker.max_numwant {
            return Err(("tracker.numwant", "expected no more than tracker.maxNumwant"));
        }
        if self.tracker.max_numwant > 1000 {
            return Err(("tracker.maxNumwant", "expected 1000 at most: an answer should fit few packets"));
        }
        if self.tracker.peer_timeout <= self.tracker.interval {
            return Err(("tracker.peerTimeoutSeconds", "expected more than tracker.intervalSeconds"));
        }
        if self.tracker.min_interval > self.tracker.interval {
            return Err(("tracker.minIntervalSeconds", "expected no more than tracker.intervalSeconds"));
        }
        if self.tracker.peer_timeout > MAX_PEER_TIMEOUT {
            return Err(("tracker.peerTimeoutSeconds", "expected 86400 (a day) at most"));
        }
        if self.tracker.database_timeout > MAX_DATABASE_TIMEOUT {
            return Err((
                "tracker.databaseTimeoutSeconds",
                "expected 1 to 10: a stop waits for twice as long",
            ));
        }
        if self.tracker.peers_per_member > 100 {
            return Err(("tracker.peersPerMember", "expected 1 to 100"));
        }
        if self.webapi.session_max_days < self.webapi.session_days {
            return Err(("webapi.sessionMaxDays", "expected no less than webapi.sessionDays"));
        }
        if self.webapi.session_max_days > 36_500 {
            return Err(("webapi.sessionMaxDays", "expected 36500 (a century) at most"));
        }
        let odd = |prefixes: &[String]| prefixes.iter().any(|it| !(1..=8).contains(&it.len()));
        if odd(&self.tracker.clients_allowed) {
            return Err(("tracker.clientsAllowed", BEGINNINGS));
        }
        if odd(&self.tracker.clients_denied) {
            return Err(("tracker.clientsDenied", BEGINNINGS));
        }
        if self.zeromq.counts == self.zeromq.control {
            return Err(("zeromq.control", "expected another endpoint than zeromq.counts"));
        }
        Ok(())
    }
}

fn parse_json<T: DeserializeOwned>(text: &str, file: &Path) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let error = |key: String, problem: String| Error::Key { file: file.to_owned(), key, problem };
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|problem| error(problem.path().to_string(), problem.into_inner().to_string()))?;
    json.end().map_err(|problem| error(".".to_owned(), problem.to_string()))?;
    Ok(value)
}

fn wrong<E: serde::de::Error>(expected: &str) -> E {
    E::custom(expected)
}

fn salt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let salt = Secret::deserialize(deserializer)?;
    if salt.reveal().chars().count() < MIN_SALT_LEN {
        return Err(wrong("expected at least 32 random characters, as `openssl rand -base64 48` prints"));
    }
    Ok(salt)
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let endpoint = String::deserialize(deserializer)?;
    if !endpoint.starts_with("ipc:///") && !endpoint.starts_with("tcp://") {
        return Err(wrong("expected ipc:///PATH or tcp://ADDRESS:PORT"));
    }
    Ok(endpoint)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds: u32 = positive(deserializer)?;
    Ok(Duration::from_secs(seconds.into()))
}

fn positive<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let number = u64::deserialize(deserializer)?;
    if number == 0 {
        return Err(wrong("expected a whole number above 0"));
    }
    T::deserialize(number.into_deserializer())
}
