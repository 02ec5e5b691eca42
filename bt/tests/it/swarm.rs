//! Swarms: counts, accounting, and the peers in answers.

mod bytes;
mod fairness;
mod model;
mod properties;
mod seconds;
mod sessions;
mod snatches;

use std::net::SocketAddr;

use bt::announce::Event;
use bt::swarm::{Announcement, Clients, Counts, Outcome, PeerBuffer, Rules, Swarm};
use bt::{Peer, PeerState};

/// A swarm with its buffer, clock and random source.
struct SwarmRig {
    swarm: Swarm,
    clients: Clients,
    rules: Rules,
    peers: PeerBuffer,
    now: u32,
    rng: fastrand::Rng,
}

impl SwarmRig {
    fn new() -> Self {
        let rng = fastrand::Rng::with_seed(7);
        Self {
            swarm: Swarm::new(0),
            clients: Clients::default(),
            rules: Rules { peers_per_member: 10, bytes_per_second: u64::MAX },
            peers: PeerBuffer::default(),
            now: 0,
            rng,
        }
    }

    fn announce(&mut self, announcement: &Announcement) -> Outcome {
        let Self { swarm, clients, rules, peers, now, rng } = self;
        swarm.announce(announcement, rules, *now, rng, |client| clients.intern(client), peers)
    }

    fn only(&self) -> Peer {
        let peers: Vec<Peer> = self.swarm.peers(self.now, &self.clients).collect();
        let [peer] = peers.as_slice() else { panic!("{} peers", peers.len()) };
        peer.clone()
    }
}

fn endpoint(text: &str) -> SocketAddr {
    text.parse().expect("an endpoint")
}

/// One of several clients of a member: each listens on a port of its own.
fn client(identity: u32, of: Announcement) -> Announcement {
    let port = 1000 + u16::try_from(identity).expect("few");
    Announcement { identity, endpoint: (of.endpoint.ip(), port).into(), ..of }
}

/// A leecher with one byte left, at an endpoint of its own.
fn leecher(member: u32) -> Announcement {
    let [_, b, c, d] = member.to_be_bytes();
    Announcement {
        member,
        identity: 1,
        client: *b"-qB5040-",
        endpoint: ([10, b, c, d], 6881).into(),
        uploaded: 0,
        downloaded: 0,
        left: Some(1),
        event: Event::None,
        numwant: 50,
    }
}

fn seeder(member: u32) -> Announcement {
    Announcement { left: Some(0), ..leecher(member) }
}

fn counts(seeders: u32, leechers: u32, downloaders: u32, snatched: u32) -> Counts {
    Counts { seeders, leechers, downloaders, snatched }
}

#[test]
fn roles_are_counted_as_they_change() {
    let mut rig = SwarmRig::new();
    let first = rig.announce(&leecher(1));
    assert_eq!((first.before, first.after), (counts(0, 0, 0, 0), counts(0, 1, 1, 0)));
    assert_eq!(rig.announce(&seeder(2)).after, counts(1, 1, 1, 0));
    let paused = Announcement { event: Event::Paused, ..leecher(1) };
    assert_eq!(rig.announce(&paused).after, counts(1, 1, 0, 0));
    assert_eq!(rig.announce(&paused).after, counts(1, 1, 0, 0));
    assert_eq!(rig.announce(&leecher(1)).after, counts(1, 1, 1, 0));
    rig.now = 121;
    assert_eq!(rig.announce(&leecher(2)).after, counts(0, 2, 2, 0), "a recheck found a fault");
    assert_eq!(rig.announce(&paused).after, counts(0, 2, 1, 0));
    let stopped = Announcement { event: Event::Stopped, ..leecher(1) };
    assert_eq!(rig.announce(&stopped).after, counts(0, 1, 1, 0));
    assert_eq!(rig.announce(&stopped).after, counts(0, 1, 1, 0), "an unknown peer may leave");
    assert!(!rig.swarm.is_empty());
}

#[test]
fn a_paused_peer_with_everything_is_a_seeder() {
    let mut rig = SwarmRig::new();
    let paused = Announcement { event: Event::Paused, ..seeder(1) };
    assert_eq!(rig.announce(&paused).after, counts(1, 0, 0, 0));
    assert_eq!(rig.only().state, PeerState::Seeder);
}

#[test]
fn a_partial_seed_that_leaves_or_expires_is_forgotten() {
    let mut rig = SwarmRig::new();
    let paused = Announcement { event: Event::Paused, ..leecher(1) };
    rig.announce(&paused);
    rig.announce(&Announcement { event: Event::Stopped, left: Some(0), ..leecher(1) });
    rig.announce(&paused);
    rig.now = 11;
    assert_eq!(rig.swarm.expire(11, 10, usize::MAX), 1);
    assert_eq!(rig.swarm.counts(), counts(0, 0, 0, 0));
}

#[test]
fn seconds_are_seeded_only_by_a_seeder() {
    let mut rig = SwarmRig::new();
    rig.announce(&leecher(1));
    rig.now = 10;
    assert_eq!(rig.announce(&seeder(1)).seeded, 0);
    rig.now = 25;
    assert_eq!(rig.announce(&seeder(1)).seeded, 15);
    assert_eq!(rig.announce(&seeder(1)).seeded, 0);
    rig.now = 26;
    assert_eq!(rig.announce(&Announcement { event: Event::Stopped, ..seeder(1) }).seeded, 1);
    assert_eq!(rig.announce(&Announcement { event: Event::Stopped, ..seeder(1) }).seeded, 0);
}

#[test]
fn a_peer_keeps_an_endpoint_of_each_family() {
    let mut rig = SwarmRig::new();
    let over_v6 = Announcement { endpoint: endpoint("[2001:db8::1]:6881"), ..leecher(1) };
    rig.announce(&over_v6);
    assert_eq!((rig.only().v4, rig.swarm.counts()), (None, counts(0, 1, 1, 0)));
    rig.announce(&leecher(1));
    assert_eq!(rig.swarm.counts(), counts(0, 1, 1, 0), "one peer with two endpoints");
    let peer = rig.only();
    assert_eq!(peer.v4.map(SocketAddr::V4), Some(leecher(1).endpoint));
    assert_eq!(peer.v6.map(SocketAddr::V6), Some(over_v6.endpoint));

    rig.announce(&Announcement { endpoint: endpoint("10.0.0.99:1"), ..seeder(1) });
    let peer = rig.only();
    assert_eq!((peer.v4.map(|v4| v4.port()), peer.v6.map(|v6| v6.port())), (Some(1), Some(6881)));
    rig.announce(&leecher(2));
    assert_eq!((rig.peers.v4().len(), rig.peers.v6().len()), (6, 18));
    rig.announce(&Announcement { event: Event::Stopped, ..over_v6 });
    rig.announce(&leecher(2));
    assert_eq!((rig.peers.v4().len(), rig.peers.v6().len()), (0, 0), "both are gone");
}

#[test]
fn a_mapped_address_is_ipv4() {
    let mut rig = SwarmRig::new();
    rig.announce(&Announcement { endpoint: endpoint("[::ffff:10.0.0.7]:9"), ..leecher(1) });
    let peer = rig.only();
    assert_eq!((peer.v4.map(SocketAddr::V4), peer.v6), (Some(endpoint("10.0.0.7:9")), None));
}

#[test]
fn seeders_are_told_of_leechers_only() {
    let mut rig = SwarmRig::new();
    for member in 1..=3 {
        rig.announce(&seeder(member));
        assert!(rig.peers.v4().is_empty());
    }
    rig.announce(&leecher(4));
    assert_eq!(rig.peers.v4().len(), 3 * 6);
    rig.announce(&seeder(1));
    assert_eq!(rig.peers.v4(), [10, 0, 0, 4, 26, 225]);
    rig.announce(&Announcement { event: Event::Stopped, ..seeder(1) });
    assert!(rig.peers.v4().is_empty(), "whoever leaves needs nobody");
}

#[test]
fn numwant_is_for_both_families_and_the_announced_one_goes_first() {
    let mut rig = SwarmRig::new();
    for member in 1..=5 {
        rig.announce(&leecher(member));
        let v6 = format!("[2001:db8::{member}]:1");
        rig.announce(&Announcement { endpoint: endpoint(&v6), ..leecher(100 + member) });
    }
    let over_v4 = Announcement { numwant: 7, ..leecher(50) };
    rig.announce(&over_v4);
    assert_eq!((rig.peers.v4().len() / 6, rig.peers.v6().len() / 18), (5, 2));
    let over_v6 = Announcement { endpoint: endpoint("[2001:db8::50]:1"), ..over_v4 };
    rig.announce(&over_v6);
    assert_eq!((rig.peers.v4().len() / 6, rig.peers.v6().len() / 18), (2, 5));
    rig.announce(&Announcement { numwant: 0, ..over_v4 });
    assert!(rig.peers.v4().is_empty() && rig.peers.v6().is_empty());
}

#[test]
fn silent_peers_expire_in_bounded_steps() {
    let mut rig = SwarmRig::new();
    for member in 0..100 {
        rig.now = member % 2 * 1000;
        rig.announce(&leecher(member));
    }
    assert_eq!(rig.swarm.expire(1000, 1000, usize::MAX), 0, "exactly as long as allowed");
    let calls = (0..20).map(|_| rig.swarm.expire(1001, 1000, 10)).collect::<Vec<_>>();
    assert!(calls.iter().all(|&removed| removed <= 10));
    assert_eq!(calls.iter().sum::<usize>(), 50);
    assert!(rig.swarm.peers(1001, &rig.clients).all(|peer| peer.member % 2 == 1 && peer.idle == 1));
    assert_eq!(rig.swarm.expire(3000, 1000, usize::MAX), 50);
    assert!(rig.swarm.is_empty());
    assert_eq!(rig.swarm.expire(3000, 1000, usize::MAX), 0);
}

#[test]
fn a_full_sweep_misses_nobody_after_a_partial_one() {
    let mut rig = SwarmRig::new();
    for member in 0..100 {
        rig.now = member % 2 * 1000;
        rig.announce(&leecher(member));
    }
    assert_eq!(rig.swarm.expire(1000, 1000, 60), 0);
    assert_eq!(rig.swarm.expire(1001, 1000, usize::MAX), 50);
}

#[test]
fn a_member_is_removed_with_all_clients() {
    let mut rig = SwarmRig::new();
    for number in 0..40 {
        rig.announce(&client(number, leecher(number % 4)));
    }
    assert_eq!(rig.swarm.remove_member(3), 10);
    assert_eq!(rig.swarm.remove_member(3), 0);
    assert_eq!(rig.swarm.counts(), counts(0, 30, 30, 0));
    assert!(rig.swarm.peers(0, &rig.clients).all(|peer| peer.member != 3));
}

#[test]
fn one_peer_too_many_takes_the_place_of_the_longest_silent() {
    let mut rig = SwarmRig::new();
    rig.rules.peers_per_member = 3;
    for (now, identity) in [(0, 1), (5, 2), (10, 3), (15, 1)] {
        rig.now = now;
        rig.announce(&client(identity, seeder(1)));
        rig.announce(&client(identity, leecher(2)));
    }
    rig.now = 20;
    let outcome = rig.announce(&client(4, Announcement { event: Event::Paused, ..leecher(1) }));
    assert!(!outcome.known);
    assert_eq!((outcome.before, outcome.after), (counts(3, 3, 3, 0), counts(2, 4, 3, 0)));
    let mut here: Vec<u32> =
        rig.swarm.export(0, 10, 20).filter(|it| it.member == 1).map(|it| it.identity).collect();
    here.sort_unstable();
    assert_eq!(here, [1, 3, 4], "the second was silent for longest");
    rig.announce(&Announcement { identity: 5, event: Event::Stopped, ..leecher(1) });
    assert_eq!(rig.swarm.len(), 6, "whoever leaves takes no place");
}

#[test]
fn seconds_are_leeched_until_nothing_is_lacking() {
    let mut rig = SwarmRig::new();
    rig.announce(&leecher(1));
    rig.now = 10;
    let paused = Announcement { event: Event::Paused, ..leecher(1) };
    assert_eq!(rig.announce(&paused).leeched, 10);
    rig.now = 15;
    let outcome = rig.announce(&seeder(1));
    assert_eq!((outcome.leeched, outcome.seeded), (5, 0), "it lacked something until now");
    rig.now = 86_400 + 15;
    let outcome = rig.announce(&Announcement { event: Event::Stopped, left: None, ..leecher(1) });
    assert_eq!((outcome.leeched, outcome.seeded, outcome.left), (0, 86_400, 0));
}

#[test]
fn what_a_peer_lacked_is_kept_in_pieces() {
    let mut rig = SwarmRig::new();
    rig.announce(&Announcement { left: Some(65_537), ..leecher(1) });
    assert_eq!(rig.only().left, 2 * 65_536);
    assert_eq!(rig.announce(&leecher(1)).left, 1, "what is announced is exact");
    let outcome = rig.announce(&Announcement { event: Event::Stopped, left: None, ..leecher(1) });
    assert_eq!(outcome.left, 65_536);
    rig.announce(&Announcement { left: Some(u64::MAX), ..leecher(1) });
    assert_eq!((rig.only().left, rig.only().state), ((1 << 42) - 65_536, PeerState::Leecher));
}

#[test]
fn a_clock_that_is_behind_accounts_for_no_second_twice() {
    let mut rig = SwarmRig::new();
    let mut seeded_at = |now| {
        rig.now = now;
        rig.announce(&seeder(1)).seeded
    };
    assert_eq!([100, 99, 101, 101, 400_000 - 200_000].map(&mut seeded_at), [0, 0, 1, 0, 199_899]);
}
