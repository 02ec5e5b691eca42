//! The announce tracker: peers in memory, members and torrents from the database, counts to whoever subscribes.

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

/// Where a tracker listens, with the ports that the system chose.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// For announces over HTTP.
    pub http: Vec<SocketAddr>,
    /// For announces over UDP.
    pub udp: Vec<SocketAddr>,
    /// For Prometheus.
    pub metrics: Vec<SocketAddr>,
}

/// Runs the tracker until SIGINT or SIGTERM; `ready` is told where it listens.
///
/// # Errors
/// When an address or endpoint cannot be bound, or the database has another schema. A database that is away is no
/// error: the tracker waits for it.
pub fn run(config: Config, ready: impl FnOnce(&Addresses)) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
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
        restart_file::asked().context("signals")?,
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
    // Signals are listened for first: whoever hears that we are ready may send one.
    let (signalled, ()) = tokio::join!(biased; shutdown.signalled(), async { ready(&addresses) });
    signalled.context("signals")?;
    // Answers under way wait for the database as a rule, for slow clients have less.
    let drain = 2 * config.database_timeout;
    if !shutdown.finish(drain).await {
        tracing::warn!("what was under way was cut after {} s", drain.as_secs());
    }
    running.join();
    udp.join();
    // Half of the file before is no whole one.
    if tracker.directory.restored.is_finished() {
        tracker.swarms.confirm_claims();
        restart_file.write(&tracker, CopyKind::Stopped);
    }
    Ok(())
}

/// A connection to the database; none while it is away.
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
