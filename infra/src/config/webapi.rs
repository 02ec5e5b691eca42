//! Settings of the site and API process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::document::Problem;
use super::postgresql::Postgresql;
use super::values::{positive, seconds};

/// The database role of this process, by default.
pub(super) const USER: &str = "webapi";

/// Settings of the site and API process.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Webapi {
    /// Address on which the site listens.
    pub listen: SocketAddr,
    /// Addresses of `/metrics` for Prometheus; may be empty. Anyone who reaches them can read.
    pub metrics_listen: Vec<SocketAddr>,
    /// Whether cookies are restricted to HTTPS: `true` behind a proxy that serves HTTPS.
    pub secure: bool,
    /// Connection of this process's role, which can read and write.
    #[serde(deserialize_with = "postgresql")]
    pub postgresql: Postgresql,
    /// Most database connections.
    #[serde(deserialize_with = "positive")]
    pub pool_size: usize,
    /// Most client connections at the same time.
    #[serde(deserialize_with = "positive")]
    pub max_connections: usize,
    /// Time for a request's header to arrive, counted from the end of the previous answer.
    #[serde(rename = "headerTimeoutSeconds", deserialize_with = "seconds")]
    pub header_timeout: Duration,
    /// Longest time of a request that changes something.
    #[serde(rename = "requestTimeoutSeconds", deserialize_with = "seconds")]
    pub request_timeout: Duration,
    /// Longest wait of a request that only reads for the database or the tracker, before a page says that they are
    /// away.
    #[serde(rename = "backendTimeoutSeconds", deserialize_with = "seconds")]
    pub backend_timeout: Duration,
    /// Largest .torrent file, in bytes.
    #[serde(deserialize_with = "positive")]
    pub upload_max_bytes: usize,
    /// Most bencoded values in a .torrent file.
    #[serde(deserialize_with = "positive")]
    pub upload_max_tokens: usize,
    /// Most torrents that a member uploads a day (UTC), and most edits a day.
    #[serde(deserialize_with = "positive")]
    pub uploads_per_day: u32,
    /// Most requests of a member a minute; static files and event streams are not counted.
    #[serde(deserialize_with = "positive")]
    pub requests_per_minute: u32,
    /// Days without a visit after which a session ends.
    #[serde(deserialize_with = "positive")]
    pub session_days: u32,
    /// Days after signing in when a session ends in any case, also when that is before `session_days` without a visit.
    #[serde(deserialize_with = "positive")]
    pub session_max_days: u32,
    /// Days after which an unclaimed invite expires.
    #[serde(deserialize_with = "positive")]
    pub invite_days: u32,
    /// Most open invites of one member.
    pub open_invites: u32,
    /// Failed sign-ins, claims and reset links allowed within the window: per name from one network, per network, and
    /// per browser that signed in before. An IPv6 network is a /64; its /48 may fail ten times as often. One name may
    /// fail 100 times from all networks together.
    #[serde(deserialize_with = "positive")]
    pub sign_in_attempts: u32,
    /// Time in which failures count towards `signInAttempts`.
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
        if self.session_max_days > 36_500 {
            return Err(Problem::new("webapi.sessionMaxDays", "expected 36500 (a century) at most"));
        }
        Ok(())
    }
}

fn postgresql<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Postgresql, D::Error> {
    Postgresql::read_for(deserializer, USER)
}
