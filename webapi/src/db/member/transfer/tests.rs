use super::*;
use crate::db::testing::{add_torrent, add_user, client, run_sql};
use deadpool_postgres::Client;
use time::macros::datetime;

/// How long a peer is counted after its last announce in these tests.
const PEER_TIMEOUT: Duration = Duration::from_hours(1);

/// Three torrents and two members who have moved nothing of them.
struct Rows {
    client: Client,
    wren: UserId,
    robin: UserId,
    torrents: [TorrentId; 3],
}

impl Rows {
    async fn new() -> Self {
        let client = client().await;
        let wren = add_user(&client, "wren", &[]).await;
        let robin = add_user(&client, "robin", &[]).await;
        let mut torrents = [TorrentId(0); 3];
        for ((number, title), id) in
            [(1, "First"), (2, "Second"), (3, "Third")].into_iter().zip(&mut torrents)
        {
            *id = add_torrent(&client, number, title, wren).await;
        }
        Self { client, wren, robin, torrents }
    }

    /// Adds a transfer that was first seen at that time of a day and last a minute ago; `change` makes it another.
    async fn add(&self, member: UserId, torrent: TorrentId, first_seen: &str, change: &str) {
        let sql = format!(
            "insert into transfers (user_id, torrent_id, first_seen_at, last_seen_at)
             values ({member}, {torrent}, '2024-11-21 {first_seen}Z', now() - interval '1 minute');
             update transfers set {change} where user_id = {member} and torrent_id = {torrent}"
        );
        run_sql(&self.client, &sql).await;
    }

    /// Adds transfers of wren's in each of which a client is there, or is not for a reason of its own.
    async fn add_active_and_others(&self) {
        let [seeded, leeched, stopped] = self.torrents;
        self.add(self.wren, seeded, "14:00", "left_bytes = 0").await;
        self.add(self.wren, leeched, "12:00", "left_bytes = 1").await;
        self.add(self.wren, stopped, "13:00", "stopped = true").await;
        self.add(self.robin, seeded, "12:00", "left_bytes = 1").await;
        self.add(self.robin, leeched, "12:00", "last_seen_at = now() - interval '61 minutes'").await;
    }
}

fn torrents(found: &[Transfer]) -> Vec<TorrentId> {
    found.iter().map(|it| it.torrent.id).collect()
}

#[tokio::test]
async fn totals_are_nothing_before_the_first_report() {
    let Rows { client, wren, robin, .. } = Rows::new().await;
    run_sql(
        &client,
        &format!(
            "insert into user_totals (user_id, uploaded, downloaded, seeded_seconds, leeched_seconds)
             values ({wren}, 1, 2, 3, 4)"
        ),
    )
    .await;
    for (member, expected) in [(wren, (1, 2, 3, 4)), (robin, (0, 0, 0, 0))] {
        let found = totals(&client, member).await.unwrap();
        let found = (found.uploaded, found.downloaded, found.seeded_seconds, found.leeched_seconds);
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn of_member_goes_on_behind_a_position_where_ids_decide_between_equal_times() {
    let rows = Rows::new().await;
    let [first, second, third] = rows.torrents;
    rows.add(rows.wren, second, "12:00", "stopped = false").await;
    rows.add(rows.wren, first, "12:00", "stopped = true").await;
    rows.add(rows.wren, third, "11:00", "stopped = false").await;
    rows.add(rows.robin, third, "13:00", "stopped = false").await;
    let noon = datetime!(2024-11-21 12:00 UTC);
    for (after, limit, expected) in [
        (None, 10, vec![second, first, third]),
        (None, 1, vec![second]),
        (Some((noon, second)), 2, vec![first, third]),
        (Some((noon, first)), 2, vec![third]),
        (Some((datetime!(2024-11-21 11:00 UTC), third)), 2, vec![]),
    ] {
        let found = of_member(&rows.client, PEER_TIMEOUT, rows.wren, after, limit).await.unwrap();
        assert_eq!(torrents(&found), expected, "{after:?}");
        assert!(found.iter().all(|it| it.member.name == "wren" && it.active == (it.torrent.id != first)));
    }
}

#[tokio::test]
async fn active_begins_with_what_lacks_something() {
    let rows = Rows::new().await;
    let [seeded, leeched, _] = rows.torrents;
    rows.add_active_and_others().await;
    let found = active(&rows.client, PEER_TIMEOUT, rows.wren, 10).await.unwrap();
    assert_eq!(torrents(&found), [leeched, seeded]);
    assert!(found.iter().all(|it| it.active));
    let one = active(&rows.client, PEER_TIMEOUT, rows.wren, 1).await.unwrap();
    assert_eq!(torrents(&one), [leeched]);
    let found = active(&rows.client, PEER_TIMEOUT, rows.robin, 10).await.unwrap();
    assert_eq!(torrents(&found), [seeded]);
}

#[tokio::test]
async fn active_takes_the_latest_of_those_alike() {
    let rows = Rows::new().await;
    let [first, second, third] = rows.torrents;
    for (torrent, first_seen) in [(first, "12:00"), (second, "12:00"), (third, "11:00")] {
        rows.add(rows.wren, torrent, first_seen, "left_bytes = 1").await;
    }
    let found = active(&rows.client, PEER_TIMEOUT, rows.wren, 10).await.unwrap();
    assert_eq!(torrents(&found), [second, first, third]);
}

#[tokio::test]
async fn count_active_leaves_out_stopped_and_silent_clients() {
    let rows = Rows::new().await;
    rows.add_active_and_others().await;
    for (member, expected) in [(rows.wren, (1, 1)), (rows.robin, (0, 1)), (UserId(99), (0, 0))] {
        let found = count_active(&rows.client, PEER_TIMEOUT, member).await.unwrap();
        assert_eq!((found.seeding, found.leeching), expected);
    }
    let longer = count_active(&rows.client, Duration::from_hours(2), rows.robin).await.unwrap();
    assert_eq!((longer.seeding, longer.leeching), (1, 1));
}

#[tokio::test]
async fn find_answers_all_of_one_transfer() {
    let rows = Rows::new().await;
    let [first, second, _] = rows.torrents;
    let change = "uploaded = 1, downloaded = 2, seeded_seconds = 3, leeched_seconds = 4, left_bytes = 5, \
                  last_seen_at = '2024-11-21 15:00Z', snatched_at = '2024-11-21 14:00Z', clamped_count = 6, \
                  clamped_at = '2024-11-21 13:00Z'";
    rows.add(rows.wren, first, "12:00", change).await;
    rows.add(rows.robin, first, "12:00", "uploaded = 9").await;
    let found = find(&rows.client, PEER_TIMEOUT, rows.wren, first).await.unwrap().unwrap();
    assert_eq!(found.member, Named { id: rows.wren, name: "wren".to_owned() });
    assert_eq!(found.torrent, Named { id: first, name: "First".to_owned() });
    assert_eq!((found.size, found.uploaded, found.downloaded), (1000, 1, 2));
    assert_eq!((found.seeded_seconds, found.leeched_seconds, found.left), (3, 4, 5));
    assert_eq!(found.first_seen_at, datetime!(2024-11-21 12:00 UTC));
    assert_eq!(found.last_seen_at, datetime!(2024-11-21 15:00 UTC));
    assert_eq!(found.snatched_at, Some(datetime!(2024-11-21 14:00 UTC)));
    assert_eq!((found.active, found.clamped_count), (false, 6));
    assert_eq!(found.clamped_at, Some(datetime!(2024-11-21 13:00 UTC)));
    assert!(find(&rows.client, PEER_TIMEOUT, rows.wren, second).await.unwrap().is_none());
}

#[tokio::test]
async fn snatches_of_a_torrent_come_latest_first_from_a_position_on() {
    let rows = Rows::new().await;
    let [first, second, _] = rows.torrents;
    let tit = add_user(&rows.client, "tit", &[]).await;
    let leecher = add_user(&rows.client, "jay", &[]).await;
    rows.add(rows.wren, first, "10:00", "snatched_at = '2024-11-21 12:00Z'").await;
    rows.add(rows.robin, first, "10:00", "snatched_at = '2024-11-21 12:00Z'").await;
    rows.add(tit, first, "10:00", "snatched_at = '2024-11-21 13:00Z'").await;
    rows.add(leecher, first, "10:00", "left_bytes = 1").await;
    rows.add(leecher, second, "10:00", "snatched_at = '2024-11-21 14:00Z'").await;
    let noon = datetime!(2024-11-21 12:00 UTC);
    for (after, limit, expected) in [
        (None, 10, vec![tit, rows.robin, rows.wren]),
        (None, 2, vec![tit, rows.robin]),
        (Some((noon, rows.robin)), 2, vec![rows.wren]),
        (Some((noon, rows.wren)), 2, vec![]),
    ] {
        let found = snatches(&rows.client, PEER_TIMEOUT, first, after, limit).await.unwrap();
        let members: Vec<_> = found.iter().map(|it| it.member.id).collect();
        assert_eq!(members, expected, "{after:?}");
    }
}
