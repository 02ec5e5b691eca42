//! The decisions that the tracker keeps for the announce doctor.

use bt::announce::Event;
use bt::messages::control::{Answer, Decision, Protocol, Request, Verdict};
use serde_json::json;
use tokio::task::JoinSet;

use crate::harness::{Connection, Heard, TorrentClient, Tracker, TrackerRig, UdpClient, eventually, key};
use crate::live::ask;

async fn decisions(rig: &TrackerRig, member: u32) -> Vec<Decision> {
    match ask(rig, Request::Announces { member }).await {
        Answer::Announces(decisions) => decisions,
        other => panic!("{other:?}"),
    }
}

async fn verdicts(rig: &TrackerRig, member: u32) -> Vec<Verdict> {
    decisions(rig, member).await.iter().map(|decision| decision.verdict).collect()
}

/// Waits for a decision that the background task makes.
async fn comes(rig: &TrackerRig, member: u32, verdict: Verdict) -> Decision {
    eventually(&format!("{verdict:?} is remembered"), async || {
        decisions(rig, member).await.into_iter().find(|decision| decision.verdict == verdict)
    })
    .await
}

/// A tracker that has read all members and torrents, on which wrong keys are tried.
async fn start(rig: &TrackerRig) -> Tracker {
    let tracker = rig.start().await;
    eventually("members and torrents are read", async || {
        let health = tracker.get("/healthz").await.text();
        (!health.contains(r#""directoryAgeSeconds":null"#)).then_some(())
    })
    .await;
    tracker
}

async fn id_of(rig: &TrackerRig, number: u8) -> u32 {
    let hash = &[number; 20][..];
    let row = rig.owner.query_one("select id from torrents where info_hash_v1 = $1", &[&hash]).await;
    row.expect("a torrent").get::<_, i32>(0).cast_unsigned()
}

#[tokio::test]
async fn each_answer_is_kept_with_its_peers_and_protocol() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["udpListen"] = json!(["127.0.0.1:0"]);
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    tracker.client(jay, 1).on(hash).announce().await;
    let mut client = tracker.client(robin, 2).on(hash);
    client.request.peer_id = *b"-qB5040-abcdefghijkl";
    client.announce().await;
    client.address = tracker.v6;
    client.announce_event(Event::Completed).await;
    UdpClient::connect(tracker.udp[0], robin, 2).await.on(hash).announce().await;
    let [udp, v6, v4] = decisions(&rig, robin).await.try_into().expect("three");
    assert_eq!((v4.verdict, v4.protocol, v4.ipv6), (Verdict::Answered, Protocol::Http, false));
    assert_eq!((v4.v4, v4.v6, v4.event), (1, 0, Event::Started));
    assert_eq!((v4.torrent, v4.client), (id_of(&rig, 1).await, *b"-qB5040-"));
    assert_eq!((v6.ipv6, v6.event), (true, Event::Completed));
    assert_eq!((udp.protocol, udp.verdict), (Protocol::Udp, Verdict::Answered));
    assert_eq!(verdicts(&rig, jay).await, [Verdict::Answered]);
    assert_eq!(verdicts(&rig, 999).await, []);
}

#[tokio::test]
async fn scrapes_are_kept_with_their_torrent_if_it_is_one() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["udpListen"] = json!(["127.0.0.1:0"]);
    let robin = rig.member("robin").await;
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = rig.start().await;
    let scrape = async |hashes: &[bt::InfoHash]| {
        let mut query = String::new();
        bt::scrape::Request { hashes: hashes.to_vec() }.write_query(&mut query);
        tracker.get(&format!("/announce/{}/scrape?{query}", key(robin, 0, None))).await;
    };
    scrape(&[one]).await;
    scrape(&[[9; 20].into(), two]).await;
    scrape(&[one, two]).await;
    UdpClient::connect(tracker.udp[0], robin, 2).await.on(two).scrape(&[two]).await;
    let remembered = decisions(&rig, robin).await;
    assert!(
        remembered
            .iter()
            .all(|it| (it.verdict, it.event, it.client) == (Verdict::Scraped, Event::None, [0; 8]))
    );
    let torrents: Vec<u32> = remembered.iter().rev().map(|it| it.torrent).collect();
    let [first, second] = [id_of(&rig, 1).await, id_of(&rig, 2).await];
    assert_eq!(torrents, [first, second, 0, second]);
    assert_eq!(remembered[0].protocol, Protocol::Udp);
}

#[tokio::test]
async fn refusals_are_kept_if_the_key_is_the_members() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["clientsDenied"] = json!(["-XX"]);
    let robin = rig.member("robin").await;
    let (one, _) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = start(&rig).await;
    let client = |hash: bt::InfoHash| tracker.client(robin, 1).on(hash);
    client([9; 20].into()).refusal().await;
    let mut denied = client(one);
    denied.request.peer_id = *b"-XX0001-abcdefghijkl";
    denied.refusal().await;
    assert_eq!(verdicts(&rig, robin).await, [Verdict::ClientDenied, Verdict::Unregistered]);
    // A client that was never admitted has no number.
    assert!(decisions(&rig, robin).await.iter().all(|decision| decision.client == [0; 8]));

    // The key of the second torrent, for the first.
    TorrentClient { key: key(robin, 0, Some([2; 20].into())), ..client(one) }.refusal().await;
    assert_eq!(comes(&rig, robin, Verdict::OtherTorrent).await.torrent, id_of(&rig, 1).await);

    let mut unlistening = client(one);
    unlistening.request.port = 0;
    unlistening.key = key(robin, 0, Some([2; 20].into()));
    unlistening.refusal().await;
    assert_eq!(comes(&rig, robin, Verdict::Port).await.torrent, id_of(&rig, 2).await);

    let malformed = format!("/announce/{}/announce?info_hash=short", key(robin, 0, None));
    tracker.get(&malformed).await;
    comes(&rig, robin, Verdict::Malformed).await;

    let reset = "key_version = key_version + 1, former_key_nonce = key_nonce, key_nonce = default";
    rig.execute(&format!("update users set {reset}")).await;
    client(one).refused_with("passkey").await;
    comes(&rig, robin, Verdict::OldKey).await;
}

#[tokio::test]
async fn only_an_accounts_own_keys_learn_that_it_is_disabled() {
    let mut rig = TrackerRig::new().await;
    rig.config["tracker"]["udpListen"] = json!(["127.0.0.1:0"]);
    let robin = rig.member("robin").await;
    let (hash, unknown) = (rig.torrent(1).await, bt::InfoHash::from([9; 20]));
    let tracker = start(&rig).await;
    let with = |key: String, hash| TorrentClient { key, ..tracker.client(robin, 1).on(hash) };
    let scrape = async |key: String| {
        tracker.get(&format!("/announce/{key}/scrape?info_hash={}", "%01".repeat(20))).await.text()
    };
    rig.execute("update users set disabled_at = now()").await;
    with(key(robin, 0, None), hash).refused_with("disabled").await;
    let disabled = async || {
        let remembered = decisions(&rig, robin).await.into_iter();
        remembered.filter(|it| it.verdict == Verdict::Disabled).collect::<Vec<_>>()
    };
    // The tracker may have answered before it was notified.
    let before = disabled().await.len();
    for (key, hash) in [
        (key(robin, 1, None), hash),
        (key(robin, 1, None), unknown),
        (key(robin, 0, Some(unknown)), hash),
        (key(robin, 0, Some(hash)), unknown),
    ] {
        let reason = with(key, hash).refusal().await;
        assert!(reason.contains("not valid") && !reason.contains("disabled"), "{reason}");
    }
    assert!(scrape(key(robin, 1, None)).await.contains("not valid"));
    for (key, hash) in [(key(robin, 0, Some(hash)), hash), (key(robin, 0, Some(unknown)), unknown)] {
        assert!(with(key, hash).refusal().await.contains("disabled"));
    }
    assert!(scrape(key(robin, 0, Some(hash))).await.contains("disabled"));
    let heard = UdpClient::connect(tracker.udp[0], robin, 2).await.on(hash).ask().await;
    assert!(matches!(&heard, Heard::Refusal(reason) if reason.contains("disabled")), "{heard:?}");
    let disabled = disabled().await;
    assert_eq!(disabled.len(), before + 4);
    assert_eq!(disabled[3].torrent, id_of(&rig, 1).await);
}

#[tokio::test]
async fn forged_keys_leave_no_trace_with_the_member_they_name() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let (hash, _) = (rig.torrent(1).await, rig.torrent(7).await);
    let tracker = start(&rig).await;
    let with = |key: String| TorrentClient { key, ..tracker.client(robin, 1).on(hash) };
    for version in 1..20 {
        with(key(robin, version, Some(hash))).refusal().await;
    }
    // A member's are looked at in turn: once this is remembered, those before have been looked at.
    with(key(robin, 0, Some([7; 20].into()))).refusal().await;
    comes(&rig, robin, Verdict::OtherTorrent).await;
    assert_eq!(verdicts(&rig, robin).await, [Verdict::OtherTorrent]);
    assert_eq!(verdicts(&rig, jay).await, []);
}

#[tokio::test]
async fn a_members_wrong_keys_are_kept_while_others_are_forged() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    for number in 2..=21 {
        rig.torrent(number).await;
    }
    let tracker = start(&rig).await;
    let mut forgers = JoinSet::new();
    for version in 1..=4 {
        let target =
            TorrentClient { key: key(jay, version, None), ..tracker.client(jay, 1).on(hash) }.target();
        let address = tracker.v4;
        forgers.spawn(async move {
            loop {
                assert_eq!(Connection::open(address).await.get(&target).await.status, 200);
            }
        });
    }
    for number in 2..=21_u8 {
        let key = key(robin, 0, Some([number; 20].into()));
        TorrentClient { key, ..tracker.client(robin, 1).on(hash) }.refusal().await;
    }
    eventually("all of them are remembered", async || {
        (verdicts(&rig, robin).await == [Verdict::OtherTorrent; 20]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_latest_50_are_kept() {
    let rig = TrackerRig::new().await;
    let robin = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    for _ in 0..55 {
        tracker.client(robin, 1).on(hash).announce().await;
    }
    tracker.client(robin, 1).on([9; 20].into()).refusal().await;
    let verdicts = verdicts(&rig, robin).await;
    assert_eq!(verdicts.len(), 50);
    assert_eq!(verdicts[..2], [Verdict::Unregistered, Verdict::Answered]);
}
