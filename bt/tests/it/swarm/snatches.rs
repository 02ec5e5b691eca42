//! Which announces finish a download.

use bt::announce::Event;
use bt::swarm::{Announcement, Claims, Swarm};

use super::{SwarmRig, counts, leecher, seeder};

/// Has fetched all there is.
fn got_all(member: u32) -> Announcement {
    Announcement { downloaded: 1, ..seeder(member) }
}

fn completed(of: Announcement) -> Announcement {
    Announcement { event: Event::Completed, ..of }
}

#[test]
fn a_download_is_finished_once_however_often_it_is_said() {
    let mut rig = SwarmRig::new();
    rig.announce(&leecher(1));
    assert!(rig.announce(&completed(got_all(1))).snatched);
    assert!(!rig.announce(&completed(got_all(1))).snatched, "announced over the other family, or repeated");
    rig.now = 121;
    assert_eq!(rig.announce(&Announcement { left: Some(1), ..got_all(1) }).after, counts(0, 1, 1, 0));
    assert!(!rig.announce(&completed(got_all(1))).snatched, "a recheck in between");
}

#[test]
fn a_finished_download_is_inferred_from_left() {
    let mut rig = SwarmRig::new();
    rig.announce(&leecher(1));
    assert!(rig.announce(&got_all(1)).snatched);
    assert!(!rig.announce(&completed(got_all(1))).snatched);
    rig.announce(&leecher(2));
    assert!(rig.announce(&Announcement { event: Event::Stopped, ..got_all(2) }).snatched);
    assert!(!rig.announce(&seeder(3)).snatched, "came as a seeder");
    rig.announce(&Announcement { downloaded: 1, ..leecher(4) });
    assert!(rig.announce(&got_all(4)).snatched, "what it fetched last was checked later");
}

/// `CTorrent` announces before it has checked what it has.
#[test]
fn what_is_found_on_the_disk_is_no_finished_download() {
    let mut rig = SwarmRig::new();
    rig.announce(&leecher(1));
    assert!(!rig.announce(&seeder(1)).snatched);
    rig.announce(&leecher(2));
    assert!(!rig.announce(&completed(seeder(2))).snatched);
    // WebTorrent counts what it finds as downloaded.
    rig.announce(&got_all(3));
    rig.now = 121;
    rig.announce(&Announcement { left: Some(1), ..got_all(3) });
    assert!(!rig.announce(&got_all(3)).snatched, "checked again");
}

#[test]
fn completed_is_a_claim_where_nothing_is_known_of_the_peer_unless_something_is_left() {
    let mut rig = SwarmRig::new();
    let outcome = rig.announce(&completed(seeder(1)));
    assert_eq!((outcome.claimed, outcome.snatched), (true, false));
    assert!(!rig.announce(&completed(seeder(1))).claimed);
    assert!(!rig.announce(&completed(leecher(2))).claimed);
    rig.announce(&got_all(3));
    assert!(!rig.announce(&completed(got_all(3))).claimed, "it was here with everything");
}

#[test]
fn claims_count_after_a_moment_unless_the_same_peer_starts() {
    let (mut rig, mut claims) = (SwarmRig::new(), Claims::default());
    let mut observe = |claims: &mut Claims, torrent, announcement: Announcement| {
        let mut outcome = rig.announce(&announcement);
        claims.observe(torrent, &announcement, &mut outcome, 100);
        outcome.snatched
    };
    for member in 1..=4 {
        assert!(!observe(&mut claims, 7, completed(seeder(member))));
    }
    assert!(!observe(&mut claims, 7, completed(seeder(1))), "over its other family");
    assert!(!observe(&mut claims, 7, Announcement { event: Event::Started, ..seeder(2) }));
    assert!(observe(&mut claims, 7, Announcement { event: Event::Stopped, ..seeder(3) }));
    assert!(!observe(&mut claims, 8, Announcement { event: Event::Started, ..seeder(4) }), "another torrent");
    let due = |claims: &mut Claims, now| {
        let mut members = Vec::new();
        claims.take_due(now, |claim| members.push(claim.member));
        members.sort_unstable();
        members
    };
    assert_eq!(due(&mut claims, 99 + Claims::WAIT), []);
    assert_eq!(due(&mut claims, 100 + Claims::WAIT), [1, 4]);
    assert_eq!(due(&mut claims, 1000), []);
}

#[test]
fn more_claims_than_can_wait_count_at_once() {
    let (mut rig, mut claims) = (SwarmRig::new(), Claims::default());
    let mut at_once = 0;
    for member in 0..300 {
        let announcement = completed(seeder(member));
        let mut outcome = rig.announce(&announcement);
        claims.observe(1, &announcement, &mut outcome, 0);
        at_once += u32::from(outcome.snatched);
    }
    let mut waiting = 0;
    claims.take_all(|_| waiting += 1);
    assert_eq!((at_once, waiting), (300 - 256, 256));
}

#[test]
fn snatches_are_what_the_swarm_is_told() {
    let mut rig = SwarmRig::new();
    rig.swarm = Swarm::new(5);
    rig.announce(&leecher(1));
    let outcome = rig.announce(&got_all(1));
    assert_eq!((outcome.snatched, outcome.after), (true, counts(1, 0, 0, 5)));
    rig.swarm.set_snatched(6);
    assert_eq!(rig.swarm.counts(), counts(1, 0, 0, 6));
}
