//! Requests of the webapi and answers of the tracker: a parsed message can be written, and parses again to an equal
//! one.

use std::net::{Ipv6Addr, SocketAddrV6};

use bt::announce::Event;
use bt::messages::control::{Answer, Connection, Decision, PeerRecord, Protocol, Request, Verdict};
use bt::messages::counts::{Position, Record};
use bt::messages::report::Report;
use bt::{Peer, PeerState};

use crate::{frames, memory};

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "\0\u{8}snapshot",
    "\0\u{5}peers",
    "\0\u{7}reports",
    "\0\u{9}announces",
    "\0\u{b}connections",
    "\0\u{5}error",
];

/// Checks `data` as the frames of a request and of an answer.
pub fn check(data: &[u8]) {
    let frames = frames::split(data);
    let (request, held) = memory::peak(|| Request::decode(&frames));
    assert!(held <= data.len(), "{held} bytes held");
    if let Ok((id, request)) = request {
        assert_eq!(request.encode(id), frames, "a question is written in one way");
    }
    let (answer, held) = memory::peak(|| Answer::decode(&frames));
    // A growing list is in memory twice for a moment, and each byte of invalid UTF-8 becomes three.
    assert!(held <= data.len() * 8 + 1024, "{held} bytes held");
    if let Ok((id, answer)) = answer {
        let written = answer.encode(id);
        // The bytes differ if a peer lacks an address, whose bytes are then ignored, or if a sentence is not UTF-8.
        if !matches!(answer, Answer::Peers { .. } | Answer::Error(_)) {
            assert_eq!(written.concat(), frames.concat());
        }
        assert_eq!(Answer::decode(&written), Ok((id, answer)));
    }
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let position = Position { epoch: 3, seq: 9 };
    let record = Record { info_hash: [4; 20].into(), seeders: 1, leechers: 2, snatched: 3 };
    let report = Report { member: 5, torrent: 6, uploaded: 7, snatched: true, ..Report::default() };
    let peer = Peer {
        member: 1,
        client: *b"-qB4650-",
        v4: None,
        v6: Some(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 6881, 0, 0)),
        uploaded: 2,
        downloaded: 3,
        left: 4,
        state: PeerState::PartialSeed,
        idle: 5,
    };
    let decision = Decision {
        age: 1,
        torrent: 2,
        client: *b"-TR4060-",
        v4: 3,
        v6: 4,
        verdict: Verdict::OtherTorrent,
        protocol: Protocol::Udp,
        ipv6: true,
        event: Event::Paused,
    };
    let connection = Connection { age: 6, client: *b"-DE2080-", port: 51_413, ipv6: false, reachable: true };
    let requests = [
        Request::Snapshot,
        Request::Peers { info_hash: None, limit: 200 },
        Request::Peers { info_hash: Some([8; 20].into()), limit: u32::MAX },
        Request::Reports { applied: None },
        Request::Reports { applied: Some(position) },
        Request::Announces { member: 5 },
        Request::Connections { member: 5 },
    ];
    let answers = [
        Answer::Snapshot { position, records: vec![record; 3] },
        Answer::Peers { total: 0, peers: Vec::new() },
        Answer::Reports { position, reports: vec![report; 2] },
        Answer::Peers {
            total: 9,
            peers: vec![PeerRecord { info_hash: [6; 20].into(), peer, reachable: Some(true) }; 2],
        },
        Answer::Announces(vec![decision; 2]),
        Answer::Connections(vec![connection; 2]),
        Answer::Error("no".into()),
    ];
    let requests = requests.iter().map(|request| request.encode(1));
    requests.chain(answers.iter().map(|answer| answer.encode(u64::MAX))).map(|it| frames::join(&it)).collect()
}
