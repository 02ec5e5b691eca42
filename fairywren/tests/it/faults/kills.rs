//! `kill -9` of tracker, site and database at any moment, under load.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use infra::testing::eventually;
use rustix::process::Signal;
use serde_json::json;

use super::accounts::{counted, moved, share};
use super::figures::{Figures, LongestTime, cycles};
use super::installation::{Browser, Installation, Peer};
use super::load::{ConnectionUse, Load, Tally, announce_once};
use crate::launcher::kill;

/// Announces per second; every peer has announced anew a second after the tracker is back.
const RATE: u32 = 300;
const PEERS: u32 = 300;

/// Pause until a request to a site that does not answer is sent again.
const PAUSE: Duration = Duration::from_millis(50);
const TORRENTS: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_write_is_lost_and_nothing_counted_twice_whatever_is_killed() {
    let scene = Scene::begin().await;
    let (mut figures, tally) =
        scene.suffer("killed at random", &["tracker", "webapi", "postgres"], cycles(5, 200)).await;
    let site = &scene.site;
    let totals = counted(site).await;
    for (member, moved) in moved(&tally.peers) {
        let counted = totals.get(&member).copied().unwrap_or_default();
        assert!(counted <= moved, "{counted} bytes of member {member} were counted, who moved {moved}");
    }
    figures.note("bytes moved and counted", format_args!("{} %", share(&totals, &tally.peers)));
    figures.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_members_moved_is_counted_exactly_when_site_and_database_are_killed() {
    let scene = Scene::begin().await;
    let (figures, tally) =
        scene.suffer("site and database killed", &["webapi", "postgres"], cycles(3, 50)).await;
    assert_eq!(tally.failed(), 0, "announces go on");
    let moved = moved(&tally.peers);
    eventually("all is counted", async || counted(&scene.site).await == moved).await;
    figures.finish();
}

struct Scene {
    site: Installation,
    browser: Arc<Browser>,
    peers: Vec<Peer>,
}

impl Scene {
    async fn begin() -> Self {
        let site = Installation::start(&json!({ "webapi": { "backendTimeoutSeconds": 2 } }));
        let browser = Arc::new(site.administrator().await);
        let peers = site.populate(100, TORRENTS, PEERS).await;
        let first = announce_once(site.tracker, peers).await;
        first.expect_each_answered();
        Self { site, browser, peers: first.peers }
    }

    /// Kills one of `victims` so many times while members announce, upload and sign up.
    async fn suffer(&self, test: &'static str, victims: &[&str], times: usize) -> (Figures, Tally) {
        let site = &self.site;
        let load = Load::start(site.tracker, self.peers.clone(), RATE, 16, ConnectionUse::Kept);
        let stop = Arc::new(AtomicBool::new(false));
        let writers = tokio::spawn(write(Arc::clone(&self.browser), Arc::clone(&stop)));
        let mut worst = LongestTime::default();
        for _ in 0..times {
            load.made(usize::try_from(random() % u64::from(RATE / 2)).expect("small")).await;
            let victim = victims[usize::try_from(random() % victims.len() as u64).expect("small")];
            let killed = site.launcher.child(victim).expect("it runs");
            kill(killed, Signal::KILL);
            let time = eventually("all is well again", async || {
                site.launcher.child(victim).is_some_and(|it| it != killed)
                    && self.is_right().await
                    && self.browser.look("/").await.0 == 200
            });
            worst.take(time.await);
        }
        stop.store(true, Ordering::Relaxed);
        let written = writers.await.expect("the writers do not panic");
        let mut tally = load.finish().await;
        assert_eq!(tally.refusals(), Vec::<String>::new());
        let last = announce_once(site.tracker, std::mem::take(&mut tally.peers)).await;
        assert_eq!(last.failed(), 0, "all is well at the end");
        tally.peers = last.peers;
        self.find(&written).await;
        let mut figures = Figures::of(test);
        figures.note("kills", times);
        figures.note("acknowledged uploads and accounts", written.torrents.len() + written.accounts.len());
        figures.note("lost", 0);
        figures.note("announces answered", tally.answered());
        figures.time("until counts and pages are right", worst.0, Duration::from_secs(3));
        (figures, tally)
    }

    /// Whether tracker and site know all peers.
    async fn is_right(&self) -> bool {
        for torrent in [1, TORRENTS / 2, TORRENTS] {
            let here = self.peers.iter().filter(|it| it.torrent == torrent);
            let (seeders, leechers): (Vec<_>, Vec<_>) = here.partition(|it| it.is_seeder());
            let expected = Some((seeders.len() as u64, leechers.len() as u64));
            let scraped = self.site.scrape(seeders[0]).await;
            let shown = self.browser.json(&format!("/api/torrents/{torrent}")).await;
            let shown = shown.and_then(|it| Some((it["seeders"].as_u64()?, it["leechers"].as_u64()?)));
            if scraped != expected || shown != expected {
                return false;
            }
        }
        true
    }

    async fn find(&self, written: &Written) {
        let owner = self.site.owner().await.expect("the database");
        let found = owner.query("select title from torrents union select name from users", &[]).await;
        let found: Vec<String> = found.expect("rows").iter().map(|row| row.get(0)).collect();
        for name in written.torrents.iter().chain(&written.accounts) {
            assert!(found.contains(name), "{name} was acknowledged and is lost");
        }
    }
}

/// What was acknowledged.
#[derive(Default)]
struct Written {
    torrents: Vec<String>,
    accounts: Vec<String>,
}

async fn write(browser: Arc<Browser>, stop: Arc<AtomicBool>) -> Written {
    let mut written = Written::default();
    for number in 0.. {
        // On a slow machine nothing may have been written by the last kill.
        if stop.load(Ordering::Relaxed) && !written.torrents.is_empty() && !written.accounts.is_empty() {
            break;
        }
        let name = format!("upload-{number}");
        if browser.upload(&name).await == 201 {
            written.torrents.push(name);
        }
        let Some(secret) = browser.invite().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let name = format!("account-{number}");
        if browser.claim(&secret, &name).await.is_ok_and(|it| it.status() == 201) {
            written.accounts.push(name);
        }
    }
    written
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
