//! What members moved and how many peers torrents had, on pages and in the API: who sees what.

use bt::messages::counts::Position;
use bt::messages::report::Report;
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::support::{Browser, TestSite};
use super::tracker::{Tracker, TrackerSockets, record};

/// A site with an administrator `owl` (1), members `wren` (2) and `tit` (3), and three torrents of the owl.
async fn aviary() -> (TestSite, Browser, Browser, Browser) {
    let site = TestSite::start().await;
    let owl = site.member("owl", &["administrator"]).await;
    let wren = site.member("wren", &[]).await;
    let tit = site.member("tit", &[]).await;
    for title in ["alder", "birch", "cedar"] {
        owl.add_torrent(title).await;
    }
    (site, owl, wren, tit)
}

/// Applies reports as the batch `seq` of a tracker.
pub(crate) async fn apply(site: &TestSite, seq: u64, reports: &[Report]) {
    let mut client = site.app.connection().await.expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let position = Position { epoch: 1, seq };
    assert!(webapi::db::member::report::apply(&transaction, position, reports).await.expect("applied"));
    transaction.commit().await.expect("committed");
}

fn seconds_ago(seconds: u64) -> u64 {
    OffsetDateTime::now_utc().unix_timestamp().unsigned_abs() - seconds
}

/// What `member` moved of `torrent` until a minute ago.
pub(crate) fn report(member: u32, torrent: u32, uploaded: u64, downloaded: u64) -> Report {
    Report { member, torrent, uploaded, downloaded, seen: seconds_ago(60), ..Report::default() }
}

#[tokio::test]
async fn a_member_without_transfers_has_sums_of_nothing() {
    let (site, _, wren, _) = aviary().await;
    let user = wren.get("/api/members/2").await.json();
    let nothing =
        json!({"uploaded": 0, "downloaded": 0, "ratio": null, "seeded_seconds": 0, "leeched_seconds": 0});
    assert_eq!(user["totals"], nothing);
    assert_eq!(
        wren.get("/api/members/2/transfers").await.json(),
        json!({"items": [], "next": null, "total": null})
    );
    site.stop().await;
}

#[tokio::test]
async fn the_account_page_lists_what_goes_on_now() {
    let (site, _, wren, _) = aviary().await;
    let seeding = Report { seeded: 90_000, snatched: true, ..report(2, 1, 3 << 30, 2 << 30) };
    let leeching = Report { left: 1, ..report(2, 2, 0, 1 << 20) };
    let silent = Report { seen: seconds_ago(4300), ..report(2, 3, 0, 0) };
    apply(&site, 1, &[seeding, leeching, silent]).await;
    let page = wren.get("/account").await.body;
    let listed = ["alder", "birch", "cedar"].map(|it| page.contains(&format!(">{it}</bdi></a>")));
    assert_eq!(listed, [true, true, false], "{page}");
    // Whoever stops is no longer there.
    apply(&site, 2, &[Report { stopped: true, ..report(2, 1, 0, 0) }]).await;
    let page = wren.get("/account").await.body;
    assert!(page.contains("<strong>0</strong> seeding") && !page.contains(">alder</bdi></a>"), "{page}");
    site.stop().await;
}

#[tokio::test]
async fn what_was_only_sent_has_no_ratio_that_is_a_number() {
    let (site, _, _, tit) = aviary().await;
    apply(&site, 1, &[report(3, 1, 5, 0)]).await;
    let page = tit.get("/account").await.body;
    assert!(page.contains("∞") && page.contains("nothing downloaded"), "{page}");
    assert_eq!(tit.get("/api/members/3").await.json()["totals"]["ratio"], Value::Null);
    site.stop().await;
}

#[tokio::test]
async fn transfers_are_paged_without_gap_or_repetition() {
    let (site, owl, wren, _) = aviary().await;
    for number in 4..=60 {
        owl.add_torrent(&format!("tree {number}")).await;
    }
    // Many in the same second.
    let reports: Vec<Report> = (1..=60)
        .map(|it| Report { seen: seconds_ago(u64::from(it / 20)), snatched: true, ..report(2, it, 1, 1) })
        .collect();
    apply(&site, 1, &reports).await;
    let page = wren.get("/account/transfers").await.body;
    assert_eq!(page.matches("class=\"title\"").count(), 50);
    let more = page.split("rel=\"next\" href=\"").nth(1).and_then(|it| it.split('"').next()).expect("a link");
    let page = wren.get(more).await.body;
    assert_eq!(page.matches("class=\"title\"").count(), 10);
    assert!(page.contains("href=\"/account/transfers\"") && !page.contains("rel=\"next\""));
    let seen = walk(&wren).await;
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=60).collect::<Vec<_>>());
    assert_eq!(seen[0], 19, "the latest second first, in it the highest id");
    site.stop().await;
}

/// The torrents of wren's transfers, page by page.
async fn walk(wren: &Browser) -> Vec<i64> {
    let mut seen = Vec::new();
    let mut address = "/api/members/2/transfers?limit=7".to_owned();
    loop {
        let list = wren.get(&address).await.json();
        let items = list["items"].as_array().expect("items");
        seen.extend(items.iter().map(|it| it["torrent"]["id"].as_i64().expect("an id")));
        let Some(next) = list["next"].as_str() else { return seen };
        address = format!("/api/members/2/transfers?limit=7&after={next}");
    }
}

#[tokio::test]
async fn pages_of_transfers_that_cannot_be_are_refused() {
    let (site, _, wren, _) = aviary().await;
    for wrong in ["after=x", "limit=0", "limit=101", "limit=x"] {
        let answer = wren.get(&format!("/api/members/2/transfers?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let far = webapi::domain::cursor::encode(&(i64::MAX, 1)).expect("a cursor");
    assert_eq!(wren.get(&format!("/account/transfers?after={far}")).await.status, StatusCode::BAD_REQUEST);
    site.stop().await;
}

#[tokio::test]
async fn transfers_snatches_and_history_are_refused_to_strangers() {
    let (site, owl, ..) = aviary().await;
    for path in ["/api/members/2/transfers", "/api/torrents/1/snatches", "/api/torrents/1/history"] {
        assert_eq!(site.browser().get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(owl.get(path).await.status, StatusCode::OK, "{path}");
    }
    site.stop().await;
}

#[tokio::test]
async fn transfers_and_snatches_are_refused_to_other_members() {
    let (site, owl, wren, tit) = aviary().await;
    for path in [
        "/api/members/2/transfers",
        "/members/2/transfers",
        "/api/torrents/1/snatches",
        "/torrents/1/snatches",
    ] {
        assert_eq!(tit.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(owl.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(wren.get("/api/members/2/transfers").await.status, StatusCode::OK, "one's own");
    assert_eq!(tit.get("/api/members/2").await.json().get("totals"), None);
    site.stop().await;
}

#[tokio::test]
async fn transfers_of_what_is_not_there_are_not_found() {
    let (site, owl, ..) = aviary().await;
    for path in [
        "/api/members/99/transfers",
        "/members/99/transfers",
        "/api/torrents/99/snatches",
        "/torrents/99/snatches",
        "/api/torrents/99/history",
    ] {
        assert_eq!(owl.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    site.stop().await;
}

#[tokio::test]
async fn impossible_numbers_are_shown_to_staff_and_not_to_the_member() {
    let (site, owl, wren, _) = aviary().await;
    apply(&site, 1, &[Report { clamped: true, snatched: true, ..report(2, 1, 10, 20) }]).await;
    assert!(owl.get("/members/2/transfers").await.body.contains("impossible numbers: 1×"));
    let item = &owl.get("/api/members/2/transfers").await.json()["items"][0];
    assert_eq!(
        [&item["impossible_claims"], &item["ratio"], &item["state"]],
        [&json!(1), &json!(0.5), &json!("seeding")]
    );
    let own = wren.get("/api/members/2/transfers").await.json();
    assert_eq!(own["items"][0].get("impossible_claims"), None);
    for path in ["/account", "/account/transfers", "/torrents/1"] {
        assert!(!wren.get(path).await.body.contains("impossible"), "{path}");
    }
    site.stop().await;
}

#[tokio::test]
async fn staff_see_who_finished_a_torrent_and_members_what_they_moved_of_it() {
    let (site, owl, wren, _) = aviary().await;
    let finished = |member| Report { snatched: true, ..report(member, 1, 10, 20) };
    apply(&site, 1, &[finished(2), finished(3)]).await;
    let snatches = owl.get("/api/torrents/1/snatches").await.json();
    let items = snatches["items"].as_array().expect("items").iter();
    let names: Vec<&str> = items.map(|it| it["member"]["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["tit", "wren"]);
    let sections = ["Your transfer", "Finished by", ">tit</bdi></a>"];
    let page = wren.get("/torrents/1").await.body;
    assert_eq!(sections.map(|it| page.contains(it)), [true, false, false], "{page}");
    let page = owl.get("/torrents/1").await.body;
    assert_eq!(sections.map(|it| page.contains(it)), [false, true, true], "{page}");
    site.stop().await;
}

#[tokio::test]
async fn staff_see_the_sums_of_members_in_their_list() {
    let (site, owl, ..) = aviary().await;
    apply(&site, 1, &[report(2, 1, 10, 20)]).await;
    let members = owl.get("/api/members").await.json();
    assert_eq!(members["items"][2]["totals"]["downloaded"], 20);
    site.stop().await;
}

/// Writes down the present numbers as those of `hours` ago; says whether that hour was new.
async fn sample(site: &TestSite, hours: i64) -> bool {
    let mut client = site.app.connection().await.expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let at = OffsetDateTime::now_utc() - time::Duration::hours(hours);
    let new = webapi::db::catalogue::history::sample(&transaction, at).await.expect("written");
    transaction.commit().await.expect("committed");
    new
}

async fn set(site: &TestSite, torrent: i32, seeders: i32, leechers: i32) {
    site.execute(&format!(
        "update torrent_counts set seeders = {seeders}, leechers = {leechers} where torrent_id = {torrent}"
    ))
    .await;
}

async fn history(browser: &Browser, torrent: i32) -> Vec<(i64, i64)> {
    let list = browser.get(&format!("/api/torrents/{torrent}/history")).await.json();
    let items = list["items"].as_array().expect("items");
    items
        .iter()
        .map(|it| (it["seeders"].as_i64().expect("a number"), it["leechers"].as_i64().expect("a number")))
        .collect()
}

/// Writes down the hours from 76 to 72 hours ago, with peers at the first two torrents.
async fn five_hours(site: &TestSite) {
    site.execute("update torrents set created_at = now() - interval '30 days'").await;
    set(site, 1, 3, 1).await;
    set(site, 2, 70_000, i32::MAX).await;
    for hours in (72..=76).rev() {
        assert!(sample(site, hours).await);
        assert!(!sample(site, hours).await, "an hour is written once");
    }
}

#[tokio::test]
async fn each_hour_is_written_once() {
    let (site, _, wren, _) = aviary().await;
    five_hours(&site).await;
    assert_eq!(history(&wren, 1).await, [(3, 1); 5]);
    assert_eq!(history(&wren, 2).await, [(70_000, i64::from(i32::MAX)); 5]);
    assert_eq!(history(&wren, 3).await, [(0, 0); 5]);
    site.stop().await;
}

#[tokio::test]
async fn history_has_one_row_a_day_and_none_for_torrents_without_peers() {
    let (site, ..) = aviary().await;
    five_hours(&site).await;
    let days = "select count(*) from torrent_history where length(points) = 9 and torrent_id = 1";
    let days = site.value::<i64>(days).await;
    assert_eq!(site.value::<i64>("select count(*) from history_days").await, days);
    assert_eq!(site.value::<i64>("select count(*) from torrent_history where torrent_id = 3").await, 0);
    site.stop().await;
}

#[tokio::test]
async fn history_goes_on_after_hours_without_peers_and_is_drawn() {
    let (site, _, wren, _) = aviary().await;
    five_hours(&site).await;
    set(&site, 1, 0, 0).await;
    sample(&site, 71).await;
    sample(&site, 70).await;
    set(&site, 1, 0, 2).await;
    sample(&site, 2).await;
    assert_eq!(history(&wren, 1).await[5..], [(0, 0), (0, 0), (0, 2)]);
    let page = wren.get("/torrents/1").await.body;
    for part in ["role=\"img\"", "Seeders: at most 3 on", "Leechers: at most 2 on", "Numbers by day"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains(" style="));
    site.stop().await;
}

#[tokio::test]
async fn days_that_are_over_are_deleted() {
    let (site, _, _, _) = aviary().await;
    set(&site, 1, 1, 0).await;
    for hours in [0, 89 * 24, 90 * 24, 400 * 24] {
        sample(&site, hours).await;
    }
    site.execute(
        "insert into report_streams select i, 1, now() - interval '100 days' - i * interval '1 day'
         from generate_series(1, 150) i",
    )
    .await;
    let again =
        webapi::app::App::new(site.app.config.clone(), infra::shutdown::Shutdown::default()).expect("an app");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    tokio::spawn(webapi::server::serve(again.clone(), listener));
    let swept = "select (select count(*) from torrent_history) = 2 and (select count(*) from history_days) = 2
                    and (select array_agg(epoch order by epoch) = (select array_agg(i::bigint) from generate_series(1, 100) i)
                         from report_streams)";
    site.until(swept).await;
    again.shutdown.request();
    site.stop().await;
}

#[tokio::test]
async fn the_present_hour_is_written_as_soon_as_the_tracker_is_heard() {
    let sockets = TrackerSockets::new();
    let site = sockets.site().await;
    let wren = site.member("wren", &[]).await;
    let id = wren.add_torrent("alder").await;
    let shown = wren.get(&format!("/api/torrents/{id}")).await.json();
    let hash = shown["info_hash"].as_str().expect("a hash").parse().expect("a hash");
    assert_eq!(history(&wren, 1).await, []);
    let tracker = Tracker::start(&sockets, 1, vec![record(hash, 4, 2, 0)]).await;
    site.until("select exists (select from history_days)").await;
    // The upload and the hour may lie on both sides of a full hour.
    site.execute("update torrents set created_at = now() - interval '1 hour'").await;
    assert_eq!(history(&wren, 1).await, [(4, 2)]);
    tracker.kill().await;
    site.stop().await;
}
