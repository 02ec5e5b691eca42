//! The frames between tracker and webapi.

use std::net::{SocketAddrV4, SocketAddrV6};

use bt::announce::Event;
use bt::messages::control::{
    Answer, CONNECTION_LEN, Connection, DECISION_LEN, Decision, Error, PEER_RECORD_LEN, PROTOCOLS,
    PeerRecord, Request, VERDICTS,
};
use bt::messages::counts::{self, MAX_RECORDS, Position, Record};
use bt::{Peer, PeerState};
use proptest::prelude::*;

prop_compose! {
    fn records()(hash: [u8; 20], seeders: u32, leechers: u32, snatched: u32) -> Record {
        Record { info_hash: hash.into(), seeders, leechers, snatched }
    }
}

prop_compose! {
    fn positions()(epoch: u64, seq: u64) -> Position {
        Position { epoch, seq }
    }
}

prop_compose! {
    fn peer_records()(
        hash: [u8; 20], member: u32, client: [u8; 8],
        v4: Option<([u8; 4], u16)>, v6: Option<([u8; 16], u16)>,
        counters: [u64; 3], state in 0..3_u8, idle: u32, reachable: Option<bool>,
    ) -> PeerRecord {
        let [uploaded, downloaded, left] = counters;
        let state = match state {
            0 => PeerState::Seeder,
            1 => PeerState::Leecher,
            _ => PeerState::PartialSeed,
        };
        let v4 = v4.map(|(ip, port)| SocketAddrV4::new(ip.into(), port));
        let v6 = v6.map(|(ip, port)| SocketAddrV6::new(ip.into(), port, 0, 0));
        let peer = Peer { member, client, v4, v6, uploaded, downloaded, left, state, idle };
        PeerRecord { info_hash: hash.into(), peer, reachable }
    }
}

prop_compose! {
    fn decisions()(
        age: u32, torrent: u32, client: [u8; 8], v4: u16, v6: u16, ipv6: bool,
        verdict in prop::sample::select(VERDICTS.to_vec()),
        protocol in prop::sample::select(PROTOCOLS.to_vec()),
        event in prop::sample::select(vec![
            Event::None, Event::Started, Event::Stopped, Event::Completed, Event::Paused,
        ]),
    ) -> Decision {
        Decision { age, torrent, client, v4, v6, verdict, protocol, ipv6, event }
    }
}

prop_compose! {
    fn connections()(age: u32, client: [u8; 8], port: u16, ipv6: bool, reachable: bool) -> Connection {
        Connection { age, client, port, ipv6, reachable }
    }
}

#[test]
fn a_message_of_counts_is_laid_out_as_promised() {
    let record = Record { info_hash: [7; 20].into(), seeders: 1, leechers: 2, snatched: 3 };
    let [topic, position, body] = counts::encode(Position { epoch: 4, seq: 5 }, &[record]);
    assert_eq!(topic, b"counts");
    assert_eq!(position, [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 5]);
    assert_eq!(body, [&[7; 20][..], &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]].concat());
}

#[test]
fn other_lengths_of_counts_are_refused() {
    let [topic, position, body] = counts::encode(Position::default(), &[]);
    for frames in [
        vec![],
        vec![topic.clone(), position.clone()],
        vec![b"count".to_vec(), position.clone(), body.clone()],
        vec![topic.clone(), vec![0; 15], body.clone()],
        vec![topic.clone(), position.clone(), vec![0; 31]],
        vec![topic.clone(), position.clone(), vec![0; 33]],
        vec![topic, position, body.clone(), body],
    ] {
        assert!(counts::decode(&frames).is_err(), "{frames:?}");
    }
}

#[test]
fn an_unknown_question_keeps_its_id_for_the_answer() {
    let frames = [9_u64.to_be_bytes().to_vec(), b"dance".to_vec()];
    assert_eq!(Request::decode(&frames), Err(Error::Kind(9)));
    assert_eq!(Error::Kind(9).id(), Some(9));
    let frames = [9_u64.to_be_bytes().to_vec(), b"peers".to_vec(), vec![1; 19], vec![0; 4]];
    assert_eq!(Request::decode(&frames), Err(Error::Arguments(9)));
    assert_eq!(Request::decode(&[b"short"]), Err(Error::Id));
}

#[test]
fn no_frame_reaches_64_kib() {
    let record = Record { info_hash: [7; 20].into(), seeders: 1, leechers: 2, snatched: 3 };
    let records = vec![record; 2 * MAX_RECORDS + 1];
    let answer = Answer::Snapshot { position: Position::default(), records };
    let frames = answer.encode(1);
    assert_eq!(frames.len(), 3 + 3);
    assert!(frames.iter().all(|frame| frame.len() < 64 * 1024));
    assert_eq!(Answer::decode(&frames), Ok((1, answer)));
}

#[test]
fn decisions_of_an_unknown_kind_or_cut_off_are_refused() {
    let answer = |body: Vec<u8>| [vec![0; 8], b"announces".to_vec(), body];
    assert_eq!(Answer::decode(&answer(vec![0; DECISION_LEN - 1])), Err(Error::Arguments(0)));
    let mut unknown = vec![0; DECISION_LEN];
    unknown[DECISION_LEN - 2] = 200;
    assert_eq!(Answer::decode(&answer(unknown)), Err(Error::Arguments(0)));
    assert_eq!(Answer::decode(&answer(vec![])), Ok((0, Answer::Announces(vec![]))));
}

#[test]
fn connections_with_unknown_flags_or_cut_off_are_refused() {
    let answer = |body: Vec<u8>| [vec![0; 8], b"connections".to_vec(), body];
    assert_eq!(Answer::decode(&answer(vec![0; CONNECTION_LEN - 1])), Err(Error::Arguments(0)));
    assert_eq!(Answer::decode(&answer(vec![4; CONNECTION_LEN])), Err(Error::Arguments(0)));
    assert_eq!(Answer::decode(&answer(vec![])), Ok((0, Answer::Connections(vec![]))));
}

#[test]
fn a_peer_that_is_reachable_without_a_try_is_refused() {
    let frames =
        [vec![0; 8], b"peers".to_vec(), vec![0; 4], [vec![0; PEER_RECORD_LEN - 1], vec![32]].concat()];
    assert_eq!(Answer::decode(&frames), Err(Error::Arguments(0)));
}

#[test]
fn a_peer_of_an_unknown_state_is_refused() {
    let frames =
        [vec![0; 8], b"peers".to_vec(), vec![0; 4], [vec![0; PEER_RECORD_LEN - 1], vec![3]].concat()];
    assert_eq!(Answer::decode(&frames), Err(Error::Arguments(0)));
}

proptest! {
    #[test]
    fn counts_come_back(position in positions(), records in prop::collection::vec(records(), 0..50)) {
        let frames = counts::encode(position, &records);
        prop_assert_eq!(counts::decode(&frames), Ok((position, records)));
    }

    #[test]
    fn questions_come_back(id: u64, hash: Option<[u8; 20]>, limit: u32, member: u32) {
        for request in [
            Request::Snapshot,
            Request::Peers { info_hash: hash.map(Into::into), limit },
            Request::Announces { member },
            Request::Connections { member },
        ] {
            prop_assert_eq!(Request::decode(&request.encode(id)), Ok((id, request)));
        }
    }

    #[test]
    fn answers_come_back(
        id: u64, total: u32, sentence: String, position in positions(),
        records in prop::collection::vec(records(), 0..50),
        peers in prop::collection::vec(peer_records(), 0..50),
        announces in prop::collection::vec(decisions(), 0..60),
        tried in prop::collection::vec(connections(), 0..5),
    ) {
        for answer in [
            Answer::Snapshot { position, records },
            Answer::Peers { total, peers },
            Answer::Announces(announces),
            Answer::Connections(tried),
            Answer::Error(sentence),
        ] {
            prop_assert_eq!(Answer::decode(&answer.encode(id)), Ok((id, answer)));
        }
    }

    #[test]
    fn nothing_panics_on_garbage(frames: Vec<Vec<u8>>, kind in "snapshot|peers|announces|connections|error", more: Vec<Vec<u8>>) {
        let _ = counts::decode(&frames);
        let _ = Request::decode(&frames);
        let _ = Answer::decode(&frames);
        let named: Vec<_> = [vec![0; 8], kind.into_bytes()].into_iter().chain(more).collect();
        let _ = Request::decode(&named);
        let _ = Answer::decode(&named);
    }
}
