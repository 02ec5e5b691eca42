//! The swarm against a plain model of it.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use bt::announce::Event;
use bt::swarm::{Announcement, Counts, PeerBuffer, Swarm};
use bt::{Peer, PeerId, PeerState};
use proptest::prelude::*;

type Key = (u32, PeerId);

#[derive(Debug, Clone)]
enum Step {
    Announce(Announcement),
    Wait(u32),
    Expire(u32),
    RemoveMember(u32),
}

/// 6 members with 8 clients each; two clients of a member share an endpoint, as after a restart.
fn announcements() -> impl Strategy<Value = Step> {
    let who = (0..6_u32, 0..8_u8, 0..2_u8, any::<bool>());
    let counters = (0..5_u64, 0..5_u64, prop::option::weighted(0.9, 0..3_u64));
    (who, counters, 0..8_u8, 0..12_u32).prop_map(|(who, counters, event, numwant)| {
        let (member, client, network, over_v4) = who;
        let (uploaded, downloaded, left) = counters;
        let port = 1000 + u16::from(client / 2);
        let host = u8::try_from(member).expect("few");
        let endpoint: SocketAddr = if over_v4 {
            ([10, network, 0, host], port).into()
        } else {
            ([0x2001, 0xdb8, network.into(), 0, 0, 0, 0, host.into()], port).into()
        };
        let event = match event {
            0 => Event::Stopped,
            1 => Event::Completed,
            2 => Event::Paused,
            3 => Event::Started,
            _ => Event::None,
        };
        let left = left.or((event != Event::Stopped).then_some(1));
        let peer_id = [client; 20];
        let with_ids = true;
        let announcement =
            Announcement { member, peer_id, endpoint, uploaded, downloaded, left, event, numwant, with_ids };
        Step::Announce(announcement)
    })
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => announcements(),
        2 => (0..20_u32).prop_map(Step::Wait),
        1 => (0..60_u32).prop_map(Step::Expire),
        1 => (0..6_u32).prop_map(Step::RemoveMember),
    ]
}

/// What the swarm must be, written for the reader and not for speed.
#[derive(Default)]
struct Model {
    peers: HashMap<Key, (Peer, u32)>,
    snatched_by: HashSet<Key>,
    snatched: u32,
}

impl Model {
    fn counts(&self) -> Counts {
        let number = |state: PeerState| {
            u32::try_from(self.peers.values().filter(|(peer, _)| peer.state == state).count()).expect("few")
        };
        let downloaders = number(PeerState::Leecher);
        let leechers = downloaders + number(PeerState::PartialSeed);
        Counts { seeders: number(PeerState::Seeder), leechers, downloaders, snatched: self.snatched }
    }

    /// Applies an announce; the growth of the two counters, the seconds seeded and whether it was a snatch.
    fn announce(&mut self, a: &Announcement, now: u32) -> (u64, u64, u32, bool) {
        let key = (a.member, a.peer_id);
        let known = self.peers.remove(&key);
        if known.is_none() {
            self.snatched_by.remove(&key);
            if a.event == Event::Stopped {
                return (0, 0, 0, false);
            }
        }
        let before = known.as_ref().map(|(peer, _)| peer);
        let left = a.left.or(before.map(|peer| peer.left)).expect("absent only in `stopped`");
        let got_all = left == 0 && (a.event == Event::Completed || before.is_some_and(|peer| peer.left > 0));
        let snatched = got_all && self.snatched_by.insert(key);
        self.snatched += u32::from(snatched);
        let grown = before
            .filter(|peer| a.uploaded >= peer.uploaded && a.downloaded >= peer.downloaded)
            .map_or((0, 0), |peer| (a.uploaded - peer.uploaded, a.downloaded - peer.downloaded));
        let seeded = known.as_ref().filter(|(peer, _)| peer.left == 0).map_or(0, |(_, seen)| now - seen);
        if a.event != Event::Stopped {
            let (mut v4, mut v6) = before.map_or((None, None), |peer| (peer.v4, peer.v6));
            match a.endpoint {
                SocketAddr::V4(endpoint) => v4 = Some(endpoint),
                SocketAddr::V6(endpoint) => v6 = Some(endpoint),
            }
            let state = match (left, a.event) {
                (0, _) => PeerState::Seeder,
                (_, Event::Paused) => PeerState::PartialSeed,
                _ => PeerState::Leecher,
            };
            let Announcement { member, peer_id, uploaded, downloaded, .. } = *a;
            let peer = Peer { member, peer_id, v4, v6, uploaded, downloaded, left, state, idle: 0 };
            self.peers.insert(key, (peer, now));
        }
        (grown.0, grown.1, seeded, snatched)
    }

    /// Endpoints of one family that the peer `key` may be told of, with the ids of their peers.
    fn candidates<E: Copy + PartialEq>(
        &self,
        key: &Key,
        family: impl Fn(&Peer) -> Option<E>,
    ) -> Vec<(E, PeerId)> {
        let Some((asker, _)) = self.peers.get(key) else { return Vec::new() };
        let peers = self.peers.values().map(|(peer, _)| peer);
        peers
            .filter(|peer| asker.state != PeerState::Seeder || peer.state != PeerState::Seeder)
            .filter(|peer| (peer.member, peer.peer_id) != *key)
            .filter_map(|peer| family(peer).map(|endpoint| (peer, endpoint)))
            .filter(|(peer, endpoint)| peer.member != asker.member || family(asker) != Some(*endpoint))
            .map(|(peer, endpoint)| (endpoint, peer.peer_id))
            .collect()
    }
}

/// Each given one is a candidate, none is given more often than it is one, and their number is right.
fn check_window<E: Copy + PartialEq + std::fmt::Debug>(
    given: &[(E, PeerId)],
    mut candidates: Vec<(E, PeerId)>,
    number: usize,
) {
    assert_eq!(given.len(), number);
    for one in given {
        let at = candidates.iter().position(|candidate| candidate == one);
        candidates.swap_remove(at.unwrap_or_else(|| panic!("{one:?} was given")));
    }
}

fn check_answer(model: &Model, a: &Announcement, peers: &PeerBuffer) {
    let key = (a.member, a.peer_id);
    let v4 = model.candidates(&key, |peer| peer.v4.map(|v4| (v4.ip().octets(), v4.port())));
    let v6 = model.candidates(&key, |peer| peer.v6.map(|v6| (v6.ip().octets(), v6.port())));
    let port = |wire: &[u8]| u16::from_be_bytes(wire.try_into().expect("2 bytes"));
    let mut ids = peers.ids().copied();
    let given_v4: Vec<_> = peers
        .v4()
        .chunks(6)
        .map(|wire| (<[u8; 4]>::try_from(&wire[..4]).expect("4"), port(&wire[4..])))
        .zip(&mut ids)
        .collect();
    let given_v6: Vec<_> = peers
        .v6()
        .chunks(18)
        .map(|wire| (<[u8; 16]>::try_from(&wire[..16]).expect("16"), port(&wire[16..])))
        .zip(&mut ids)
        .collect();
    assert_eq!(ids.next(), None);
    let wanted = a.numwant as usize;
    let (number_v4, number_v6) = if a.endpoint.is_ipv4() {
        let number = v4.len().min(wanted);
        (number, v6.len().min(wanted - number))
    } else {
        let number = v6.len().min(wanted);
        (v4.len().min(wanted - number), number)
    };
    check_window(&given_v4, v4, number_v4);
    check_window(&given_v6, v6, number_v6);
}

fn check_peers(model: &Model, swarm: &Swarm, now: u32) {
    let peers: HashMap<Key, Peer> =
        swarm.peers(now).map(|peer| ((peer.member, peer.peer_id), peer)).collect();
    assert_eq!(peers.len(), swarm.len(), "no peer twice");
    assert_eq!(peers.len(), model.peers.len());
    for (key, (peer, seen)) in &model.peers {
        assert_eq!(peers.get(key), Some(&Peer { idle: now - seen, ..peer.clone() }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_swarm_is_what_the_model_is(steps in prop::collection::vec(steps(), 1..250), seed: u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut swarm, mut model, mut peers) = (Swarm::new(0), Model::default(), PeerBuffer::default());
        let mut now = 0;
        for step in steps {
            match step {
                Step::Announce(a) => {
                    let before = model.counts();
                    let expected = model.announce(&a, now);
                    let outcome = swarm.announce(&a, now, &mut rng, &mut peers);
                    let got = (outcome.uploaded, outcome.downloaded, outcome.seeded, outcome.snatched);
                    prop_assert_eq!(got, expected);
                    prop_assert_eq!((outcome.before, outcome.after), (before, model.counts()));
                    check_answer(&model, &a, &peers);
                }
                Step::Wait(seconds) => now += seconds,
                Step::Expire(timeout) => {
                    let number = model.peers.len();
                    model.peers.retain(|_, (_, seen)| now - *seen <= timeout);
                    let removed = swarm.expire(now, timeout, usize::MAX);
                    prop_assert_eq!(removed, number - model.peers.len());
                }
                Step::RemoveMember(member) => {
                    let number = model.peers.len();
                    model.peers.retain(|(of, _), _| *of != member);
                    prop_assert_eq!(swarm.remove_member(member), number - model.peers.len());
                }
            }
            prop_assert_eq!(swarm.counts(), model.counts());
            check_peers(&model, &swarm, now);
        }
    }
}
