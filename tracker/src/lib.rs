//! The announce tracker. It keeps peers in memory, knows members and torrents from the database, and publishes counts
//! of peers over ZeroMQ.
//!
//! A request passes `event_loop`, `connection`, `exchange` and `http_request` (over UDP: `udp`), then `answer`, which
//! asks `directory` who may announce what and applies the announce to `swarms`. [`run`] starts the threads and tasks.

mod answer;
mod clock;
mod connection;
mod connection_limit;
mod control;
mod decisions;
mod directory;
mod event_loop;
mod exchange;
#[doc(hidden)]
pub mod fuzzing;
mod http_answer;
mod http_request;
mod limits;
mod listen;
#[doc(hidden)]
pub mod measuring;
mod metrics;
mod publish;
mod reachability;
mod reports;
mod restart_file;
mod restore_progress;
mod settings;
mod shard;
mod state;
mod swarms;
mod tls;
mod udp;
mod upkeep;
mod workers;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use infra::config::{Config, Postgresql};
use infra::mq;
use infra::shutdown::Shutdown;
use zeromq::{PubSocket, RouterSocket, Socket};

use connection_limit::ConnectionLimit;
use directory::{Directory, Feed, Link, LinkError};
use metrics::Metrics;
use restart_file::{CopyKind, RestartFile};
use state::Tracker;
use udp::Udp;
use workers::Workers;

/// The addresses that a tracker listens on, with the ports that the system chose for port 0.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// Announces over HTTP, then those over HTTPS.
    pub http: Vec<SocketAddr>,
    /// Announces over UDP.
    pub udp: Vec<SocketAddr>,
    /// Metrics for Prometheus.
    pub metrics: Vec<SocketAddr>,
}

/// Runs the tracker until SIGINT or SIGTERM. Calls `ready` once it listens.
///
/// # Errors
/// When an address or endpoint cannot be bound, or the database has another schema. A database that is away is no
/// error: the tracker waits for it.
pub fn run(config: Config, ready: impl FnOnce(&Addresses)) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    runtime.block_on(run_here(config, ready))
}

async fn run_here(config: Config, ready: impl FnOnce(&Addresses)) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    let workers = Workers::bind(&config.tracker)?;
    let udp = Udp::bind(&config.tracker)?;
    let metrics = infra::metrics::bind(&config.tracker.metrics_listen).await?;
    let (mut counts, mut control) = (PubSocket::new(), RouterSocket::new());
    mq::bind(&mut counts, &config.zeromq.counts).await?;
    mq::bind(&mut control, &config.zeromq.control).await?;
    let link = connect(&config.tracker.postgresql).await?;
    let (directory, lookups) = Directory::new(config.tracker.database_timeout);
    let tracker = Arc::new(Tracker::new(&config, directory)?);
    let restart_file = Arc::new(RestartFile::new(&config.tracker.restart_file));
    let found = restart_file.find();
    if !found.is_empty() {
        tracker.directory.restored.begin();
    }
    let (sender, changes) = upkeep::changes();
    let feed = Feed::new(Arc::clone(&tracker.directory), lookups, sender);
    let Config { tracker: config, .. } = config;
    shutdown.spawn(restart_file::run(
        Arc::clone(&tracker),
        Arc::clone(&restart_file),
        found,
        restart_file::asked().context("cannot listen for SIGUSR1")?,
        shutdown.clone(),
    ));
    shutdown.spawn(feed.run(config.postgresql, link, config.reconcile, shutdown.clone()));
    shutdown.spawn(upkeep::run(Arc::clone(&tracker), changes, shutdown.clone()));
    shutdown.spawn(publish::run(Arc::clone(&tracker), counts, shutdown.clone()));
    shutdown.spawn(reports::run(Arc::clone(&tracker), shutdown.clone()));
    shutdown.spawn(reachability::run(Arc::clone(&tracker), shutdown.clone()));
    shutdown.spawn(decisions::check_refused_keys(Arc::clone(&tracker), shutdown.clone()));
    shutdown.spawn(control::run(Arc::clone(&tracker), control, shutdown.clone()));
    let limit = ConnectionLimit::new(config.max_connections, workers.count() + udp.count());
    let watched = Metrics::new(&tracker, limit.clone(), restart_file.running().to_owned());
    let addresses = Addresses {
        http: workers.addresses().to_vec(),
        udp: udp.addresses().to_vec(),
        metrics: metrics.iter().filter_map(|it| it.local_addr().ok()).collect(),
    };
    infra::metrics::serve(metrics, &Arc::new(watched), &shutdown);
    let running = workers.start(&tracker, &limit, &shutdown)?;
    let udp = udp.start(&tracker, &shutdown)?;
    // Signals first: a process that reads that the tracker is ready may send one at once.
    let (signalled, ()) = tokio::join!(biased; shutdown.signalled(), async { ready(&addresses) });
    signalled.context("cannot listen for SIGINT and SIGTERM")?;
    // Requests under way may wait for the database; slow clients are given less time than that.
    let drain = 2 * config.database_timeout;
    if !shutdown.finish(drain).await {
        tracing::warn!("requests under way were cut after {} s", drain.as_secs());
    }
    running.join();
    udp.join();
    // Before the restart file has been read to its end, the swarms are incomplete: the file on the disk is better.
    if tracker.directory.restored.is_finished() {
        tracker.swarms.confirm_claims();
        restart_file.write(&tracker, CopyKind::Stopped);
    }
    Ok(())
}

/// Connects to the database; `None` while it is away.
async fn connect(login: &Postgresql) -> anyhow::Result<Option<Link>> {
    match Link::open(login).await {
        Ok(link) => Ok(Some(link)),
        Err(LinkError::Schema(error)) => Err(error),
        Err(LinkError::Away(error)) => {
            tracing::warn!(error = format!("{error:#}"), "the database is away; trying again");
            Ok(None)
        }
    }
}
