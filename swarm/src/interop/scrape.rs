//! Each program asks the tracker for the numbers of a torrent that it was not told to start, as it comes to do so.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bt::metainfo::Kind as Format;
use tokio::time::{Instant, sleep};

use super::Environment;
use super::cell::{Family, program_name};
use super::content::Content;
use super::side::{PAUSE, Side, counts};
use crate::client::Kind;
use crate::site::{Announce, Counts};

/// qBittorrent asks three minutes after its start, Transmission within three minutes.
const ASKING: Duration = Duration::from_mins(4);

/// How a program comes to ask.
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

/// Tries it with a client at `number` of the network, and says its version.
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
    let side = Side::start(environment, program, "scraper", number, uploaded.id).await?;
    let nobody = Counts { peers: Some((0, 0)), snatched: 0 };
    counts(environment, uploaded.id, nobody).await?;
    // Its program must answer before it can be told.
    side.next_look().await?;
    side.scrape().await.context("cannot have it scrape")?;
    let until = Instant::now() + ASKING;
    let is_it = |it: &Announce| {
        it.outcome == "scraped" && it.torrent.as_ref().is_some_and(|torrent| torrent.id == uploaded.id)
    };
    while !side.look_back(environment, family, faults).await?.iter().any(is_it) {
        ensure!(Instant::now() < until && faults.is_empty(), "the tracker was not asked for numbers alone");
        sleep(PAUSE).await;
    }
    ensure!(
        environment.site.counts().await?.get(&uploaded.id) == Some(&nobody),
        "whoever asks for numbers became a peer"
    );
    let version = side.version();
    side.node.end().await;
    Ok(version.into_iter().collect())
}
