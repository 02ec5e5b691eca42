//! What one member may ask for at most, of every route, fifty times at once: others' pages are answered meanwhile.
//!
//! The short form, within `make test`, asserts what is answered; the long one, in `make soak`, times and memory too.

mod inputs;
mod routes;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use tokio::time::sleep;

use crate::making::several;
use crate::support::{Answer, Browser, TestSite};
use inputs::{Input, RequestTargets};
use routes::Route;

/// Requests at once.
const AT_ONCE: usize = 50;

/// What 99 of 100 pages of another member may take.
const PAGE_GOAL: Duration = Duration::from_millis(500);

/// Time for memory to be given back.
const MEMORY_TIMEOUT: Duration = Duration::from_mins(1);

/// Whether this is the long form.
fn is_long() -> bool {
    std::env::var_os("FAIRYWREN_SOAK").is_some_and(|it| !it.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_costs_the_others_nothing() {
    // `main` sets the allocator's thresholds in the same way.
    infra::memory::give_back_blocks(1 << 20, Some(2));
    let site = TestSite::start_with(|config| {
        if is_long() {
            // The long form measures with the default timeouts.
            config["webapi"]["backendTimeoutSeconds"] = 2.into();
            config["webapi"]["requestTimeoutSeconds"] = 30.into();
        }
    })
    .await;
    let hog = site.member("hog", &["administrator", "moderator", "inviter"]).await;
    let other = site.member("wren", &[]).await;
    let targets = fill(&site, &hog).await;
    // Memory that a first use of everything takes for good is not what one member costs.
    let routes = routes::all();
    let mut before = 0;
    let mut pages = Vec::new();
    for pass in 0..if is_long() { 2 } else { 1 } {
        pages.clear();
        before = resident().await;
        for route in &routes {
            if !hog.is_signed_in().await {
                hog.sign_in("hog").await;
            }
            let input = inputs::most_expensive(route, &targets);
            let times = meanwhile(&other, fifty(&hog, route, &input)).await.unwrap_or_else(|answer| {
                panic!("{} {} costs another member a page: {answer:?}", route.method, route.path)
            });
            pages.extend(times);
        }
        println!("pass {pass}: {} pages of another member", pages.len());
    }
    if is_long() {
        figures(before, pages).await;
    }
    site.stop().await;
}

/// Torrents of two frequent words that never meet, one with many files and a long description, and open invites.
async fn fill(site: &TestSite, hog: &Browser) -> RequestTargets {
    let (files, torrents) = if is_long() { (50_000, 200_000) } else { (2000, 2000) };
    let paths: Vec<String> = (0..files).map(|it| format!("{it}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let description = inputs::description();
    let texts = [("title", "many"), ("description", &*description), ("extended", &*inputs::extended())];
    let uploaded = hog.upload(several("many", &paths), &texts).await;
    assert_eq!(uploaded.status, StatusCode::CREATED, "{}", uploaded.body);
    site.execute(&format!(
        "insert into torrents (info_hash_v1, title, size, file_count, uploader_id, search)
         select substring(sha256(int4send(i)) from 1 for 20), title, i, 1, 1, search_words(title, '')
         from (select i, case when i % 2 = 0 then 'alder ' else 'birch ' end || i as title
               from generate_series(1, {torrents}) i) as new;
         insert into transfers (user_id, torrent_id, snatched_at) select 1, id, now() from torrents;
         analyze"
    ))
    .await;
    let spare = site.value::<i32>("select max(id) from torrents").await;
    let mut invites = Vec::new();
    for _ in 0..2 {
        let made = hog.api(Method::POST, "/api/invites", None).await.json();
        let url = made["url"].as_str().expect("a link").to_owned();
        invites.push(url.rsplit('/').next().expect("a secret").to_owned());
    }
    let torrent = uploaded.json()["id"].to_string();
    RequestTargets { member: 1, torrent, spare, files: several("many", &paths), invites }
}

/// Sends `input` many times at once; each is answered, none with a fault of ours.
async fn fifty(hog: &Browser, route: &Route, input: &Input) {
    let session = hog.get("/api/session").await.json();
    let csrf = session["csrf_token"].as_str().unwrap_or_default().to_owned();
    let send = async || {
        let answer =
            input.request(hog, &route.method, &csrf).send().await.expect("an answer to each request");
        let (status, headers) = (answer.status(), answer.headers().clone());
        // A stream of events does not end.
        if headers.get("content-type").is_none_or(|it| it != "text/event-stream") {
            answer.bytes().await.expect("a whole answer");
        }
        // Whoever asks for too much may be told to come back.
        let later = status == StatusCode::SERVICE_UNAVAILABLE && headers.contains_key("retry-after");
        assert!(!status.is_server_error() || later, "{} {}: {status}", route.method, route.path);
    };
    join_all((0..AT_ONCE).map(|_| send())).await;
}

/// Opens the first page again and again, at least once, until `work` is done; answers how long each took, or the answer
/// that is no page.
async fn meanwhile(other: &Browser, work: impl Future<Output = ()>) -> Result<Vec<Duration>, Answer> {
    let mut times = Vec::new();
    let mut done = false;
    let mut work = std::pin::pin!(work);
    while !done {
        let page = async {
            let started = Instant::now();
            let answer = other.get("/").await;
            times.push(started.elapsed());
            if answer.status == StatusCode::OK { Ok(()) } else { Err(answer) }
        };
        let mut page = std::pin::pin!(page);
        tokio::select! {
            () = &mut work => {
                done = true;
                page.await?;
            }
            answered = &mut page => answered?,
        }
    }
    Ok(times)
}

/// Bytes of memory that this process has, with what is free given back.
async fn resident() -> u64 {
    let status = tokio::fs::read_to_string("/proc/self/status").await.expect("the process's state");
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).expect("the resident size");
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kib << 10
}

/// Prints the figures, and holds them against their goals.
async fn figures(before: u64, mut pages: Vec<Duration>) {
    pages.sort_unstable();
    let high = pages[(pages.len() - 1) * 99 / 100];
    let most = before + before * 3 / 10;
    let started = Instant::now();
    let mut after = resident().await;
    while after > most && started.elapsed() < MEMORY_TIMEOUT {
        sleep(Duration::from_millis(500)).await;
        after = resident().await;
    }
    let (milliseconds, mib) = (|it: Duration| it.as_secs_f64() * 1e3, |it: u64| it >> 20);
    let table = format!(
        "| bounds | page of another member, 99th percentile | {:.1} ms | {:.1} ms |\n\
         | bounds | memory within a minute after | {} MiB | {} MiB |\n",
        milliseconds(high),
        milliseconds(PAGE_GOAL),
        mib(after),
        mib(most),
    );
    print!("{table}");
    if let Some(file) = std::env::var_os("FAIRYWREN_SOAK_TABLE") {
        let mut file = OpenOptions::new().create(true).append(true).open(file).expect("the table's file");
        file.write_all(table.as_bytes()).expect("written");
    }
    assert!(high <= PAGE_GOAL && after <= most, "goals missed");
}
