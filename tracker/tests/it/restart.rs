//! The restart file: after a stop everything goes on, after a kill the peers come back.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use bt::announce_key::Binding;
use bt::restart::{Member, SwarmHead, Torrent, Writer};
use bt::swarm::StoredPeer;
use serde_json::Value;

use crate::harness::{Connection, NONCE, Signal, Tracker, TrackerRig, eventually};
use crate::reports::{AppliedReports, batch, next_batch};

fn name(rig: &TrackerRig, suffix: &str) -> PathBuf {
    let Value::String(file) = &rig.config["tracker"]["restartFile"] else { panic!("text") };
    PathBuf::from(format!("{file}{suffix}"))
}

/// Has the tracker write a copy, and waits for it.
async fn copy(rig: &TrackerRig, tracker: &Tracker) {
    let inode = || fs::metadata(name(rig, ".running")).map(|file| file.ino()).ok();
    let before = inode();
    tracker.signal(Signal::USR1);
    eventually("a copy is written", async || inode().filter(|inode| Some(*inode) != before)).await;
}

async fn kill(mut tracker: Tracker) {
    tracker.signal(Signal::KILL);
    tracker.ended().await;
}

async fn logged(tracker: &Tracker, words: &str) {
    eventually(&format!("the log says {words:?}"), async || tracker.log().contains(words).then_some(()))
        .await;
}

fn saved_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_secs()
}

/// A file as a stopped tracker writes it, with this many peers of one torrent, whose hash is `number` twenty times.
fn file_of(member: u32, number: u8, peers: u32) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.saved(saved_now());
    writer.clients(&[[0; 8], *b"-qB5040-"]);
    let key = Binding { version: 0, nonce: NONCE.into() };
    writer.members([Member { id: member, key, enabled: true }].into_iter());
    let info_hash = [number; 20].into();
    writer.torrents([Torrent { id: 1, v1: Some(info_hash), v2: None, snatched: 0 }].into_iter());
    let head = SwarmHead { info_hash, snatched: 3 };
    let peer = |number: u32| StoredPeer {
        member: 1000 + number,
        identity: number,
        client: 1,
        v4: Some(std::net::SocketAddrV4::new((0x0a00_0000 + number).into(), 6881)),
        v6: None,
        uploaded: 0,
        downloaded: 0,
        left: 0,
        partial: false,
        fetched: false,
        baseline: false,
        ahead: false,
        idle: 0,
        shared: 0,
    };
    let mut numbers = (0..peers).map(peer).peekable();
    while numbers.peek().is_some() {
        writer.swarm(&head, numbers.by_ref().take(bt::restart::MAX_PEERS));
    }
    writer.finish();
    writer.bytes().to_vec()
}

#[tokio::test]
async fn a_restarted_tracker_goes_on_where_it_stopped() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let mut client = tracker.client(robin, 1).on(hash);
    client.request.uploaded = 100;
    client.announce().await;
    tracker.client(jay, 2).on(hash).seeding().announce().await;
    // One batch was handed out but not acknowledged, another not asked for.
    let batch_before = next_batch(&rig, None).await;
    client.request.uploaded = 300;
    client.announce().await;
    assert!(tracker.stop().await.success());
    let mode = fs::metadata(name(&rig, ".stopped")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let tracker = rig.start().await;
    client.address = tracker.v4;
    client.request.uploaded = 500;
    let peers = client.announce().await;
    assert!(!name(&rig, ".stopped").exists() && name(&rig, ".running").exists());
    assert_eq!((peers.complete, peers.incomplete, peers.peers.len()), (Some(1), Some(1), 1));
    assert_eq!(batch(&rig, None).await, batch_before);
    AppliedReports::default().reach(&rig, robin, 400).await;
}

#[tokio::test]
async fn after_a_kill_peers_are_restored_and_nothing_counts_twice() {
    let rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    tracker.client(jay, 2).on(hash).seeding().announce().await;
    let mut client = tracker.client(robin, 1).on(hash);
    client.announce().await;
    client.request.uploaded = 100;
    client.announce().await;
    copy(&rig, &tracker).await;
    let mode = fs::metadata(name(&rig, ".running")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    client.request.uploaded = 300;
    client.announce().await;
    let mut applied_reports = AppliedReports::default();
    applied_reports.reach(&rig, robin, 300).await;
    kill(tracker).await;

    let tracker = rig.start().await;
    client.address = tracker.v4;
    client.request.uploaded = 500;
    let peers = client.announce().await;
    assert_eq!((peers.complete, peers.incomplete, peers.peers.len()), (Some(1), Some(1), 1));
    client.request.uploaded = 600;
    client.announce().await;
    // The batch in the copy was applied before, and the first announce is only a baseline.
    applied_reports.reach(&rig, robin, 400).await;
    kill(tracker).await;

    // A copy may be restored any number of times.
    let tracker = rig.start().await;
    client.address = tracker.v4;
    client.request.uploaded = 700;
    assert_eq!(client.announce().await.complete, Some(1));
    client.request.uploaded = 750;
    client.announce().await;
    applied_reports.reach(&rig, robin, 450).await;
}

#[tokio::test]
async fn after_a_kill_unapplied_reports_come_from_the_running_copy() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    let mut client = tracker.client(member, 1).on(hash);
    client.announce().await;
    client.request.uploaded = 100;
    client.announce().await;
    copy(&rig, &tracker).await;
    client.request.uploaded = 300;
    client.announce().await;
    kill(tracker).await;
    let _tracker = rig.start().await;
    AppliedReports::default().reach(&rig, member, 100).await;
}

#[tokio::test]
async fn a_damaged_or_foreign_restart_file_is_logged_and_ignored() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let whole = file_of(member, 1, 10);
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (bytes, words) in [
        (changed(whole.len() / 2), "its checksum is wrong"),
        (changed(0), "it is not a restart file"),
        (changed(11), "it is of version 3, this program reads versions 1 to 2"),
        (whole[..whole.len() - 1].to_vec(), "it breaks off"),
        (Vec::new(), "it breaks off"),
        ([&whole[..], b"more"].concat(), "its checksum is wrong"),
    ] {
        fs::write(name(&rig, ".stopped"), bytes).expect("a file");
        let tracker = rig.start().await;
        let found = tracker.client(member, 1).on(hash).announce().await;
        assert_eq!((found.complete, found.incomplete), (Some(0), Some(1)), "{words}");
        logged(&tracker, "the restart file is ignored").await;
        logged(&tracker, words).await;
        assert!(tracker.stop().await.success());
    }
    // The last of them wrote a good file.
    let tracker = rig.start().await;
    assert_eq!(tracker.client(member, 2).on(hash).announce().await.incomplete, Some(2));
}

#[tokio::test]
async fn a_damaged_stopped_file_leaves_the_running_copy_in_use() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let (whole, older) = (file_of(member, 1, 10), file_of(member, 1, 7));
    fs::write(name(&rig, ".stopped"), &whole[..whole.len() / 2]).expect("a file");
    fs::write(name(&rig, ".running"), &older).expect("a file");
    let tracker = rig.start().await;
    let found = tracker.client(member, 1).on(hash).announce().await;
    assert_eq!((found.complete, found.incomplete), (Some(7), Some(1)));
    let log = tracker.log();
    let said = |words: &str, suffix: &str| {
        let file = name(&rig, suffix).display().to_string();
        log.lines().any(|line| line.contains(words) && line.contains(&file))
    };
    assert!(said("the restart file is ignored", ".stopped"), "{log}");
    assert!(said("took over the restart file", ".running") && log.contains("exact=false"), "{log}");
    assert_eq!(fs::read(name(&rig, ".running")).expect("the copy"), older);
    // It is gone with the next copy.
    copy(&rig, &tracker).await;
    eventually("the damaged file is gone", async || (!name(&rig, ".stopped").exists()).then_some(())).await;
    kill(tracker).await;
}

#[tokio::test]
async fn the_port_is_open_while_the_file_is_read_and_announces_wait_for_their_swarm() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(255).await;
    let pipe = name(&rig, ".stopped");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    // Kept open, so that reading waits for more.
    let mut held = File::options().read(true).write(true).open(&pipe).expect("a pipe");
    let tracker = rig.start().await;
    let client = tracker.client(member, 1).on(hash);
    let mut waiting = Connection::open(tracker.v4).await;
    let target = client.target();
    let (answer, ()) = tokio::join!(waiting.get(&target), async {
        logged(&tracker, "a request waits for the restart file").await;
        held.write_all(b"this is no restart file").expect("a pipe");
    });
    assert_eq!(answer.status, 200);
    logged(&tracker, "it is not a restart file").await;
    drop(tracker);

    fs::remove_file(&pipe).expect("what cannot be read is left where it is");
    fs::write(name(&rig, ".stopped"), file_of(member, 255, 20_000)).expect("a file");
    let tracker = rig.start().await;
    let found = tracker.client(member, 1).on(hash).announce().await;
    assert_eq!((found.complete, found.incomplete, found.downloaded), (Some(20_000), Some(1), Some(3)));
}

#[tokio::test]
async fn known_members_announce_after_a_restart_without_the_database_which_then_corrects_them() {
    let mut rig = TrackerRig::new().await;
    let (robin, jay) = (rig.member("robin").await, rig.member("jay").await);
    let (one, two) = (rig.torrent(1).await, rig.torrent(2).await);
    let mut proxy = rig.proxied();
    let tracker = rig.start().await;
    for member in [robin, jay] {
        tracker.client(member, 1).on(one).announce().await;
        tracker.client(member, 1).on(two).announce().await;
    }
    assert!(tracker.stop().await.success());
    proxy.cut().await;

    let tracker = rig.start().await;
    let found = tracker.client(robin, 1).on(one).announce().await;
    assert_eq!(found.incomplete, Some(2));
    let unknown = tracker.client(robin, 1).on([9; 20].into());
    assert!(unknown.refusal().await.starts_with("Tracker unavailable, "));
    rig.execute("delete from torrents where id = 1; update users set disabled_at = now() where name = 'jay'")
        .await;
    proxy.restore();
    tracker.client(robin, 1).on(one).refused_with("Unregistered torrent").await;
    tracker.client(jay, 1).on(two).refused_with("disabled").await;
    eventually("the disabled member's peers are gone", async || {
        (tracker.client(robin, 1).on(two).announce().await.incomplete == Some(1)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_is_logged_once_and_the_last_copy_stays() {
    let rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    let tracker = rig.start().await;
    tracker.client(member, 1).on(hash).announce().await;
    copy(&rig, &tracker).await;
    kill(tracker).await;
    let good = fs::read(name(&rig, ".running")).expect("a copy");

    // Writing beyond 512 bytes of a file fails, as on a full disk.
    let tracker = rig.start_after("trap '' XFSZ && ulimit -f 1").await;
    for peer in 1..=30 {
        tracker.client(member, peer).on(hash).announce().await;
        let other = rig.member(&format!("wren{peer}")).await;
        tracker.client(other, peer).on(hash).announce().await;
    }
    let warnings = || tracker.log().matches("cannot write the restart file; a restart").count();
    tracker.signal(Signal::USR1);
    logged(&tracker, "cannot write the restart file").await;
    tracker.signal(Signal::USR1);
    tracker.client(member, 1).on(hash).announce().await;
    logged(&tracker, "cannot write the restart file, as before").await;
    assert_eq!(warnings(), 1);
    assert!(!name(&rig, ".new").exists());
    assert!(tracker.stop().await.success());
    assert!(!name(&rig, ".stopped").exists());
    assert_eq!(fs::read(name(&rig, ".running")).expect("the copy"), good);
}

#[tokio::test]
async fn a_folder_without_write_access_does_not_stop_the_tracker() {
    let mut rig = TrackerRig::new().await;
    let member = rig.member("robin").await;
    let hash = rig.torrent(1).await;
    fs::write(rig.folder.path().join("file"), b"").expect("a file");
    rig.config["tracker"]["restartFile"] = rig.folder.path().join("file/swarms").to_string_lossy().into();
    let tracker = rig.start().await;
    tracker.signal(Signal::USR1);
    logged(&tracker, "cannot write the restart file").await;
    tracker.client(member, 1).on(hash).announce().await;
    assert!(tracker.stop().await.success());
}

#[tokio::test]
async fn a_stopped_file_that_could_not_be_renamed_is_not_exact_later() {
    let rig = TrackerRig::new().await;
    let (stopped, running) = (name(&rig, ".stopped"), name(&rig, ".running"));
    fs::write(&stopped, file_of(1, 1, 3)).expect("a file");
    // A file cannot be renamed to a folder's name.
    fs::create_dir_all(running.join("in the way")).expect("a folder");
    let tracker = rig.start().await;
    logged(&tracker, "cannot take the restart file over").await;
    assert!(stopped.exists());
    fs::remove_dir_all(&running).expect("a folder");
    copy(&rig, &tracker).await;
    eventually("the old file is gone", async || (!stopped.exists()).then_some(())).await;
    kill(tracker).await;
}
