//! The announce doctor: what members are told of their clients' announces.

use bt::announce::Event;
use bt::messages::control::{Connection, Decision, Protocol, Verdict};
use reqwest::StatusCode;
use serde_json::json;

use super::tracker::{Tracker, TrackerSockets};

/// An announce that began two minutes ago.
pub(crate) fn decision(torrent: u32, verdict: Verdict) -> Decision {
    Decision {
        age: 125,
        torrent,
        client: *b"-qB5040-",
        v4: 3,
        v6: 1,
        verdict,
        protocol: Protocol::Udp,
        ipv6: true,
        event: Event::Started,
    }
}

#[tokio::test]
async fn announces_are_listed_with_what_came_of_them() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let wren = site.member("wren", &[]).await;
    wren.add_torrent("alder").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    tracker.remember(1, decision(1, Verdict::OtherTorrent));
    tracker.remember(1, Decision { client: [0; 8], ..decision(0, Verdict::Unregistered) });
    tracker.remember(1, decision(1, Verdict::Answered));
    let list = wren.get("/api/members/1/announces").await.json();
    assert_eq!(list["total"], 3);
    let first = &list["items"][0];
    assert_eq!(first["outcome"], "other_torrent");
    assert_eq!(first["torrent"], json!({"id": 1, "title": "alder"}));
    assert_eq!((&first["protocol"], &first["family"]), (&json!("udp"), &json!("ipv6")));
    assert_eq!(list["items"][1]["client"], json!(null));
    assert_eq!((&list["items"][2]["peers"], &list["items"][2]["fix"]), (&json!(4), &json!(null)));
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn announces_and_connections_are_for_the_member_and_staff() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let owl = site.member("owl", &["administrator"]).await;
    let wren = site.member("wren", &[]).await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    for list in ["announces", "connections"] {
        let path = |member: i32| format!("/api/members/{member}/{list}");
        assert_eq!(wren.get(&path(2)).await.status, StatusCode::OK, "{list}");
        assert_eq!(wren.get(&path(1)).await.status, StatusCode::FORBIDDEN, "{list}");
        assert_eq!(owl.get(&path(2)).await.status, StatusCode::OK, "{list}");
        assert_eq!(owl.get(&path(9)).await.status, StatusCode::NOT_FOUND, "{list}");
    }
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn refused_announces_are_not_pushed_out_of_sight_by_others() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let wren = site.member("wren", &[]).await;
    wren.add_torrent("alder").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    tracker.remember(1, decision(1, Verdict::OtherTorrent));
    tracker.remember(1, decision(1, Verdict::Answered));
    assert!(!wren.get("/account/doctor").await.body.contains("earlier</summary>"));
    for _ in 0..10 {
        tracker.remember(1, decision(1, Verdict::Answered));
    }
    tracker.remember(1, decision(1, Verdict::OtherTorrent));
    let page = wren.get("/account/doctor").await.body;
    let (shown, _) = page.split_once("3 earlier</summary>").expect("the others behind a summary");
    assert_eq!(shown.matches("the key of another torrent").count(), 2, "{page}");
    tracker.kill().await;
    site.stop().await;
}

/// A connection to a client that was tried a minute and a half ago.
pub(crate) fn connection(port: u16, reachable: bool) -> Connection {
    Connection { age: 90, client: *b"-qB5040-", port, ipv6: false, reachable }
}

#[tokio::test]
async fn a_member_whose_client_nobody_can_connect_to_is_told_so() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let wren = site.member("wren", &[]).await;
    wren.add_torrent("alder").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    tracker.remember(1, decision(1, Verdict::Answered));
    let words = ["Can others reach your clients?", ">all is well<", ">not reachable<"];
    let page = wren.get("/account/doctor").await.body;
    assert_eq!(words.map(|it| page.contains(it)), [false, true, false], "{page}");
    tracker.connect(1, connection(6881, false));
    let page = wren.get("/account/doctor").await.body;
    assert_eq!(words.map(|it| page.contains(it)), [true, false, true], "{page}");
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn connections_are_listed_with_what_came_of_them() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let wren = site.member("wren", &[]).await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    tracker.connect(1, connection(6881, false));
    tracker.connect(1, connection(51_413, true));
    let list = wren.get("/api/members/1/connections").await.json();
    assert_eq!((&list["total"], &list["items"][0]["reachable"]), (&json!(2), &json!(false)));
    assert_eq!((&list["items"][1]["port"], &list["items"][1]["family"]), (&json!(51_413), &json!("ipv4")));
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn announces_are_not_known_without_the_tracker() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let wren = site.member("wren", &[]).await;
    assert_eq!(wren.get("/account/doctor").await.status, StatusCode::OK);
    assert_eq!(wren.get("/api/members/1/announces").await.status, StatusCode::SERVICE_UNAVAILABLE);
    site.stop().await;
}

#[tokio::test]
async fn announces_are_paged() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let wren = site.member("wren", &[]).await;
    wren.add_torrent("alder").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    for peers in 0..5 {
        tracker.remember(1, Decision { v4: peers, v6: 0, ..decision(1, Verdict::Answered) });
    }
    let whole = wren.get("/api/members/1/announces").await.json();
    assert_eq!((whole["items"].as_array().map(Vec::len), &whole["next"]), (Some(5), &json!(null)));
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let list = wren.get(&format!("/api/members/1/announces?limit=2{after}")).await.json();
        let items = list["items"].as_array().expect("items");
        assert!(items.len() <= 2 && list["total"] == 5, "{list}");
        found.extend(items.iter().cloned());
        let Some(next) = list["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(json!(found), whole["items"]);
    for wrong in ["limit=0", "limit=101", "after=x"] {
        let answer = wren.get(&format!("/api/members/1/announces?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    tracker.kill().await;
    site.stop().await;
}
