//! The state of the process, which every handler reaches: configuration, database, live counts.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool, Status};
use infra::config::Config;
use infra::secrets::Keys;
use infra::shutdown::Shutdown;
use tokio::sync::broadcast;

use crate::domain::catalogue::description::Descriptions;
use crate::domain::catalogue::torrent::announce::AnnounceUrls;
use crate::domain::catalogue::torrent::metainfo_limits::MetainfoLimits;
use crate::domain::catalogue::torrent::searches::Searches;
use crate::domain::member::attempts::Attempts;
use crate::domain::member::invite;
use crate::domain::member::password::Passwords;
use crate::domain::member::queues::Queues;
use crate::domain::member::requests::Requests;
use crate::error::Error;
use crate::id::UserId;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::reading::{self, Holders};

/// Time between two checks of an open event stream whether its member is still signed in. A sign-out in this process
/// is noticed at once.
const STREAM_CHECK: Duration = Duration::from_secs(10);

/// The `statement_timeout` of reading statements as a share of the time that a page waits: Postgres gives up first.
const STATEMENT_SHARE: f64 = 0.9;

/// Database connections for each search that may run at the same time: cheaper pages use the other connections.
const POOL_PER_SEARCH: usize = 8;

/// Reading database connections for each request that one member may have running at the same time: others' requests
/// use the other connections.
const READS_PER_MEMBER: usize = 4;

/// Most requests of one member that only read and that run or wait.
const READS_WAITING: usize = 64;

/// Unread departures that are kept for each event stream; a stream that misses some checks its member.
const DEPARTURES: usize = 16;

/// The state of the process, cheap to clone. Tests use the same type as production.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The fields of [`App`].
pub struct Inner {
    /// The configuration file.
    pub config: Config,
    /// Keys derived from its salt.
    pub keys: Keys,
    /// Makes announce URLs.
    pub announce_urls: AnnounceUrls,
    /// Present counts of all torrents.
    pub live: Live,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Renders descriptions of torrents.
    pub descriptions: Descriptions,
    /// Limits on uploads and downloads under way.
    pub metainfo_limits: MetainfoLimits,
    /// Limits each member's requests a minute.
    pub requests: Requests,
    /// Limits the requests that only read and that run at the same time for one member.
    pub readers: Queues,
    /// Failed sign-ins, claims of invites and uses of reset links.
    pub attempts: Attempts,
    /// Ids of members of whom a session or token ended: their open event streams check whether they may go on.
    pub departures: broadcast::Sender<UserId>,
    /// Time between two checks of an open event stream whether its member is still signed in.
    pub stream_check: Duration,
    /// Counters for Prometheus.
    pub metrics: Metrics,
    /// Limits the searches that run at the same time.
    pub searches: Searches,
    /// Which request each reading connection was lent to.
    pub holders: Arc<Holders>,
    /// Tells event streams and tasks to stop.
    pub shutdown: Shutdown,
    /// Database connections of requests that only read.
    reads: Pool,
    /// All other database connections.
    changes: Pool,
}

impl App {
    /// The state of a process with this configuration. Nothing is connected yet: the pools connect on demand.
    pub fn new(config: Config, shutdown: Shutdown) -> anyhow::Result<Self> {
        Self::with_stream_check(config, shutdown, STREAM_CHECK)
    }

    /// [`App::new`] with another time between two checks of an open event stream.
    pub fn with_stream_check(
        config: Config,
        shutdown: Shutdown,
        stream_check: Duration,
    ) -> anyhow::Result<Self> {
        let keys = Keys::derive(&config.salt);
        let webapi = &config.webapi;
        let (statements, wait) = (webapi.request_timeout, webapi.backend_timeout);
        let pool = |size, timeout| infra::db::pool(&webapi.postgresql, "webapi", size, timeout, wait);
        let changes = (webapi.pool_size / 2).max(1);
        let reads = (webapi.pool_size - changes).max(1);
        let readers = Queues::new((reads / READS_PER_MEMBER).max(1), READS_WAITING);
        let reads = pool(reads, statements.min(wait).mul_f64(STATEMENT_SHARE))?;
        let changes = pool(changes, statements)?;
        let passwords = Passwords::new(keys.password, config.api_url.as_str());
        let attempts = Attempts::new(webapi.sign_in_attempts, webapi.sign_in_window);
        let (departures, _) = broadcast::channel(DEPARTURES);
        Ok(Self(Arc::new(Inner {
            departures,
            stream_check,
            passwords,
            attempts,
            descriptions: Descriptions::default(),
            metainfo_limits: MetainfoLimits::default(),
            requests: Requests::new(webapi.requests_per_minute),
            readers,
            announce_urls: AnnounceUrls::new(keys.announce, config.tracker_url.as_str()),
            keys,
            live: Live::new(),
            metrics: Metrics::default(),
            searches: Searches::new((webapi.pool_size / POOL_PER_SEARCH).max(2)),
            holders: Arc::default(),
            shutdown,
            reads,
            changes,
            config,
        })))
    }

    /// The URL of the site, without a slash at the end.
    pub fn site(&self) -> &str {
        self.config.api_url.as_str()
    }

    /// How many invites members have, and for how long.
    pub fn invite_limits(&self) -> invite::Limits {
        invite::Limits { open: self.config.webapi.open_invites, days: self.config.webapi.invite_days }
    }

    /// Path that the site lives under: empty, or `/name` without a slash at the end.
    pub fn base(&self) -> &str {
        self.config.api_url.path()
    }

    /// Tells open event streams that a session or token of `member` has ended. To be called after the commit.
    pub fn announce_departure(&self, member: UserId) {
        // Fails when no event stream is open.
        let _ = self.departures.send(member);
    }

    /// Closes idle database connections. To be called after a timeout: a broken connection may never answer again, and
    /// the pool does not notice.
    pub fn close_idle_connections(&self) {
        let closed = [&self.reads, &self.changes].map(|pool| pool.retain(|_, _| false).removed.len());
        let closed: usize = closed.iter().sum();
        tracing::warn!(closed, "the database did not answer in time");
    }

    /// The connections of both pools together, and the requests that wait for one.
    pub fn pool_status(&self) -> Status {
        let (reads, changes) = (self.reads.status(), self.changes.status());
        Status {
            max_size: reads.max_size + changes.max_size,
            size: reads.size + changes.size,
            available: reads.available + changes.available,
            waiting: reads.waiting + changes.waiting,
        }
    }

    /// Longest wait for the database before a page says that it is away: for a connection from the pool, and for all
    /// that a request reads.
    pub fn backend_timeout(&self) -> Duration {
        self.config.webapi.backend_timeout
    }

    /// Longest wait for data that an answer can do without.
    pub fn extra_timeout(&self) -> Duration {
        self.backend_timeout() / 10
    }

    /// A database connection from the pool.
    ///
    /// On the connections of requests that only read, Postgres stops each statement before the page gives up waiting,
    /// and statements of a visitor who has gone away are cancelled.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is none within [`App::backend_timeout`].
    pub async fn connection(&self) -> Result<Object, Error> {
        let pool = if reading::is_reading() { &self.reads } else { &self.changes };
        let lend = async {
            loop {
                let connection = pool.get().await?;
                if reading::lend(&connection) {
                    return Ok(connection);
                }
                // Taken from the pool, so that dropping it closes it.
                drop(Object::take(connection));
            }
        };
        let result = tokio::time::timeout(self.backend_timeout(), lend).await;
        result.unwrap_or(Err(Error::Unavailable("database")))
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
