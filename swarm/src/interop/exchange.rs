//! A trial of a seeder and a leecher: a torrent, two members, two clients, and what must be true of them.

use std::time::Duration;

use anyhow::Context as _;
use bt::InfoHash;
use bt::metainfo::Kind as Format;
use tokio::time::{Instant, sleep};

use super::Environment;
use super::cell::{Cell, Family, program_name};
use super::content::Content;
use super::side::{POLL, SETTLE_TIMEOUT, Side, counts};
use crate::client::Kind;
use crate::site::{Counts, Totals};

/// Wait for a download: aria2 and rtorrent lose each other every dozen seconds, see [`super::table`].
const DOWNLOAD_TIMEOUT: Duration = Duration::from_mins(10);

/// Runs a trial with clients at the addresses `number` and the next. Their versions.
pub(super) async fn perform(
    environment: &Environment,
    cell: Cell,
    number: u16,
    faults: &mut Vec<String>,
) -> anyhow::Result<Vec<(Kind, String)>> {
    let folder = environment.folder.join(number.to_string());
    let content = Content::make(&folder, &format!("content-{number}"), cell.format)?;
    if cell.pair.seeder == Kind::Rtorrent && cell.format == Format::Hybrid {
        content.pad()?;
    }
    let uploaded = environment.site.upload(content.metainfo.clone(), &format!("{number} {cell}"), "").await?;
    let (torrent, hash) = (uploaded.id, uploaded.info_hash);
    let (seeder, leecher) = tokio::try_join!(
        Side::start(environment, cell.pair.seeder, "seeder", number, torrent),
        Side::start(environment, cell.pair.leecher, "leecher", number + 1, torrent),
    )?;
    let sides = [&seeder, &leecher];
    environment.stranger.call(hash);
    let exchanged = exchange(environment, &content, sides, (torrent, hash), faults).await;
    environment.stranger.hush(&hash);
    match exchanged {
        Ok(()) => finish(environment, &content, sides, (torrent, hash), faults).await?,
        Err(error) => faults.push(format!("{error:#}")),
    }
    look_back(environment, cell.family, sides, faults).await?;
    faults.extend(environment.stranger.findings(&[seeder.address()?, leecher.address()?]));
    let versions = sides.iter().filter_map(|side| side.version()).collect();
    tokio::join!(seeder.node.end(), leecher.node.end());
    Ok(versions)
}

/// From the seeder's first announce until both are complete and the site counts two seeders.
async fn exchange(
    environment: &Environment,
    content: &Content,
    [seeder, leecher]: [&Side; 2],
    (torrent, hash): (u32, InfoHash),
    faults: &mut Vec<String>,
) -> anyhow::Result<()> {
    seeder.add(Some(content.path.clone())).await?;
    seeder.complete().await.context("the seeder does not become complete")?;
    counts(environment, torrent, Counts { peers: Some((1, 0)), snatched: 0 })
        .await
        .context("the counts are wrong while the seeder is alone")?;
    let shaken = environment.stranger.shake(seeder.socket()?, hash).await;
    faults.extend(shaken.err().map(|error| format!("the seeder: {error:#}")));
    leecher.add(None).await?;
    faults.extend(fetch(environment, [seeder, leecher]).await?);
    faults.extend(content.compare(&leecher.node.downloads().join(hash.to_string()))?);
    let both = Counts { peers: Some((2, 0)), snatched: 1 };
    counts(environment, torrent, both).await.context("the counts are wrong once both are complete")?;
    let shaken = environment.stranger.shake(leecher.socket()?, hash).await;
    faults.extend(shaken.err().map(|error| format!("the leecher: {error:#}")));
    Ok(())
}

/// Both remove the torrent, and the site has to know what they moved. The programs are not stopped for that: Transmission 3.00
/// does not announce `stopped` when it ends.
async fn finish(
    environment: &Environment,
    content: &Content,
    [seeder, leecher]: [&Side; 2],
    (torrent, hash): (u32, InfoHash),
    faults: &mut Vec<String>,
) -> anyhow::Result<()> {
    let said = tokio::try_join!(seeder.moved(content.size), leecher.moved(content.size))?;
    tokio::try_join!(seeder.remove(hash), leecher.remove(hash))?;
    let gone = Counts { peers: Some((0, 0)), snatched: 1 };
    counts(environment, torrent, gone).await.context("the counts are wrong after both have left")?;
    let ((sent, none), (sent_back, fetched)) = said;
    for (what, moved) in [("the seeder sent", sent), ("the leecher fetched", fetched)] {
        if !(content.size..=content.size + content.size / 20).contains(&moved) {
            faults.push(format!("{what} {moved} bytes of {}", content.size));
        }
    }
    for (side, moved) in [(seeder, (sent, none)), (leecher, (sent_back, fetched))] {
        let until = Instant::now() + SETTLE_TIMEOUT;
        let counted = loop {
            let Totals { uploaded, downloaded } = environment.site.totals(&side.member).await?;
            let counted = (uploaded, downloaded);
            if counted == moved || Instant::now() > until {
                break counted;
            }
            sleep(POLL).await;
        };
        if counted != moved {
            faults
                .push(format!("{} says that it moved {moved:?} bytes, the site {counted:?}", side.node.name));
        }
    }
    Ok(())
}

/// Waits until the leecher is complete. Connections of both to anybody but each other, in words.
async fn fetch(environment: &Environment, [seeder, leecher]: [&Side; 2]) -> anyhow::Result<Vec<String>> {
    let known = [seeder.address()?, leecher.address()?, environment.stranger.address];
    let mut met = Vec::new();
    let until = Instant::now() + DOWNLOAD_TIMEOUT;
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
                .map(|address| format!("a client connected to {address}, which no tracker told it"))
                .collect());
        }
        sleep(POLL).await;
    }
}

/// Checks the announces of both: that all were answered, over the right family, and that none lacks.
async fn look_back(
    environment: &Environment,
    family: Family,
    sides: [&Side; 2],
    faults: &mut Vec<String>,
) -> anyhow::Result<()> {
    let needed = [&["started", "stopped"][..], &["started", "completed", "stopped"]];
    for (side, events) in sides.into_iter().zip(needed) {
        let announces = side.look_back(environment, family, faults).await?;
        let lacking =
            events.iter().filter(|event| announces.iter().all(|it| it.event.as_deref() != Some(**event)));
        faults.extend(lacking.map(|event| format!("{} announced no {event}", program_name(side.node.kind))));
    }
    Ok(())
}
