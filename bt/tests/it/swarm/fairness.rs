//! Windows are fair: each peer that may be given is given equally often.

use bt::announce::Event;
use bt::swarm::Announcement;

use super::{SwarmRig, endpoint, leecher, seeder};

const WANTED: u32 = 10;

/// Announces `asker` again and again and says how often each of `bins` came first, and how often it was given at all.
/// `bin` tells an endpoint's bin.
fn count(
    rig: &mut SwarmRig,
    asker: &Announcement,
    rounds: u32,
    bins: usize,
    bin: impl Fn(&[u8]) -> usize,
) -> (Vec<u32>, Vec<u32>) {
    let (mut first, mut given) = (vec![0; bins], vec![0; bins]);
    for _ in 0..rounds {
        rig.announce(asker);
        let (wires, length) =
            if asker.endpoint.is_ipv4() { (rig.peers.v4(), 6) } else { (rig.peers.v6(), 18) };
        assert_eq!(wires.len(), WANTED as usize * length);
        first[bin(&wires[..length])] += 1;
        for wire in wires.chunks(length) {
            given[bin(wire)] += 1;
        }
    }
    (first, given)
}

/// The sum of squares that says how far numbers that should be alike are from that.
fn chi_square(numbers: &[u32]) -> f64 {
    let sum: u32 = numbers.iter().sum();
    let expected = f64::from(sum) / f64::from(u32::try_from(numbers.len()).expect("few"));
    numbers.iter().map(|&seen| (f64::from(seen) - expected).powi(2) / expected).sum()
}

/// 40 others, of whom every fourth is a seeder, and amid them the asker, where a window may begin before or after it.
fn crowd(asker: &Announcement, place: impl Fn(Announcement) -> Announcement) -> SwarmRig {
    let mut rig = SwarmRig::new();
    for member in 0..40 {
        if member == 20 {
            rig.announce(asker);
        }
        rig.announce(&place(if member % 4 == 0 { seeder(member) } else { leecher(member) }));
    }
    rig
}

#[test]
fn leechers_are_given_everybody_alike() {
    let asker = Announcement { numwant: WANTED, ..leecher(40) };
    let mut rig = crowd(&asker, |it| it);
    let (first, given) = count(&mut rig, &asker, 20_000, 40, |wire| wire[3].into());
    // 39 degrees of freedom: 99.9 % are below 72.05.
    assert!(chi_square(&first) < 72.05, "{first:?}");
    // Each is in a quarter of all windows: 5,000 times, with a standard deviation of 61.
    assert!(given.iter().all(|seen| seen.abs_diff(5000) < 250), "{given:?}");
}

#[test]
fn seeders_are_given_all_leechers_alike() {
    let asker = Announcement { numwant: WANTED, ..seeder(40) };
    let mut rig = crowd(&asker, |it| it);
    let leecher_number = |wire: &[u8]| usize::from(wire[3]) - usize::from(wire[3]) / 4 - 1;
    let (first, given) = count(&mut rig, &asker, 18_000, 30, leecher_number);
    // 29 degrees of freedom: 99.9 % are below 58.30.
    assert!(chi_square(&first) < 58.30, "{first:?}");
    // Each is in a third of all windows: 6,000 times, with a standard deviation of 63.
    assert!(given.iter().all(|seen| seen.abs_diff(6000) < 250), "{given:?}");
}

#[test]
fn windows_of_ipv6_are_fair() {
    let over_v6 = |it: Announcement| {
        let text = format!("[2001:db8::{:x}]:6881", it.member);
        Announcement { endpoint: endpoint(&text), ..it }
    };
    for asker in [leecher(40), seeder(40)] {
        let asker = over_v6(Announcement { numwant: WANTED, ..asker });
        let mut rig = crowd(&asker, over_v6);
        let of_seeder = asker.left == Some(0);
        let number = |wire: &[u8]| {
            let member = usize::from(wire[15]);
            if of_seeder { member - member / 4 - 1 } else { member }
        };
        let (bins, limit) = if of_seeder { (30, 58.30) } else { (40, 72.05) };
        let (first, given) = count(&mut rig, &asker, 12_000, bins, number);
        assert!(chi_square(&first) < limit, "{first:?}");
        let each = 120_000 / u32::try_from(bins).expect("few");
        assert!(given.iter().all(|seen| seen.abs_diff(each) < 250), "{given:?}");
    }
}

/// More peers than one table holds: where a window begins is drawn among all of them.
#[test]
fn windows_of_a_large_swarm_are_fair() {
    const PEERS: u32 = 10_000;
    for asker in [leecher(PEERS), seeder(PEERS)] {
        let asker = Announcement { numwant: WANTED, ..asker };
        let mut rig = SwarmRig::new();
        for member in 0..PEERS {
            let of_seeder = Announcement { event: Event::Completed, ..seeder(member) };
            rig.announce(&if member % 2 == 0 { of_seeder } else { leecher(member) });
        }
        rig.announce(&asker);
        // 50 bins of 200 members each, leechers and seeders alike.
        let bin = |wire: &[u8]| (usize::from(wire[2]) << 8 | usize::from(wire[3])) / 2 % 50;
        let (first, given) = count(&mut rig, &asker, 20_000, 50, bin);
        // 49 degrees of freedom: 99.9 % are below 85.35.
        assert!(chi_square(&first) < 85.35, "{first:?}");
        // Neighbours in a window are of unlike bins: no worse than if each were drawn by itself.
        assert!(chi_square(&given) < 85.35, "{given:?}");
    }
}
