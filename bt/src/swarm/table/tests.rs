//! What must hold inside the table after every step.

use std::net::SocketAddr;

use super::*;
use crate::announce::Event;
use crate::swarm::{Announcement, PeerBuffer, Rules, Swarm};

impl Table {
    pub(in crate::swarm) fn check(&self) {
        assert_eq!(self.v4.len(), self.end(LEECHERS_V4));
        assert!(self.ends.is_sorted() && self.end(LEECHERS_V6) <= self.len());
        let mut listed = 0;
        for (at, slot) in self.slots.iter().enumerate() {
            assert_eq!(self.find(slot.member(), slot.identity()), Some(at));
            let zone = self.ends.iter().position(|&end| at < end.into()).unwrap_or(SEEDERS_V6);
            assert_eq!(slot.is_seeder(), zone == SEEDERS_V4 || zone == SEEDERS_V6);
            let v6 = self.v6.as_ref().and_then(|list| Some((list, list.position(at)?)));
            assert!(at < self.v4.len() || v6.is_some(), "a peer is somewhere");
            if let Some((list, position)) = v6 {
                assert_eq!(list.owner(position), at);
                assert_eq!(position < list.seeders(), slot.is_seeder());
                listed += 1;
            }
        }
        assert_eq!(listed, self.v6.as_ref().map_or(0, |list| list.wires().len()));
    }

    pub(in crate::swarm) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.v4.capacity() * V4_LEN + self.index.bytes()
    }
}

const RULES: Rules = Rules { peers_per_member: 25, bytes_per_second: 1000 };

fn announcement(rng: &mut fastrand::Rng, peers: u32) -> Announcement {
    let number = rng.u32(..peers);
    let [a, b, c, d] = number.to_be_bytes();
    let endpoint: SocketAddr = if rng.bool() {
        ([a, b, c, d], 1).into()
    } else {
        ([0x2001, 0xdb8, 0, 0, 0, 0, a.into(), d.into()], 1).into()
    };
    Announcement {
        member: number % 7,
        identity: d.into(),
        client: [d; 8],
        endpoint,
        uploaded: 0,
        downloaded: 0,
        left: Some(rng.u64(..2)),
        event: if rng.u32(..5) == 0 { Event::Stopped } else { Event::None },
        numwant: 3,
    }
}

/// Few peers cross the border of the index again and again, many stay above it.
#[test]
fn the_table_stays_whole() {
    for peers in [3, 12, 20, 200] {
        let mut rng = fastrand::Rng::with_seed(peers.into());
        let (mut swarm, mut buffer) = (Swarm::new(0), PeerBuffer::default());
        for now in 0..3000 {
            let announcement = announcement(&mut rng, peers);
            swarm.announce(&announcement, &RULES, now, &mut rng, |_| 0, &mut buffer);
            if now % 50 == 0 {
                swarm.expire(now, 30, rng.usize(..40));
            }
            swarm.buckets.check();
        }
        swarm.expire(10_000, 1, usize::MAX);
        swarm.buckets.check();
        let bytes = swarm.buckets.bytes();
        assert!(swarm.is_empty() && bytes < 1024, "{bytes}");
    }
}

/// Members with up to three peers come until there are many buckets, and then go.
#[test]
fn buckets_stay_whole_while_they_are_split_and_merged() {
    let mut rng = fastrand::Rng::with_seed(1);
    let (mut swarm, mut buffer) = (Swarm::new(0), PeerBuffer::default());
    let mut most = 0;
    for (joining, announces) in [(95, 40_000), (50, 20_000), (10, 20_000)] {
        for step in 0..announces {
            let number = rng.u32(..40_000);
            let event = if rng.u32(..100) < joining { Event::None } else { Event::Stopped };
            let announcement = announcement(&mut rng, 1);
            let announcement = Announcement { member: number / 3, identity: number, event, ..announcement };
            swarm.announce(&announcement, &RULES, 0, &mut rng, |_| 0, &mut buffer);
            most = most.max(swarm.buckets.count());
            if step % 4000 == 0 {
                swarm.buckets.check();
            }
        }
    }
    assert!(most > 4, "{most}");
    let half = swarm.len() / 2;
    while swarm.len() > half {
        let member = swarm.export(0, 1, 0).next().map(|it| it.member).expect("somebody");
        swarm.remove_member(member);
    }
    swarm.buckets.check();
    for _ in 0..=swarm.len() / 100 {
        swarm.expire(1000, 1, 100);
        swarm.buckets.check();
    }
    assert_eq!((swarm.len(), swarm.buckets.count()), (0, 1));
}

#[test]
fn a_peer_takes_little_memory() {
    let mut rng = fastrand::Rng::with_seed(1);
    let (mut swarm, mut buffer) = (Swarm::new(0), PeerBuffer::default());
    for number in 0..100_000_u32 {
        let [a, b, c, d] = number.to_be_bytes();
        let endpoint = SocketAddr::from(([a, b, c, d], 1));
        let announcement = Announcement { member: number, endpoint, ..announcement(&mut rng, 1) };
        let announcement = Announcement { event: Event::None, ..announcement };
        swarm.announce(&announcement, &RULES, 0, &mut rng, |_| 0, &mut buffer);
        let bytes = swarm.buckets.bytes();
        match number + 1 {
            // What bounds the bytes and seconds of all peers together takes 16 of them.
            1 => assert!(bytes + size_of::<Swarm>() <= 160, "{bytes}"),
            10 => assert!(bytes <= 10 * 38, "{bytes}"),
            100 | 1000 | 10_000 | 100_000 => assert!(bytes <= (number as usize + 1) * 39, "{bytes}"),
            _ => {}
        }
    }
}
