//! Sessions: late announces, clients that crashed, clients that share an endpoint.

use bt::announce::Event;
use bt::swarm::Announcement;

use super::{SwarmRig, counts, endpoint, leecher, seeder};

/// What a leecher with an endpoint says, and when.
fn at(uploaded: u64, downloaded: u64) -> Announcement {
    Announcement { uploaded, downloaded, ..leecher(1) }
}

fn started(of: Announcement) -> Announcement {
    Announcement { event: Event::Started, ..of }
}

fn over_v6(of: Announcement) -> Announcement {
    Announcement { endpoint: endpoint("[2001:db8::1]:6881"), ..of }
}

impl SwarmRig {
    /// The bytes that an announce adds a second later.
    fn grown(&mut self, announcement: &Announcement) -> (u64, u64) {
        self.now += 1;
        let outcome = self.announce(announcement);
        (outcome.uploaded, outcome.downloaded)
    }
}

#[test]
fn only_growth_within_a_session_is_accounted() {
    let mut rig = SwarmRig::new();
    assert_eq!(rig.grown(&at(1000, 500)), (0, 0), "what was before we knew it is not ours to count");
    assert_eq!(rig.grown(&at(1000, 500)), (0, 0));
    assert_eq!(rig.grown(&at(1700, 501)), (700, 1));
    let most = (1 << 48) - 1;
    assert_eq!(rig.grown(&at(u64::MAX, u64::MAX)), (most - 1700, most - 501));
    let last = Announcement { event: Event::Stopped, ..at(u64::MAX, u64::MAX) };
    assert_eq!(rig.grown(&last), (0, 0));
}

#[test]
fn a_late_announce_makes_nothing_count_twice() {
    let mut rig = SwarmRig::new();
    rig.announce(&at(0, 0));
    assert_eq!(rig.grown(&at(1000, 800)), (1000, 800));
    for late in [at(500, 400), at(1000, 400), at(0, 0), started(over_v6(at(0, 0)))] {
        rig.now += 119;
        assert_eq!(rig.grown(&late), (0, 0));
    }
    assert_eq!(rig.grown(&at(1500, 800)), (500, 0));
    assert_eq!(rig.grown(&at(900, 900)), (0, 100), "each counter by itself");
    assert_eq!(rig.grown(&at(1600, 900)), (100, 0));
}

/// A client with both families whose IPv6 is slow.
#[test]
fn the_late_half_of_a_pair_joins_the_session_that_runs() {
    let mut rig = SwarmRig::new();
    let completed = Announcement { event: Event::Completed, left: Some(0), ..at(10, 4000) };
    rig.announce(&started(at(0, 0)));
    rig.now = 1;
    assert_eq!(rig.announce(&completed).downloaded, 4000);
    let late = rig.announce(&over_v6(started(at(0, 0))));
    assert_eq!((late.downloaded, late.left, late.after), (0, 0, counts(1, 0, 0, 0)));
    let last = rig.announce(&over_v6(completed));
    assert_eq!((last.uploaded, last.downloaded, last.snatched), (0, 0, false));
    assert_eq!(rig.only().downloaded, 4000);
}

#[test]
fn a_client_that_starts_again_counts_from_there() {
    let mut rig = SwarmRig::new();
    rig.announce(&started(at(0, 0)));
    rig.announce(&started(over_v6(at(0, 0))));
    assert_eq!(rig.grown(&at(1000, 0)), (1000, 0));
    rig.now = 10;
    let again = rig.announce(&started(at(0, 0)));
    assert_eq!((again.known, again.uploaded, again.leeched, rig.only().v6), (true, 0, 0, None));
    assert_eq!(rig.grown(&at(300, 0)), (300, 0));
    assert_eq!(rig.grown(&started(over_v6(at(0, 0)))), (0, 0), "its other half is late again");
    assert_eq!(rig.grown(&at(400, 0)), (100, 0));
    assert_eq!(rig.grown(&started(at(500, 0))), (100, 0), "the answer to the first was lost");
}

#[test]
fn a_client_that_does_not_say_so_starts_again_when_nothing_can_be_late() {
    let mut rig = SwarmRig::new();
    rig.announce(&at(1000, 1000));
    rig.now = 121;
    let outcome = rig.announce(&at(0, 2000));
    assert_eq!((outcome.uploaded, outcome.downloaded, outcome.leeched), (0, 0, 121));
    assert_eq!(rig.grown(&at(50, 2001)), (50, 1));
}

#[test]
fn a_seeder_does_not_become_a_leecher_by_a_late_announce() {
    let mut rig = SwarmRig::new();
    rig.announce(&seeder(1));
    let late = Announcement { event: Event::Paused, left: Some(100_000), ..at(0, 0) };
    rig.now = 120;
    let outcome = rig.announce(&late);
    assert_eq!((outcome.seeded, outcome.left, outcome.after), (120, 0, counts(1, 0, 0, 0)));
    let moved = Announcement { downloaded: 1, ..late };
    assert_eq!(rig.announce(&moved).after, counts(0, 1, 0, 0), "what grew is not late");
    rig.announce(&Announcement { left: Some(0), ..moved });
    let again = Announcement { event: Event::Started, ..moved };
    assert_eq!(rig.announce(&again).after, counts(0, 1, 1, 0), "started anew with other files");
}

/// `WebTorrent`'s counters are 0 then, and it lacks 16 KiB.
#[test]
fn a_stop_without_counters_leaves_what_was_known() {
    for idle in [5, 1800] {
        let mut rig = SwarmRig::new();
        let seeding = Announcement { uploaded: 1000, downloaded: 4000, ..seeder(1) };
        rig.announce(&seeding);
        rig.now = idle;
        let stopped = Announcement { event: Event::Stopped, left: Some(16_384), ..at(0, 0) };
        let outcome = rig.announce(&stopped);
        assert_eq!((outcome.uploaded, outcome.downloaded, outcome.clamped), (0, 0, false));
        assert_eq!((outcome.left, outcome.seeded, outcome.snatched), (0, idle, false));
        rig.announce(&seeder(2));
        let outcome = rig.announce(&Announcement { member: 2, ..stopped });
        assert_eq!(outcome.left, 0, "also where nothing had been moved");
    }
}

#[test]
fn a_late_announce_of_a_partial_seed_changes_nothing() {
    let mut rig = SwarmRig::new();
    rig.announce(&at(0, 0));
    let paused = Announcement { event: Event::Paused, ..at(5, 5) };
    assert_eq!(rig.announce(&paused).after, counts(0, 1, 0, 0));
    assert_eq!(rig.announce(&at(0, 0)).after, counts(0, 1, 0, 0));
    assert_eq!(rig.announce(&at(5, 6)).after, counts(0, 1, 1, 0));
}

#[test]
fn a_late_announce_after_an_inexact_restart_is_no_baseline() {
    let mut rig = SwarmRig::new();
    rig.announce(&at(1000, 0));
    let stored: Vec<_> = rig.swarm.export(0, 9, 0).collect();
    rig.swarm = bt::swarm::Swarm::new(0);
    assert!(rig.swarm.restore(&stored[0], 0, false));
    assert_eq!(rig.grown(&at(500, 0)), (0, 0));
    assert_eq!(rig.grown(&at(1100, 0)), (100, 0));
}

#[test]
fn a_client_that_died_and_was_restarted_is_one_peer_and_is_not_told_of_itself() {
    let mut rig = SwarmRig::new();
    rig.announce(&leecher(1));
    let again = Announcement { identity: 2, ..started(leecher(1)) };
    rig.announce(&Announcement { event: Event::Stopped, ..again });
    assert_eq!(rig.swarm.counts(), counts(0, 1, 1, 0), "whoever was never here stops nobody");
    rig.announce(&again);
    assert!(rig.peers.v4().is_empty());
    assert_eq!(rig.swarm.counts(), counts(0, 1, 1, 0), "the one that died is forgotten");
    rig.announce(&over_v6(Announcement { identity: 3, ..again }));
    rig.announce(&over_v6(Announcement { identity: 4, ..again }));
    assert_eq!(rig.swarm.counts(), counts(0, 2, 2, 0), "over IPv6 as well");
    rig.announce(&Announcement { identity: 4, event: Event::Stopped, ..again });
    let other = Announcement { member: 2, ..again };
    rig.announce(&other);
    assert_eq!(rig.peers.v4().len(), 6, "another member behind that endpoint is told");
}

#[test]
fn two_clients_of_a_member_behind_one_address_and_port_are_both_accounted() {
    let mut rig = SwarmRig::new();
    for round in 0..5 {
        for identity in [1, 2] {
            rig.now = 60 * round;
            let of = Announcement { identity, uploaded: u64::from(round) * 100, ..seeder(1) };
            let outcome = rig.announce(&of);
            // The member's seconds count once.
            let expected = (100 * u64::from(round.min(1)), if identity == 1 { 60 * round.min(1) } else { 0 });
            assert_eq!((outcome.uploaded, outcome.seeded), expected);
        }
    }
    assert_eq!(rig.swarm.counts(), counts(2, 0, 0, 0));
    rig.announce(&Announcement { identity: 3, ..leecher(1) });
    assert!(rig.peers.v4().is_empty(), "none of them could reach another there");
    rig.announce(&leecher(2));
    assert_eq!(rig.peers.v4().len(), 3 * 6);
}
