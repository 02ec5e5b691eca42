//! A trial of a seeder and a leecher: a torrent, two members, two clients, and what must be true of them.

use std::time::Duration;

use anyhow::Context as _;
use bt::InfoHash;
use bt::metainfo::Kind as Format;
use tokio::time::{Instant, sleep};

use super::Environment;
use super::cell::{Cell, Family, program_name};
use super::content::Content;
use super::trial_client::{POLL, SETTLE_TIMEOUT, TrialClient, counts};
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
        TrialClient::start(environment, cell.pair.seeder, "seeder", number, torrent),
        TrialClient::start(environment, cell.pair.leecher, "leecher", number + 1, torrent),
    )?;
    let clients = [&seeder, &leecher];
    environment.untracked_peer.call(hash);
    let exchanged = exchange(environment, &content, clients, (torrent, hash), faults).await;
    environment.untracked_peer.hush(&hash);
    match exchanged {
        Ok(()) => finish(environment, &content, clients, (torrent, hash), faults).await?,
        Err(error) => faults.push(format!("{error:#}")),
    }
    look_back(environment, cell.family, clients, faults).await?;
    faults.extend(environment.untracked_peer.findings(&[seeder.address()?, leecher.address()?]));
    let versions = clients.iter().filter_map(|client| client.version()).collect();
    tokio::join!(seeder.node.end(), leecher.node.end());
    Ok(versions)
}

/// From the seeder's first announce until both are complete and the site counts two seeders.
async fn exchange(
    environment: &Environment,
    content: &Content,
    [seeder, leecher]: [&TrialClient; 2],
    (torrent, hash): (u32, InfoHash),
    faults: &mut Vec<String>,
) -> anyhow::Result<()> {
    seeder.add(Some(content.path.clone())).await?;
    seeder.complete().await.context("the seeder does not become complete")?;
    counts(environment, torrent, Counts { peers: Some((1, 0)), snatched: 0 })
        .await
        .context("the counts are wrong while the seeder is alone")?;
    let shaken = environment.untracked_peer.shake(seeder.socket()?, hash).await;
    faults.extend(shaken.err().map(|error| format!("the seeder: {error:#}")));
    leecher.add(None).await?;
    faults.extend(fetch(environment, [seeder, leecher]).await?);
    faults.extend(content.compare(&leecher.node.downloads().join(hash.to_string()))?);
    let both = Counts { peers: Some((2, 0)), snatched: 1 };
    counts(environment, torrent, both).await.context("the counts are wrong once both are complete")?;
    let shaken = environment.untracked_peer.shake(leecher.socket()?, hash).await;
    faults.extend(shaken.err().map(|error| format!("the leecher: {error:#}")));
    Ok(())
}

/// Both remove the torrent, and the site has to know what they moved. The programs are not stopped for that: Transmission 3.00
/// does not announce `stopped` when it ends.
async fn finish(
    environment: &Environment,
    content: &Content,
    [seeder, leecher]: [&TrialClient; 2],
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
    for (client, moved) in [(seeder, (sent, none)), (leecher, (sent_back, fetched))] {
        let until = Instant::now() + SETTLE_TIMEOUT;
        let counted = loop {
            let Totals { uploaded, downloaded } = environment.site.totals(&client.member).await?;
            let counted = (uploaded, downloaded);
            if counted == moved || Instant::now() > until {
                break counted;
            }
            sleep(POLL).await;
        };
        if counted != moved {
            faults.push(format!(
                "{} says that it moved {moved:?} bytes, the site {counted:?}",
                client.node.name
            ));
        }
    }
    Ok(())
}

/// Waits until the leecher is complete. Connections of both to anybody but each other, in words.
async fn fetch(
    environment: &Environment,
    [seeder, leecher]: [&TrialClient; 2],
) -> anyhow::Result<Vec<String>> {
    let known = [seeder.address()?, leecher.address()?, environment.untracked_peer.address];
    let mut met = Vec::new();
    let until = Instant::now() + DOWNLOAD_TIMEOUT;
    loop {
        for client in [seeder, leecher] {
            let links = client.share().map(|share| share.links).unwrap_or_default();
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
    clients: [&TrialClient; 2],
    faults: &mut Vec<String>,
) -> anyhow::Result<()> {
    let needed = [&["started", "stopped"][..], &["started", "completed", "stopped"]];
    for (client, events) in clients.into_iter().zip(needed) {
        let announces = client.look_back(environment, family, faults).await?;
        let lacking =
            events.iter().filter(|event| announces.iter().all(|it| it.event.as_deref() != Some(**event)));
        faults
            .extend(lacking.map(|event| format!("{} announced no {event}", program_name(client.node.kind))));
    }
    Ok(())
}
