//! Seconds of a member who seeds with several clients.

use bt::announce::Event;
use bt::swarm::{Announcement, Swarm};

use super::{Bench, client, leecher, seeder};

impl Bench {
    /// Seconds that an announce of the first member's client adds.
    fn seeded(&mut self, now: u32, identity: u32) -> u32 {
        self.now = now;
        self.announce(&client(identity, seeder(1))).seeded
    }
}

#[test]
fn two_clients_of_a_member_seed_each_second_once() {
    let mut bench = Bench::new();
    let seeded: u32 = (0..=3600).step_by(600).map(|now| bench.seeded(now, 1) + bench.seeded(now, 2)).sum();
    assert_eq!(seeded, 3600);
    assert_eq!(bench.announce(&seeder(2)).seeded, 0);
    bench.now = 4000;
    assert_eq!(bench.announce(&seeder(2)).seeded, 400, "another member has seconds of its own");
}

#[test]
fn a_client_that_comes_and_goes_costs_the_other_no_second() {
    let mut bench = Bench::new();
    assert_eq!(bench.seeded(0, 1), 0);
    assert_eq!(bench.seeded(900, 2), 0);
    bench.now = 950;
    let stopped = Announcement { event: Event::Stopped, ..seeder(1) };
    assert_eq!(bench.announce(&client(2, stopped)).seeded, 50);
    assert_eq!(bench.seeded(1000, 3), 0);
    assert_eq!(bench.seeded(1100, 3), 100);
    assert_eq!(bench.seeded(1800, 1), 1650, "all but what the others were accounted for");
    assert_eq!(bench.seeded(2000, 3), 200);
    assert_eq!(bench.seeded(2000, 1), 0);
}

#[test]
fn a_client_that_died_takes_its_own_seconds_only() {
    let mut bench = Bench::new();
    bench.seeded(0, 1);
    bench.seeded(100, 2);
    assert_eq!(bench.seeded(500, 2), 400);
    bench.swarm.expire(500, 450, usize::MAX);
    assert_eq!(bench.seeded(900, 2), 400);
}

#[test]
fn seconds_of_a_client_that_lacks_something_are_its_own() {
    let mut bench = Bench::new();
    bench.seeded(0, 1);
    let other = client(2, leecher(1));
    bench.announce(&other);
    bench.now = 100;
    assert_eq!(bench.announce(&other).leeched, 100);
    assert_eq!(bench.seeded(100, 1), 100);
}

#[test]
fn seconds_that_another_client_was_accounted_for_are_known_after_a_restart() {
    let mut bench = Bench::new();
    bench.seeded(0, 1);
    bench.seeded(100, 2);
    assert_eq!(bench.seeded(500, 2), 400);
    let stored: Vec<_> = bench.swarm.export(0, 9, 500).collect();
    bench.swarm = Swarm::new(0);
    for peer in &stored {
        assert!(bench.swarm.restore(peer, 500, true));
    }
    assert_eq!(bench.seeded(600, 1), 200);
    assert_eq!(bench.seeded(600, 2), 0);
}
