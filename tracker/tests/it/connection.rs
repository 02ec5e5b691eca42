//! HTTP connections: trusted proxies, timeouts, the limit of connections, the stop.

use std::net::IpAddr;

use serde_json::json;

use crate::harness::{Connection, Signal, TrackerRig, eventually};

fn external_ip(body: &[u8]) -> IpAddr {
    let Ok(bt::announce::Reply::Peers(peers)) = bt::announce::decode(body) else { panic!("refused") };
    peers.external_ip.expect("an address")
}

#[tokio::test]
async fn only_a_trusted_proxy_may_name_the_client() {
    for (trusted, expected) in
        [(json!(["127.0.0.0/8"]), "198.51.100.7"), (json!(["10.0.0.0/8"]), "127.0.0.1")]
    {
        let mut rig = TrackerRig::new().await;
        rig.config["trustedProxies"] = trusted;
        let member = rig.member("robin").await;
        let hash = rig.torrent(1).await;
        let tracker = rig.start().await;
        let target = tracker.client(member, 1).on(hash).target();
        let mut connection = Connection::open(tracker.v4).await;
        let headers = "X-Forwarded-For: 203.0.113.1\r\nx-forwarded-for: 198.51.100.7\r\n";
        let answer = connection.get_with(&format!("{target}&ip=192.0.2.9&ipv4=192.0.2.9"), headers).await;
        assert_eq!(external_ip(&answer.body).to_string(), expected);
        let answer = connection.get(&target).await;
        assert_eq!(external_ip(&answer.body).to_string(), "127.0.0.1");
    }
}

#[tokio::test]
async fn a_connection_without_a_whole_header_is_closed() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["headerTimeoutSeconds"] = 1.into();
    let tracker = rig.start().await;
    for beginning in ["", "G", "GET /announce HTTP/1.1\r\nHost: "] {
        let mut connection = Connection::open(tracker.v4).await;
        connection.send(beginning).await;
        assert!(connection.answer().await.is_none(), "{beginning:?}");
    }
    let mut idle = eventually("a request comes in time", async || {
        let mut idle = Connection::open(tracker.v4).await;
        idle.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
        idle.answer().await.map(|_| idle)
    })
    .await;
    assert!(idle.answer().await.is_none());
}

#[tokio::test]
async fn a_connection_serves_many_requests_also_pipelined() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let target = tracker.client(member, 1).on(hash).target();
    let mut connection = Connection::open(tracker.v4).await;
    for _ in 0..3 {
        assert!(connection.get(&target).await.text().starts_with("d8:complete"));
    }
    let unknown = tracker.client(member, 1).on([9; 20].into()).target();
    let request = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    connection
        .send(&[request(&target), request(&unknown), request("/healthz"), request(&target)].concat())
        .await;
    for expected in ["d8:complete", "d14:failure reason", "{", "d8:complete"] {
        let answer = connection.answer().await.expect("an answer");
        assert!(answer.text().starts_with(expected), "{answer:?}");
    }
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let target = tracker.client(member, 1).on(hash).target();
    for request in [
        format!("GET {target} HTTP/1.0\r\n\r\n"),
        format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    ] {
        let mut connection = Connection::open(tracker.v4).await;
        connection.send(&request).await;
        assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
        assert!(connection.answer().await.is_none());
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let target = tracker.client(member, 1).on(hash).target();
    for path in ["/", "/favicon.ico", "/stats", "/foo?bar/healthz", "/foo/healthz", "/healthz/", "/xhealthz"]
    {
        let answer = tracker.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().starts_with("d14:failure reason"));
    }
    let missing = tracker.get("/announce").await;
    assert!(missing.status == 200 && missing.text().contains("passkey"));
    for method in ["HEAD", "POST", "PUT"] {
        let mut connection = Connection::open(tracker.v4).await;
        connection.send(&format!("{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")).await;
        let refused = connection.answer_without_body().await.expect("an answer");
        assert_eq!(refused.status, 405);
        assert!(refused.head.contains("Allow: GET\r\n"), "{refused:?}");
        assert!(connection.answer().await.is_none());
    }
    let scraped = tracker.get(&target.replacen("/announce?", "/scrape?", 1)).await;
    assert!(scraped.text().contains("10:incompletei0e"), "{scraped:?}");
    let long = format!("/announce?{}", "a".repeat(20_000));
    let mut connection = Connection::open(tracker.v4).await;
    connection.send(&format!("GET {long} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    assert_eq!(connection.answer().await.map(|answer| answer.status), Some(431));
}

#[tokio::test]
async fn connections_above_the_limit_wait_until_another_ends() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["maxConnections"] = 2.into();
    let tracker = rig.start().await;
    let (mut first, mut second) = (Connection::open(tracker.v4).await, Connection::open(tracker.v4).await);
    assert_eq!(first.get("/healthz").await.status, 200);
    assert_eq!(second.get("/healthz").await.status, 200);
    let mut third = Connection::open(tracker.v4).await;
    third.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // A connection that was quiet for a second is closed, and no waiting client is served before.
    assert_eq!(third.answer().await.expect("an answer").status, 404);
    let ended = tokio::select! { end = first.answer() => end, end = second.answer() => end };
    assert!(ended.is_none(), "served beyond the cap");
}

#[tokio::test]
async fn a_stop_answers_the_announce_under_way() {
    let mut rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    rig.config["tracker"]["databaseTimeoutSeconds"] = 5.into();
    let proxy = rig.proxied();
    let tracker = rig.start().await;
    tracker.client(member, 1).on(hash).announce().await;
    let mut idle = Connection::open(tracker.v4).await;
    assert_eq!(idle.get("/healthz").await.status, 200);
    proxy.hold();
    let unknown = tracker.client(member, 1).on([9; 20].into());
    let under_way = tokio::spawn(async move { unknown.refusal().await });
    proxy.holds_something().await;
    let mut tracker = tracker;
    tracker.signal(Signal::TERM);
    let reason = under_way.await.expect("an answer");
    assert!(reason.starts_with("Tracker unavailable, "), "{reason}");
    assert!(idle.answer().await.is_none());
    assert!(tracker.ended().await.success());
    let log = tracker.log();
    assert!(!log.contains("127.0.0.1:1001") && !log.contains("cut after"), "{log}");
}

#[tokio::test]
async fn a_stop_closes_connections_that_keep_it_waiting() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["headerTimeoutSeconds"] = 3600.into();
    rig.config["tracker"]["databaseTimeoutSeconds"] = 1.into();
    let tracker = rig.start().await;
    let mut slow = Connection::open(tracker.v4).await;
    assert_eq!(slow.get("/healthz").await.status, 200);
    slow.send("GET / HT").await;
    let status = tracker.stop().await;
    assert!(status.success());
    eventually("the connection is cut", async || slow.answer().await.is_none().then_some(())).await;
}
