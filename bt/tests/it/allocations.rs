//! An announce of a known peer allocates nothing, from the query to the bytes of the answer.

use std::net::IpAddr;

use bt::announce::{NumWant, PeerList, Request, Response};
use bt::swarm::{IdentityKey, PeerBuffer, Rules, Swarm};

/// What each thread of a tracker keeps.
struct Worker {
    key: IdentityKey,
    rng: fastrand::Rng,
    peers: PeerBuffer,
    answer: Vec<u8>,
}

impl Worker {
    fn announce(&mut self, swarm: &mut Swarm, query: &str, member: u32, now: u32) {
        let Self { key, rng, peers, answer } = self;
        let request = Request::parse(query.as_bytes()).expect("an announce");
        let [_, b, c, d] = member.to_be_bytes();
        let ip: IpAddr = if member.is_multiple_of(5) {
            [0x2001, 0xdb8, 0, 0, 0, b.into(), c.into(), d.into()].into()
        } else {
            [10, b, c, d].into()
        };
        let announcement = request.announcement(member, key, ip, NumWant::default());
        let outcome = swarm.announce(&announcement, &Rules::default(), now, rng, |_| 1, peers);
        answer.clear();
        let response = Response {
            complete: outcome.after.seeders,
            downloaded: outcome.after.snatched,
            external_ip: Some(ip),
            incomplete: outcome.after.leechers,
            interval: 1800,
            min_interval: 300,
            peers,
            list: PeerList::choose(request.compact),
            warning: None,
        };
        response.encode(answer);
        assert!(answer.len() > 100);
    }
}

/// In a small swarm, in one table with an index, and in several tables.
#[test]
fn a_known_peer_announces_without_an_allocation() {
    for size in [60, 1000, 9000_u32] {
        let queries: Vec<String> = (0..size)
            .map(|member| {
                let left = member % 3;
                format!(
                    "info_hash=%12%34Vx%9a%bc%de%f1%23Eg%89%ab%cd%ef%124Vx%9a&peer_id=-qB5050-%ff%01cd{member:08}\
                     &port=6881&uploaded=1&downloaded=2&left={left}&event=&key=1A2B3C4D&numwant=50&compact=1"
                )
            })
            .collect();
        let mut worker = Worker {
            key: IdentityKey::new(&[7; 32]),
            rng: fastrand::Rng::with_seed(1),
            peers: PeerBuffer::default(),
            answer: Vec::with_capacity(1024),
        };
        let mut swarm = Swarm::new(0);
        let everybody = |worker: &mut Worker, swarm: &mut Swarm, now| {
            for (member, query) in (0..).zip(&queries) {
                worker.announce(swarm, query, member, now);
            }
        };
        everybody(&mut worker, &mut swarm, 0);
        let allocations = allocation_counter::measure(|| everybody(&mut worker, &mut swarm, 30));
        assert_eq!((swarm.len(), allocations.count_total), (size as usize, 0));
    }
}
