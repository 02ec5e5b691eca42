//! Live counts and questions over ZeroMQ.

use bt::InfoHash;
use bt::announce::Event;
use bt::messages::control::{Answer, Request};
use bt::messages::counts::{self, Position, Record};
use bytes::Bytes;
use serde_json::Value;
use tokio::time::timeout;
use zeromq::{DealerSocket, Socket, SocketRecv, SocketSend, SubSocket};

use crate::harness::{Signal, TEST_TIMEOUT, TrackerRig, eventually};

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

async fn subscribe(rig: &TrackerRig) -> SubSocket {
    let mut socket = SubSocket::new();
    socket.connect(text(&rig.config["zeromq"]["counts"])).await.expect("connected");
    socket.subscribe("counts").await.expect("subscribed");
    socket
}

async fn next(socket: &mut SubSocket) -> (Position, Vec<Record>) {
    let message = timeout(TEST_TIMEOUT, socket.recv()).await.expect("in time").expect("a message");
    counts::decode(&message.into_vec()).expect("counts")
}

/// Reads on until there is news of a torrent; fails at a gap.
async fn next_of(socket: &mut SubSocket, info_hash: InfoHash, last: &mut Position) -> Record {
    loop {
        let (position, records) = next(socket).await;
        assert_eq!(position, Position { seq: last.seq + 1, ..*last });
        *last = position;
        if let Some(record) = records.into_iter().find(|record| record.info_hash == info_hash) {
            return record;
        }
    }
}

async fn ask_frames(rig: &TrackerRig, frames: Vec<Vec<u8>>) -> (u64, Answer) {
    let mut socket = DealerSocket::new();
    socket.connect(text(&rig.config["zeromq"]["control"])).await.expect("connected");
    let frames = frames.into_iter().map(Bytes::from);
    socket.send(infra::mq::message(frames).expect("frames")).await.expect("sent");
    let message = timeout(TEST_TIMEOUT, socket.recv()).await.expect("in time").expect("an answer");
    Answer::decode(&message.into_vec()).expect("an answer")
}

/// Asks the tracker one question, on a connection of its own.
pub(crate) async fn ask(rig: &TrackerRig, request: Request) -> Answer {
    let (id, answer) = ask_frames(rig, request.encode(42)).await;
    assert_eq!(id, 42);
    answer
}

async fn snapshot(rig: &TrackerRig) -> (Position, Vec<Record>) {
    match ask(rig, Request::Snapshot).await {
        Answer::Snapshot { position, records } => (position, records),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn counts_are_published_without_a_gap_and_also_when_nothing_changes() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    rig.execute("update torrents set snatched = 7").await;
    let tracker = rig.start().await;
    let mut socket = subscribe(&rig).await;
    let (mut last, records) = next(&mut socket).await;
    assert_eq!(records, []);
    let record = |seeders, leechers, snatched| Record { info_hash: hash, seeders, leechers, snatched };
    let mut client = tracker.client(member, 1).on(hash);
    client.announce().await;
    assert_eq!(next_of(&mut socket, hash, &mut last).await, record(0, 1, 7));
    client.request.left = Some(0);
    client.announce_event(Event::Completed).await;
    assert_eq!(next_of(&mut socket, hash, &mut last).await, record(1, 0, 7));
    // The webapi does the same once it has stored the snatches.
    rig.execute("update torrents set snatched = 8; select pg_notify('directory', 'torrents:7,1')").await;
    assert_eq!(next_of(&mut socket, hash, &mut last).await, record(1, 0, 8));
    rig.execute("delete from torrents").await;
    assert_eq!(next_of(&mut socket, hash, &mut last).await, record(0, 0, 0));
}

#[tokio::test]
async fn a_snapshot_holds_what_was_published_before_it() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hashes = [rig.torrent(1).await, rig.torrent(2).await, rig.torrent(3).await];
    let tracker = rig.start().await;
    let mut socket = subscribe(&rig).await;
    let (mut last, _) = next(&mut socket).await;
    let (position, records) = snapshot(&rig).await;
    assert!(position.epoch == last.epoch && records.is_empty());
    tracker.client(member, 1).on(hashes[0]).announce().await;
    let mut gone = tracker.client(member, 2).on(hashes[1]);
    gone.announce().await;
    gone.request.left = Some(0);
    gone.announce_event(Event::Completed).await;
    gone.announce_event(Event::Stopped).await;
    let published = next_of(&mut socket, hashes[0], &mut last).await;
    let (position, mut records) = snapshot(&rig).await;
    assert!(position.seq >= last.seq);
    records.sort_unstable_by_key(|record| record.info_hash);
    assert_eq!(records, [published]);
}

#[tokio::test]
async fn the_peers_of_a_torrent_can_be_asked_for() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = rig.start().await;
    tracker.client(robin, 1).on(one).announce().await;
    tracker.client(jay, 2).on(one).seeding().announce().await;
    tracker.client(jay, 3).on(two).announce().await;
    let peers = async |info_hash, limit| match ask(&rig, Request::Peers { info_hash, limit }).await {
        Answer::Peers { total, peers } => (total, peers),
        other => panic!("{other:?}"),
    };
    let (total, mut found) = peers(Some(one), 10).await;
    found.sort_unstable_by_key(|record| record.peer.member);
    assert_eq!((total, found.len()), (2, 2));
    assert_eq!((found[0].info_hash, found[0].peer.member, found[0].peer.left), (one, robin, 64 * 1024));
    assert_eq!(found[0].peer.v4, Some("127.0.0.1:1001".parse().expect("an address")));
    let (total, found) = peers(None, 2).await;
    assert_eq!((total, found.len()), (3, 2));
    assert_eq!(peers(Some([9; 20].into()), 10).await, (0, Vec::new()));
}

#[tokio::test]
async fn an_unknown_question_is_answered_with_an_error() {
    let rig = TrackerRig::new().await;
    let _tracker = rig.start().await;
    let frames = vec![7_u64.to_be_bytes().to_vec(), b"colour".to_vec()];
    let (id, answer) = ask_frames(&rig, frames).await;
    assert!(id == 7 && matches!(answer, Answer::Error(_)), "{answer:?}");
}

#[tokio::test]
async fn silent_peers_are_dropped_and_published() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["intervalSeconds"] = 1.into();
    rig.config["tracker"]["minIntervalSeconds"] = 1.into();
    rig.config["tracker"]["peerTimeoutSeconds"] = 2.into();
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let mut socket = subscribe(&rig).await;
    let (mut last, _) = next(&mut socket).await;
    tracker.client(member, 1).on(hash).announce().await;
    assert_eq!(next_of(&mut socket, hash, &mut last).await.leechers, 1);
    assert_eq!(next_of(&mut socket, hash, &mut last).await.leechers, 0);
    assert_eq!(snapshot(&rig).await.1, []);
}

#[tokio::test]
async fn a_restarted_tracker_begins_another_epoch() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    tracker.client(member, 1).on(hash).announce().await;
    let mut socket = subscribe(&rig).await;
    let (before, _) = next(&mut socket).await;
    tracker.signal(Signal::KILL);
    drop(tracker);
    let tracker = rig.start().await;
    let after = eventually("the same subscriber hears the new tracker", async || {
        let message = timeout(TEST_TIMEOUT, socket.recv()).await.expect("in time").ok()?;
        let (position, records) = counts::decode(&message.into_vec()).ok()?;
        (position.epoch != before.epoch).then_some((position, records))
    })
    .await;
    assert_eq!(after.1, []);
    let (position, records) = snapshot(&rig).await;
    assert!(position.epoch == after.0.epoch && records.is_empty());
    assert_eq!(tracker.client(member, 1).on(hash).announce().await.incomplete, Some(1));
}
