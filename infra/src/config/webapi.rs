//! Settings of the site and API process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::document::Problem;
use super::postgresql::Postgresql;
use super::values::{positive, seconds};

/// The role of this process, unless the file names another.
pub(super) const USER: &str = "webapi";

/// Settings of the site and API process.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Webapi {
    /// Where the site listens.
    pub listen: SocketAddr,
    /// Where Prometheus reads `/metrics`; nowhere when empty. Nothing there asks who is reading.
    pub metrics_listen: Vec<SocketAddr>,
    /// Whether cookies are only for HTTPS: `true` behind a proxy that speaks it.
    pub secure: bool,
    /// Connection of the read-write role.
    #[serde(deserialize_with = "postgresql")]
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

impl Default for Webapi {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8000).into(),
            metrics_listen: Vec::new(),
            secure: true,
            postgresql: Postgresql::of(USER),
            pool_size: 16,
            max_connections: 4096,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            backend_timeout: Duration::from_secs(2),
            upload_max_bytes: 10 << 20,
            upload_max_tokens: 3_000_000,
            uploads_per_day: 1000,
            requests_per_minute: 600,
            session_days: 30,
            session_max_days: 180,
            invite_days: 7,
            open_invites: 10,
            sign_in_attempts: 10,
            sign_in_window: Duration::from_mins(5),
        }
    }
}

impl Webapi {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.session_max_days < self.session_days {
            return Err(Problem::new("webapi.sessionMaxDays", "expected no less than webapi.sessionDays"));
        }
        if self.session_max_days > 36_500 {
            return Err(Problem::new("webapi.sessionMaxDays", "expected 36500 (a century) at most"));
        }
        Ok(())
    }
}

fn postgresql<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Postgresql, D::Error> {
    Postgresql::read_for(deserializer, USER)
}
