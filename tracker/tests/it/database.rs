//! The directory follows the database: uploads, deletions, lost notifications, a database that is away.

use bt::InfoHash;
use bt::announce::{Reply, Retry};

use crate::harness::TrackerRig;

#[tokio::test]
async fn an_upload_can_be_announced_at_once_even_after_it_was_unknown() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let tracker = rig.start().await;
    for number in 1..=50 {
        let client = tracker.client(member, 1).on([number; 20].into());
        assert!(client.refusal().await.starts_with("Unregistered torrent"));
        rig.torrent(number).await;
        client.announce().await;
    }
}

#[tokio::test]
async fn a_new_member_can_announce_at_once() {
    let rig = TrackerRig::new().await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    // Ids come from a sequence.
    for (peer, name) in (1..).zip(["robin", "jay", "wren"]) {
        let client = tracker.client(peer.into(), peer).on(hash);
        assert!(client.refusal().await.contains("passkey"));
        rig.member(name).await;
        client.announce().await;
    }
}

#[tokio::test]
async fn a_deleted_torrent_is_forgotten_with_its_peers() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let client = tracker.client(robin, 1).on(hash);
    client.announce().await;
    rig.execute("delete from torrents").await;
    client.refused_with("Unregistered torrent").await;
    rig.torrent(1).await;
    let again = tracker.client(jay, 2).on(hash).announce().await;
    assert_eq!((again.incomplete, again.peers.len()), (Some(1), 0));
}

#[tokio::test]
async fn the_periodic_comparison_makes_up_for_a_lost_notification() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["reconcileSeconds"] = 1.into();
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = rig.start().await;
    tracker.client(robin, 1).on(one).announce().await;
    tracker.client(jay, 1).on(two).announce().await;
    rig.execute_silently("delete from torrents where info_hash = decode(repeat('01', 20), 'hex')").await;
    rig.execute_silently("update users set key_version = 1 where name = 'robin'").await;
    rig.execute_silently("delete from users where name = 'jay'").await;
    tracker.client(robin, 1).on(two).refused_with("passkey").await;
    tracker.client(jay, 1).on(two).refused_with("passkey").await;
    rig.execute_silently("update users set key_version = 0 where name = 'robin'").await;
    tracker.client(robin, 1).on(two).accepted().await;
    tracker.client(robin, 1).on(one).refused_with("Unregistered torrent").await;
}

#[tokio::test]
async fn known_members_announce_known_torrents_while_the_database_is_away() {
    let mut rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let mut proxy = rig.proxied();
    let tracker = rig.start().await;
    let known = tracker.client(member, 1).on(hash);
    known.announce().await;
    proxy.cut().await;
    known.announce().await;
    for unknown in [
        tracker.client(member, 1).on([9; 20].into()),
        tracker.client(999, 1).on(hash),
        tracker.client(member, 1).on([8; 20].into()),
    ] {
        let Reply::Failure { reason, retry } = unknown.reply().await else { panic!("accepted") };
        assert!(reason.starts_with("Tracker unavailable, "), "{reason}");
        assert!(matches!(retry, Retry::Minutes(1..)), "{retry:?}");
        for word in ["unregistered", "not found", "not authorized"] {
            assert!(!reason.to_lowercase().contains(word), "{reason}");
        }
    }
    rig.torrent(9).await;
    rig.execute("delete from torrents where id = 1").await;
    proxy.restore();
    tracker.client(member, 1).on([9; 20].into()).accepted().await;
    known.refused_with("Unregistered torrent").await;
}

#[tokio::test]
async fn the_tracker_starts_and_answers_without_the_database() {
    let mut rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let mut proxy = rig.proxied();
    proxy.cut().await;
    let tracker = rig.start().await;
    let client = tracker.client(member, 1).on(hash);
    assert!(client.refusal().await.starts_with("Tracker unavailable, "));
    proxy.restore();
    client.accepted().await;
}

#[tokio::test]
async fn many_requests_that_need_the_database_are_all_answered() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let tracker = rig.start().await;
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..200_u8 {
        let client = tracker.client(member, 1).on(InfoHash::from([number; 20]));
        asking.spawn(async move { client.refusal().await });
    }
    for reason in asking.join_all().await {
        assert!(reason.starts_with("Unregistered torrent"), "{reason}");
    }
}
