//! The database stops, dies, slows down or is cut off under load.

use std::time::Duration;

use infra::testing::eventually;
use rustix::process::Signal;
use serde_json::json;

use super::faulty_proxy::{FaultyProxy, LinkCondition};
use super::figures::{Figures, LongestTime, cycles, rate};
use super::installation::{Browser, Installation};
use super::load::{ConnectionUse, Load, announce_once};
use crate::launcher::{children, kill};

/// What happens to it.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// No process of it runs on.
    Frozen,
    /// It ends in order and is started again.
    Stopped,
    /// It dies and is started again.
    Killed,
    /// What it is asked or answers.
    Link(LinkCondition),
}

const FAULTS: [Fault; 7] = [
    Fault::Frozen,
    Fault::Link(LinkCondition::Cut),
    Fault::Stopped,
    Fault::Link(LinkCondition::Swallowed),
    Fault::Killed,
    Fault::Link(LinkCondition::Narrow(4)),
    Fault::Link(LinkCondition::Late(Duration::from_millis(700))),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_announce_fails_whatever_happens_to_the_database() {
    let rate = rate(300, 2000);
    let site = Installation::start(&json!({ "webapi": { "backendTimeoutSeconds": 2 } }));
    let browser = site.administrator().await;
    let peers = site.populate(500, 200, 2000).await;
    let first = announce_once(site.tracker, peers).await;
    first.expect_each_answered();
    let mut scene = Scene::new(&site, &browser).await;
    let load = Load::start(site.tracker, first.peers, rate, 32, ConnectionUse::Kept);
    for fault in FAULTS.iter().cycle().take(cycles(FAULTS.len(), 100)) {
        scene.suffer(*fault).await;
    }
    let tally = load.finish().await;
    let mut figures = Figures::of("database");
    figures.load(&tally, Some(Duration::from_millis(10)));
    figures.time("page while it is away, slowest answer", scene.answer.0, Duration::from_millis(2500));
    figures.time("page after it is back, slowest return", scene.back.0, Duration::from_secs(2));
    tally.expect_all_answered();
    assert_eq!(tally.repeated, 0, "no connection ended");
    figures.finish();
}

struct Scene<'a> {
    site: &'a Installation,
    browser: &'a Browser,
    proxy: FaultyProxy,
    /// Slowest answer of a page while it was away.
    answer: LongestTime,
    /// Longest time until pages were back.
    back: LongestTime,
}

impl<'a> Scene<'a> {
    async fn new(site: &'a Installation, browser: &'a Browser) -> Self {
        let proxy = FaultyProxy::before(&site.data().join("run/postgres"));
        let mut scene =
            Self { site, browser, proxy, answer: LongestTime::default(), back: LongestTime::default() };
        scene.step_in().await;
        scene
    }

    async fn suffer(&mut self, fault: Fault) {
        let server = self.site.launcher.child("postgres").expect("the server");
        match fault {
            Fault::Frozen => {
                let all = freeze(server);
                self.pages_say_so().await;
                for process in all {
                    kill(process, Signal::CONT);
                }
                self.pages_return().await;
            }
            Fault::Stopped => self.restart(server, Signal::INT).await,
            Fault::Killed => self.restart(server, Signal::KILL).await,
            Fault::Link(condition) => {
                self.proxy.set(condition);
                self.pages_say_so().await;
                self.proxy.set(LinkCondition::Clear);
                self.pages_return().await;
            }
        }
    }

    async fn restart(&mut self, server: u32, signal: Signal) {
        kill(server, signal);
        let Self { site, proxy, .. } = self;
        eventually("it is started again", async || {
            proxy.is_bypassed() && site.launcher.child("postgres").is_some_and(|it| it != server)
        })
        .await;
        self.pages_return().await;
        self.step_in().await;
    }

    /// The proxy takes its place, and everybody connects anew.
    async fn step_in(&mut self) {
        self.proxy.step_in();
        let owner = self.site.owner().await.expect("the database");
        let cut = "select pg_terminate_backend(pid) from pg_stat_activity
                   where application_name in ('webapi', 'tracker')";
        owner.execute(cut, &[]).await.expect("the connections end");
        self.pages_return().await;
    }

    /// Every answer is one of an error's page or, while one still can, the page; in the end it is the former.
    async fn pages_say_so(&mut self) {
        let Self { browser, answer, .. } = self;
        eventually("a page says that the database is away", async || {
            let (status, time) = browser.look("/").await;
            assert!(matches!(status, 200 | 503), "{status}");
            answer.take(time);
            status == 503
        })
        .await;
    }

    async fn pages_return(&mut self) {
        let Self { browser, answer, back, .. } = self;
        let time = eventually("pages are back", async || {
            let (status, time) = browser.look("/").await;
            assert!(matches!(status, 200 | 503), "{status}");
            answer.take(time);
            status == 200
        });
        back.take(time.await);
    }
}

/// Stops all processes of the server; answers them.
fn freeze(server: u32) -> Vec<u32> {
    kill(server, Signal::STOP);
    let mut all = children(server);
    all.push(server);
    for process in &all {
        kill(*process, Signal::STOP);
    }
    all
}
