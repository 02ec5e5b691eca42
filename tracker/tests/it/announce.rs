//! Announces and scrapes over HTTP: forms of the URL, address families, events, answers.

use std::net::{IpAddr, SocketAddr};

use bt::announce::Event;
use bt::scrape;
use bt::swarm::Counts;
use bt::{InfoHash, InfoHashV2};

use crate::harness::{Connection, TorrentClient, Tracker, TrackerRig, key};

fn endpoints(peers: &bt::announce::Reply) -> Vec<SocketAddr> {
    let bt::announce::Reply::Peers(peers) = peers else { panic!("refused: {peers:?}") };
    let mut endpoints: Vec<_> = peers.peers.iter().map(|(endpoint, _)| *endpoint).collect();
    endpoints.sort_unstable();
    endpoints
}

fn at(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

async fn scrape(tracker: &Tracker, key: &str, hashes: &[InfoHash]) -> Vec<(InfoHash, Counts)> {
    let mut query = String::new();
    scrape::Request { hashes: hashes.to_vec() }.write_query(&mut query);
    let answer = tracker.get(&format!("/announce/{key}/scrape?{query}")).await;
    let files = scrape::decode(&answer.body).expect("a scrape's answer").expect("accepted");
    files.into_iter().collect()
}

#[tokio::test]
async fn every_shape_of_url_is_answered_below_any_path() {
    for (depth, base) in [(0, ""), (2, "/some/where")] {
        let mut rig = TrackerRig::new().await;
        rig.config["pathDepth"] = depth.into();
        let member = rig.member("robin").await;
        let hash = rig.torrent(1).await;
        let tracker = rig.start().await;
        let client = tracker.client(member, 1).on(hash);
        let (key, query) = (&client.key, client.query());
        for (path, query, expected) in [
            (format!("/announce/{key}/announce"), query.clone(), "d8:complete"),
            (format!("/{key}/announce"), query.clone(), "d8:complete"),
            (format!("/announce/{key}"), query.clone(), "d8:complete"),
            ("/announce".to_owned(), format!("passkey={key}&{query}"), "d8:complete"),
            (format!("/announce/{key}/scrape"), query.clone(), "d5:files"),
            (format!("/scrape/{key}/scrape"), query.clone(), "d5:files"),
            (format!("/{key}/scrape"), query.clone(), "d5:files"),
            (format!("/scrape/{key}"), query.clone(), "d5:files"),
            ("/scrape".to_owned(), format!("{query}&passkey={key}"), "d5:files"),
        ] {
            let answer = tracker.get(&format!("{base}{path}?{query}")).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(answer.text().starts_with(expected), "{path}: {}", answer.text());
        }
        let absolute = format!("http://tracker.example.org{base}{}", client.target());
        assert!(tracker.get(&absolute).await.text().starts_with("d8:complete"));
        let log = tracker.log();
        assert!(!log.contains(key.as_str()), "{log}");
    }
}

#[tokio::test]
async fn members_find_each_other() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let seeder = tracker.client(robin, 1).on(hash).seeding();
    let first = seeder.announce().await;
    assert_eq!((first.complete, first.incomplete, first.downloaded), (Some(1), Some(0), Some(0)));
    assert_eq!(first.peers, []);
    assert_eq!(first.external_ip, Some(IpAddr::from([127, 0, 0, 1])));
    assert!((1800..=1980).contains(&first.interval), "{}", first.interval);
    assert_eq!(first.min_interval, Some(300));

    let mut leecher = tracker.client(jay, 2).on(hash);
    assert_eq!(endpoints(&leecher.reply().await), [at("127.0.0.1:1001")]);
    assert_eq!(endpoints(&seeder.reply().await), [at("127.0.0.1:1002")]);

    leecher.request.compact = false;
    let listed = leecher.announce().await;
    assert_eq!(listed.peers, [(at("127.0.0.1:1001"), None)]);
}

#[tokio::test]
async fn a_client_with_both_families_is_one_peer_with_two_endpoints() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let mut both = tracker.client(robin, 1).on(hash);
    both.announce().await;
    both.address = tracker.v6;
    let second = both.announce().await;
    assert_eq!((second.incomplete, second.peers.len()), (Some(1), 0));
    assert_eq!(second.external_ip, Some("::1".parse().expect("an address")));
    let other = tracker.client(jay, 2).on(hash);
    assert_eq!(endpoints(&other.reply().await), [at("127.0.0.1:1001"), at("[::1]:1001")]);
}

#[tokio::test]
async fn all_events_are_counted() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    rig.execute("update torrents set snatched = 7").await;
    let tracker = rig.start().await;
    let numbers = |it: &bt::announce::Peers| (it.complete, it.incomplete, it.downloaded);
    let mut client = tracker.client(member, 1).on(hash);
    assert_eq!(numbers(&client.announce_event(Event::Started).await), (Some(0), Some(1), Some(7)));
    assert_eq!(numbers(&client.announce_event(Event::Paused).await), (Some(0), Some(1), Some(7)));
    let counts = scrape(&tracker, &client.key, &[hash]).await;
    assert_eq!(counts, [(hash, Counts { seeders: 0, leechers: 1, downloaders: 0, snatched: 7 })]);
    client.request.left = Some(0);
    client.request.downloaded = 1;
    // The webapi counts snatches, as it stores who has finished.
    assert_eq!(numbers(&client.announce_event(Event::Completed).await), (Some(1), Some(0), Some(7)));
    assert_eq!(numbers(&client.announce_event(Event::Completed).await), (Some(1), Some(0), Some(7)));
    client.request.left = None;
    assert_eq!(numbers(&client.announce_event(Event::Stopped).await), (Some(0), Some(0), Some(7)));
    assert_eq!(numbers(&client.announce_event(Event::Stopped).await), (Some(0), Some(0), Some(7)));
}

#[tokio::test]
async fn an_answer_has_as_many_peers_as_are_wanted_and_allowed() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["numwant"] = 2.into();
    rig.config["tracker"]["maxNumwant"] = 4.into();
    let hash = rig.torrent(1).await;
    let member = rig.member("robin").await;
    let tracker = rig.start().await;
    for peer in 1..=9 {
        tracker.client(member, peer).on(hash).announce().await;
    }
    let mut client = tracker.client(member, 1).on(hash);
    for (numwant, expected) in [(None, 2), (Some(0), 0), (Some(3), 3), (Some(100), 4)] {
        client.request.numwant = numwant;
        assert_eq!(client.announce().await.peers.len(), expected, "{numwant:?}");
    }
}

#[tokio::test]
async fn both_hashes_of_a_hybrid_torrent_lead_to_one_swarm() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let (v1, v2) = (InfoHash::from([1; 20]), InfoHashV2::from([2; 32]));
    rig.add_torrent(Some(v1), Some(v2)).await;
    let only = InfoHashV2::from([3; 32]);
    rig.add_torrent(None, Some(only)).await;
    let tracker = rig.start().await;
    let keyed = |peer: u8, hash: InfoHash, scope: InfoHash| TorrentClient {
        key: key(member, 0, Some(scope)),
        ..tracker.client(member, peer).on(hash)
    };
    keyed(1, v1, v1).announce().await;
    let over_v2 = keyed(1, v2.truncated(), v1).announce().await;
    assert_eq!((over_v2.incomplete, over_v2.peers.len()), (Some(1), 0));
    // Clients greet peers with the hash under which they got them, and not every peer knows the version 2 hash.
    let second = keyed(2, v2.truncated(), v1).announce().await;
    assert_eq!((second.incomplete, second.peers.len()), (Some(2), 0));
    assert_eq!(keyed(2, v1, v1).announce().await.peers.len(), 1);
    assert_eq!(keyed(1, only.truncated(), only.truncated()).announce().await.incomplete, Some(1));
    let counts = scrape(&tracker, &key(member, 0, Some(v1)), &[v1, v2.truncated(), only.truncated()]).await;
    let two = Counts { seeders: 0, leechers: 2, downloaders: 2, snatched: 0 };
    assert_eq!(counts, [(v1, two), (v2.truncated(), two)]);
}

#[tokio::test]
async fn a_scrape_leaves_out_unknown_torrents_and_those_of_other_keys() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = rig.start().await;
    let unknown = InfoHash::from([9; 20]);
    let hashes = |files: Vec<(InfoHash, Counts)>| files.into_iter().map(|(hash, _)| hash).collect::<Vec<_>>();
    let all = key(member, 0, None);
    assert_eq!(hashes(scrape(&tracker, &all, &[two, unknown, one, two]).await), [one, two]);
    assert_eq!(hashes(scrape(&tracker, &all, &[unknown]).await), []);
    let of_one = key(member, 0, Some(one));
    assert_eq!(hashes(scrape(&tracker, &of_one, &[two, one]).await), [one]);
    for (query, words) in [
        (String::new(), "lacks `info_hash`"),
        ("info_hash=%02".to_owned(), "20 bytes"),
        (format!("info_hash={}", "%02".repeat(20)), "passkey"),
    ] {
        let answer = tracker.get(&format!("/announce/{of_one}/scrape?{query}")).await;
        assert!(answer.text().starts_with("d14:failure reason") && answer.text().contains(words), "{query}");
    }
}

#[tokio::test]
async fn an_incomplete_announce_is_refused_with_a_sentence() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let client = tracker.client(member, 1).on(hash);
    let mut connection = Connection::open(tracker.v4).await;
    for (from, to, words) in [
        ("&port=1001", "", "lacks `port`"),
        ("&port=1001", "&port=0", "1 to 65535"),
        ("&left=100", "", "lacks `left`"),
        ("&uploaded=0", "&uploaded=-1", "`uploaded`"),
        ("&left=100", "&left=99999999999999999999", "`left`"),
    ] {
        let target = client.target();
        assert!(target.contains(from));
        let answer = connection.get(&target.replace(from, to)).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().starts_with("d14:failure reason") && answer.text().contains(words), "{to}");
    }
}
