//! Limits for one member: how often, with which clients, and which part of a swarm.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bt::InfoHash;
use bt::announce::{Event, Reply, Retry};
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Connection, TorrentClient, TrackerRig, eventually, key};

#[tokio::test]
async fn a_member_who_announces_too_often_is_refused_and_others_are_not() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["announcesPerMinute"] = 1.into();
    rig.config["tracker"]["announceBurst"] = 3.into();
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = rig.start().await;
    for hash in [one, two, one] {
        tracker.client(robin, 1).on(hash).announce().await;
    }
    let Reply::Failure { reason, retry } = tracker.client(robin, 2).on(two).reply().await else {
        panic!("accepted")
    };
    assert!(reason.contains("Too many announces") && reason.contains("Run fewer torrents"), "{reason}");
    assert!(!reason.to_lowercase().contains("unregistered"), "{reason}");
    assert_eq!(retry, Retry::Minutes(1));
    let scrape = format!("/announce/{}/scrape?info_hash={}", key(robin, 0, None), "%01".repeat(20));
    assert!(tracker.get(&scrape).await.text().contains("Too many announces"));
    tracker.client(jay, 1).on(one).announce().await;
}

#[tokio::test]
async fn stopped_is_accepted_from_a_refused_client_and_above_the_rate_limit() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["announcesPerMinute"] = 1.into();
    rig.config["tracker"]["announceBurst"] = 2.into();
    rig.config["tracker"]["clientsDenied"] = json!(["-XX"]);
    let (robin, hash) = (rig.member("robin").await, rig.torrent(1).await);
    let tracker = rig.start().await;
    let stay = tracker.client(robin, 1).on(hash);
    let mut leave = tracker.client(robin, 2).on(hash);
    stay.announce().await;
    assert_eq!(leave.announce().await.incomplete, Some(2));
    assert!(leave.refusal().await.contains("Too many"));
    let last = leave.announce_event(Event::Stopped).await;
    assert_eq!((last.incomplete, last.peers), (Some(1), Vec::new()));
    leave.request.peer_id = *b"-XX0001-abcdefghijkl";
    leave.announce_event(Event::Stopped).await;
    assert!(stay.refusal().await.contains("Too many"), "it is no announce less");
}

#[tokio::test]
async fn an_unknown_torrent_takes_one_token_before_the_database_is_asked() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["announcesPerMinute"] = 1.into();
    rig.config["tracker"]["announceBurst"] = 3.into();
    let robin = rig.member("robin").await;
    let proxy = rig.proxied();
    let tracker = rig.start().await;
    let unknown = |number: u8| TorrentClient {
        key: key(robin, 0, None),
        ..tracker.client(robin, 1).on([number; 20].into())
    };
    for number in 7..10 {
        assert!(unknown(number).refusal().await.contains("Unregistered"));
    }
    // An answer that waited for the database would say that it is away.
    proxy.hold();
    assert!(unknown(10).refusal().await.contains("Too many announces"));
    let scrape = format!("/announce/{}/scrape?info_hash={}", key(robin, 0, None), "%01".repeat(20));
    assert!(tracker.get(&scrape).await.text().contains("Too many announces"));
    let mut leaves = unknown(11);
    leaves.request.event = Event::Stopped;
    assert!(leaves.refusal().await.contains("Too many announces"), "nobody is there who could leave");
}

#[tokio::test]
async fn strangers_take_no_tokens_of_members() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["announcesPerMinute"] = 1.into();
    rig.config["tracker"]["announceBurst"] = 2.into();
    let (robin, hash) = (rig.member("robin").await, rig.torrent(1).await);
    let tracker = rig.start().await;
    let forged = TorrentClient { key: key(robin, 7, Some(hash)), ..tracker.client(robin, 1).on(hash) };
    for _ in 0..10 {
        assert!(forged.refusal().await.contains("passkey"));
    }
    tracker.client(robin, 1).on(hash).announce().await;
    tracker.client(robin, 1).on(hash).announce().await;
    assert!(tracker.client(robin, 1).on(hash).refusal().await.contains("Too many"));
}

/// Scrapes with a key that opens nothing, for ever. Counts the answers, and those of them that say that the database
/// was not asked.
async fn forge(address: SocketAddr, key: String, tally: Arc<[AtomicUsize; 2]>) {
    loop {
        let mut query = String::new();
        let random = |_| fastrand::Rng::new();
        let hashes = (0..74).map(random).map(|mut rng| InfoHash::from(std::array::from_fn(|_| rng.u8(..))));
        bt::scrape::Request { hashes: hashes.collect() }.write_query(&mut query);
        let target = format!("/announce/{key}/scrape?{query}");
        let answer = Connection::open(address).await.get(&target).await.text();
        tally[0].fetch_add(1, Ordering::SeqCst);
        tally[1].fetch_add(usize::from(answer.contains("Tracker unavailable")), Ordering::SeqCst);
    }
}

#[tokio::test]
async fn forged_keys_run_out_of_look_ups_and_members_do_not() {
    let rig = TrackerRig::new().await;
    let robin = rig.member("robin").await;
    let tracker = rig.start().await;
    let (tally, mut strangers) = (Arc::<[AtomicUsize; 2]>::default(), JoinSet::new());
    for _ in 0..8 {
        strangers.spawn(forge(tracker.v4, key(robin, 7, None), Arc::clone(&tally)));
    }
    let count = |which: usize| tally[which].load(Ordering::SeqCst);
    let more_refused = async || {
        let before = count(1);
        eventually("a forged key is refused without a question", async || {
            assert!(count(1) > 0 || count(0) < 5000, "each of 5000 scrapes with forged keys was asked about");
            (count(1) > before + 8).then_some(())
        })
        .await;
    };
    more_refused().await;
    for number in 1..=20_u8 {
        // The tracker is not told of it, as if it had been uploaded this moment.
        let insert = "insert into torrents (info_hash_v1, title, size, file_count, search) values";
        let hash: String = format!("{number:02x}").repeat(20);
        rig.execute_silently(&format!("{insert} (decode('{hash}', 'hex'), 'A torrent', 1, 1, '')")).await;
        let mut client = tracker.client(robin, 1).on([number; 20].into());
        if number % 2 == 0 {
            client.key = key(robin, 0, Some([number; 20].into()));
        }
        client.announce().await;
        let unknown = client.on([100 + number; 20].into());
        if number % 2 == 1 {
            assert!(unknown.refusal().await.starts_with("Unregistered torrent"));
        }
    }
    more_refused().await;
}

#[tokio::test]
async fn a_denied_client_is_refused_by_its_name() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["clientsAllowed"] = json!(["-qB", "-TR4"]);
    rig.config["tracker"]["clientsDenied"] = json!(["-qB50"]);
    let (robin, hash) = (rig.member("robin").await, rig.torrent(1).await);
    let tracker = rig.start().await;
    let mut client = tracker.client(robin, 1).on(hash);
    for (id, allowed) in [
        (b"-qB4650-abcdefghijkl", true),
        (b"-qB5040-abcdefghijkl", false),
        (b"-TR4060-abcdefghijkl", true),
        (b"-TR3000-abcdefghijkl", false),
        (b"-XX0001-abcdefghijkl", false),
    ] {
        client.request.peer_id = *id;
        if allowed {
            client.announce().await;
        } else {
            let reason = client.refusal().await;
            let name = String::from_utf8_lossy(&id[..8]);
            assert!(reason.contains(&*name) && reason.contains("use another client"), "{reason}");
        }
    }
}

#[tokio::test]
async fn repeated_announces_reveal_no_more_than_one_window() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["minIntervalSeconds"] = 1800.into();
    let hash = rig.torrent(1).await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    rig.config["tracker"]["peersPerMember"] = 100.into();
    let tracker = rig.start().await;
    let mut crowd = Vec::new();
    for number in 0..10 {
        crowd.push(rig.member(&format!("member{number}")).await);
    }
    let mut connection = Connection::open(tracker.v4).await;
    for (at, member) in crowd.iter().flat_map(|member| std::iter::repeat_n(member, 40)).enumerate() {
        let mut client = tracker.client(*member, 0).on(hash);
        client.request.peer_id[..8].copy_from_slice(&at.to_be_bytes());
        client.request.port = 10_000 + u16::try_from(at).expect("few");
        client.request.numwant = Some(0);
        assert_eq!(connection.get(&client.target()).await.status, 200);
    }
    let (mut learnt, mut other) = (HashSet::new(), HashSet::new());
    for peer in 0..30 {
        let mut client = tracker.client(robin, peer).on(hash);
        client.request.numwant = Some(20);
        learnt.extend(client.announce().await.peers.into_iter().map(|(address, _)| address));
        client.key = key(jay, 0, None);
        other.extend(client.announce().await.peers.into_iter().map(|(address, _)| address));
    }
    // Their own peers, which come in meanwhile, move the window a little. Drawn anew each time, it would show more than
    // 300.
    for (who, learnt) in [("robin", &learnt), ("jay", &other)] {
        let learnt = learnt.iter().filter(|address| address.port() >= 10_000).count();
        assert!((10..=100).contains(&learnt), "{who} learnt {learnt} of 400");
    }
    assert_ne!(learnt, other);
}
