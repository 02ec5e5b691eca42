//! What Prometheus and watchdogs read of the site.

use infra::metrics::Watched;
use infra::shutdown::Shutdown;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use webapi::app::App;
use webapi::health::{self, WatchedSite};

use super::support::{TestSite, configuration};

const DASHBOARD: &str = include_str!("../../../docs/grafana-dashboard.json");

async fn get(url: &str) -> (u16, String) {
    let answer = reqwest::get(url).await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

/// A site where a member has opened a page that is there and one that is not, and what it exports.
async fn exported() -> (TestSite, String) {
    let site = TestSite::start().await;
    let wren = site.member("wren", &[]).await;
    wren.add_torrent("alder").await;
    wren.get("/torrents/1").await;
    wren.get("/torrents/2").await;
    wren.get("/no/such/page?token=secret").await;
    site.app.metrics.count_reports(3);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    health::serve(&site.app, vec![listener]);
    let (status, text) = get(&format!("http://{address}/metrics")).await;
    assert_eq!(status, 200);
    (site, text)
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let (site, text) = exported().await;
    for line in [
        "fairywren_webapi_requests_total{route=\"/torrents/{id}\",status=\"2xx\"} 1",
        "fairywren_webapi_requests_total{route=\"/torrents/{id}\",status=\"4xx\"} 1",
        "fairywren_webapi_request_seconds_count{route=\"/torrents/{id}\"} 2",
        "fairywren_webapi_requests_total{route=\"-\",status=\"4xx\"} 1",
        "fairywren_webapi_reports_applied_total 3.0",
        "fairywren_webapi_tracker_heard 0.0",
        "fairywren_webapi_event_streams 0.0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in {text}");
    }
    assert!(!text.contains("secret") && text.ends_with("# EOF\n"), "{text}");
    site.stop().await;
}

#[tokio::test]
async fn the_dashboard_shows_only_what_is_exported() {
    let (site, text) = exported().await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    let shown = dashboard.to_string();
    let names: Vec<&str> = shown
        .split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
        .filter(|name| name.starts_with("fairywren_webapi_") || name.starts_with("process_"))
        .collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert!(text.contains(&format!("\n{name}")), "{name} is shown but not exported: {text}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_site_is_well_while_its_database_answers() {
    let site = TestSite::start().await;
    let (status, body) = get(&format!("{}/healthz", site.url)).await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, body), (200, json!({"status": "ok", "database": "connected", "tracker": "silent"})));

    let mut config = configuration(&site.database);
    config["webapi"]["postgresql"]["host"] = "/no/such/folder".into();
    let config = infra::config::Config::parse(&config.to_string(), "test.json".as_ref()).expect("usable");
    let away = WatchedSite(App::new(config, Shutdown::default()).expect("an app")).health().await;
    assert!(!away.well && away.body.contains("\"database\":\"away\""), "{away:?}");
    site.stop().await;
}
