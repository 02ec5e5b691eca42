//! `swarm interop`: each program downloads from each other through our tracker.

mod cell;
mod content;
mod exchange;
mod scrape;
mod table;
mod trial_client;
mod untracked_peer;

use std::fs::{DirBuilder, remove_dir_all};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::client::Kind;
use crate::network::{Families, Network};
use crate::site::{Options, Pace, RunningSite, program};
use cell::{Family, Pair, Trial};
use untracked_peer::UntrackedPeer;

/// `swarm interop`.
#[derive(Debug, Args)]
pub(crate) struct Interop {
    /// Each program seeds once and fetches once, and once each: a hybrid torrent, one of version 2, IPv6, a scrape
    #[arg(long, conflicts_with = "pairs")]
    short: bool,
    /// Only these, as SEEDER:LEECHER
    #[arg(long, value_name = "PAIRS", value_delimiter = ',')]
    pairs: Vec<Pair>,
    /// Write what was found as Markdown
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Pairs at a time
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: u16,
    /// Where everything is kept meanwhile; a new folder below it, which stays if something fails [default: the system's
    /// for such things]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// What all trials over one address family share.
struct Environment {
    site: RunningSite,
    network: Network,
    untracked_peer: UntrackedPeer,
    folder: PathBuf,
}

/// The outcome of a trial.
#[derive(Debug)]
struct Outcome {
    trial: Trial,
    seconds: f64,
    /// The programs' versions, if the trial came to its end.
    versions: Vec<(Kind, String)>,
    /// What was wrong; nothing is a success.
    faults: Vec<String>,
}

/// Runs the trials, and fails when one fails.
pub(crate) fn run(options: &Interop) -> anyhow::Result<()> {
    let folder = make_folder(options.data.clone().unwrap_or_else(std::env::temp_dir))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcomes = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            outcomes = all(options, &folder) => outcomes.map(Some),
            _ = terminate.recv() => Ok(None),
        }
    })?;
    let failed = outcomes.iter().flatten().filter(|outcome| !outcome.faults.is_empty()).count();
    if failed == 0 {
        remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let outcomes = outcomes.context("SIGTERM stopped the trials")?;
    if let Some(path) = &options.table {
        let written = std::fs::write(path, table::markdown(&outcomes));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    let all = outcomes.len();
    ensure!(failed == 0, "{failed} of {all} failed; the programs' logs are in {}", folder.display());
    println!("all {all} are well");
    Ok(())
}

async fn all(options: &Interop, folder: &Path) -> anyhow::Result<Vec<Outcome>> {
    let trials = match (options.short, options.pairs.as_slice()) {
        (true, _) => cell::short(),
        (false, []) => cell::all(),
        (false, pairs) => cell::every(pairs),
    };
    let network = Network::make(Families::Both)?;
    let mut outcomes = Vec::with_capacity(trials.len());
    for family in [Family::V4, Family::V6] {
        let trials: Vec<Trial> = trials.iter().copied().filter(|trial| trial.family() == family).collect();
        if !trials.is_empty() {
            outcomes.extend(over(&network, family, trials, &folder.join(family.word()), options.jobs).await?);
        }
    }
    Ok(outcomes)
}

/// All trials over one family, with a tracker and site of their own.
async fn over(
    network: &Network,
    family: Family,
    trials: Vec<Trial>,
    folder: &Path,
    jobs: u16,
) -> anyhow::Result<Vec<Outcome>> {
    let network = network.only(family.families());
    let hub = *network.addresses(1).first().context("the bridge has no address")?;
    let site = RunningSite::start(site(hub, folder)?).await?;
    // No address is used twice: the kernel takes a while to remove a network.
    let first = match family {
        Family::V4 => 1000,
        Family::V6 => 2000,
    };
    let untracked_peer = UntrackedPeer::start(network.clone(), first).await?;
    let environment = Environment { site, network, untracked_peer, folder: folder.to_owned() };
    let numbered = trials.into_iter().zip((first + 2..).step_by(2));
    // Scrapes are waited for for minutes without load: they run beside the others.
    let (waiting, busy): (Vec<_>, Vec<_>) =
        numbered.partition(|(trial, _)| matches!(trial, Trial::Scrape(..)));
    let run = |(trial, number)| attempt(&environment, trial, number);
    let busy = futures_util::stream::iter(busy).map(run).buffer_unordered(usize::from(jobs.max(1)));
    let waiting = futures_util::stream::iter(waiting).map(run).buffer_unordered(cell::PROGRAMS.len());
    let outcomes = futures_util::stream::select(busy, waiting).inspect(say).collect().await;
    environment.site.stop().await;
    Ok(outcomes)
}

/// Runs a trial with clients at the addresses `number` and the next.
async fn attempt(environment: &Environment, trial: Trial, number: u16) -> Outcome {
    let begun = Instant::now();
    let mut faults = Vec::new();
    let versions = match trial {
        Trial::Exchange(cell) => exchange::perform(environment, cell, number, &mut faults).await,
        Trial::Scrape(program, family) => {
            scrape::perform(environment, program, family, number, &mut faults).await
        }
    };
    let versions = versions.unwrap_or_else(|error| {
        faults.push(format!("{error:#}"));
        Vec::new()
    });
    Outcome { trial, seconds: begun.elapsed().as_secs_f64(), versions, faults }
}

fn site(hub: IpAddr, folder: &Path) -> anyhow::Result<Options> {
    Ok(Options {
        program: program()?,
        folder: folder.join("site"),
        site: SocketAddr::new(hub, 8000),
        tracker: vec![SocketAddr::new(hub, 8080)],
        api_url: None,
        tracker_url: None,
        // A timeout above 300 s, the shortest interval of libtorrent and qBittorrent.
        pace: Pace { interval: 30, least: 10, timeout: 700 },
    })
}

fn say(outcome: &Outcome) {
    let Outcome { trial, seconds, faults, .. } = outcome;
    if faults.is_empty() {
        println!("well    {trial} ({seconds:.0} s)");
    }
    for fault in faults {
        println!("FAILED  {trial} ({seconds:.0} s): {fault}");
    }
}

/// Makes a new folder, which other users can pass through: under root, `PostgreSQL` runs as another user.
fn make_folder(parent: PathBuf) -> anyhow::Result<PathBuf> {
    let folder = std::path::absolute(parent)?.join(format!("fairywren-interop-{:08x}", fastrand::u32(..)));
    DirBuilder::new()
        .mode(0o711)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
