//! `swarm interop`: each program fetches from each other through our tracker.

mod attempt;
mod cell;
mod content;
mod stranger;
mod table;

use std::fs::{DirBuilder, remove_dir_all};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::network::{Families, Network};
use crate::site::{Options, Pace, Site, program};
use attempt::{Outcome, Stage};
use cell::{Cell, Family, Pair};
use stranger::Stranger;

/// `swarm interop`.
#[derive(Debug, Args)]
pub(crate) struct Interop {
    /// Each program seeds once and fetches once, and once each: a hybrid torrent, one of version 2, IPv6
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

/// Fails when a pair does.
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
    let outcomes = outcomes.context("it was told to stop")?;
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
    let cells = match (options.short, options.pairs.as_slice()) {
        (true, _) => cell::short(),
        (false, []) => cell::all(),
        (false, pairs) => cell::every(pairs),
    };
    let network = Network::make(Families::Both)?;
    let mut outcomes = Vec::with_capacity(cells.len());
    for family in [Family::V4, Family::V6] {
        let cells: Vec<Cell> = cells.iter().copied().filter(|cell| cell.family == family).collect();
        if !cells.is_empty() {
            outcomes.extend(over(&network, family, cells, &folder.join(family.word()), options.jobs).await?);
        }
    }
    Ok(outcomes)
}

/// All cells of one family, with a tracker and site for them.
async fn over(
    network: &Network,
    family: Family,
    cells: Vec<Cell>,
    folder: &Path,
    jobs: u16,
) -> anyhow::Result<Vec<Outcome>> {
    let network = network.only(family.families());
    let hub = *network.addresses(1).first().context("the bridge has no address")?;
    let site = Site::start(site(hub, folder)?).await?;
    // Places are not used twice: the system takes its time to clear them.
    let place = match family {
        Family::V4 => 1000,
        Family::V6 => 2000,
    };
    let stranger = Stranger::start(network.clone(), place).await?;
    let stage = Stage { site, network, stranger, folder: folder.to_owned() };
    let numbers = (place + 2..).step_by(2);
    let tries = cells.into_iter().zip(numbers).map(|(cell, number)| attempt::run(&stage, cell, number));
    let mut running = futures_util::stream::iter(tries).buffer_unordered(usize::from(jobs.max(1)));
    let mut outcomes = Vec::new();
    while let Some(outcome) = running.next().await {
        say(&outcome);
        outcomes.push(outcome);
    }
    drop(running);
    stage.site.stop().await;
    Ok(outcomes)
}

fn site(hub: IpAddr, folder: &Path) -> anyhow::Result<Options> {
    Ok(Options {
        program: program()?,
        folder: folder.join("site"),
        site: SocketAddr::new(hub, 8000),
        tracker: vec![SocketAddr::new(hub, 8080)],
        api_url: None,
        tracker_url: None,
        // libtorrent, and with it qBittorrent, announces no more often than every 300 s; it must not be forgotten.
        pace: Pace { interval: 30, least: 10, timeout: 700 },
    })
}

fn say(outcome: &Outcome) {
    let Outcome { cell, seconds, faults, .. } = outcome;
    if faults.is_empty() {
        println!("well    {cell} ({seconds:.0} s)");
    }
    for fault in faults {
        println!("FAILED  {cell} ({seconds:.0} s): {fault}");
    }
}

/// A new one, which root's `PostgreSQL`, who is another user, can enter.
fn make_folder(parent: PathBuf) -> anyhow::Result<PathBuf> {
    let folder = std::path::absolute(parent)?.join(format!("fairywren-interop-{:08x}", fastrand::u32(..)));
    DirBuilder::new()
        .mode(0o711)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
