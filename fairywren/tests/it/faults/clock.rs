//! The clock of the machine jumps by a day, forwards and back, for all programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::figures::{Figures, rate};
use super::load::{Load, Travel, announce_once};
use super::site::Site;
use crate::launcher::folder;

/// Debian's package libfaketime puts it below the folder of the architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The database's clock.
const CLOCK: &str = "select extract(epoch from clock_timestamp())::bigint";

/// When the session of the only one who is signed in ends.
const END: &str = "select extract(epoch from expires_at)::bigint from sessions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_by_a_day_expires_nobody() {
    let offsets = folder();
    let offset = offsets.path().join("offset");
    set(&offset, "+0");
    let site = Site::start_as(json!({}), |mut command| {
        command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", &offset);
        command.env("FAKETIME_CACHE_DURATION", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    });
    let browser = site.administrator().await;
    let rate = rate(300, 1000);
    let mut peers = site.populate(100, 20, 400).await;
    // These announce once and are silent then.
    let quiet = announce_once(site.tracker, peers.split_off(200)).await;
    quiet.expect_each_answered();
    let load = Load::start(site.tracker, peers, rate, 16, Travel::Kept);
    load.made(200).await;
    let whole = site.scrape(&quiet.peers[0]).await;
    assert!(whole.is_some_and(|(seeders, leechers)| seeders + leechers == 20), "{whole:?}");
    let start: i64 = site.number(CLOCK).await;
    for (jump, seconds) in [("+86400", 86400), ("-86400", -86400), ("+0", 0)] {
        set(&offset, jump);
        let jumped = async || (site.number(CLOCK).await - start - seconds).abs() < 3600;
        site.until("the clock has jumped", jumped).await;
        load.made(2 * rate as usize).await;
        assert_eq!(site.scrape(&quiet.peers[0]).await, whole, "no peer expired after {jump}");
        assert_eq!(browser.look("/account").await.0, 200, "the session goes on after {jump}");
        // A visit that is a day later by the site's clock moves the session's end on.
        let moved =
            async || browser.look("/account").await.0 == 200 && site.number(END).await > start + 30 * 86400;
        site.until("the site has seen it", moved).await;
        assert_eq!(browser.upload(&format!("after {jump}")).await, 201);
    }
    let tally = load.finish().await;
    let mut figures = Figures::of("clock jumps");
    figures.load(&tally, Some(Duration::from_millis(10)));
    tally.expect_all_answered();
    assert_eq!(tally.repeated, 0, "no connection ended");
    figures.finish();
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
