//! A swarm that never was.

use crate::client::Kind;
use crate::picture::{Announce, ClientStatus, Edge, Holder, Lesson, Notice, Picture, Torrent};

/// Two clients, one torrent; `word` is in everything that others name.
pub(super) fn picture(word: &str) -> Picture {
    Picture {
        at: 65_000,
        clients: vec![client(&format!("{word}-1"), Kind::Rtorrent), client("aria2-2", Kind::Aria2)],
        torrents: vec![torrent(word)],
        edges: vec![Edge { from: 0, to: 1, torrent: 0, rate: 1536 }],
        sent: 4096,
        sent_by_leechers: 1024,
        announces: vec![Announce {
            at: 3000,
            client: format!("{word}-1"),
            torrent: word.to_owned(),
            event: "started".to_owned(),
            answer: format!("1 peer, {word}"),
        }],
        notices: vec![Notice {
            number: 1,
            at: 64_000,
            source: format!("{word}.txt"),
            text: "is left out: it is empty".to_owned(),
            trouble: true,
        }],
        outside: vec![format!("{word} to 192.0.2.1")],
        lessons: vec![Lesson {
            at: 2000,
            title: "The first announce",
            text: format!("{word} told the tracker."),
        }],
    }
}

fn client(name: &str, kind: Kind) -> ClientStatus {
    ClientStatus {
        name: name.to_owned(),
        kind,
        version: format!("1 {name}"),
        address: "10.77.0.2".to_owned(),
        state: "dead",
        reason: name.to_owned(),
        rate: Some(64),
        sending: 1536,
        fetching: 0,
        age: 4000,
    }
}

pub(in crate::page) fn torrent(word: &str) -> Torrent {
    let holder = |client, activity, map: &str, done| Holder {
        client,
        activity,
        reason: word.to_owned(),
        origin: client == 0,
        done,
        map: map.to_owned(),
        eta: Some(7),
    };
    Torrent {
        id: 3,
        title: format!("{word} at dusk"),
        info_hash: "00".repeat(20),
        size: 4096,
        pieces: 4,
        tracker: Some((1, 0)),
        clients: (1, 1),
        completed: None,
        holders: vec![holder(0, "seeding", "f0", 4096), holder(1, "failed", "40", 1024)],
    }
}
