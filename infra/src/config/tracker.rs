//! Settings of the announce process.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::document::Problem;
use super::postgresql::Postgresql;
use super::values::{positive, seconds};

/// The message for a wrong entry of `clientsAllowed` or `clientsDenied`.
const CLIENT_PREFIXES: &str = "expected the first 1 to 8 characters of peer ids, as \"-qB\"";

/// Longest `peerTimeoutSeconds`.
const MAX_PEER_TIMEOUT: Duration = Duration::from_hours(24);

/// Longest `databaseTimeoutSeconds`.
const MAX_DATABASE_TIMEOUT: Duration = Duration::from_secs(10);

/// The database role of this process, by default.
pub(super) const USER: &str = "tracker";

/// Settings of the announce process.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Tracker {
    /// Addresses for announces over HTTP; usually one for IPv4 and one for IPv6.
    pub listen: Vec<SocketAddr>,
    /// Addresses for announces over HTTPS; may be empty.
    pub tls_listen: Vec<SocketAddr>,
    /// PEM file with the certificate chain for `tlsListen`, the server's certificate first. Read again when it changes.
    pub tls_certificate: PathBuf,
    /// PEM file with the certificate's private key.
    pub tls_key: PathBuf,
    /// Addresses for announces over UDP (BEP 15); may be empty.
    pub udp_listen: Vec<SocketAddr>,
    /// Addresses of `/metrics` for Prometheus; may be empty. Anyone who reaches them can read.
    pub metrics_listen: Vec<SocketAddr>,
    /// File that carries swarms and reports over a restart. Besides memory, only this file contains addresses of peers.
    pub restart_file: PathBuf,
    /// Connection of this process's role, which can only read.
    #[serde(deserialize_with = "postgresql")]
    pub postgresql: Postgresql,
    /// Longest wait of an announce for the database, if its member or torrent is not in memory.
    #[serde(rename = "databaseTimeoutSeconds", deserialize_with = "seconds")]
    pub database_timeout: Duration,
    /// Most client connections at the same time.
    #[serde(deserialize_with = "positive")]
    pub max_connections: usize,
    /// Time for a request's header to arrive, counted from the end of the previous answer.
    #[serde(rename = "headerTimeoutSeconds", deserialize_with = "seconds")]
    pub header_timeout: Duration,
    /// Interval between announces given to clients; up to a tenth is added at random.
    #[serde(rename = "intervalSeconds", deserialize_with = "seconds")]
    pub interval: Duration,
    /// Minimum interval between announces without an event, given to clients.
    #[serde(rename = "minIntervalSeconds", deserialize_with = "seconds")]
    pub min_interval: Duration,
    /// Silence after which a peer is dropped.
    #[serde(rename = "peerTimeoutSeconds", deserialize_with = "seconds")]
    pub peer_timeout: Duration,
    /// Peers in an answer if the client names no number.
    pub numwant: usize,
    /// Most peers in an answer.
    pub max_numwant: usize,
    /// Time between two comparisons of memory with the database.
    #[serde(rename = "reconcileSeconds", deserialize_with = "seconds")]
    pub reconcile: Duration,
    /// Most clients of one member in one swarm.
    #[serde(deserialize_with = "positive")]
    pub peers_per_member: u32,
    /// Most announces and scrapes of one member a minute, on average.
    #[serde(deserialize_with = "positive")]
    pub announces_per_minute: u32,
    /// Most announces and scrapes of one member at once, as when a client with many torrents starts.
    #[serde(deserialize_with = "positive")]
    pub announce_burst: u32,
    /// Beginnings of peer ids, as `-qB`, of the clients that are allowed. All are allowed if it is empty.
    pub clients_allowed: Vec<String>,
    /// Beginnings of peer ids of clients that are refused, even if they are allowed.
    pub clients_denied: Vec<String>,
    /// Highest rate that one client can claim, in bytes a second; claims beyond it are cut and shown to staff.
    #[serde(deserialize_with = "positive")]
    pub max_bytes_per_second: u64,
    /// Highest rate of all clients and torrents of a member together, both directions added up, in bytes a second;
    /// claims beyond it are cut and shown to staff.
    #[serde(deserialize_with = "positive")]
    pub max_member_bytes_per_second: u64,
    /// Whether the tracker tries to connect to clients, to show their members and staff whether other peers can.
    pub check_connectability: bool,
    /// Most accounting reports (one for each member and torrent) that wait for the webapi.
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
