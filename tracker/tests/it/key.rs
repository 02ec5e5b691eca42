//! Announce keys: what they are valid for, and resets.

use bt::InfoHash;
use bt::announce_key::{Binding, Nonce};

use crate::harness::{NONCE, TorrentClient, TrackerRig, key, key_with};

#[tokio::test]
async fn a_key_opens_its_own_torrent_and_the_accounts_key_opens_all() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = rig.start().await;
    let with = |key: String, hash: InfoHash| TorrentClient { key, ..tracker.client(robin, 1).on(hash) };
    with(key(robin, 0, Some(one)), one).announce().await;
    with(key(robin, 0, None), two).announce().await;
    with(key(jay, 0, None).to_uppercase(), two).announce().await;
    let foreign = key(robin, 0, Some(one)).chars().rev().collect::<String>();
    for wrong in [
        key(robin, 0, Some(two)),
        key(robin, 1, Some(one)),
        key(robin, 1, None),
        key(999, 0, None),
        key(u32::MAX, 0, None),
        foreign,
        "short".to_owned(),
        "announce".to_owned(),
        "%20".to_owned(),
    ] {
        let reason = with(wrong.clone(), one).refusal().await;
        assert!(reason.contains("passkey"), "{wrong}: {reason}");
        assert!(!reason.to_lowercase().contains("unregistered"), "{wrong}: {reason}");
    }
}

#[tokio::test]
async fn only_a_good_key_learns_that_a_torrent_is_unknown() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let tracker = rig.start().await;
    let unknown = InfoHash::from([9; 20]);
    let client = tracker.client(member, 1).on(unknown);
    assert!(client.refusal().await.starts_with("Unregistered torrent"));
    let scoped = TorrentClient { key: key(member, 0, Some(unknown)), ..client };
    assert!(scoped.refusal().await.starts_with("Unregistered torrent"));
    let wrong = TorrentClient { key: key(member, 1, None), ..scoped };
    assert!(wrong.refusal().await.contains("passkey"));
}

#[tokio::test]
async fn a_key_reset_applies_at_once() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let client = tracker.client(member, 1).on(hash);
    client.announce().await;
    rig.execute("update users set key_version = key_version + 1").await;
    let renewed = TorrentClient { key: key(member, 1, None), ..tracker.client(member, 1).on(hash) };
    renewed.announce().await;
    client.refused_with("passkey").await;
}

#[tokio::test]
async fn a_key_from_before_there_were_nonces_opens_until_it_is_reset() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    rig.execute("update users set key_nonce = ''").await;
    let tracker = rig.start().await;
    let old = key_with(member, Binding { version: 0, nonce: Nonce::EMPTY }, None);
    let client = TorrentClient { key: old, ..tracker.client(member, 1).on(hash) };
    client.announce().await;
    rig.execute("update users set key_version = key_version + 1, key_nonce = default").await;
    client.refused_with("passkey").await;
}

#[tokio::test]
async fn a_new_nonce_without_a_new_version_applies_at_once() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let client = tracker.client(member, 1).on(hash);
    client.announce().await;
    rig.execute("update users set key_nonce = decode(repeat('08', 16), 'hex')").await;
    client.refused_with("passkey").await;
    let renewed = key_with(member, Binding { version: 0, nonce: [8; 16].into() }, None);
    TorrentClient { key: renewed, ..client }.announce().await;
}

#[tokio::test]
async fn an_id_given_out_again_after_a_restored_backup_has_other_keys() {
    let rig = TrackerRig::new().await;
    let lost = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let client = tracker.client(lost, 1).on(hash);
    client.announce().await;
    // A backup from before robin joined knows neither the member nor that the id was given out.
    rig.execute("delete from users; alter table users alter column id restart").await;
    rig.execute("insert into users (name, password_hash) values ('jay', '')").await;
    let row = rig.owner.query_one("select id, key_nonce from users", &[]).await.expect("jay");
    assert_eq!(row.get::<_, i32>("id").cast_unsigned(), lost);
    client.refused_with("passkey").await;
    let nonce = Nonce::try_from(row.get::<_, &[u8]>("key_nonce")).expect("16 bytes");
    assert_ne!(nonce, NONCE.into());
    let own = key_with(lost, Binding { version: 0, nonce }, None);
    TorrentClient { key: own, ..tracker.client(lost, 2).on(hash) }.announce().await;
}

#[tokio::test]
async fn a_disabled_member_is_refused_and_leaves_all_swarms() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let tracker = rig.start().await;
    tracker.client(robin, 1).on(one).announce().await;
    tracker.client(robin, 1).on(two).seeding().announce().await;
    rig.execute("update users set disabled_at = now() where name = 'robin'").await;
    tracker.client(robin, 1).on(one).refused_with("passkey").await;
    let reason = tracker.client(robin, 1).on(one).refusal().await;
    assert!(reason.contains("disabled"), "{reason}");
    for hash in [one, two] {
        let other = tracker.client(jay, 2).on(hash);
        crate::harness::eventually("the disabled member's peers are gone", async || {
            other.announce().await.peers.is_empty().then_some(())
        })
        .await;
    }
    rig.execute("update users set disabled_at = null").await;
    tracker.client(robin, 1).on(one).accepted().await;
    rig.execute("delete from users where name = 'robin'").await;
    tracker.client(robin, 1).on(one).refused_with("passkey").await;
}
