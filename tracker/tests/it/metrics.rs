//! Metrics and health checks.

use std::collections::BTreeMap;

use bt::messages::control::Request;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Answer, Connection, Heard, Tracker, TrackerRig, UdpClient, eventually};
use crate::live::ask;

const DASHBOARD: &str = include_str!("../../../docs/grafana-dashboard.json");

async fn rig() -> TrackerRig {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["metricsListen"] = json!(["127.0.0.1:0"]);
    rig
}

async fn read(tracker: &Tracker, target: &str) -> Answer {
    Connection::open(tracker.metrics[0]).await.get(target).await
}

/// Samples by name and labels. Fails for a line that Prometheus does not understand.
async fn samples(tracker: &Tracker) -> BTreeMap<String, f64> {
    let answer = read(tracker, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.to_lowercase().contains("content-type: application/openmetrics-text"), "{answer:?}");
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a number");
            (name.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

#[tokio::test]
async fn announces_and_scrapes_are_counted_by_outcome() {
    let rig = rig().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    tracker.client(robin, 1).on(hash).seeding().announce().await;
    for _ in 0..99 {
        tracker.client(jay, 2).on(hash).announce().await;
    }
    tracker.client(robin, 1).on([9; 20].into()).refusal().await;
    ask(&rig, Request::Snapshot).await;
    // The threads that answered may be about to count.
    let samples = eventually("all is counted", async || {
        let samples = samples(&tracker).await;
        let answered = samples["fairywren_tracker_announces_total{outcome=\"answered\",protocol=\"http\"}"];
        (answered >= 100.0).then_some(samples)
    })
    .await;
    let number = |name: &str| *samples.get(name).unwrap_or_else(|| panic!("{name} in {samples:?}"));
    for (name, value) in [
        ("fairywren_tracker_announces_total{outcome=\"answered\",protocol=\"http\"}", 100.0),
        ("fairywren_tracker_announces_total{outcome=\"unregistered\",protocol=\"http\"}", 1.0),
        ("fairywren_tracker_announces_total{outcome=\"answered\",protocol=\"udp\"}", 0.0),
        ("fairywren_tracker_peers{family=\"ipv4\",role=\"seeder\"}", 1.0),
        ("fairywren_tracker_peers{family=\"ipv4\",role=\"leecher\"}", 1.0),
        ("fairywren_tracker_peers{family=\"ipv6\",role=\"seeder\"}", 0.0),
        ("fairywren_tracker_active_torrents", 1.0),
        ("fairywren_tracker_known_torrents", 1.0),
        ("fairywren_tracker_known_members", 2.0),
        ("fairywren_tracker_database_connected", 1.0),
        ("fairywren_tracker_reports_dropped_total", 0.0),
    ] {
        assert!((number(name) - value).abs() < 0.5, "{name} is {}", number(name));
    }
    assert!(number("fairywren_tracker_announce_seconds_count") >= 1.0);
    let infinite = number("fairywren_tracker_announce_seconds_bucket{le=\"+Inf\"}");
    assert!((infinite - number("fairywren_tracker_announce_seconds_count")).abs() < 0.5);
    assert!(number("process_resident_memory_bytes") > 1e6);
    for age in ["directory", "zeromq_published", "zeromq_asked"] {
        assert!(number(&format!("fairywren_tracker_{age}_age_seconds")) < 60.0);
    }
}

#[tokio::test]
async fn an_announce_is_timed_with_its_wait_for_the_database() {
    let mut rig = rig().await;
    rig.config["tracker"]["udpListen"] = json!(["127.0.0.1:0"]);
    let robin = rig.member("robin").await;
    rig.config["tracker"]["databaseTimeoutSeconds"] = 2.into();
    let proxy = rig.proxied();
    let tracker = rig.start().await;
    let known = tracker.client(robin, 1).on(rig.torrent(1).await);
    known.announce().await;
    let sum = async || samples(&tracker).await["fairywren_tracker_announce_seconds_sum"];
    let before = sum().await;
    proxy.hold();
    // The first announces of each thread are timed, and one of each 64 after them.
    let mut waiting = JoinSet::new();
    for _ in 0..2 * 64 * std::thread::available_parallelism().map_or(1, usize::from) {
        let unknown = tracker.client(robin, 1).on([9; 20].into());
        waiting.spawn(async move { unknown.refusal().await });
    }
    let mut udp = UdpClient::connect(tracker.udp[0], robin, 2).await.on([9; 20].into());
    assert!(matches!(udp.ask().await, Heard::Refusal(_)));
    for reason in waiting.join_all().await {
        assert!(reason.starts_with("Tracker unavailable"), "{reason}");
    }
    eventually("the time waited is put down", async || (sum().await > before + 1.0).then_some(())).await;
}

#[tokio::test]
async fn other_requests_are_not_counted_or_timed_as_announces() {
    let rig = rig().await;
    let tracker = rig.start().await;
    for _ in 0..200 {
        assert_eq!(tracker.get("/x").await.status, 404);
    }
    // Requests that are answered have been counted.
    tracker.get("/announce").await;
    let samples = eventually("the last one is counted", async || {
        let samples = samples(&tracker).await;
        let wrong = samples["fairywren_tracker_announces_total{outcome=\"wrong_key\",protocol=\"http\"}"];
        (wrong >= 1.0).then_some(samples)
    })
    .await;
    let counts =
        samples.iter().filter(|(name, _)| name.contains("announces_total") || name.contains("scrapes_total"));
    assert!((counts.map(|(_, count)| count).sum::<f64>() - 1.0).abs() < 0.5, "{samples:?}");
    assert!(samples["fairywren_tracker_announce_seconds_count"] < 1.5);
}

#[tokio::test]
async fn health_is_told_on_both_listeners_and_survives_the_database() {
    let mut rig = rig().await;
    let mut proxy = rig.proxied();
    rig.member("robin").await;
    let tracker = rig.start().await;
    let health = async |state: &str| {
        eventually(&format!("the database is {state}"), async || {
            for answer in [tracker.get("/healthz").await, read(&tracker, "/healthz").await] {
                assert_eq!(answer.status, 200);
                let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
                assert_eq!(body["status"], "ok");
                if body["database"] != state {
                    return None;
                }
            }
            Some(())
        })
        .await;
    };
    health("connected").await;
    proxy.cut().await;
    health("away").await;
    assert_eq!(read(&tracker, "/").await.status, 404);
}

#[tokio::test]
async fn health_is_below_the_path_of_the_tracker_with_or_without_a_query() {
    let mut rig = rig().await;
    rig.config["pathDepth"] = 2.into();
    let tracker = rig.start().await;
    for path in ["/healthz", "/healthz?a/b", "/some/where/healthz", "/some/where/healthz?x"] {
        let mut connection = Connection::open(tracker.v4).await;
        assert_eq!(connection.get(path).await.status, 200, "{path}");
        connection.send(&format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let head = connection.answer_without_body().await.expect("an answer");
        assert!(head.status == 200 && !head.head.contains("Content-Length: 0\r\n"), "{head:?}");
        assert_eq!(connection.get(path).await.status, 200, "{path}");
    }
    for path in ["/where/healthz", "/a/b/c/healthz", "/some/where?/healthz", "/some/where/xhealthz"] {
        assert_eq!(tracker.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_dashboard_shows_existing_metrics_only() {
    let rig = rig().await;
    let tracker = rig.start().await;
    ask(&rig, Request::Snapshot).await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    let shown = dashboard.to_string();
    let names: Vec<&str> = shown
        .split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
        .filter(|name| name.starts_with("fairywren_tracker_") && !NOT_AT_FIRST.contains(name))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    // The directory has an age once it has been read.
    eventually(&format!("all of {names:?} is exported"), async || {
        let text = read(&tracker, "/metrics").await.text();
        names.iter().all(|name| text.contains(&format!("\n{name}"))).then_some(())
    })
    .await;
}

/// Known only once the webapi has taken a batch, or after a minute.
const NOT_AT_FIRST: [&str; 2] =
    ["fairywren_tracker_reports_acknowledged_age_seconds", "fairywren_tracker_restart_file_age_seconds"];
