//! More connections than announce: idle ones, ones without end, and more than there are file descriptors.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use infra::testing::eventually;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::figures::{Figures, is_long, rate, stretch};
use super::installation::{Installation, Peer};
use super::load::{ConnectionUse, Load, Tally, announce_once};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_hold_up_nobody() {
    let limit = raise_limit();
    let count = size_of_crowd(limit);
    let site = Installation::start(&json!({ "tracker": { "headerTimeoutSeconds": 600 } }));
    let peers = site.populate(100, 50, 500).await;
    let mut idle = Vec::new();
    for _ in 0..count {
        idle.push(TcpStream::connect(site.tracker).await.expect("a connection"));
    }
    let mut figures = Figures::of("idle connections");
    figures.note("idle connections", idle.len());
    let peers = announce_for_a_while(&site, peers, &mut figures, Duration::from_millis(10)).await;
    drop(idle);
    announce_once(site.tracker, peers).await.expect_each_answered();
    figures.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_256_file_descriptors_those_who_are_connected_go_on() {
    raise_limit();
    let wrap = |command: Command| {
        let mut limited = Command::new("prlimit");
        limited.args(["--nofile=256:256", "--"]).arg(command.get_program()).args(command.get_args());
        limited
    };
    let site = Installation::start_as(&json!({ "tracker": { "headerTimeoutSeconds": 600 } }), wrap);
    let browser = site.administrator().await;
    let peers = site.populate(100, 50, 500).await;
    let first = announce_once(site.tracker, peers).await;
    let rate = rate(300, 1000);
    let load = Load::start(site.tracker, first.peers, rate, 32, ConnectionUse::Kept);
    load.made(rate as usize / 2).await;
    let url: SocketAddr = site.url.strip_prefix("http://").expect("plain").parse().expect("an address");
    let mut crowd = JoinSet::new();
    for address in [site.tracker, url].repeat(400) {
        crowd.spawn(async move {
            // Some wait in the system's queue, and some get no place there.
            let stream = TcpStream::connect(address).await;
            std::future::pending::<()>().await;
            drop(stream);
        });
    }
    load.made(stretch(rate)).await;
    crowd.shutdown().await;
    let begun = Instant::now();
    let tally = load.finish().await;
    announce_once(site.tracker, tally.peers.clone()).await.expect_each_answered();
    eventually("pages are back", async || browser.look("/").await.0 == 200).await;
    let back = begun.elapsed();
    let mut figures = Figures::of("256 file descriptors");
    figures.load(&tally, None);
    figures.time("new connections and pages, back after the crowd left", back, Duration::from_secs(2));
    tally.expect_all_answered();
    assert_eq!(tally.repeated, 0, "no connection ended");
    figures.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_never_end_hold_up_nobody() {
    raise_limit();
    let site = Installation::start(&json!({ "tracker": { "headerTimeoutSeconds": 2 } }));
    let peers = site.populate(100, 50, 500).await;
    let (stop, stopped) = watch::channel(false);
    let tracker = site.tracker;
    let slow: JoinSet<()> = (0..300).map(|_| send_slowly(tracker, stopped.clone())).collect();
    let mut tool = is_long().then(|| slow_program(tracker));
    let mut figures = Figures::of("slow headers");
    let peers = announce_for_a_while(&site, peers, &mut figures, Duration::from_millis(10)).await;
    stop.send_replace(true);
    slow.join_all().await;
    if let Some(tool) = &mut tool {
        tool.kill().expect("slowhttptest runs");
        tool.wait().expect("it ends");
    }
    announce_once(site.tracker, peers).await.expect_each_answered();
    figures.finish();
}

async fn announce_for_a_while(
    site: &Installation,
    peers: Vec<Peer>,
    figures: &mut Figures,
    goal: Duration,
) -> Vec<Peer> {
    let rate = rate(300, 1000);
    let load = Load::start(site.tracker, peers, rate, 32, ConnectionUse::Kept);
    load.made(stretch(rate)).await;
    let tally: Tally = load.finish().await;
    figures.load(&tally, Some(goal));
    tally.expect_all_answered();
    tally.peers
}

/// Sends the lines of a header one by one and never the last, on a new connection whenever one ends.
async fn send_slowly(tracker: SocketAddr, mut stopped: watch::Receiver<bool>) {
    let sending = async {
        loop {
            let Ok(mut stream) = TcpStream::connect(tracker).await else { continue };
            let mut line = "GET / HTTP/1.1\r\n";
            while stream.write_all(line.as_bytes()).await.is_ok() {
                line = "X-Slow: yes\r\n";
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    tokio::select! {
        () = sending => {}
        _ = stopped.wait_for(|it| *it) => {}
    }
}

/// The well-known tool, for as long as the test takes.
fn slow_program(tracker: SocketAddr) -> std::process::Child {
    let mut command = Command::new("slowhttptest");
    command
        .args(["-c", "1000", "-H", "-i", "1", "-r", "200", "-t", "GET", "-l", "600", "-x", "24", "-p", "3"]);
    command.arg("-u").arg(format!("http://{tracker}/")).stdout(std::process::Stdio::null());
    command.spawn().expect("slowhttptest is installed: run `make soak`")
}

/// How many idle connections the limit allows in this process and in the tracker, 15,000 at most.
fn size_of_crowd(limit: u64) -> usize {
    let wanted = if is_long() { 15_000 } else { 1500 };
    wanted.min(usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(500))
}

/// Allows this process and its children as many file descriptors as it may.
fn raise_limit() -> u64 {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("within the hard limit");
    maximum.unwrap_or(u64::MAX)
}
