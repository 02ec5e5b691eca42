//! The swarm against the model, step by step.

use std::collections::HashMap;
use std::net::SocketAddr;

use bt::Peer;
use bt::announce::Event;
use bt::swarm::{Announcement, Clients, PeerBuffer, Rules, StoredPeer, Swarm};
use proptest::prelude::*;

use super::model::{Account, Key, Model};

const MIB: u64 = 1 << 20;

/// Bytes of the counters are below 5 MiB: a second's claim may be too much, two seconds' is not.
const RULES: Rules = Rules { peers_per_member: 5, bytes_per_second: 2 * MIB };

#[derive(Debug, Clone)]
enum Step {
    Announce(Announcement),
    Wait(u32),
    Expire(u32),
    RemoveMember(u32),
    /// Whether the sessions go on, and seconds that the tracker is away.
    Restart(bool, u32),
}

/// Clients of one member: more than it may have here. Two of them share an endpoint, as after a restart.
fn announcements(members: u32) -> impl Strategy<Value = Step> {
    let who = (0..members, 0..8_u8, 0..2_u8, any::<bool>());
    let left = prop_oneof![2 => Just(0), 1 => Just(1), 2 => 0..5 * MIB];
    let counters = (0..5_u64, 0..5_u64, prop::option::weighted(0.8, left));
    (who, counters, 0..8_u8, 0..12_u32).prop_map(|(who, counters, event, numwant)| {
        let (member, client, network, over_v4) = who;
        let (uploaded, downloaded, left) = counters;
        let port = 1000 + u16::from(client / 2);
        let [_, _, high, low] = member.to_be_bytes();
        let endpoint: SocketAddr = if over_v4 {
            ([10, network, high, low], port).into()
        } else {
            ([0x2001, 0xdb8, network.into(), 0, 0, 0, high.into(), low.into()], port).into()
        };
        let event = match event {
            0 => Event::Stopped,
            1 => Event::Completed,
            2 => Event::Paused,
            3 => Event::Started,
            _ => Event::None,
        };
        Step::Announce(Announcement {
            member,
            identity: client.into(),
            client: [b'a' + client; 8],
            endpoint,
            uploaded: uploaded * MIB,
            downloaded: downloaded * MIB,
            left: left.or((event != Event::Stopped).then_some(1)),
            event,
            numwant,
        })
    })
}

/// In a small swarm all peers are looked at, in a large one there is an index.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![Just(3_u32), Just(40)].prop_flat_map(|members| {
        let step = prop_oneof![
            40 => announcements(members),
            4 => (0..20_u32).prop_map(Step::Wait),
            1 => (100..140_u32).prop_map(Step::Wait),
            1 => (0..200_u32).prop_map(Step::Expire),
            1 => (0..members).prop_map(Step::RemoveMember),
            1 => (any::<bool>(), 0..5_u32).prop_map(|(exact, away)| Step::Restart(exact, away)),
        ];
        prop::collection::vec(step, 1..300)
    })
}

/// The swarm, what it is compared with, and the rest of a tracker.
struct Pair {
    swarm: Swarm,
    model: Model,
    clients: Clients,
    peers: PeerBuffer,
    rng: fastrand::Rng,
    /// The time of the model, in seconds.
    now: u32,
    /// The time that the swarm is told, in seconds.
    clock: u32,
}

impl Pair {
    fn new(seed: u64) -> Self {
        Self {
            swarm: Swarm::new(0),
            model: Model::default(),
            clients: Clients::default(),
            peers: PeerBuffer::default(),
            rng: fastrand::Rng::with_seed(seed),
            now: 1000,
            clock: 50,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Announce(announcement) => self.announce(announcement),
            Step::Wait(seconds) => {
                self.now += seconds;
                self.clock += seconds;
            }
            Step::Expire(timeout) => {
                let before = self.model.peers.len();
                self.model.peers.retain(|_, it| self.now - it.seen <= *timeout);
                let removed = self.swarm.expire(self.clock, *timeout, usize::MAX);
                assert_eq!(removed, before - self.model.peers.len());
            }
            Step::RemoveMember(member) => {
                let before = self.model.peers.len();
                self.model.peers.retain(|(of, _), _| of != member);
                assert_eq!(self.swarm.remove_member(*member), before - self.model.peers.len());
            }
            Step::Restart(exact, away) => self.restart(*exact, *away),
        }
    }

    fn announce(&mut self, announcement: &Announcement) {
        let before = self.model.counts();
        self.model.replace(announcement);
        let in_the_way = self.model.in_the_way(announcement, &RULES);
        let Self { swarm, clients, peers, rng, clock, .. } = self;
        let outcome =
            swarm.announce(announcement, &RULES, *clock, rng, |client| clients.intern(client), peers);
        if !in_the_way.is_empty() {
            let here: Vec<Key> =
                swarm.export(0, usize::MAX, *clock).map(|it| (it.member, it.identity)).collect();
            let gone: Vec<_> = in_the_way.iter().filter(|(key, _)| !here.contains(key)).collect();
            let [(gone, _)] = gone[..] else { panic!("{gone:?} gave way") };
            self.model.peers.remove(gone);
        }
        let expected = self.model.announce(announcement, &RULES, self.now);
        let got = Account {
            known: outcome.known,
            snatched: outcome.snatched,
            claimed: outcome.claimed,
            uploaded: outcome.uploaded,
            downloaded: outcome.downloaded,
            left: outcome.left,
            seeded: outcome.seeded,
            leeched: outcome.leeched,
            clamped: outcome.clamped,
        };
        assert_eq!(got, expected);
        assert_eq!((outcome.before, outcome.after), (before, self.model.counts()));
        self.check_answer(announcement);
    }

    /// The tracker's clock begins anew.
    fn restart(&mut self, exact: bool, away: u32) {
        let stored: Vec<StoredPeer> = (0..self.swarm.len())
            .step_by(7)
            .flat_map(|from| self.swarm.export(from, 7, self.clock).collect::<Vec<_>>())
            .collect();
        self.swarm = Swarm::new(0);
        (self.now, self.clock) = (self.now + away, 3);
        for peer in &stored {
            let peer = StoredPeer { idle: peer.idle + away, ..*peer };
            assert!(self.swarm.restore(&peer, self.clock, exact));
            assert!(!self.swarm.restore(&peer, self.clock, exact), "it is here already");
        }
        self.model.last_second = Default::default();
        for known in self.model.peers.values_mut() {
            known.baseline |= !exact;
        }
    }

    /// Each given one is a candidate, none is given more often than it is one, and their number is right.
    fn check_answer(&self, a: &Announcement) {
        if a.numwant == 0 {
            return assert!(self.peers.v4().is_empty() && self.peers.v6().is_empty());
        }
        let key = (a.member, a.identity);
        let v4 = self.model.candidates(key, |peer| peer.v4.map(|v4| (v4.ip().octets(), v4.port())));
        let v6 = self.model.candidates(key, |peer| peer.v6.map(|v6| (v6.ip().octets(), v6.port())));
        let port = |wire: &[u8]| u16::from_be_bytes(wire.try_into().expect("2 bytes"));
        let given_v4 = self.peers.v4().chunks(6);
        let given_v4 = given_v4.map(|wire| (wire[..4].try_into().expect("4"), port(&wire[4..])));
        let given_v6 = self.peers.v6().chunks(18);
        let given_v6 = given_v6.map(|wire| (wire[..16].try_into().expect("16"), port(&wire[16..])));
        let wanted = a.numwant as usize;
        let (number_v4, number_v6) = if a.endpoint.is_ipv4() {
            let number = v4.len().min(wanted);
            (number, v6.len().min(wanted - number))
        } else {
            let number = v6.len().min(wanted);
            (v4.len().min(wanted - number), number)
        };
        check_window(given_v4, v4, number_v4);
        check_window(given_v6, v6, number_v6);
    }

    fn check_peers(&self) {
        let mut got: Vec<StoredPeer> = self.swarm.export(0, usize::MAX, self.clock).collect();
        got.sort_by_key(|it| (it.member, it.identity));
        let number = |peer: &Peer| self.clients.number(&peer.client).expect("interned");
        assert_eq!(got, self.model.stored(self.now, number));
        let shown: HashMap<_, Peer> = self
            .swarm
            .peers(self.clock, &self.clients)
            .map(|peer| ((peer.member, peer.client), peer))
            .collect();
        assert_eq!(shown.len(), self.swarm.len(), "no peer twice");
        for known in self.model.peers.values() {
            let peer = Peer { idle: self.now - known.seen, ..known.peer.clone() };
            assert_eq!(shown.get(&(peer.member, peer.client)), Some(&peer));
        }
    }
}

fn check_window<E: Copy + PartialEq + std::fmt::Debug>(
    given: impl ExactSizeIterator<Item = E>,
    mut candidates: Vec<E>,
    number: usize,
) {
    assert_eq!(given.len(), number);
    for one in given {
        let at = candidates.iter().position(|candidate| *candidate == one);
        candidates.swap_remove(at.unwrap_or_else(|| panic!("{one:?} was given")));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_swarm_is_what_the_model_is(steps in steps(), seed: u64) {
        let mut pair = Pair::new(seed);
        for step in &steps {
            pair.take(step);
            assert_eq!(pair.swarm.counts(), pair.model.counts());
            pair.check_peers();
        }
    }
}

/// More peers than one table holds: they come, are kept over a restart, and go in the search for silent ones.
#[test]
fn a_large_swarm_is_what_the_model_is() {
    let (mut pair, mut dice) = (Pair::new(1), fastrand::Rng::with_seed(2));
    for step in 0..12_000_u32 {
        let member = dice.u32(..4000);
        let [_, b, c, d] = member.to_be_bytes();
        let client = dice.u8(..3);
        let port = 1000 + u16::from(client / 2);
        let endpoint: SocketAddr = if dice.u8(..5) == 0 {
            ([0x2001, 0xdb8, 0, 0, 0, b.into(), c.into(), d.into()], port).into()
        } else {
            ([10, b, c, d], port).into()
        };
        let events =
            [Event::None, Event::None, Event::Started, Event::Paused, Event::Completed, Event::Stopped];
        pair.announce(&Announcement {
            member,
            identity: client.into(),
            client: [b'a' + client; 8],
            endpoint,
            uploaded: dice.u64(..5) * MIB,
            downloaded: 0,
            left: Some(dice.u64(..3) * 65_536),
            event: events[dice.usize(..events.len())],
            numwant: if step % 40 == 0 { 30 } else { 0 },
        });
        if step % 100 == 0 {
            pair.take(&Step::Wait(1));
        }
        if step % 4000 == 0 {
            pair.check_peers();
        }
    }
    assert!(pair.swarm.len() > 5000, "{}", pair.swarm.len());
    pair.restart(true, 2);
    pair.check_peers();
    while pair.swarm.len() > 100 {
        pair.take(&Step::Wait(15));
        let before = pair.model.peers.len();
        pair.model.peers.retain(|_, it| pair.now - it.seen <= 90);
        // Each call looks at a part; together they look at everybody at least once.
        let removed: usize =
            (0..before.div_ceil(500) + 2).map(|_| pair.swarm.expire(pair.clock, 90, 500)).sum();
        assert_eq!(removed, before - pair.model.peers.len());
        assert_eq!(pair.swarm.counts(), pair.model.counts());
        pair.check_peers();
    }
}
