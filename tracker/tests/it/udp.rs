//! Announces and scrapes over UDP.

use std::net::SocketAddr;

use bt::InfoHash;
use bt::announce::Event;
use bt::swarm::Counts;
use serde_json::json;

use crate::harness::{Heard, Signal, Tracker, TrackerRig, UdpClient, eventually, key, wire};

async fn rig() -> TrackerRig {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["udpListen"] = json!(["127.0.0.1:0", "[::1]:0"]);
    rig
}

async fn client(tracker: &Tracker, member: u32, peer: u8) -> UdpClient {
    UdpClient::connect(tracker.udp[0], member, peer).await
}

/// A member with one client, on one torrent.
async fn scene() -> (TrackerRig, u32, InfoHash, Tracker, UdpClient) {
    let rig = rig().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let client = client(&tracker, member, 1).await.on(hash);
    (rig, member, hash, tracker, client)
}

#[tokio::test]
async fn members_find_each_other_in_the_family_they_announce_over() {
    let rig = rig().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    for (address, seeders) in [(tracker.udp[0], 1), (tracker.udp[1], 1)] {
        let mut seeder = UdpClient::connect(address, robin, 1).await.on(hash);
        seeder.request.left = Some(0);
        let Heard::Peers { interval, seeders: found, leechers, peers } = seeder.ask().await else {
            panic!("refused")
        };
        assert_eq!((found, leechers, peers.len()), (seeders, u32::from(address.is_ipv6()), 0));
        assert!((1800..=1980).contains(&interval), "{interval}");
        let mut leecher = UdpClient::connect(address, jay, 2).await.on(hash);
        let own = SocketAddr::new(address.ip(), 1001).to_string();
        assert_eq!(leecher.announce().await, (1, 1, wire(&own)));
        let own = SocketAddr::new(address.ip(), 1002).to_string();
        assert_eq!(seeder.announce().await, (1, 1, wire(&own)));
    }
    let over_http = tracker.client(jay, 2).on(hash).announce().await;
    assert_eq!(over_http.peers.len(), 2, "both endpoints of one peer");
    let log = tracker.log();
    assert!(!log.contains(&key(robin, 0, None)) && !log.contains(":1001"), "{log}");
}

#[tokio::test]
async fn events_count_as_they_do_over_http() {
    let (_site, member, hash, tracker, mut client) = scene().await;
    let http = tracker.client(member, 1).on(hash);
    for (event, left, seeders, leechers, downloaders) in [
        (Event::Started, 100, 0, 1, 1),
        (Event::Paused, 100, 0, 1, 0),
        (Event::None, 50, 0, 1, 1),
        (Event::Completed, 0, 1, 0, 0),
        (Event::Stopped, 0, 0, 0, 0),
    ] {
        client.request.event = event;
        client.request.left = Some(left);
        let (found_seeders, found_leechers, _) = client.announce().await;
        assert_eq!((found_seeders, found_leechers), (seeders, leechers), "{event:?}");
        let counts = Counts { seeders, leechers, downloaders: leechers, snatched: 0 };
        assert_eq!(client.scrape(&[hash]).await, Heard::Counts(vec![counts]));
        let answer = tracker.get(&format!("/announce/{}/scrape?{}", http.key, http.query())).await;
        let files = bt::scrape::decode(&answer.body).expect("a scrape's answer").expect("accepted");
        assert_eq!(files[&hash], Counts { downloaders, ..counts }, "{event:?}");
    }
}

#[tokio::test]
async fn a_key_opens_what_it_opens_over_http() {
    let rig = rig().await;
    let member = rig.member("robin").await;
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = rig.start().await;
    let mut client = client(&tracker, member, 1).await.on(one);
    let of_one = key(member, 0, Some(one));
    for url in [
        format!("/announce/{of_one}/announce"),
        format!("/{of_one}/announce"),
        format!("/announce/{of_one}"),
        format!("/announce?passkey={of_one}"),
        format!("/announce/{of_one}/scrape"),
    ] {
        client.url = url;
        assert_eq!(client.announce().await.1, 1, "{}", client.url);
    }
    for (url, words) in [
        (String::new(), "passkey is missing"),
        ("/announce".to_owned(), "passkey is missing"),
        ("/elsewhere".to_owned(), "announce and scrape only"),
        ("/announce/short/announce".to_owned(), "passkey"),
        (format!("/announce/{}/announce", key(member, 0, Some(two))), "passkey"),
        (format!("/announce/{}/announce", key(member, 1, None)), "passkey"),
        (format!("/announce/{}/announce", key(999, 0, None)), "passkey"),
    ] {
        client.url = url;
        let reason = client.refusal().await;
        assert!(reason.contains(words) && !reason.to_lowercase().contains("unregistered"), "{reason}");
        if client.url != "/elsewhere" {
            assert_eq!(client.scrape(&[one]).await, Heard::Refusal(reason));
        }
    }
    client.url = format!("/announce/{}/announce", key(member, 0, None));
    client.request.info_hash = [9; 20].into();
    assert!(client.refusal().await.starts_with("Unregistered torrent"));
    client.request.info_hash = two;
    client.announce().await;
    rig.execute("update users set disabled_at = now()").await;
    eventually("the member is refused", async || match client.ask().await {
        Heard::Refusal(reason) if reason.contains("disabled") => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn limits_are_those_of_http() {
    let mut rig = rig().await;
    rig.config["tracker"]["announcesPerMinute"] = 1.into();
    rig.config["tracker"]["announceBurst"] = 3.into();
    rig.config["tracker"]["clientsDenied"] = json!(["-XX"]);
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let mut client = client(&tracker, robin, 1).await.on(hash);
    client.announce().await;
    tracker.client(robin, 1).on(hash).announce().await;
    client.announce().await;
    let reason = client.refusal().await;
    assert!(reason.contains("Too many announces"), "{reason}");
    assert_eq!(client.scrape(&[hash]).await, Heard::Refusal(reason));
    client.request.event = Event::Stopped;
    assert_eq!(client.announce().await, (0, 0, Vec::new()), "whoever leaves may");
    let mut denied = UdpClient::connect(tracker.udp[1], jay, 2).await.on(hash);
    denied.request.peer_id = *b"-XX0001-abcdefghijkl";
    assert!(denied.refusal().await.contains("-XX0001-"));
}

#[tokio::test]
async fn the_database_is_asked_for_what_memory_lacks() {
    let rig = rig().await;
    let tracker = rig.start().await;
    // Ids come from a sequence.
    let mut client = client(&tracker, 1, 1).await.on([1; 20].into());
    assert!(client.refusal().await.contains("passkey"));
    let member = rig.member("robin").await;
    assert_eq!(member, 1);
    assert!(client.refusal().await.starts_with("Unregistered torrent"));
    rig.torrent(1).await;
    client.announce().await;
}

#[tokio::test]
async fn known_members_announce_known_torrents_while_the_database_is_away() {
    let mut rig = rig().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let mut proxy = rig.proxied();
    let tracker = rig.start().await;
    let mut known = client(&tracker, member, 1).await.on(hash);
    known.announce().await;
    proxy.cut().await;
    known.announce().await;
    for (member, hash) in [(member, [9; 20].into()), (999, hash)] {
        let mut unknown = client(&tracker, member, 2).await.on(hash);
        let reason = unknown.refusal().await;
        assert!(reason.starts_with("Tracker unavailable, "), "{reason}");
        // The thread that asked is not the one that waits.
        known.announce().await;
    }
    proxy.restore();
    rig.torrent(9).await;
    let mut later = client(&tracker, member, 2).await.on([9; 20].into());
    eventually("the database is asked again", async || match later.ask().await {
        Heard::Peers { .. } => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_sender_without_a_connection_id_gets_no_answer() {
    let (rig, member, _hash, tracker, mut client) = scene().await;
    client.announce().await;
    let other = UdpClient::connect_from([127, 0, 0, 2].into(), tracker.udp[0], member, 1).await;
    let before = rig.start().await;
    let elsewhere = UdpClient::connect(before.udp[0], member, 1).await;
    let genuine = client.connection;
    for forged in
        [0, 0x0417_2710_1980, genuine ^ 1, genuine ^ 1 << 56, other.connection, elsewhere.connection]
    {
        client.connection = forged;
        let datagram = client.datagram();
        client.send(&datagram).await;
        let mut scrape = datagram;
        scrape[11] = 2;
        client.send(&scrape).await;
    }
    client.send(&[0; 16]).await;
    client.send(b"").await;
    client.connection = genuine;
    // An answer would come after those to the others: one thread answers a client's datagrams in order.
    client.announce().await;
}

#[tokio::test]
async fn many_torrents_are_scraped_at_once() {
    let rig = rig().await;
    let member = rig.member("robin").await;
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = rig.start().await;
    let mut client = client(&tracker, member, 1).await.on(two);
    client.announce().await;
    let mut hashes: Vec<InfoHash> = (3..=74).map(|number| [number; 20].into()).collect();
    hashes.extend([one, two]);
    let Heard::Counts(counts) = client.scrape(&hashes).await else { panic!("refused") };
    let (last, others) = counts.split_last().expect("some");
    assert_eq!((others.len(), last.leechers), (73, 1));
    assert!(others.iter().all(|counts| *counts == Counts::default()));
    client.url = format!("/announce/{}/announce", key(member, 0, Some(one)));
    let Heard::Counts(counts) = client.scrape(&[two, one]).await else { panic!("refused") };
    assert_eq!(counts, [Counts::default(); 2], "of other torrents nothing is told");
    let Heard::Refusal(reason) = client.scrape(&[two]).await else { panic!("told") };
    assert!(reason.contains("passkey"), "{reason}");
}

#[tokio::test]
async fn options_are_read_in_any_form() {
    let (_site, _member, _hash, _tracker, mut client) = scene().await;
    let url = std::mem::take(&mut client.url).into_bytes();
    let (first, second) = url.split_at(20);
    let option = |kind: u8, data: &[u8]| [&[kind, u8::try_from(data.len()).expect("short")], data].concat();
    for options in [
        option(2, &url),
        [option(2, first), option(2, second)].concat(),
        [vec![1, 1], option(2, first), vec![1], option(99, &[7; 255]), option(2, second), vec![0, 2]]
            .concat(),
        [option(2, &url), vec![0], vec![2; 300]].concat(),
    ] {
        let datagram = [client.datagram(), options].concat();
        client.send(&datagram).await;
        let heard = client.hear().await;
        assert!(matches!(heard, Heard::Peers { .. }), "{heard:?}");
    }
    for (cut, words) in [(vec![2], "cut off"), (vec![2, 9, 1], "cut off"), (vec![0], "passkey")] {
        let datagram = [client.datagram(), cut].concat();
        client.send(&datagram).await;
        let Heard::Refusal(reason) = client.hear().await else { panic!("accepted") };
        assert!(reason.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn garbage_harms_nobody() {
    let (_site, _member, _hash, _tracker, mut client) = scene().await;
    client.announce().await;
    let mut rng = fastrand::Rng::with_seed(1);
    for round in 0..2000_usize {
        let mut datagram = client.datagram();
        let length = rng.usize(..3000);
        datagram.resize_with(length, || rng.u8(..));
        let from = rng.usize(..=length.min(120));
        // Half of them keep a valid connection id and action.
        let kept = if round.is_multiple_of(2) { 12 } else { 0 };
        datagram.iter_mut().skip(from.max(kept)).for_each(|byte| *byte = rng.u8(..));
        client.send(&datagram).await;
        if round % 10 == 9 {
            // The latest transaction is answered, whatever was answered before. So few fit in the socket's buffer while
            // the tracker does not run.
            let marker = client.datagram();
            client.send(&marker).await;
            while client.receive().await[4..8] != marker[12..16] {}
        }
    }
    client.announce().await;
}

#[tokio::test]
async fn many_requests_that_need_the_database_are_all_answered() {
    let rig = rig().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..4 {
        let mut client = client(&tracker, member, number).await.on(hash);
        asking.spawn(async move {
            for _ in 0..20 {
                let sent: Vec<Vec<u8>> = (0..50).map(|_| client.datagram()).collect();
                for datagram in &sent {
                    client.send(datagram).await;
                }
                // Answers from memory come in order; the first may have waited for the database.
                let mut expected: Vec<_> = sent.iter().map(|datagram| datagram[12..16].to_vec()).collect();
                while !expected.is_empty() {
                    let heard = client.receive().await;
                    let at = expected.iter().position(|transaction| *transaction == heard[4..8]);
                    expected.remove(at.expect("each is answered once"));
                    assert_eq!(heard[3], 1, "{heard:?}");
                }
            }
        });
    }
    asking.join_all().await;
    assert_eq!(tracker.client(member, 9).on(hash).announce().await.incomplete, Some(5));
}

#[tokio::test]
async fn datagrams_that_came_before_the_stop_are_answered() {
    let (_site, _member, _hash, tracker, mut client) = scene().await;
    client.announce().await;
    for _ in 0..100 {
        let datagram = client.datagram();
        client.send(&datagram).await;
    }
    let stopped = tracker.stop().await;
    assert!(stopped.success(), "{stopped}");
    for _ in 0..100 {
        assert_eq!(client.receive().await[3], 1);
    }
}

#[tokio::test]
async fn an_address_in_use_is_an_error_at_the_start() {
    let mut rig = rig().await;
    let tracker = rig.start().await;
    rig.config["tracker"]["udpListen"] = json!([tracker.udp[0].to_string()]);
    rig.config["zeromq"] = json!({
        "counts": format!("ipc://{}/other/counts", rig.folder.path().display()),
        "control": format!("ipc://{}/other/control", rig.folder.path().display()),
    });
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tracker"))
        .arg(rig.config_file())
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("cannot listen on udp 127.0.0.1:"), "{said}");
    tracker.signal(Signal::TERM);
}
