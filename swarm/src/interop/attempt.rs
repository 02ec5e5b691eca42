//! One cell: a torrent of its own, two members, two clients, and what must be true of them.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bt::InfoHash;
use bt::bencode::Limits;
use bt::metainfo::Metainfo;
use tokio::time::{Instant, sleep};

use super::cell::{Cell, Family, program_name};
use super::content::Content;
use super::stranger::Stranger;
use crate::client::{Activity, Kind, Share};
use crate::network::Network;
use crate::node::{Node, Order, State};
use crate::site::{Announce, Counts, Member, Site};

/// For programs to start, content to be checked, counts to arrive.
const PATIENCE: Duration = Duration::from_mins(1);
/// For content to be fetched: aria2 and rtorrent part and meet again every dozen seconds, see [`super::table`].
const FETCHING: Duration = Duration::from_mins(4);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// Where the clients take peers.
const PORT: u16 = crate::node::PEER_PORT;

/// What all cells of one family share.
pub(super) struct Stage {
    pub(super) site: Site,
    pub(super) network: Network,
    pub(super) stranger: Stranger,
    pub(super) folder: PathBuf,
}

/// What became of a cell.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) cell: Cell,
    pub(super) seconds: f64,
    /// What was seen, where the content arrived and everything could be looked at.
    pub(super) seen: Option<Seen>,
    /// What is not as it must be; none is a success.
    pub(super) faults: Vec<String>,
}

/// What a cell shows of its programs.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// With versions.
    pub(super) versions: [(Kind, String); 2],
    /// Who asked for numbers by scrape.
    pub(super) scraped: Vec<Kind>,
}

/// One side of a cell.
struct Side {
    node: Node,
    member: Member,
    metainfo: Vec<u8>,
}

/// Tries a cell with clients at `number` and the next place of the network.
pub(super) async fn run(stage: &Stage, cell: Cell, number: u16) -> Outcome {
    let begun = Instant::now();
    let mut faults = Vec::new();
    let seen = match perform(stage, cell, number, &mut faults).await {
        Ok(seen) => Some(seen),
        Err(error) => {
            faults.push(format!("{error:#}"));
            None
        }
    };
    Outcome { cell, seconds: begun.elapsed().as_secs_f64(), seen, faults }
}

async fn perform(stage: &Stage, cell: Cell, number: u16, faults: &mut Vec<String>) -> anyhow::Result<Seen> {
    let folder = stage.folder.join(number.to_string());
    let content = Content::make(&folder, &format!("content-{number}"), cell.format)?;
    let uploaded = stage.site.upload(content.metainfo.clone(), &format!("{number} {cell}"), "").await?;
    let (torrent, hash) = (uploaded.id, uploaded.info_hash);
    let (seeder, leecher) = tokio::try_join!(
        Side::start(stage, cell.pair.seeder, "seeder", number, torrent),
        Side::start(stage, cell.pair.leecher, "leecher", number + 1, torrent),
    )?;
    let sides = [&seeder, &leecher];
    stage.stranger.call(hash);
    let exchanged = exchange(stage, &content, sides, (torrent, hash), faults).await;
    stage.stranger.hush(&hash);
    match exchanged {
        Ok(()) => finish(stage, &content, sides, (torrent, hash), faults).await?,
        Err(error) => faults.push(format!("{error:#}")),
    }
    let scraped = look_back(stage, cell.family, sides, faults).await?;
    faults.extend(stage.stranger.findings(&[seeder.address()?, leecher.address()?]));
    let versions = sides.map(|side| (side.node.kind, side.node.report().version.unwrap_or_default()));
    tokio::join!(seeder.node.end(), leecher.node.end());
    Ok(Seen { versions, scraped })
}

/// From the first announce of the seeder until both have everything and the site says so.
async fn exchange(
    stage: &Stage,
    content: &Content,
    [seeder, leecher]: [&Side; 2],
    (torrent, hash): (u32, InfoHash),
    faults: &mut Vec<String>,
) -> anyhow::Result<()> {
    seeder.add(Some(content.path.clone())).await?;
    seeder.complete().await.context("the seeder")?;
    counts(stage, torrent, Counts { peers: Some((1, 0)), snatched: 0 })
        .await
        .context("with the seeder alone")?;
    let shaken = stage.stranger.shake(seeder.socket()?, hash).await;
    faults.extend(shaken.err().map(|error| format!("the seeder: {error:#}")));
    leecher.add(None).await?;
    faults.extend(fetch(stage, [seeder, leecher]).await?);
    faults.extend(content.compare(&leecher.node.downloads().join(hash.to_string()))?);
    let both = Counts { peers: Some((2, 0)), snatched: 1 };
    counts(stage, torrent, both).await.context("with both complete")?;
    let shaken = stage.stranger.shake(leecher.socket()?, hash).await;
    faults.extend(shaken.err().map(|error| format!("the leecher: {error:#}")));
    Ok(())
}

/// Both leave the torrent, and the tracker knows what they moved. They are not stopped for that: Transmission 3.00 leaves
/// without a word then, for it begins no request once it is closing.
async fn finish(
    stage: &Stage,
    content: &Content,
    [seeder, leecher]: [&Side; 2],
    (torrent, hash): (u32, InfoHash),
    faults: &mut Vec<String>,
) -> anyhow::Result<()> {
    tokio::try_join!(seeder.node.order(Order::Remove(hash)), leecher.node.order(Order::Remove(hash)))?;
    let gone = Counts { peers: Some((0, 0)), snatched: 1 };
    counts(stage, torrent, gone).await.context("after both have left")?;
    let until = Instant::now() + PATIENCE;
    let (given, taken) = loop {
        let (given, taken) =
            tokio::try_join!(stage.site.totals(&seeder.member), stage.site.totals(&leecher.member))?;
        let complete = given.uploaded >= content.size && taken.downloaded >= content.size;
        if complete || Instant::now() > until {
            break (given, taken);
        }
        sleep(PAUSE).await;
    };
    let moved = [
        ("uploaded by the seeder", given.uploaded, content.size),
        ("downloaded by the seeder", given.downloaded, 0),
        ("uploaded by the leecher", taken.uploaded, 0),
        ("downloaded by the leecher", taken.downloaded, content.size),
    ];
    faults.extend(moved.into_iter().filter_map(|(what, counted, moved)| differs(what, counted, moved)));
    Ok(())
}

/// Waits until a side has everything, and says whom the two met meanwhile beside each other.
async fn fetch(stage: &Stage, [seeder, leecher]: [&Side; 2]) -> anyhow::Result<Vec<String>> {
    let known = [seeder.address()?, leecher.address()?, stage.stranger.address];
    let mut met = Vec::new();
    let until = Instant::now() + FETCHING;
    loop {
        for side in [seeder, leecher] {
            let links = side.share().map(|share| share.links).unwrap_or_default();
            met.extend(links.into_iter().map(|link| link.address).filter(|address| !known.contains(address)));
        }
        if leecher.is_complete(until)? {
            met.sort_unstable();
            met.dedup();
            return Ok(met
                .iter()
                .map(|address| format!("{address} was met, which the tracker told nobody of"))
                .collect());
        }
        sleep(PAUSE).await;
    }
}

/// What the tracker answered the two: everything well, over the right family; the announces that there must be. Says whose
/// clients scraped.
async fn look_back(
    stage: &Stage,
    family: Family,
    sides: [&Side; 2],
    faults: &mut Vec<String>,
) -> anyhow::Result<Vec<Kind>> {
    let mut scraped = Vec::new();
    for (side, events) in
        sides.into_iter().zip([&["started", "stopped"][..], &["started", "completed", "stopped"]])
    {
        let kind = side.node.kind;
        let program = program_name(kind);
        let announces = stage.site.announces(&side.member).await?;
        for Announce { family: over, outcome, message, .. } in &announces {
            if outcome != "answered" && outcome != "scraped" {
                faults.push(format!("{program} was answered {outcome}: {message}"));
            }
            if over != family.word() {
                faults.push(format!("{program} announced over {over}"));
            }
        }
        for event in events {
            let times = announces.iter().filter(|it| it.event.as_deref() == Some(*event)).count();
            if times == 0 {
                faults.push(format!("{program} announced no {event}"));
            }
        }
        // The tracker remembers only scrapes that it refused; libtorrent's program writes down what became of its own.
        let log = std::fs::read_to_string(stage.folder.join(&side.node.name).join("program.log"))
            .unwrap_or_default();
        if log.contains("scrape answered") {
            scraped.push(kind);
        }
        if log.contains("scrape failed") {
            faults.push(format!("{program} was not answered a scrape"));
        }
    }
    Ok(scraped)
}

/// Waits until the site counts as it must.
async fn counts(stage: &Stage, torrent: u32, wanted: Counts) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let counted = stage.site.counts().await?.get(&torrent).copied();
        if counted == Some(wanted) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "the site counts {counted:?}, not {wanted:?}");
        sleep(PAUSE).await;
    }
}

/// A fault where the tracker counted less than was moved, or far more. Clients count what they fetched twice.
fn differs(what: &str, counted: u64, moved: u64) -> Option<String> {
    let well = (moved..=moved + moved / 20).contains(&counted);
    (!well).then(|| format!("{what}: {counted} bytes by the tracker, {moved} in truth"))
}

impl Side {
    async fn start(stage: &Stage, kind: Kind, role: &str, number: u16, torrent: u32) -> anyhow::Result<Self> {
        let name = format!("{role}-{number}");
        let member = stage.site.member(&name).await?;
        let metainfo = stage.site.metainfo(&member, torrent).await?;
        let parsed = Metainfo::parse(&metainfo, &Limits::default())?;
        ensure!(parsed.private, "the site serves a torrent without the private flag");
        let folder = stage.folder.join(&name);
        let node = Node::start(name, kind, &stage.network, number, &folder, None).await?;
        Ok(Self { node, member, metainfo })
    }

    async fn add(&self, content: Option<PathBuf>) -> anyhow::Result<()> {
        let order = Order::Add { metainfo: self.metainfo.clone().into(), content };
        self.node.order(order).await.with_context(|| format!("cannot add the torrent to {}", self.node.name))
    }

    /// What it says of its only torrent.
    fn share(&self) -> Option<Share> {
        self.node.report().shares.into_iter().next()
    }

    fn is_complete(&self, until: Instant) -> anyhow::Result<bool> {
        let report = self.node.report();
        if let State::Dead(reason) = report.state {
            bail!("{} ended: {reason}", self.node.name);
        }
        let activity = report.shares.into_iter().next().map(|share| share.activity);
        match activity {
            Some(Activity::Seeding) => return Ok(true),
            Some(Activity::Failed(reason)) => bail!("{} cannot go on: {reason}", self.node.name),
            _ => {}
        }
        ensure!(Instant::now() < until, "{} has not everything in time, but is {activity:?}", self.node.name);
        Ok(false)
    }

    async fn complete(&self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while !self.is_complete(until)? {
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// It has one, as its network has one family.
    fn address(&self) -> anyhow::Result<IpAddr> {
        self.node.addresses.first().copied().with_context(|| format!("{} has no address", self.node.name))
    }

    fn socket(&self) -> anyhow::Result<SocketAddr> {
        Ok(SocketAddr::new(self.address()?, PORT))
    }
}
