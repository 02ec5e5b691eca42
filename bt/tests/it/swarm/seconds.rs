//! Seconds of a member who seeds with several clients.

use bt::announce::Event;
use bt::swarm::{Announcement, Swarm};

use super::{SwarmRig, client, leecher, seeder};

impl SwarmRig {
    /// Seconds that an announce of the first member's client adds.
    fn seeded(&mut self, now: u32, identity: u32) -> u32 {
        self.now = now;
        self.announce(&client(identity, seeder(1))).seeded
    }
}

#[test]
fn two_clients_of_a_member_seed_each_second_once() {
    let mut rig = SwarmRig::new();
    let seeded: u32 = (0..=3600).step_by(600).map(|now| rig.seeded(now, 1) + rig.seeded(now, 2)).sum();
    assert_eq!(seeded, 3600);
    assert_eq!(rig.announce(&seeder(2)).seeded, 0);
    rig.now = 4000;
    assert_eq!(rig.announce(&seeder(2)).seeded, 400, "another member has seconds of its own");
}

#[test]
fn a_client_that_comes_and_goes_costs_the_other_no_second() {
    let mut rig = SwarmRig::new();
    assert_eq!(rig.seeded(0, 1), 0);
    assert_eq!(rig.seeded(900, 2), 0);
    rig.now = 950;
    let stopped = Announcement { event: Event::Stopped, ..seeder(1) };
    assert_eq!(rig.announce(&client(2, stopped)).seeded, 50);
    assert_eq!(rig.seeded(1000, 3), 0);
    assert_eq!(rig.seeded(1100, 3), 100);
    assert_eq!(rig.seeded(1800, 1), 1650, "all but what the others were accounted for");
    assert_eq!(rig.seeded(2000, 3), 200);
    assert_eq!(rig.seeded(2000, 1), 0);
}

#[test]
fn a_client_that_died_takes_its_own_seconds_only() {
    let mut rig = SwarmRig::new();
    rig.seeded(0, 1);
    rig.seeded(100, 2);
    assert_eq!(rig.seeded(500, 2), 400);
    rig.swarm.expire(500, 450, usize::MAX);
    assert_eq!(rig.seeded(900, 2), 400);
}

#[test]
fn seconds_of_a_client_that_lacks_something_are_its_own() {
    let mut rig = SwarmRig::new();
    rig.seeded(0, 1);
    let other = client(2, leecher(1));
    rig.announce(&other);
    rig.now = 100;
    assert_eq!(rig.announce(&other).leeched, 100);
    assert_eq!(rig.seeded(100, 1), 100);
}

#[test]
fn seconds_that_another_client_was_accounted_for_are_known_after_a_restart() {
    let mut rig = SwarmRig::new();
    rig.seeded(0, 1);
    rig.seeded(100, 2);
    assert_eq!(rig.seeded(500, 2), 400);
    let stored: Vec<_> = rig.swarm.export(0, 9, 500).collect();
    rig.swarm = Swarm::new(0);
    for peer in &stored {
        assert!(rig.swarm.restore(peer, 500, true));
    }
    assert_eq!(rig.seeded(600, 1), 200);
    assert_eq!(rig.seeded(600, 2), 0);
}
