//! The tracker is told to stop while clients announce.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use infra::testing::eventually;
use rustix::process::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::accounts::{counted, moved};
use super::figures::{Figures, LongestTime, cycles, rate};
use super::installation::Installation;
use super::load::{ConnectionUse, Load, announce_once};
use crate::launcher::kill;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_cuts_no_announce_and_forgets_nothing() {
    let (kept, alone) = (rate(400, 1500), rate(100, 300));
    let site = Installation::start(&json!({}));
    let mut peers = site.populate(100, 50, 600).await;
    let others = peers.split_off(300);
    let loads = [
        Load::start(site.tracker, peers, kept, 32, ConnectionUse::Kept),
        Load::start(site.tracker, others, alone, 16, ConnectionUse::Alone),
    ];
    let mut gap = LongestTime::default();
    let times = cycles(2, 20);
    for _ in 0..times {
        for load in &loads {
            load.made(50).await;
        }
        let stopped = site.launcher.child("tracker").expect("it runs");
        kill(stopped, Signal::TERM);
        let time = eventually("it is started again", async || {
            site.launcher.child("tracker").is_some_and(|it| it != stopped)
                && TcpStream::connect(site.tracker).await.is_ok()
        });
        gap.take(time.await);
    }
    for load in &loads {
        load.made(50).await;
    }
    let mut figures = Figures::of("tracker stopped");
    figures.note("stops", times);
    let mut peers = Vec::new();
    for (load, name) in loads.into_iter().zip(["on kept connections", "each on its own connection"]) {
        let mut tally = load.finish().await;
        figures.note(&format!("announces {name}"), tally.answered());
        figures.note(&format!("cut, {name}"), tally.failed());
        figures.note(&format!("sent again as not read, {name}"), tally.repeated);
        tally.expect_all_answered();
        peers.append(&mut tally.peers);
    }
    figures.time("longest time from signal to next start", gap.0, Duration::from_secs(5));
    let last = announce_once(site.tracker, peers).await;
    last.expect_each_answered();
    let moved = moved(&last.peers);
    eventually("all is counted", async || counted(&site).await == moved).await;
    figures.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_of_everything_waits_for_no_slow_reader() {
    let tracker = json!({ "headerTimeoutSeconds": 600, "databaseTimeoutSeconds": 2 });
    let mut site = Installation::start(&json!({ "tracker": tracker }));
    let peers = site.populate(1, 1, 1).await;
    let requests = peers[0].request(true).repeat(100);
    let taken = Arc::new(AtomicUsize::new(0));
    let (tracker, progress) = (site.tracker, Arc::clone(&taken));
    let slow = tokio::spawn(async move {
        let (mut reader, mut writer) = TcpStream::connect(tracker).await.expect("connected").into_split();
        let sending = async { while writer.write_all(requests.as_bytes()).await.is_ok() {} };
        let taking = async {
            let mut little = [0; 2048];
            while let Ok(1..) = reader.read(&mut little).await {
                progress.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        };
        tokio::join!(sending, taking);
    });
    eventually("it takes what it is sent", async || taken.load(Ordering::Relaxed) > 5).await;
    let begun = Instant::now();
    let (status, log) = site.launcher.end(Signal::TERM);
    let mut figures = Figures::of("stop with a slow reader");
    figures.time("from signal to end", begun.elapsed(), Duration::from_secs(5));
    slow.abort();
    assert!(status.success() && !log.contains("tracker did not stop") && !log.contains("cut after"), "{log}");
    assert!(site.folder.path().join("data/tracker/swarms.stopped").exists(), "{log}");
    figures.finish();
}
