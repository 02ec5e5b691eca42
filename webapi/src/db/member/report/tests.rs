use super::*;
use crate::db::member::transfer::{self, Transfer};
use crate::db::testing::{add_torrent, add_user, client, run_sql, value};
use deadpool_postgres::Client;
use std::time::Duration;
use time::OffsetDateTime;
use time::macros::datetime;

const NOON: OffsetDateTime = datetime!(2024-11-21 12:00 UTC);

/// [`NOON`] in seconds since 1970. Reports of the future are not believed.
const NOON_SECONDS: u64 = 1_732_190_400;

/// A database with the member `wren`, another and a torrent.
async fn rows() -> (Client, UserId, UserId, TorrentId) {
    let client = client().await;
    let wren = add_user(&client, "wren", &[]).await;
    let robin = add_user(&client, "robin", &[]).await;
    let torrent = add_torrent(&client, 1, "A torrent", wren).await;
    (client, wren, robin, torrent)
}

fn report(member: UserId, torrent: TorrentId) -> Report {
    Report { member: member.unsigned(), torrent: torrent.unsigned(), seen: NOON_SECONDS, ..Report::default() }
}

/// Applies the batch `seq` of epoch 1 in a transaction of its own.
async fn apply_batch(client: &mut Client, seq: u64, reports: &[Report]) -> bool {
    let transaction = client.transaction().await.unwrap();
    let new = apply(&transaction, Position { epoch: 1, seq }, reports).await.unwrap();
    transaction.commit().await.unwrap();
    new
}

async fn transfer_of(client: &Client, member: UserId, torrent: TorrentId) -> Transfer {
    transfer::find(client, Duration::from_mins(1), member, torrent).await.unwrap().unwrap()
}

async fn snatched(client: &Client) -> i32 {
    value(client, "select snatched from torrents").await
}

#[tokio::test]
async fn apply_adds_reports_to_sums_and_transfers() {
    let (mut client, wren, robin, torrent) = rows().await;
    let moved =
        Report { uploaded: 1, downloaded: 2, left: 3, seeded: 4, leeched: 5, ..report(wren, torrent) };
    assert!(apply_batch(&mut client, 1, &[moved, report(robin, torrent)]).await);
    let later = Report { left: 0, clamped: true, stopped: true, seen: NOON_SECONDS + 60, ..moved };
    assert!(apply_batch(&mut client, 2, &[later]).await);
    let totals = transfer::totals(&client, wren).await.unwrap();
    assert_eq!((totals.uploaded, totals.downloaded), (2, 4));
    assert_eq!((totals.seeded_seconds, totals.leeched_seconds), (8, 10));
    let found = transfer_of(&client, wren, torrent).await;
    assert_eq!((found.uploaded, found.downloaded, found.left), (2, 4, 0));
    assert_eq!((found.seeded_seconds, found.leeched_seconds), (8, 10));
    let minute_later = NOON + time::Duration::minutes(1);
    assert_eq!((found.first_seen_at, found.last_seen_at), (NOON, minute_later));
    assert_eq!((found.clamped_count, found.clamped_at, found.snatched_at), (1, Some(minute_later), None));
    assert!(value::<bool>(&client, "select stopped from transfers order by user_id limit 1").await);
    assert_eq!(transfer_of(&client, robin, torrent).await.uploaded, 0);
}

#[tokio::test]
async fn apply_takes_each_batch_of_an_epoch_once() {
    let (mut client, wren, _, torrent) = rows().await;
    let batch = [Report { uploaded: 1, ..report(wren, torrent) }];
    for (seq, new) in [(5, true), (5, false), (4, false), (6, true), (u64::MAX, true), (7, false)] {
        assert_eq!(apply_batch(&mut client, seq, &batch).await, new, "{seq}");
    }
    assert_eq!(transfer::totals(&client, wren).await.unwrap().uploaded, 3);
    assert!(apply(&client, Position { epoch: 2, seq: 5 }, &batch).await.unwrap());
    assert!(apply(&client, Position { epoch: 2, seq: 6 }, &[]).await.unwrap());
    assert_eq!(transfer::totals(&client, wren).await.unwrap().uploaded, 4);
}

#[tokio::test]
async fn apply_leaves_out_members_that_are_gone_and_transfers_of_torrents_that_are() {
    let (mut client, wren, _, torrent) = rows().await;
    let moved = Report { uploaded: 1, snatched: true, ..report(wren, torrent) };
    let batch = [
        moved,
        Report { torrent: 99, ..moved },
        Report { member: 99, ..moved },
        Report { member: u32::MAX, ..moved },
        Report { torrent: u32::MAX, ..moved },
    ];
    assert!(apply_batch(&mut client, 1, &batch).await);
    assert_eq!(transfer::totals(&client, wren).await.unwrap().uploaded, 2);
    assert_eq!(value::<i64>(&client, "select count(*) from user_totals").await, 1);
    assert_eq!(value::<i64>(&client, "select count(*) from transfers").await, 1);
    assert_eq!(snatched(&client).await, 1);
}

#[tokio::test]
async fn apply_counts_each_members_first_snatch() {
    let (mut client, wren, robin, torrent) = rows().await;
    let by = |member| Report { snatched: true, ..report(member, torrent) };
    apply_batch(&mut client, 1, &[by(wren), report(robin, torrent)]).await;
    assert_eq!(snatched(&client).await, 1);
    let again = Report { seen: NOON_SECONDS + 60, ..by(wren) };
    apply_batch(&mut client, 2, &[again, by(robin)]).await;
    assert_eq!(snatched(&client).await, 2);
    assert_eq!(transfer_of(&client, wren, torrent).await.snatched_at, Some(NOON));
    assert_eq!(transfer_of(&client, robin, torrent).await.snatched_at, Some(NOON));
}

#[tokio::test]
async fn apply_merges_reports_of_one_member_and_torrent() {
    let (mut client, wren, _, torrent) = rows().await;
    let first = Report { uploaded: 1, left: 5, snatched: true, ..report(wren, torrent) };
    let second = Report { uploaded: 2, left: 3, ..report(wren, torrent) };
    apply_batch(&mut client, 1, &[first, second]).await;
    let found = transfer_of(&client, wren, torrent).await;
    assert_eq!((found.uploaded, found.left, found.snatched_at), (3, 3, Some(NOON)));
}

#[tokio::test]
async fn apply_keeps_numbers_and_times_within_bounds() {
    let (mut client, wren, _, torrent) = rows().await;
    let most = Report {
        uploaded: u64::MAX,
        downloaded: u64::MAX,
        left: u64::MAX,
        seen: u64::MAX,
        ..report(wren, torrent)
    };
    apply_batch(&mut client, 1, &[most]).await;
    apply_batch(&mut client, 2, &[most]).await;
    let totals = transfer::totals(&client, wren).await.unwrap();
    assert_eq!((totals.uploaded, totals.downloaded), (i64::MAX, i64::MAX));
    let found = transfer_of(&client, wren, torrent).await;
    assert_eq!((found.uploaded, found.left), (i64::MAX, i64::MAX));
    assert!(value::<bool>(&client, "select last_seen_at <= now() from transfers").await);
    run_sql(&client, "update transfers set last_seen_at = now() + interval '1 day'").await;
    apply_batch(&mut client, 3, &[report(wren, torrent)]).await;
    assert!(value::<bool>(&client, "select last_seen_at <= now() from transfers").await);
}

#[tokio::test]
async fn a_late_batch_does_not_turn_back_the_last_announce() {
    let (mut client, wren, _, torrent) = rows().await;
    let later = Report { seen: NOON_SECONDS + 60, ..report(wren, torrent) };
    apply_batch(&mut client, 1, &[later]).await;
    apply_batch(&mut client, 2, &[report(wren, torrent)]).await;
    let found = transfer_of(&client, wren, torrent).await;
    assert_eq!(found.last_seen_at, NOON + time::Duration::minutes(1));
}

#[tokio::test]
async fn applied_is_the_last_batch_of_an_epoch() {
    let client = client().await;
    assert_eq!(applied(&client, 1).await.unwrap(), None);
    for (epoch, seq) in [(1, 3), (1, 8), (u64::MAX, u64::MAX)] {
        assert!(apply(&client, Position { epoch, seq }, &[]).await.unwrap());
    }
    assert_eq!(applied(&client, 1).await.unwrap(), Some(8));
    assert_eq!(applied(&client, u64::MAX).await.unwrap(), Some(u64::MAX));
    assert_eq!(applied(&client, 2).await.unwrap(), None);
}

#[tokio::test]
async fn sweep_keeps_a_hundred_epochs_and_those_of_three_months() {
    let client = client().await;
    let streams = "
        insert into report_streams (epoch, seq, updated_at)
        select n, 1, now() - interval '91 days' - make_interval(hours => n) from generate_series(1, 101) n";
    run_sql(&client, streams).await;
    assert_eq!(sweep(&client).await.unwrap(), 1);
    assert_eq!(applied(&client, 101).await.unwrap(), None);
    assert_eq!(applied(&client, 100).await.unwrap(), Some(1));
    // Those of the last months push older ones out, but are not swept themselves.
    let recent = "
        insert into report_streams (epoch, seq, updated_at)
        select n, 1, now() - interval '89 days' from generate_series(1001, 1101) n";
    run_sql(&client, recent).await;
    assert_eq!(sweep(&client).await.unwrap(), 100);
    assert_eq!(value::<i64>(&client, "select count(*) from report_streams").await, 101);
}
