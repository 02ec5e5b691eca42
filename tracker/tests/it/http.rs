//! HTTP as odd, slow and hostile clients speak it.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Connection, Signal, Tracker, TrackerRig, eventually, key};

struct Started {
    tracker: Tracker,
    /// The target of an announce that succeeds.
    target: String,
    rig: TrackerRig,
}

impl Started {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut TrackerRig)) -> Self {
        let mut rig = TrackerRig::new().await;
        change(&mut rig);
        Self::of(rig, 1).await
    }

    /// The torrent's hash is `number` twenty times.
    async fn for_torrent(number: u8) -> Self {
        Self::of(TrackerRig::new().await, number).await
    }

    async fn of(rig: TrackerRig, number: u8) -> Self {
        let member = rig.member("robin").await;
        let hash = rig.torrent(number).await;
        let tracker = rig.start().await;
        let target = tracker.client(member, 1).on(hash).target();
        Self { tracker, target, rig }
    }

    /// An announce over HTTP/1.1 with these headers, lines that end in CR LF.
    fn request(&self, headers: &str) -> String {
        format!("GET {} HTTP/1.1\r\nHost: a\r\n{headers}\r\n", self.target)
    }

    /// Announces so far, where there are metrics.
    async fn answered(&self) -> f64 {
        let metrics = Connection::open(self.tracker.metrics[0]).await.get("/metrics").await.text();
        let counts = metrics.lines().filter(|line| line.starts_with("fairywren_tracker_announces_total{"));
        counts
            .map(|line| line.rsplit(' ').next().and_then(|it| it.parse::<f64>().ok()).expect("a number"))
            .sum()
    }

    async fn connect(&self) -> Connection {
        Connection::open(self.tracker.v4).await
    }
}

#[tokio::test]
async fn a_hundred_requests_at_once_are_answered_in_order() {
    let started = Started::new().await;
    let mut connection = started.connect().await;
    let scrape = started.request("").replacen("/announce?", "/scrape?", 1);
    connection.send(&[started.request(""), scrape].concat().repeat(50)).await;
    for _ in 0..50 {
        for expected in ["d8:complete", "d5:files"] {
            let answer = connection.answer().await.expect("an answer");
            assert!(answer.text().starts_with(expected), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let started = Started::new().await;
    let mut connection = started.connect().await;
    let request = started.request("");
    for at in 0..request.len() {
        connection.send(&request[at..=at]).await;
    }
    assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
    for at in (1..request.len()).step_by(7) {
        connection.send(&request[..at]).await;
        connection.send(&[&request[at..], &request[..at]].concat()).await;
        assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
        connection.send(&request[at..]).await;
        assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
    }
}

#[tokio::test]
async fn the_connection_stays_open_as_requested() {
    let started = Started::new().await;
    let old = |headers| started.request(headers).replacen("HTTP/1.1", "HTTP/1.0", 1);
    for (request, said, kept) in [
        (started.request(""), None, true),
        (started.request("Connection: keep-alive\r\n"), None, true),
        (started.request("Connection: close\r\n"), Some("close"), false),
        (old(""), Some("close"), false),
        (old("Connection: Keep-Alive\r\n"), Some("keep-alive"), true),
        (started.request("Content-Length: 5\r\n") + "GET /", Some("close"), false),
        (started.request("Transfer-Encoding: chunked\r\n") + "1\r\na\r\n0\r\n\r\n", Some("close"), false),
    ] {
        let mut connection = started.connect().await;
        connection.send(&request).await;
        let answer = connection.answer().await.expect("an answer");
        assert!(answer.text().starts_with("d8:complete"), "{answer:?}");
        let connection_header = answer.head.lines().find_map(|line| line.strip_prefix("Connection: "));
        assert_eq!(connection_header, said, "{request}");
        if kept {
            assert_eq!(connection.get("/").await.status, 404);
        } else {
            assert!(connection.answer().await.is_none(), "{request}");
        }
    }
}

#[tokio::test]
async fn an_absolute_url_as_target_is_answered() {
    let mut started = Started::new().await;
    started.target.insert_str(0, "http://tracker.example:80");
    let mut connection = started.connect().await;
    connection.send(&started.request("")).await;
    assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_connection_closed() {
    let started = Started::new().await;
    let post = started.request("Content-Length: 3\r\n").replacen("GET", "POST", 1) + "a=b";
    for (request, status) in [
        ("\u{16}\u{3}\u{1}\r\n\r\n".to_owned(), 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        (started.request("no colon\r\n"), 400),
        (started.request(&"a: b\r\n".repeat(1000)), 431),
        (format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(16 * 1024)), 431),
        (format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(100_000)), 431),
        (post, 405),
    ] {
        let mut connection = started.connect().await;
        connection.send(&started.request("")).await;
        assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
        connection.send(&request).await;
        let answer = connection.answer().await.expect("an answer");
        assert_eq!(answer.status, status, "{request}");
        assert!(answer.head.contains("Connection: close\r\n"), "{answer:?}");
        assert!(connection.answer().await.is_none());
    }
}

#[tokio::test]
async fn a_client_that_reads_no_answers_is_disconnected() {
    let started = Started::with(|rig| rig.config["tracker"]["headerTimeoutSeconds"] = json!(1)).await;
    let mut connection = started.connect().await;
    connection.send_until_cut(&started.request("").repeat(50)).await;
}

#[tokio::test]
async fn few_answers_are_kept_for_a_client_that_reads_none() {
    let change = |rig: &mut TrackerRig| {
        rig.config["tracker"]["headerTimeoutSeconds"] = json!(1);
        rig.config["tracker"]["metricsListen"] = json!(["127.0.0.1:0"]);
    };
    let started = Started::with(change).await;
    let mut connection = Connection::open_narrow(started.tracker.v4).await;
    connection.send_until_cut(&started.request("").repeat(50)).await;
    let answered = started.answered().await;
    // Each of them is well above 100 bytes.
    assert!((1.0..1000.0).contains(&answered), "{answered}");
}

#[tokio::test]
async fn unescaped_bytes_in_an_info_hash_are_read() {
    let started = Started::for_torrent(0xe4).await;
    let escaped = started.request("");
    let (before, hash) = escaped.split_once("info_hash=").expect("a hash");
    let plain = [before.as_bytes(), b"info_hash=", &[0xe4; 20], &hash.as_bytes()[60..]].concat();
    let mut connection = started.connect().await;
    connection.send(&[escaped.as_bytes(), &plain, escaped.as_bytes()].concat()).await;
    for _ in 0..3 {
        let answer = connection.answer().await.expect("an answer");
        assert!(answer.text().starts_with("d8:complete"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_does_not_cost_the_client_its_answer() {
    let started = Started::new().await;
    let body = "a".repeat(500_000);
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (headers, body) in [
        (format!("Content-Length: {}\r\n", body.len()), body),
        ("Transfer-Encoding: chunked\r\n".into(), chunked),
    ] {
        let mut connection = started.connect().await;
        // A reset would drop the answer on its way to the client, which reads only after it has sent everything.
        connection.send(&started.request(&headers)).await;
        connection.send(&body).await;
        connection.end().await;
        assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
        assert!(connection.answer().await.is_none());
    }
}

#[tokio::test]
async fn a_client_that_has_ended_its_side_is_answered() {
    let mut rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    rig.config["tracker"]["databaseTimeoutSeconds"] = 2.into();
    let proxy = rig.proxied();
    let tracker = rig.start().await;
    let get =
        |hash| format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", tracker.client(member, 1).on(hash).target());
    let mut connection = Connection::open(tracker.v4).await;
    connection.send(&get(hash)).await;
    connection.end().await;
    assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
    assert!(connection.answer().await.is_none());
    // The database is asked for the second, and does not answer in time.
    proxy.hold();
    let mut connection = Connection::open(tracker.v4).await;
    connection.send(&get([9; 20].into())).await;
    connection.end().await;
    assert!(connection.answer().await.expect("an answer").text().contains("Tracker unavailable"));
    assert!(connection.answer().await.is_none());
}

#[tokio::test]
async fn an_idle_connection_is_closed_for_a_waiting_client() {
    let change = |rig: &mut TrackerRig| {
        rig.config["tracker"]["headerTimeoutSeconds"] = json!(3600);
        rig.config["tracker"]["maxConnections"] = json!(1);
    };
    let started = Started::with(change).await;
    let mut idle = started.connect().await;
    assert_eq!(idle.get("/healthz").await.status, 200);
    let mut other = started.connect().await;
    other.send(&started.request("")).await;
    assert!(other.answer().await.expect("an answer").text().starts_with("d8:complete"));
    assert!(idle.answer().await.is_none());
}

#[tokio::test]
async fn busy_connections_without_a_key_are_closed_for_waiting_clients() {
    let started = Started::with(|rig| rig.config["tracker"]["maxConnections"] = json!(4)).await;
    let wrong = key(1, 9, None);
    let targets =
        ["/x".to_owned(), "/healthz".to_owned(), "/announce".to_owned(), format!("/scrape/{wrong}")];
    let ask = async |address, target: String| {
        loop {
            let mut connection = Connection::open(address).await;
            // Each request follows at once after an answer, so that the connection is never quiet.
            while !connection.get(&target).await.head.contains("Connection: close\r\n") {}
        }
    };
    let address = started.tracker.v4;
    let strangers: JoinSet<()> =
        targets.iter().cycle().take(12).map(|target| ask(address, target.clone())).collect();
    // Each is answered at the first try.
    for _ in 0..5 {
        let mut connection = started.connect().await;
        connection.send(&started.request("")).await;
        assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
    }
    drop(strangers);
}

#[tokio::test]
async fn busy_connections_of_members_stay_open() {
    let started = Started::with(|rig| rig.config["tracker"]["maxConnections"] = json!(1)).await;
    let mut busy = started.connect().await;
    busy.send(&started.request("")).await;
    busy.answer().await.expect("an answer");
    let mut other = started.connect().await;
    other.send(&started.request("")).await;
    let mut quiet = Instant::now();
    for _ in 0..1000 {
        busy.send(&started.request("")).await;
        let answer = busy.answer().await;
        let keeps =
            answer.is_some_and(|it| it.text().starts_with("d8:complete") && !it.head.contains("close"));
        // If the machine stalls, the member is not busy.
        if !keeps && quiet.elapsed() > Duration::from_millis(500) {
            return;
        }
        assert!(keeps, "a busy member is answered, and the connection stays");
        quiet = Instant::now();
    }
    drop(busy);
    assert!(other.answer().await.expect("an answer").text().starts_with("d8:complete"));
}

#[tokio::test]
async fn connections_and_listeners_together_stay_below_the_limit_of_open_files() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let sockets = 40 * threads;
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["listen"] = vec!["127.0.0.1:0"; 40].into();
    let tracker = rig.start_after(&format!("ulimit -n {}", sockets + 4 * threads + 120)).await;
    let mut connections = Vec::new();
    for _ in 0..sockets + 60 {
        let mut connection = Connection::open(tracker.v4).await;
        assert_eq!(connection.get("/healthz").await.status, 200);
        connections.push(connection);
    }
    assert!(!tracker.log().contains("cannot accept a connection"), "{}", tracker.log());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_clients_that_read_no_answers() {
    let change = |rig: &mut TrackerRig| {
        rig.config["tracker"]["headerTimeoutSeconds"] = json!(3600);
        rig.config["tracker"]["metricsListen"] = json!(["127.0.0.1:0"]);
    };
    let mut started = Started::with(change).await;
    let mut connection = Connection::open_narrow(started.tracker.v4).await;
    let requests = started.request("").repeat(50);
    let sending = tokio::spawn(async move { connection.send_until_cut(&requests).await });
    let (mut before, mut same) = (0.0, 0);
    eventually("no more can be answered", async || {
        let answered = started.answered().await;
        same = if answered > before { 0 } else { same + 1 };
        before = answered;
        (answered > 0.0 && same > 20).then_some(())
    })
    .await;
    started.tracker.signal(Signal::TERM);
    assert!(started.tracker.ended().await.success());
    sending.await.expect("it was cut");
    let log = started.tracker.log();
    assert!(!log.contains("cut after"), "{log}");
    assert!(started.rig.folder.path().join("swarms.stopped").exists());
}

#[tokio::test]
async fn a_stop_answers_requests_that_came_and_says_that_it_closes() {
    let mut rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    rig.config["tracker"]["databaseTimeoutSeconds"] = 5.into();
    let proxy = rig.proxied();
    let mut tracker = rig.start().await;
    let request =
        |hash| format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", tracker.client(member, 1).on(hash).target());
    let (known, unknown) = (request(hash), request([9; 20].into()));
    let mut connection = Connection::open(tracker.v4).await;
    connection.send(&known).await;
    connection.answer().await.expect("an answer");
    proxy.hold();
    // The second must wait for the database. The others came in time, also those in another segment.
    connection.send(&[&known[..], &unknown, &known].concat()).await;
    proxy.holds_something().await;
    connection.send(&known.repeat(99)).await;
    tracker.signal(Signal::TERM);
    for number in 1..=102 {
        let answer = connection.answer().await.unwrap_or_else(|| panic!("answer {number}"));
        let expected = if number == 2 { "d14:failure reason" } else { "d8:complete" };
        assert!(answer.text().starts_with(expected), "{number}: {answer:?}");
        assert_eq!(answer.head.contains("Connection: close\r\n"), number == 102, "{number}: {answer:?}");
    }
    assert!(connection.answer().await.is_none());
    assert!(tracker.ended().await.success());
    assert!(!tracker.log().contains("cut after"));
}
