//! The tracker's restart file: a parsed file can be written and parses again to an equal one, damage is noticed, and
//! nothing is allocated from a claimed length.

use bt::announce_key::{Binding, Nonce};
use bt::messages::counts::Position;
use bt::messages::report::Report;
use bt::restart::{Member, Reader, Section, Step, SwarmHead, Torrent, VERSION, Writer, read_all};
use bt::swarm::StoredPeer;

use crate::memory;

/// The target's [`words`](crate::Target::words).
pub const WORDS: &[&str] = &[
    "FWSWARMS",
    "\u{1}\0\0\0\u{8}",
    "\u{2}\0\0\0\u{8}",
    "\u{3}\0\0\0\u{19}",
    "\u{3}\0\0\0\u{9}",
    "\u{4}\0\0\0\u{31}",
    "\u{6}\0\0\0\u{1c}",
];

/// Checks `data` as a file, and as the sections of a file of each version with a right header and checksum.
pub fn check(data: &[u8]) {
    check_file(data);
    for version in 1..=VERSION {
        let mut file = [&b"FWSWARMS"[..], &version.to_be_bytes(), data].concat();
        let checksum = blake3::hash(&file);
        file.extend_from_slice(&[255, 0, 0, 0, 32]);
        file.extend_from_slice(checksum.as_bytes());
        check_file(&file);
    }
}

fn check_file(file: &[u8]) {
    let (sections, held) = memory::peak(|| read_all(file));
    // A peer of 39 bytes in the file takes about 100 in memory, in a list that exists twice while it grows.
    assert!(held <= file.len() * 16 + 1024, "{held} bytes held for {}", file.len());
    assert_eq!(read_pieces(file).as_ref(), sections.as_ref().ok(), "however it comes, the same is found");
    let Ok(sections) = sections else { return };
    let mut writer = Writer::default();
    for section in &sections {
        write(&mut writer, section);
    }
    writer.finish();
    assert_eq!(read_all(writer.bytes()).as_ref(), Ok(&sections));
    // The file truncated anywhere, or with one bit flipped.
    let place = usize::from(file[file.len() - 1]) * (file.len() - 1) / 255;
    assert!(read_all(&file[..place]).is_err(), "cut at {place}");
    let mut damaged = file.to_vec();
    damaged[place] ^= 1 << (file[file.len() - 2] % 8);
    assert!(read_all(&damaged).is_err(), "damaged at {place}");
    damaged.clone_from_slice(file);
    damaged.push(0);
    assert!(read_all(&damaged).is_err(), "bytes after its end");
}

/// The sections of a file that is read in pieces; `None` after an error.
fn read_pieces(mut file: &[u8]) -> Option<Vec<Section>> {
    let mut reader = Reader::default();
    let mut sections = Vec::new();
    loop {
        let pieces = [0, 1, 4, 5, 12, file.len() / 3, file.len()];
        let step = pieces.into_iter().find_map(|end| {
            let (step, held) = memory::peak(|| reader.read(&file[..end.min(file.len())]));
            assert_eq!(held, 0, "a reader keeps nothing");
            match step {
                Ok((done, Step::Partial)) => {
                    assert_eq!(done, 0);
                    None
                }
                step => Some(step),
            }
        });
        let (done, step) = step?.ok()?;
        match step {
            Step::Section(frame) => sections.push(frame.decode().ok()?),
            Step::End => return (done == file.len()).then_some(sections),
            Step::Header | Step::Partial => {}
        }
        file = &file[done..];
    }
}

fn write(writer: &mut Writer, section: &Section) {
    match section {
        Section::Saved(at) => writer.saved(*at),
        Section::Clients(prefixes) => writer.clients(prefixes),
        Section::Members(members) => writer.members(members.iter().copied()),
        Section::Torrents(torrents) => writer.torrents(torrents.iter().copied()),
        Section::Reports(position, reports) => writer.reports(*position, reports),
        Section::Swarm(head, peers) => writer.swarm(head, peers.iter().copied()),
    }
}

/// The target's [`seeds`](crate::Target::seeds).
pub fn seeds() -> Vec<Vec<u8>> {
    let hash = |byte| Some([byte; 20].into());
    let report = Report { member: 5, torrent: 6, uploaded: 7, stopped: true, ..Report::default() };
    let peer = StoredPeer {
        member: 1,
        identity: 2,
        client: 1,
        v4: Some(([192, 0, 2, 1], 6881)).map(|(ip, port)| std::net::SocketAddrV4::new(ip.into(), port)),
        v6: None,
        uploaded: (1 << 48) - 1,
        downloaded: 3,
        left: 65_536,
        partial: false,
        fetched: true,
        baseline: false,
        ahead: true,
        idle: 60,
        shared: 7,
    };
    let v6 = std::net::SocketAddrV6::new(std::net::Ipv6Addr::LOCALHOST, 1, 0, 0);
    let others =
        [StoredPeer { v4: None, v6: Some(v6), partial: true, ..peer }, StoredPeer { v6: Some(v6), ..peer }];
    let key = Binding { version: 1, nonce: [7; 16].into() };
    let old = Binding { version: 2, nonce: Nonce::EMPTY };
    let head = SwarmHead { info_hash: [3; 20].into(), snatched: 4 };
    let sections = [
        Section::Saved(1_800_000_000),
        Section::Clients(vec![*b"-qB4650-", *b"-TR4060-"]),
        Section::Members(vec![
            Member { id: 1, key, enabled: true },
            Member { id: 2, key: old, enabled: false },
        ]),
        Section::Torrents(vec![
            Torrent { id: 1, v1: hash(1), v2: None, snatched: 3 },
            Torrent { id: 2, v1: None, v2: hash(2), snatched: 0 },
        ]),
        Section::Reports(Position { epoch: 1, seq: 2 }, vec![report; 2]),
        Section::Swarm(head, vec![peer]),
        Section::Swarm(head, others.to_vec()),
    ];
    let file = |sections: &[Section]| {
        let mut writer = Writer::default();
        for section in sections {
            write(&mut writer, section);
        }
        writer.finish();
        writer.bytes().to_vec()
    };
    let mut seeds = vec![file(&[]), file(&sections)];
    // Without header and end, which `check` adds.
    seeds.extend(sections.iter().map(|section| {
        let file = file(std::slice::from_ref(section));
        file[12..file.len() - 37].to_vec()
    }));
    seeds
}
