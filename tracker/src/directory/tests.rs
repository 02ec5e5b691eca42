use super::feed::Feed;
use super::rows::{MemberRow, TorrentRow};
use super::*;
use crate::upkeep::{Change, Changes, changes};
use std::sync::Arc;

fn feed() -> (Arc<Directory>, Feed, Changes) {
    let (directory, lookups) = Directory::new(std::time::Duration::from_hours(1));
    let directory = Arc::new(directory);
    let (sender, changes) = changes();
    (Arc::clone(&directory), Feed::new(directory, lookups, sender), changes)
}

fn hash(number: u8) -> InfoHash {
    [number; 20].into()
}

fn row(id: u32, v1: Option<u8>, v2: Option<u8>) -> TorrentRow {
    TorrentRow { id, v1: v1.map(hash), v2: v2.map(hash), snatched: 3 }
}

fn member(id: u32, key_version: u32, enabled: bool) -> MemberRow {
    MemberRow { id, member: state(key_version, enabled) }
}

fn state(version: u32, enabled: bool) -> Member {
    Member { key: Binding { version, nonce: [7; 16].into() }, former: Nonce::EMPTY, enabled }
}

fn member_of(directory: &Directory, id: u32) -> Option<Member> {
    directory.record(id).and_then(MemberRecord::member)
}

fn told(Changes(changes): &mut Changes) -> Vec<Change> {
    std::iter::from_fn(|| changes.try_recv().ok()).collect()
}

#[test]
fn a_torrent_is_found_by_either_hash_until_it_is_deleted() {
    let (directory, mut feed, mut changes) = feed();
    feed.put_torrents(&[], &[row(1, Some(1), Some(2)), row(2, None, Some(3))]);
    let hybrid = Torrent { id: 1, info_hash: hash(1), snatched: 3 };
    assert_eq!(directory.torrent(&hash(1)), Some(hybrid));
    assert_eq!(directory.torrent(&hash(2)), Some(hybrid));
    assert_eq!(directory.torrent(&hash(3)), Some(Torrent { id: 2, info_hash: hash(3), snatched: 3 }));
    assert_eq!(told(&mut changes), []);
    feed.put_torrents(&[1, 2, 7], &[row(2, None, Some(3))]);
    assert_eq!(directory.torrent(&hash(1)), None);
    assert_eq!(directory.torrent(&hash(2)), None);
    assert!(directory.torrent(&hash(3)).is_some());
    assert_eq!(told(&mut changes), [Change::TorrentGone(hash(1))]);
}

#[test]
fn a_deletion_noticed_after_a_new_upload_removes_nothing() {
    let (directory, mut feed, mut changes) = feed();
    feed.put_torrents(&[], &[row(1, Some(1), Some(2))]);
    feed.put_torrents(&[], &[row(9, Some(1), None)]);
    feed.put_torrents(&[1], &[]);
    assert_eq!(directory.torrent(&hash(1)).map(|torrent| torrent.id), Some(9));
    assert_eq!(directory.torrent(&hash(2)), None);
    assert_eq!(told(&mut changes), []);
}

#[test]
fn members_leave_their_swarms_when_they_are_disabled_or_deleted() {
    let (directory, mut feed, mut changes) = feed();
    feed.put_members(&[], &[member(1, 0, true), member(2, 0, true), member(3, 0, false)]);
    assert_eq!(told(&mut changes), []);
    feed.put_members(&[1, 2, 3], &[member(1, 1, true), member(3, 0, false)]);
    assert_eq!(member_of(&directory, 1), Some(state(1, true)));
    assert_eq!(member_of(&directory, 2), None);
    assert_eq!(member_of(&directory, 3), Some(state(0, false)));
    assert_eq!(told(&mut changes), [Change::MemberGone(2)]);
    feed.put_members(&[1], &[member(1, 1, false)]);
    feed.put_members(&[1], &[member(1, 1, false)]);
    assert_eq!(told(&mut changes), [Change::MemberGone(1)]);
}

#[tokio::test]
async fn a_lookup_fails_at_once_if_the_feed_is_gone_or_full() {
    let (directory, feed, _changes) = feed();
    let directory = &directory;
    let full = async {
        for _ in 0..LOOKUP_CAPACITY {
            let (answered, _) = oneshot::channel();
            directory.lookups.try_send(Lookup { subject: Subject::Member(1), answered }).expect("room");
        }
        directory.ask(Subject::Member(1)).await
    };
    assert_eq!(full.await, Err(Unavailable));
    drop(feed);
    assert_eq!(directory.ask(Subject::Member(1)).await, Err(Unavailable));
}
