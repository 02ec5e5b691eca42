//! What every handler may reach: configuration, database, live counts.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool, Status};
use infra::config::Config;
use infra::secrets::Keys;
use infra::shutdown::Shutdown;
use tokio::sync::broadcast;

use crate::domain::attempts::Attempts;
use crate::domain::description::Descriptions;
use crate::domain::password::Passwords;
use crate::error::Error;
use crate::live::Live;
use crate::metrics::Metrics;

/// How often an open stream asks whether its member is still signed in; departures that this process knows of are looked
/// at at once.
const STREAM_CHECK: Duration = Duration::from_secs(10);

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
    /// Present counts of all torrents.
    pub live: Live,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Renders descriptions of torrents.
    pub descriptions: Descriptions,
    /// Failed attempts to sign in or to claim an invite.
    pub attempts: Attempts,
    /// Ids of members whose sessions were ended by someone: open streams look again who they are for.
    pub departures: broadcast::Sender<i32>,
    /// How often an open stream asks whether its member is still signed in.
    pub stream_check: Duration,
    /// What happened so far.
    pub metrics: Metrics,
    /// Ends event streams and tasks.
    pub shutdown: Shutdown,
    pool: Pool,
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
        let pool = infra::db::pool(&webapi.postgresql, "webapi", webapi.pool_size, statements, wait)?;
        let passwords = Passwords::new(keys.password);
        let attempts = Attempts::new(webapi.sign_in_attempts, webapi.sign_in_window);
        let (departures, _) = broadcast::channel(DEPARTURES);
        Ok(Self(Arc::new(Inner {
            departures,
            stream_check,
            passwords,
            attempts,
            descriptions: Descriptions::default(),
            keys,
            live: Live::new(),
            metrics: Metrics::default(),
            shutdown,
            pool,
            config,
        })))
    }

    /// Path that the site lives under: empty, or `/name` without a slash at the end.
    pub fn base(&self) -> &str {
        self.config.api_url.path()
    }

    /// Says that sessions or tokens of `member` have ended, after that is in the database.
    pub fn announce_departure(&self, member: i32) {
        // Nobody listens where no stream is open.
        let _ = self.departures.send(member);
    }

    /// Closes connections that nobody uses. Call it when one did not answer in time: it may never do so again, and the
    /// pool cannot tell.
    pub fn close_idle_connections(&self) {
        let closed = self.pool.retain(|_, _| false).removed.len();
        tracing::warn!(closed, "the database did not answer in time");
    }

    /// How many database connections there are, and how many of them wait for a request.
    pub fn pool_status(&self) -> Status {
        self.pool.status()
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
    pub async fn connection(&self) -> Result<Object, Error> {
        match tokio::time::timeout(self.backend_timeout(), self.pool.get()).await {
            Ok(connection) => Ok(connection?),
            Err(_) => Err(Error::Unavailable("database")),
        }
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
