//! The clock of the machine jumps by a day, forwards and back, for all programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use infra::testing::eventually;
use serde_json::json;

use super::accounts::{counted, moved};
use super::figures::{Figures, rate};
use super::installation::{Installation, Peer};
use super::load::{ConnectionUse, Load, announce_once};
use crate::launcher::folder;

/// Debian's package libfaketime puts it below the folder of the architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The database's clock.
const CLOCK: &str = "select extract(epoch from clock_timestamp())::bigint";

/// When the session of the only one who is signed in ends.
const END: &str = "select extract(epoch from expires_at)::bigint from sessions";

/// After so many seconds without an announce a peer is dropped; a fourth of it passes between two looks at all peers.
const TIMEOUT: u32 = 20;
const SWEEP: u32 = TIMEOUT / 4;

/// The torrents with peers that announce, and the one whose peers fall silent for good.
const HEARD: u32 = 19;
const SILENT: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_by_a_day_expires_nobody_and_counts_as_nothing() {
    let offsets = folder();
    let offset = offsets.path().join("offset");
    set(&offset, "+0");
    let site = start(&offset);
    let browser = site.administrator().await;
    let rate = rate(300, 1000);
    let peers = site.populate(100, SILENT, 400).await;
    let earliest = Instant::now();
    let first = announce_once(site.tracker, peers).await;
    first.expect_each_answered();
    let latest = Instant::now();
    let (silent, mut peers): (Vec<_>, Vec<_>) = first.peers.into_iter().partition(|it| it.torrent == SILENT);
    // These announce before each jump, the others all the time.
    let mut quiet = peers.split_off(peers.len() / 2);
    let load = Load::start(site.tracker, peers, rate, 16, ConnectionUse::Kept);
    let start: i64 = site.number(CLOCK).await;
    for (jump, seconds) in [("+86400", 86400), ("-86400", -86400), ("+0", 0)] {
        // Where the machine was too slow, who was quiet may have expired for good reason: that tells nothing.
        loop {
            let announced = Instant::now();
            let again = announce_once(site.tracker, quiet).await;
            again.expect_each_answered();
            quiet = again.peers;
            set(&offset, jump);
            let jumped = async || (site.number(CLOCK).await - start - seconds).abs() < 3600;
            eventually("the clock has jumped", jumped).await;
            load.made((2 * SWEEP * rate) as usize).await;
            let expired = expired(&site, &quiet[..HEARD as usize]).await;
            if expired.is_empty() {
                break;
            }
            let in_time = announced.elapsed() < Duration::from_secs(TIMEOUT.into());
            assert!(!in_time, "peers of torrents {expired:?} expired after {jump}");
            set(&offset, "+0");
        }
        eventually("the session goes on", async || browser.look("/account").await.0 == 200).await;
        // A visit that is a day later by the site's clock moves the session's end on.
        let moved =
            async || browser.look("/account").await.0 == 200 && site.number(END).await > start + 30 * 86400;
        eventually("the site has seen it", moved).await;
        assert_eq!(browser.upload(&format!("after {jump}")).await, 201);
    }
    eventually("who fell silent has expired", async || site.scrape(&silent[0]).await == Some((0, 0))).await;
    let mut tally = load.finish().await;
    let mut figures = Figures::of("clock jumps");
    figures.load(&tally, Some(Duration::from_millis(10)));
    tally.expect_all_answered();
    assert_eq!(tally.repeated, 0, "no connection ended");
    tally.peers.extend(quiet);
    let shortest = latest.elapsed();
    let last = announce_once(site.tracker, tally.peers).await;
    last.expect_each_answered();
    expect_counted(&site, &last.peers, shortest, earliest.elapsed()).await;
    figures.finish();
}

/// A site whose programs read the offset of their clocks from the file `offset`.
fn start(offset: &Path) -> Installation {
    let peers = json!({"intervalSeconds": 10, "minIntervalSeconds": 5, "peerTimeoutSeconds": TIMEOUT});
    Installation::start_as(&json!({ "tracker": peers }), |mut command| {
        command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", offset);
        command.env("FAKETIME_CACHE_DURATION", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    })
}

/// The torrents of `peers` of which not all 20 peers are there.
async fn expired(site: &Installation, peers: &[Peer]) -> Vec<u32> {
    let mut expired = Vec::new();
    for peer in peers {
        let here = site.scrape(peer).await.map(|(seeders, leechers)| seeders + leechers);
        if here != Some(20) {
            expired.push(peer.torrent);
        }
    }
    expired
}

/// Waits until what `peers` moved is counted, to the byte, and compares the seconds: each announced first and last with
/// so much between.
async fn expect_counted(site: &Installation, peers: &[Peer], shortest: Duration, longest: Duration) {
    let wanted = moved(peers);
    let all = async || {
        let mut counted = counted(site).await;
        counted.retain(|_, bytes| *bytes > 0);
        counted == wanted
    };
    eventually("all that was moved is counted", all).await;
    let sql = "select user_id, seeded_seconds::bigint as seeded, leeched_seconds::bigint as leeched from user_totals";
    let rows = site.owner().await.expect("the database").query(sql, &[]).await.expect("totals");
    for row in rows {
        let member = row.get::<_, i32>("user_id").cast_unsigned();
        for (what, is_seeder) in [("seeded", true), ("leeched", false)] {
            let of_member = peers.iter().filter(|it| it.member == member && it.is_seeder() == is_seeder);
            // Clients of a member that seed the same torrent at the same time are counted once, those that leech are
            // not.
            let seeded: BTreeSet<u32> = of_member.clone().map(|it| it.torrent).collect();
            let number = if is_seeder { seeded.len() } else { of_member.count() };
            let seconds = row.get::<_, i64>(what).cast_unsigned();
            // The tracker counts whole seconds.
            let possible = (shortest.as_secs() - 1) * number as u64..=(longest.as_secs() + 2) * number as u64;
            assert!(possible.contains(&seconds), "member {member} {what} for {seconds} s of {possible:?}");
        }
    }
}

/// The file is never seen half written.
fn set(file: &Path, offset: &str) {
    let new = file.with_extension("new");
    fs::write(&new, format!("{offset}\n")).expect("written");
    fs::rename(&new, file).expect("renamed");
}

fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("/usr/lib").flatten();
    let found = folders.map(|it| it.path().join(LIBRARY)).find(|it| it.is_file());
    found.expect("libfaketime is installed: run `make test`")
}
