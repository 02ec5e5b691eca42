//! Counts on pages, in the API and in event streams, through every fault of the tracker.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use webapi::id::UserId;

use super::support::{Browser, TestSite};
use super::tracker::{Tracker, TrackerSockets, record};

/// Longest wait for an event; the site itself promises one within 3 s.
const EVENT_TIMEOUT: Duration = Duration::from_mins(5);

/// A torrent that `member` uploads: its id and canonical hash.
async fn torrent(member: &Browser, title: &str) -> (i64, bt::InfoHash) {
    let id = member.add_torrent(title).await;
    let shown = member.get(&format!("/api/torrents/{id}")).await.json();
    (id, shown["info_hash"].as_str().expect("a hash").parse().expect("a hash"))
}

async fn counts(member: &Browser, id: i64) -> Value {
    let shown = member.get(&format!("/api/torrents/{id}")).await.json();
    json!([shown["seeders"], shown["leechers"], shown["snatched"]])
}

/// Waits until the API shows `expected`.
async fn becomes(member: &Browser, id: i64, expected: Value) {
    let wait = async {
        while counts(member, id).await != expected {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(EVENT_TIMEOUT, wait).await.unwrap_or_else(|_| panic!("never {expected}"));
}

/// An event stream, read event by event.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn open(member: &Browser, torrents: &str) -> Self {
        Self::of(member.request(reqwest::Method::GET, &format!("/api/live?torrents={torrents}"))).await
    }

    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The data of the next event `counts`; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(data) = event.lines().find_map(|it| it.strip_prefix("data: ")) {
                    assert!(event.contains("event: counts"), "{event}");
                    return Some(serde_json::from_str(data).expect("JSON"));
                }
                continue;
            }
            let chunk = timeout(EVENT_TIMEOUT, self.response.chunk()).await.expect("an event in time");
            let Ok(Some(chunk)) = chunk else { return None };
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// Skips events until this one.
    async fn reach(&mut self, expected: Value) {
        while self.next().await.expect("the stream goes on") != expected {}
    }
}

#[tokio::test]
async fn numbers_are_right_after_every_fault() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let member = site.member("wren", &[]).await;
    let (id, hash) = torrent(&member, "a").await;
    assert_eq!(counts(&member, id).await, json!([null, null, 0]), "nothing is known without a tracker");
    let tracker = Tracker::start(&sockets, 1, vec![record(hash, 3, 2, 1)]).await;
    becomes(&member, id, json!([3, 2, 1])).await;
    tracker.publish(record(hash, 4, 1, 2));
    becomes(&member, id, json!([4, 1, 2])).await;
    // A lost message shows as a gap at the next one.
    tracker.lose(record(hash, 9, 9, 3));
    becomes(&member, id, json!([9, 9, 3])).await;
    // A stalled tracker is no truth. Who finished is known from the reports then, of which none came.
    tracker.stall();
    becomes(&member, id, json!([null, null, 0])).await;
    tracker.speak();
    becomes(&member, id, json!([9, 9, 3])).await;
    // Killed, and another one at the same sockets, whose peers have not announced yet.
    tracker.kill().await;
    becomes(&member, id, json!([null, null, 0])).await;
    let tracker = Tracker::start(&sockets, 2, Vec::new()).await;
    becomes(&member, id, json!([0, 0, 0])).await;
    tracker.publish(record(hash, 1, 0, 3));
    becomes(&member, id, json!([1, 0, 3])).await;
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn numbers_are_written_down_for_sorting_and_a_crash_is_mended() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let member = site.member("wren", &[]).await;
    let (_, first) = torrent(&member, "a").await;
    let (_, second) = torrent(&member, "b").await;
    let tracker = Tracker::start(&sockets, 1, vec![record(first, 3, 2, 7), record(second, 1, 0, 0)]).await;
    site.until(
        "select exists (select from torrent_counts where torrent_id = 1 and seeders = 3 and leechers = 2)",
    )
    .await;
    let order = member.get("/api/torrents?sort=seeders").await.json();
    assert_eq!(order["items"][0]["title"], "a");
    // What is not in a new snapshot has no peer.
    tracker.kill().await;
    let tracker = Tracker::start(&sockets, 2, vec![record(first, 1, 0, 5)]).await;
    site.until("select seeders = 0 from torrent_counts where torrent_id = 2").await;
    site.until("select seeders = 1 from torrent_counts where torrent_id = 1").await;
    // Snatches are counted from the reports alone.
    assert_eq!(site.value::<i32>("select snatched from torrents where id = 1").await, 0);
    // A crash of the server empties unlogged tables.
    site.execute("truncate torrent_counts").await;
    site.until("select count(*) = 2 from torrent_counts").await;
    site.until("select exists (select from torrent_counts where torrent_id = 1 and seeders = 1)").await;
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn event_streams_send_the_present_state_then_changes_then_nothing_known() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let member = site.member("wren", &[]).await;
    let (first, hash) = torrent(&member, "a").await;
    let (second, _) = torrent(&member, "b").await;
    let mut events = Events::open(&member, &format!("{first},{second},999")).await;
    let event = |id: i64, seeders: Option<u32>, leechers: Option<u32>, snatched: u32| json!({"id": id, "seeders": seeders, "leechers": leechers, "snatched": snatched});
    assert_eq!(events.next().await, Some(event(first, None, None, 0)));
    assert_eq!(events.next().await, Some(event(second, None, None, 0)));
    let tracker = Tracker::start(&sockets, 1, vec![record(hash, 1, 0, 0)]).await;
    assert_eq!(events.next().await, Some(event(first, Some(1), Some(0), 0)));
    assert_eq!(events.next().await, Some(event(second, Some(0), Some(0), 0)));
    tracker.publish(record(hash, 2, 1, 1));
    assert_eq!(events.next().await, Some(event(first, Some(2), Some(1), 1)), "only what changed");
    tracker.kill().await;
    events.reach(event(second, None, None, 0)).await;
    let tracker = Tracker::start(&sockets, 2, vec![record(hash, 5, 0, 1)]).await;
    events.reach(event(first, Some(5), Some(0), 1)).await;
    // A stop of the site ends the stream.
    site.app.shutdown.request();
    while events.next().await.is_some() {}
    tracker.kill().await;
    site.database.drop_now().await.expect("the database drops");
}

#[tokio::test]
async fn event_streams_are_for_members_and_bounded() {
    let site = TestSite::start().await;
    assert_eq!(site.browser().get("/api/live?torrents=1").await.status, StatusCode::UNAUTHORIZED);
    let member = site.member("wren", &[]).await;
    member.add_torrent("a").await;
    let many = (1..=201).map(|it| it.to_string()).collect::<Vec<_>>().join(",");
    for torrents in ["", "x", "1,,y", &many] {
        let answer = member.get(&format!("/api/live?torrents={torrents}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{torrents}");
    }
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Events::open(&member, "1").await);
    }
    let answer = member.get("/api/live?torrents=1").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    drop(open);
    site.stop().await;
}

#[tokio::test]
async fn event_streams_end_when_the_member_is_disabled() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let owl = site.member("owl", &["administrator"]).await;
    member.add_torrent("a").await;
    let mut events = Events::open(&member, "1").await;
    assert!(events.next().await.is_some());
    let disabled = owl.api(reqwest::Method::PATCH, "/api/members/1", Some(json!({ "disabled": true }))).await;
    assert_eq!(disabled.status, StatusCode::OK, "{}", disabled.body);
    assert_eq!(events.next().await, None);
    site.stop().await;
}

#[tokio::test]
async fn event_streams_end_with_the_token_that_opened_them() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    member.add_torrent("a").await;
    let new = json!({ "name": "script", "scopes": ["read"] });
    let token = member.api(reqwest::Method::POST, "/api/tokens", Some(new)).await.json()["token"].clone();
    let request = site.browser().request(reqwest::Method::GET, "/api/live?torrents=1");
    let mut events = Events::of(request.bearer_auth(token.as_str().expect("a token"))).await;
    assert!(events.next().await.is_some());
    site.execute("update api_tokens set expires_at = now()").await;
    // The stream looks again now; by itself it does so after some seconds.
    site.app.announce_departure(UserId(1));
    assert_eq!(events.next().await, None);
    site.stop().await;
}

#[tokio::test]
async fn staff_see_who_is_connected() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let staff = site.member("owl", &["moderator"]).await;
    let (id, hash) = torrent(&staff, "the torrent").await;
    let tracker = Tracker::start(&sockets, 1, vec![record(hash, 0, 1, 0)]).await;
    let swarm = staff.get(&format!("/api/swarm?torrent={id}")).await.json();
    let expected = json!({
        "member": {"id": 1, "name": "owl"},
        "torrent": {"id": id, "title": "the torrent"},
        "addresses": ["192.0.2.7:6881"],
        "client": "qBittorrent 5.0.4",
        "state": "leecher",
        "uploaded": 1024, "downloaded": 10_000, "left": 10_000, "percent": 50, "idle_seconds": 61,
        "reachable": true,
    });
    assert_eq!(swarm, json!({"items": [expected], "next": null, "total": 1}));
    assert_eq!(staff.get("/api/swarm?torrent=99").await.status, StatusCode::NOT_FOUND);
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn who_is_connected_is_not_known_without_the_tracker_and_not_for_members() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let (staff, member) = (site.member("owl", &["moderator"]).await, site.member("wren", &[]).await);
    assert_eq!(staff.get("/api/swarm").await.status, StatusCode::SERVICE_UNAVAILABLE);
    for path in ["/api/swarm", "/swarm"] {
        assert_eq!(member.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    site.stop().await;
}
