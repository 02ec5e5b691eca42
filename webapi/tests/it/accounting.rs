//! Reports of the tracker end up in the sums exactly once, through every fault between the two.

use std::future::poll_fn;
use std::time::Duration;

use bt::messages::counts::Position;
use bt::messages::report::Report;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::{AsyncMessage, Client, NoTls};
use webapi::app::App;
use webapi::db::member::report;
use webapi::server;

use super::errors::{CUT, OPEN, Proxy, STUCK};
use super::support::TestSite;
use super::tracker::{Tracker, TrackerSockets};

/// Longest wait for the tasks of a site that is stopped.
const STOP_TIMEOUT: Duration = Duration::from_mins(5);

async fn site(sockets: &TrackerSockets) -> TestSite {
    TestSite::start_with(|config| config["zeromq"]["control"] = sockets.control().into()).await
}

/// What member 1 moved of torrent 1.
fn moved(uploaded: u64, downloaded: u64) -> Report {
    Report { member: 1, torrent: 1, uploaded, downloaded, seen: 1_700_000_000, left: 9, ..Report::default() }
}

/// Sent and received by member 1, as summed up and over the transfers.
async fn sums(site: &TestSite) -> (i64, i64, i64, i64) {
    let client = site.database.client().await.expect("a connection");
    let sql = "
        select t.uploaded, t.downloaded, sum(o.uploaded)::bigint as up, sum(o.downloaded)::bigint as down
        from user_totals t left join transfers o using (user_id) where t.user_id = 1 group by t.user_id";
    let row = client.query_one(sql, &[]).await.expect("sums");
    (row.get(0), row.get(1), row.get(2), row.get(3))
}

/// The only row of `transfers`: its numbers, and its times and clamps.
const TRANSFER: &str = "
    select (uploaded, downloaded, seeded_seconds, leeched_seconds, left_bytes, stopped)::text || ' ' ||
           (extract(epoch from first_seen_at)::bigint, extract(epoch from last_seen_at)::bigint,
            extract(epoch from snatched_at)::bigint, clamped_count,
            extract(epoch from clamped_at)::bigint)::text from transfers";

/// The last report of a client that finished and stopped, and could not have moved what it claims.
fn finished() -> Report {
    Report { left: 0, seen: 1_700_000_100, snatched: true, stopped: true, clamped: true, ..moved(5, 500) }
}

#[tokio::test]
async fn what_is_reported_is_added_up() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    site.member("wren", &[]).await.add_torrent("a").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    tracker.report(1, 1, vec![Report { leeched: 60, left: 500, ..moved(10, 100) }]);
    tracker.report(1, 2, vec![Report { seeded: 7, ..finished() }]);
    tracker.all_applied().await;
    let expected = "(15,600,7,60,0,t) (1700000000,1700000100,1700000100,1,1700000100)";
    assert_eq!(site.value::<String>(TRANSFER).await, expected);
    let totals = "select (uploaded, downloaded, seeded_seconds, leeched_seconds)::text from user_totals";
    assert_eq!(site.value::<String>(totals).await, "(15,600,7,60)");
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn a_second_download_does_not_move_the_day_of_the_first() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    site.member("wren", &[]).await.add_torrent("a").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    tracker.report(1, 1, vec![finished()]);
    tracker.report(1, 2, vec![Report { seen: 1_700_000_200, snatched: true, ..moved(0, 0) }]);
    tracker.all_applied().await;
    let expected = "(5,500,0,0,9,f) (1700000100,1700000200,1700000100,1,1700000100)";
    assert_eq!(site.value::<String>(TRANSFER).await, expected);
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn a_snatch_is_counted_once_for_each_member_and_torrent_and_the_tracker_is_told() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    let member = site.member("wren", &[]).await;
    site.add("robin", &[]).await;
    for title in ["a", "b", "c"] {
        member.add_torrent(title).await;
    }
    let (_client, mut told) = listen(&site).await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    let snatch = |member, torrent| Report { member, torrent, snatched: true, ..moved(0, 10) };
    let counted = "select string_agg(snatched::text, ' ' order by id) from torrents";
    // In a first report, in a later one, and again and again.
    tracker.report(1, 1, vec![snatch(1, 1), moved(1, 1), snatch(2, 1), snatch(1, 2), snatch(77, 3)]);
    tracker.all_applied().await;
    assert_eq!(site.value::<String>(counted).await, "2 1 0");
    assert_eq!(told.recv().await.as_deref(), Some("torrents:1,2"));
    for seq in 2..10 {
        tracker.report(1, seq, vec![snatch(1, 1), snatch(2, 1)]);
    }
    tracker.report(1, 10, vec![Report { torrent: 3, ..moved(1, 1) }]);
    tracker.report(1, 11, vec![snatch(1, 3), Report { clamped: true, ..snatch(1, 99) }]);
    tracker.all_applied().await;
    assert_eq!(site.value::<String>(counted).await, "2 1 1");
    assert_eq!(told.recv().await.as_deref(), Some("torrents:3"), "nothing in between");
    let finished = "select count(*) from transfers where snatched_at is not null";
    assert_eq!(site.value::<i64>(finished).await, 4);
    tracker.kill().await;
    site.stop().await;
}

/// The payloads of what is notified to the tracker from now on.
async fn listen(site: &TestSite) -> (Client, UnboundedReceiver<String>) {
    let login = infra::db::settings(site.database.login("tracker"), "test");
    let (client, mut connection) = login.connect(NoTls).await.expect("a connection");
    let (sender, heard) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification.payload().to_owned());
            }
        }
    });
    client.batch_execute("listen directory").await.expect("listening");
    (client, heard)
}

#[tokio::test]
async fn two_sites_at_one_tracker_count_a_snatch_once() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    site.member("wren", &[]).await.add_torrent("a").await;
    let snatch = Report { snatched: true, ..moved(0, 0) };
    let mut applying = JoinSet::new();
    for epoch in 0..20 {
        let mut client = site.app.connection().await.expect("a connection");
        applying.spawn(async move {
            let transaction = client.transaction().await.expect("a transaction");
            report::apply(&transaction, Position { epoch, seq: 1 }, &[snatch]).await.expect("applied");
            transaction.commit().await.expect("committed");
        });
    }
    applying.join_all().await;
    assert_eq!(site.value::<i32>("select snatched from torrents").await, 1);
    site.stop().await;
}

#[tokio::test]
async fn a_batch_whose_answers_and_acknowledgements_get_lost_is_applied_once() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    site.member("wren", &[]).await.add_torrent("a").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    tracker.lose_answers(1);
    tracker.lose_word(2);
    tracker.report(1, 1, vec![moved(1, 10)]);
    tracker.all_applied().await;
    for seq in 2..=20 {
        tracker.report(1, seq, vec![moved(1, 10)]);
    }
    tracker.all_applied().await;
    assert_eq!(sums(&site).await, (20, 200, 20, 200));
    // The tracker dies before it hears that the last batch is applied, and its next start repeats it.
    tracker.lose_word(u32::MAX);
    tracker.report(1, 21, vec![moved(1, 10)]);
    site.until("select exists (select from user_totals where uploaded = 21)").await;
    tracker.kill().await;
    let tracker = Tracker::start(&sockets, 2, Vec::new()).await;
    tracker.report(1, 21, vec![moved(1, 10)]);
    tracker.report(2, 1, vec![moved(1, 10)]);
    tracker.all_applied().await;
    assert_eq!(sums(&site).await, (22, 220, 22, 220));
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn a_site_that_died_after_applying_is_followed_by_one_that_knows() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    site.member("wren", &[]).await.add_torrent("a").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    tracker.lose_word(u32::MAX);
    tracker.report(1, 1, vec![moved(1, 10)]);
    site.until("select exists (select from user_totals where uploaded = 1)").await;
    site.app.shutdown.finish(STOP_TIMEOUT).await;
    tracker.lose_word(0);
    let again = second(&site).await;
    tracker.all_applied().await;
    assert_eq!(sums(&site).await, (1, 10, 1, 10));
    again.shutdown.request();
    tracker.kill().await;
    site.stop().await;
}

/// Another process of the same site.
async fn second(site: &TestSite) -> App {
    let app = App::new(site.app.config.clone(), infra::shutdown::Shutdown::default()).expect("an app");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    tokio::spawn(server::serve(app.clone(), listener));
    app
}

#[tokio::test]
async fn two_sites_at_one_tracker_apply_each_batch_once() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    site.member("wren", &[]).await.add_torrent("a").await;
    let other = second(&site).await;
    let tracker = Tracker::start(&sockets, u64::MAX, Vec::new()).await;
    for seq in 0..200 {
        tracker.report(u64::MAX, u64::MAX - 300 + seq, vec![moved(1, 10)]);
    }
    tracker.all_applied().await;
    assert_eq!(sums(&site).await, (200, 2000, 200, 2000));
    other.shutdown.request();
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn reports_wait_while_the_database_is_away() {
    let sockets = TrackerSockets::new();
    let server = infra::testing::server().expect("a server");
    let proxy = Proxy::start(server.host.clone(), server.port).await;
    let site = TestSite::start_with(|config| {
        config["zeromq"]["control"] = sockets.control().into();
        config["webapi"]["postgresql"]["host"] = "127.0.0.1".into();
        config["webapi"]["postgresql"]["port"] = proxy.port.into();
        config["webapi"]["backendTimeoutSeconds"] = 2.into();
    })
    .await;
    site.member("wren", &[]).await.add_torrent("a").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    let mut seq = 0;
    for state in [CUT, STUCK, CUT] {
        proxy.set(state);
        for _ in 0..5 {
            seq += 1;
            tracker.report(1, seq, vec![moved(1, 10)]);
        }
        // Something is tried while nothing can be had.
        assert!(timeout(Duration::from_millis(700), tracker.all_applied()).await.is_err());
        proxy.set(OPEN);
        seq += 1;
        tracker.report(1, seq, vec![moved(1, 10)]);
        tracker.all_applied().await;
    }
    assert_eq!(sums(&site).await, (18, 180, 18, 180));
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn what_is_gone_or_never_was_is_passed_over() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    let member = site.member("wren", &["administrator"]).await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    member.add_torrent("a").await;
    member.add_torrent("b").await;
    tracker.report(1, 1, vec![moved(1, 10), Report { torrent: 2, ..moved(100, 1000) }]);
    tracker.all_applied().await;
    let deleted = member.api(reqwest::Method::DELETE, "/api/torrents/2", None).await;
    assert_eq!(deleted.status, reqwest::StatusCode::NO_CONTENT);
    assert_eq!(sums(&site).await, (101, 1010, 1, 10), "a member keeps what a torrent brought");
    tracker.report(
        1,
        2,
        vec![
            Report { member: 77, ..moved(3, 3) },
            Report { member: u32::MAX, ..moved(3, 3) },
            Report { torrent: 2, ..moved(100, 1000) },
            Report { torrent: 99, ..moved(100, 1000) },
            moved(1, 10),
        ],
    );
    tracker.all_applied().await;
    assert_eq!(sums(&site).await, (302, 3020, 2, 20));
    assert_eq!(site.value::<i64>("select count(*) from user_totals").await, 1);
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn sums_end_at_the_greatest_number_and_odd_reports_stop_nothing() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    site.member("wren", &[]).await.add_torrent("a").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    let most = Report { left: u64::MAX, seen: u64::MAX, seeded: u32::MAX, ..moved(u64::MAX, u64::MAX) };
    // The same member and torrent twice, though the tracker promises otherwise.
    tracker.report(1, 1, vec![most, moved(1, 1), Report { torrent: 99, ..most }]);
    tracker.report(1, 2, vec![most, moved(7, 7)]);
    tracker.report(1, 3, vec![moved(1, 1)]);
    tracker.all_applied().await;
    assert_eq!(sums(&site).await, (i64::MAX, i64::MAX, i64::MAX, i64::MAX));
    assert!(
        site.value("select last_seen_at <= now() and seeded_seconds = 2 * 4294967295 from transfers").await
    );
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn a_last_announce_in_the_future_does_not_stay_there() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    site.member("wren", &[]).await.add_torrent("a").await;
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    tracker.report(1, 1, vec![moved(1, 1)]);
    tracker.all_applied().await;
    site.execute("update transfers set last_seen_at = now() + interval '1 day'").await;
    tracker.report(1, 2, vec![moved(1, 1)]);
    tracker.all_applied().await;
    assert!(site.value("select last_seen_at <= now() from transfers").await);
    tracker.kill().await;
    site.stop().await;
}

#[tokio::test]
async fn a_torrent_that_is_deleted_while_its_reports_come_ends_in_no_fault() {
    let sockets = TrackerSockets::new();
    let site = site(&sockets).await;
    let member = site.member("wren", &[]).await;
    for name in ["robin", "tit"] {
        site.add(name, &[]).await;
    }
    let tracker = Tracker::start(&sockets, 1, Vec::new()).await;
    for round in 1..=10 {
        let id = u32::try_from(member.add_torrent(&format!("round {round}")).await).expect("an id");
        let by = |member| Report { member, torrent: id, ..moved(1, 1) };
        tracker.report(1, 2 * u64::from(id), vec![by(3), by(1), by(2)]);
        tracker.report(1, 2 * u64::from(id) + 1, vec![by(1), by(2), by(3)]);
        let address = format!("/api/torrents/{id}");
        let deleted = member.api(reqwest::Method::DELETE, &address, None).await;
        assert_eq!(deleted.status, reqwest::StatusCode::NO_CONTENT);
    }
    tracker.report(1, 1000, vec![moved(0, 0)]);
    tracker.all_applied().await;
    assert!(site.value("select array_agg(uploaded) = '{20,20,20}' from user_totals").await);
    assert_eq!(site.value::<i64>("select count(*) from transfers").await, 0);
    tracker.kill().await;
    site.stop().await;
}
