//! A trial of a scrape: the program scrapes a torrent that is not started, in its own way.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bt::metainfo::Kind as Format;
use tokio::time::{Instant, sleep};

use super::Environment;
use super::cell::{Family, program_name};
use super::content::Content;
use super::trial_client::{POLL, TrialClient, counts};
use crate::client::Kind;
use crate::site::{Announce, Counts};

/// Wait for a scrape: qBittorrent sends it three minutes after its start, Transmission within three minutes.
const SCRAPE_TIMEOUT: Duration = Duration::from_mins(4);

/// When a program scrapes, for the table.
pub(super) fn occasion(program: Kind) -> &'static str {
    match program {
        Kind::Rtorrent => {
            "when it is told to (`d.tracker.send_scrape`), ten minutes after an announce at the soonest"
        }
        Kind::Transmission => "within three minutes, for a torrent that is added without being started",
        Kind::Qbittorrent => "three minutes after its start, for a torrent that waits in its queue",
        Kind::Aria2 => "never",
        Kind::Libtorrent => "when it is told to (`scrape_tracker`)",
    }
}

/// Runs the trial with a client at the address `number`. Its version.
pub(super) async fn perform(
    environment: &Environment,
    program: Kind,
    family: Family,
    number: u16,
    faults: &mut Vec<String>,
) -> anyhow::Result<Vec<(Kind, String)>> {
    let content = Content::make(
        &environment.folder.join(number.to_string()),
        &format!("content-{number}"),
        Format::V1,
    )?;
    let title = format!("{number} scraped by {}", program_name(program));
    let uploaded = environment.site.upload(content.metainfo.clone(), &title, "").await?;
    let client = TrialClient::start(environment, program, "scraper", number, uploaded.id).await?;
    let nobody = Counts { peers: Some((0, 0)), snatched: 0 };
    counts(environment, uploaded.id, nobody).await?;
    // The program has to answer first.
    client.next_look().await?;
    client.scrape().await.context("cannot have the program scrape")?;
    let until = Instant::now() + SCRAPE_TIMEOUT;
    let is_it = |it: &Announce| {
        it.outcome == "scraped" && it.torrent.as_ref().is_some_and(|torrent| torrent.id == uploaded.id)
    };
    while !client.look_back(environment, family, faults).await?.iter().any(is_it) {
        ensure!(Instant::now() < until && faults.is_empty(), "the tracker was sent no scrape");
        sleep(POLL).await;
    }
    ensure!(
        environment.site.counts().await?.get(&uploaded.id) == Some(&nobody),
        "a client that only scraped was counted as a peer"
    );
    let version = client.version();
    client.node.end().await;
    Ok(version.into_iter().collect())
}
