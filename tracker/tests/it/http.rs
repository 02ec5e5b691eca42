//! HTTP as odd, slow and hostile clients speak it.

use serde_json::json;

use crate::harness::{Connection, Signal, Site, Tracker};

struct Started {
    tracker: Tracker,
    /// Of an announce that succeeds.
    target: String,
    /// For the rest of the test.
    _site: Site,
}

impl Started {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut Site)) -> Self {
        let mut site = Site::new().await;
        change(&mut site);
        let member = site.member("robin").await;
        let hash = site.torrent(1).await;
        let tracker = site.start().await;
        let target = tracker.client(member, 1).on(hash).target();
        Self { tracker, target, _site: site }
    }

    /// An announce over HTTP/1.1 with these headers, lines that end in CR LF.
    fn request(&self, headers: &str) -> String {
        format!("GET {} HTTP/1.1\r\nHost: a\r\n{headers}\r\n", self.target)
    }

    async fn connect(&self) -> Connection {
        Connection::open(self.tracker.v4).await
    }
}

#[tokio::test]
async fn a_hundred_requests_at_once_are_answered_in_order() {
    let started = Started::new().await;
    let mut connection = started.connect().await;
    let head = started.request("").replacen("GET", "HEAD", 1);
    connection.send(&[started.request(""), head].concat().repeat(50)).await;
    for _ in 0..50 {
        assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
        let head = connection.answer_without_body().await.expect("an answer").head;
        assert!(head.contains("Content-Length: ") && !head.contains("Content-Length: 0\r\n"), "{head}");
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
async fn the_connection_is_kept_as_was_asked() {
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
async fn a_whole_url_as_target_is_understood() {
    let mut started = Started::new().await;
    started.target.insert_str(0, "http://tracker.example:80");
    let mut connection = started.connect().await;
    connection.send(&started.request("")).await;
    assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_the_connection_closed() {
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
async fn a_client_that_takes_no_answers_is_cut() {
    let started = Started::with(|site| site.config["tracker"]["headerTimeoutSeconds"] = json!(1)).await;
    let mut connection = started.connect().await;
    connection.send_until_cut(&started.request("").repeat(50)).await;
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
        // A reset would drop what is on its way to the client, who reads only after it has sent all.
        connection.send(&started.request(&headers)).await;
        connection.send(&body).await;
        connection.end().await;
        assert!(connection.answer().await.expect("an answer").text().starts_with("d8:complete"));
        assert!(connection.answer().await.is_none());
    }
}

#[tokio::test]
async fn a_client_that_has_ended_its_side_is_answered() {
    let mut site = Site::new().await;
    let member = site.member("robin").await;
    let hash = site.torrent(1).await;
    let proxy = site.proxied();
    let tracker = site.start().await;
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
async fn whoever_idles_gives_its_place_to_whoever_waits() {
    let change = |site: &mut Site| {
        site.config["tracker"]["headerTimeoutSeconds"] = json!(3600);
        site.config["tracker"]["maxConnections"] = json!(1);
    };
    let started = Started::with(change).await;
    let mut idle = started.connect().await;
    assert_eq!(idle.get("/").await.status, 404);
    let mut other = started.connect().await;
    other.send(&started.request("")).await;
    assert!(other.answer().await.expect("an answer").text().starts_with("d8:complete"));
    assert!(idle.answer().await.is_none());
}

#[tokio::test]
async fn a_stop_answers_what_has_come_and_says_so() {
    let mut site = Site::new().await;
    let member = site.member("robin").await;
    let hash = site.torrent(1).await;
    let proxy = site.proxied();
    let mut tracker = site.start().await;
    let request =
        |hash| format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", tracker.client(member, 1).on(hash).target());
    let (known, unknown) = (request(hash), request([9; 20].into()));
    let mut connection = Connection::open(tracker.v4).await;
    connection.send(&known).await;
    connection.answer().await.expect("an answer");
    proxy.hold();
    // The second must wait for the database; the others came in time, those in another piece as well.
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
    assert!(!tracker.log().contains("were cut"));
}
