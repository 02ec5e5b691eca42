//! The process's state, which every handler reaches: configuration, database, live counts.

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
use crate::domain::catalogue::torrent::searches::Searches;
use crate::domain::catalogue::torrent::turns::Turns;
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

/// How often an open stream asks whether its member is still signed in; departures that this process knows of are looked
/// at at once.
const STREAM_CHECK: Duration = Duration::from_secs(10);

/// Of the time that a page waits, what one of its statements may take: Postgres then answers before the page gives up.
const STATEMENT_SHARE: f64 = 0.9;

/// Searches that run at once are one for so many connections: the others are for pages that take less.
const POOL_PER_SEARCH: usize = 8;

/// Requests that only read and that run at once for one member are one for so many connections for reading.
const READS_PER_MEMBER: usize = 4;

/// Requests of one member that only read and that run or wait, at most.
const READS_WAITING: usize = 64;

/// Departures that a stream may be behind; one that is further behind looks in any case.
const DEPARTURES: usize = 16;

/// The process's state, cheap to clone. The same in production and in tests.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// See [`App`].
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
    /// Uploads under way.
    pub turns: Turns,
    /// How many requests members sent.
    pub requests: Requests,
    /// Requests of each member that only read.
    pub readers: Queues,
    /// Failed attempts to sign in or to claim an invite.
    pub attempts: Attempts,
    /// Ids of members whose sessions were ended by someone: open streams look again who they are for.
    pub departures: broadcast::Sender<UserId>,
    /// How often an open stream asks whether its member is still signed in.
    pub stream_check: Duration,
    /// Counters for Prometheus.
    pub metrics: Metrics,
    /// How many searches run at once.
    pub searches: Searches,
    /// Which request each connection for reading was lent to.
    pub holders: Arc<Holders>,
    /// Ends event streams and tasks.
    pub shutdown: Shutdown,
    /// Connections of requests that only read.
    reads: Pool,
    /// All other connections.
    changes: Pool,
}

impl App {
    /// Connects nothing yet: the pool does when it is asked.
    pub fn new(config: Config, shutdown: Shutdown) -> anyhow::Result<Self> {
        Self::with_stream_check(config, shutdown, STREAM_CHECK)
    }

    /// [`App::new`] with another time between two checks of an open stream.
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
            turns: Turns::default(),
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

    /// Says that sessions or tokens of `member` have ended, after that is in the database.
    pub fn announce_departure(&self, member: UserId) {
        // Nobody listens where no stream is open.
        let _ = self.departures.send(member);
    }

    /// Closes connections that nobody uses. Call it when one did not answer in time: it may never do so again, and the
    /// pool cannot tell.
    pub fn close_idle_connections(&self) {
        let closed = [&self.reads, &self.changes].map(|pool| pool.retain(|_, _| false).removed.len());
        let closed: usize = closed.iter().sum();
        tracing::warn!(closed, "the database did not answer in time");
    }

    /// How many database connections there are, and how many of them wait for a request: of both pools together.
    pub fn pool_status(&self) -> Status {
        let (reads, changes) = (self.reads.status(), self.changes.status());
        Status {
            max_size: reads.max_size + changes.max_size,
            size: reads.size + changes.size,
            available: reads.available + changes.available,
            waiting: reads.waiting + changes.waiting,
        }
    }

    /// Longest wait for the database before a page says that it is away: for a place in the pool and then a connection,
    /// and for all that a request reads.
    pub fn backend_timeout(&self) -> Duration {
        self.config.webapi.backend_timeout
    }

    /// Longest wait for what an answer stands without.
    pub fn extra_timeout(&self) -> Duration {
        self.backend_timeout() / 10
    }

    /// A database connection; [`Error::Unavailable`] where none can be had in time.
    ///
    /// Those of requests that only read stop each statement before the page gives up waiting, and what a visitor who
    /// is gone left running is cancelled.
    pub async fn connection(&self) -> Result<Object, Error> {
        let pool = if reading::is_reading() { &self.reads } else { &self.changes };
        let lend = async {
            loop {
                let connection = pool.get().await?;
                if reading::lend(&connection) {
                    return Ok(connection);
                }
                // Closes it.
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
