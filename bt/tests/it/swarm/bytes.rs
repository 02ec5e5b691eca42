//! The share of claimed bytes that counts.

use bt::announce::Event;
use bt::swarm::{Announcement, Budget, MemberRate, Outcome};

use super::{SwarmRig, client, leecher, seeder};

#[test]
fn more_than_can_be_moved_is_cut_and_said() {
    let mut rig = SwarmRig::new();
    rig.rules.bytes_per_second = 1000;
    let at = |uploaded, downloaded| Announcement { uploaded, downloaded, ..leecher(1) };
    rig.announce(&at(0, 0));
    rig.now = 10;
    let outcome = rig.announce(&at(10_000, 10_001));
    assert_eq!((outcome.uploaded, outcome.downloaded, outcome.clamped), (10_000, 10_000, true));
    let outcome = rig.announce(&at(11_000, 10_001));
    assert_eq!(
        (outcome.uploaded, outcome.downloaded, outcome.clamped),
        (1000, 0, false),
        "of a second that is not over"
    );
    rig.now = 11;
    let outcome = rig.announce(&at(20_000, 10_002));
    assert_eq!((outcome.uploaded, outcome.downloaded, outcome.clamped), (1000, 1, true));
    rig.now = 20;
    let outcome = rig.announce(&at(20_000, 10_002));
    assert_eq!((outcome.uploaded, outcome.clamped), (0, false), "what was cut is not made up for later");
}

#[test]
fn announces_within_one_second_have_one_second_together() {
    let mut rig = SwarmRig::new();
    rig.now = 5;
    rig.announce(&seeder(1));
    let claim = |number: u64| Announcement { uploaded: number * 1_000_000_000, ..seeder(1) };
    rig.rules.bytes_per_second = 1_250_000_000;
    let outcomes: Vec<_> = (1..=100).map(|number| rig.announce(&claim(number))).collect();
    let sum: u64 = outcomes.iter().map(|it| it.uploaded).sum();
    assert!((1_249_900_000..=1_250_000_000).contains(&sum), "{sum}");
    assert!(outcomes.iter().any(|it| it.clamped));
    rig.now = 6;
    let outcome = rig.announce(&claim(101));
    assert_eq!((outcome.uploaded, outcome.clamped), (1_250_000_000, true));
}

#[test]
fn no_spacing_of_announces_gives_more_than_the_rate_and_one_second() {
    for spacing in 1..=20 {
        let mut rig = SwarmRig::new();
        rig.rules.bytes_per_second = 1 << 20;
        let mut sum = 0;
        for number in 0..200_u32 {
            rig.now = number * spacing / 10;
            let claim = Announcement { uploaded: u64::from(number) << 24, ..seeder(1) };
            sum += rig.announce(&claim).uploaded;
            assert!(sum <= u64::from(rig.now + 1) << 20, "{sum} after {} s", rig.now);
        }
        assert!(sum >= u64::from(rig.now) << 20, "and no less");
    }
}

#[test]
fn bytes_count_in_the_second_of_the_announce_before() {
    let mut rig = SwarmRig::new();
    let at = |uploaded, downloaded| Announcement { uploaded, downloaded, ..leecher(1) };
    rig.announce(&at(0, 0));
    let outcome = rig.announce(&at(300, 20));
    assert_eq!((outcome.uploaded, outcome.downloaded, outcome.clamped), (300, 20, false));
    let outcome = rig.announce(&Announcement { event: Event::Stopped, ..at(500, 30) });
    assert_eq!((outcome.uploaded, outcome.downloaded, outcome.clamped), (200, 10, false));
}

#[test]
fn what_others_have_used_up_of_a_second_waits_for_the_next_announce() {
    let mut rig = SwarmRig::new();
    rig.rules.bytes_per_second = 1 << 20;
    let claim = |member, uploaded| Announcement { uploaded, ..seeder(member) };
    rig.announce(&claim(1, 0));
    rig.announce(&claim(2, 0));
    assert_eq!(rig.announce(&claim(1, (1 << 20) - 65_536)).uploaded, (1 << 20) - 65_536);
    let outcome = rig.announce(&claim(2, 100_000));
    assert_eq!((outcome.uploaded, outcome.clamped), (65_536, false));
    rig.now = 2;
    let outcome = rig.announce(&claim(2, 100_001));
    assert_eq!((outcome.uploaded, outcome.clamped), (100_001 - 65_536, false));
}

#[test]
fn starting_and_stopping_within_a_second_gives_all_peers_one_second_together() {
    let mut rig = SwarmRig::new();
    rig.rules.bytes_per_second = 1 << 20;
    let mut sums = [0; 2];
    for (second, sum) in (0..).zip(&mut sums) {
        rig.now = second;
        for round in 0..50 {
            let peer = Announcement { identity: round, ..seeder(round % 3) };
            rig.announce(&peer);
            let stopped = Announcement { event: Event::Stopped, uploaded: 1 << 18, ..peer };
            let outcome = rig.announce(&stopped);
            assert_eq!(outcome.clamped, round > 3);
            *sum += outcome.uploaded;
        }
    }
    assert_eq!(sums, [1 << 20; 2]);
}

#[test]
fn a_member_is_accounted_for_no_more_than_its_rate_with_all_peers_together() {
    let (mut rig, budget) = (SwarmRig::new(), Budget::default());
    let rate = MemberRate { bytes_per_second: 1000, window: 10 };
    let mut sum = 0;
    for second in 0..100 {
        rig.now = second;
        for identity in 0..5 {
            let of = Announcement { identity, uploaded: u64::from(second) * 500, ..seeder(1) };
            let mut outcome = rig.announce(&client(identity, of));
            let claimed = outcome.uploaded;
            budget.spend(&mut outcome, rate, second);
            assert_eq!(outcome.clamped, outcome.uploaded < claimed);
            sum += outcome.uploaded;
        }
        assert!(sum <= 1000 * u64::from(second + 10), "{sum} after {second} s");
    }
    assert_eq!(sum, 1000 * (98 + 10), "and no less");
}

#[test]
fn a_member_below_its_rate_is_accounted_for_everything() {
    let (budget, rate) = (Budget::default(), MemberRate { bytes_per_second: 1000, window: 3000 });
    let mut rig = SwarmRig::new();
    let outcome = rig.announce(&leecher(1));
    for second in (1800..100_000).step_by(1800) {
        for _ in 0..3 {
            let mut claim = Outcome { uploaded: 200 * 1800, downloaded: 133 * 1800, ..outcome };
            budget.spend(&mut claim, rate, second);
            assert_eq!((claim.uploaded, claim.downloaded, claim.clamped), (200 * 1800, 133 * 1800, false));
        }
    }
    let mut claim = Outcome { uploaded: u64::MAX, downloaded: 1000, ..outcome };
    budget.spend(&mut claim, rate, 100_000);
    assert_eq!((claim.downloaded, claim.clamped), (1000, true), "what was received is believed first");
    let mut claim = Outcome { uploaded: u64::MAX, ..outcome };
    let unlimited = MemberRate { bytes_per_second: u64::MAX, window: u32::MAX };
    Budget::default().spend(&mut claim, unlimited, u32::MAX);
    assert_eq!((claim.uploaded, claim.clamped), (u64::MAX, false));
}
