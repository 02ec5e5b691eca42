//! Settings of the announce process.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::document::Problem;
use super::postgresql::Postgresql;
use super::values::{positive, seconds};

/// What the lists of clients hold.
const CLIENT_PREFIXES: &str = "expected the first 1 to 8 characters of peer ids, as \"-qB\"";

/// Longest `peerTimeoutSeconds`.
const MAX_PEER_TIMEOUT: Duration = Duration::from_hours(24);

/// Longest `databaseTimeoutSeconds`.
const MAX_DATABASE_TIMEOUT: Duration = Duration::from_secs(10);

/// The role of this process, unless the file names another.
pub(super) const USER: &str = "tracker";

/// Settings of the announce process.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
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
    #[serde(deserialize_with = "postgresql")]
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

impl Default for Tracker {
    fn default() -> Self {
        Self {
            listen: vec![(Ipv4Addr::LOCALHOST, 8080).into(), (Ipv6Addr::LOCALHOST, 8080).into()],
            tls_listen: Vec::new(),
            tls_certificate: "/etc/fairywren/certificate.pem".into(),
            tls_key: "/etc/fairywren/key.pem".into(),
            udp_listen: Vec::new(),
            metrics_listen: Vec::new(),
            restart_file: "/var/lib/fairywren/swarms".into(),
            postgresql: Postgresql::of(USER),
            database_timeout: Duration::from_secs(2),
            max_connections: 16_384,
            header_timeout: Duration::from_secs(10),
            interval: Duration::from_mins(30),
            min_interval: Duration::from_mins(5),
            peer_timeout: Duration::from_mins(70),
            numwant: 50,
            max_numwant: 200,
            reconcile: Duration::from_mins(1),
            peers_per_member: 10,
            announces_per_minute: 600,
            announce_burst: 10_000,
            clients_allowed: Vec::new(),
            clients_denied: Vec::new(),
            // 10 Gbit/s in each direction.
            max_bytes_per_second: 1_250_000_000,
            max_member_bytes_per_second: 2_500_000_000,
            check_connectability: true,
            max_reports: 1_000_000,
        }
    }
}

impl Tracker {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let problem = |key: &str, problem| Err(Problem::new(format!("tracker.{key}"), problem));
        if self.listen.is_empty() {
            return problem("listen", "expected at least one address as \"127.0.0.1:8080\"");
        }
        if self.numwant > self.max_numwant {
            return problem("numwant", "expected no more than tracker.maxNumwant");
        }
        if self.max_numwant > 1000 {
            return problem("maxNumwant", "expected 1000 at most: an answer should fit few packets");
        }
        if self.peer_timeout <= self.interval {
            return problem("peerTimeoutSeconds", "expected more than tracker.intervalSeconds");
        }
        if self.min_interval > self.interval {
            return problem("minIntervalSeconds", "expected no more than tracker.intervalSeconds");
        }
        if self.peer_timeout > MAX_PEER_TIMEOUT {
            return problem("peerTimeoutSeconds", "expected 86400 (a day) at most");
        }
        if self.database_timeout > MAX_DATABASE_TIMEOUT {
            return problem("databaseTimeoutSeconds", "expected 1 to 10: a stop waits for twice as long");
        }
        if self.peers_per_member > 100 {
            return problem("peersPerMember", "expected 1 to 100");
        }
        let odd = |prefixes: &[String]| prefixes.iter().any(|it| !(1..=8).contains(&it.len()));
        if odd(&self.clients_allowed) {
            return problem("clientsAllowed", CLIENT_PREFIXES);
        }
        if odd(&self.clients_denied) {
            return problem("clientsDenied", CLIENT_PREFIXES);
        }
        Ok(())
    }
}

fn postgresql<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Postgresql, D::Error> {
    Postgresql::read_for(deserializer, USER)
}
