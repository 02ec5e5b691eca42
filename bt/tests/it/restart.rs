//! The bytes of the restart file.

use std::net::{SocketAddrV4, SocketAddrV6};

use bt::announce_key::{Binding, Nonce};
use bt::messages::counts::Position;
use bt::messages::report::Report;
use bt::restart::{Error, Member, Reader, Section, Step, SwarmHead, Torrent, Writer, read_all};
use bt::swarm::StoredPeer;
use proptest::collection::vec;
use proptest::prelude::*;

prop_compose! {
    fn peers()(
        ids in any::<(u32, u32, u16, u32, u32)>(),
        v4 in any::<Option<([u8; 4], u16)>>(),
        v6 in any::<Option<([u8; 16], u16)>>(),
        counters in any::<[u64; 3]>(),
        flags in any::<[bool; 4]>(),
    ) -> StoredPeer {
        let (member, identity, client, idle, shared) = ids;
        let [uploaded, downloaded, left] = counters;
        let [partial, fetched, baseline, ahead] = flags;
        let v4 = v4.map(|(ip, port)| SocketAddrV4::new(ip.into(), port));
        let v6 = v6.map(|(ip, port)| SocketAddrV6::new(ip.into(), port, 0, 0));
        StoredPeer {
            member, identity, client, v4, v6, uploaded, downloaded, left, partial, fetched, baseline, ahead, idle,
            shared,
        }
    }
}

prop_compose! {
    fn reports()(numbers in any::<[u64; 4]>(), ids in any::<[u32; 4]>(), flags in any::<[bool; 3]>()) -> Report {
        let [uploaded, downloaded, left, seen] = numbers;
        let [member, torrent, seeded, leeched] = ids;
        let [snatched, stopped, clamped] = flags;
        Report {
            member, torrent, uploaded, downloaded, left, seen, seeded, leeched, snatched, stopped, clamped,
        }
    }
}

fn members() -> impl Strategy<Value = Member> {
    any::<(u32, u32, Option<[u8; 16]>, bool)>().prop_map(|(id, version, nonce, enabled)| {
        let nonce = nonce.map_or(Nonce::EMPTY, Nonce::from);
        Member { id, key: Binding { version, nonce }, enabled }
    })
}

fn torrents() -> impl Strategy<Value = Torrent> {
    any::<(u32, Option<[u8; 20]>, Option<[u8; 20]>, u32)>().prop_map(|(id, v1, v2, snatched)| Torrent {
        id,
        v1: v1.map(Into::into),
        v2: v2.map(Into::into),
        snatched,
    })
}

fn sections() -> impl Strategy<Value = Section> {
    prop_oneof![
        any::<u64>().prop_map(Section::Saved),
        vec(any::<[u8; 8]>(), 0..4).prop_map(Section::Clients),
        vec(members(), 0..4).prop_map(Section::Members),
        vec(torrents(), 0..4).prop_map(Section::Torrents),
        (any::<(u64, u64)>(), vec(reports(), 0..4))
            .prop_map(|((epoch, seq), reports)| Section::Reports(Position { epoch, seq }, reports)),
        (any::<([u8; 20], u32)>(), vec(peers(), 0..6)).prop_map(|((hash, snatched), peers)| {
            Section::Swarm(SwarmHead { info_hash: hash.into(), snatched }, peers)
        }),
    ]
}

/// The whole file, gathered from pieces as they would be written.
fn write(sections: &[Section]) -> Vec<u8> {
    let mut writer = Writer::default();
    let mut file = Vec::new();
    for section in sections {
        match section {
            Section::Saved(at) => writer.saved(*at),
            Section::Clients(prefixes) => writer.clients(prefixes),
            Section::Members(members) => writer.members(members.iter().copied()),
            Section::Torrents(torrents) => writer.torrents(torrents.iter().copied()),
            Section::Reports(position, reports) => writer.reports(*position, reports),
            Section::Swarm(head, peers) => writer.swarm(head, peers.iter().copied()),
        }
        file.extend_from_slice(writer.bytes());
        writer.clear();
    }
    writer.finish();
    file.extend_from_slice(writer.bytes());
    file
}

proptest! {
    #[test]
    fn what_was_written_is_read(sections in vec(sections(), 0..8)) {
        prop_assert_eq!(read_all(&write(&sections)), Ok(sections));
    }

    #[test]
    fn no_changed_byte_goes_unnoticed(sections in vec(sections(), 1..4), at: usize, by in 1..=u8::MAX) {
        let mut file = write(&sections);
        let at = at % file.len();
        file[at] ^= by;
        prop_assert!(read_all(&file).is_err());
    }

    #[test]
    fn no_beginning_is_taken_for_the_whole(sections in vec(sections(), 0..4), at: usize) {
        let file = write(&sections);
        let error = read_all(&file[..at % file.len()]).err();
        prop_assert_eq!(error, Some(Error::Cut));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..300), sections in vec(sections(), 0..3), at: usize) {
        let mut file = write(&sections);
        file.truncate(at % file.len());
        file.extend_from_slice(&bytes);
        let _ = read_all(&bytes);
        let _ = read_all(&file);
    }
}

#[test]
fn the_layout_is_as_promised() {
    let file = write(&[Section::Saved(258)]);
    let (begin, hash) = file.split_at(file.len() - 32);
    assert_eq!(begin[..12], *b"FWSWARMS\0\0\0\x02");
    assert_eq!(begin[12..25], [1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(begin[25..], [255, 0, 0, 0, 32]);
    assert_eq!(hash, blake3_of(&begin[..25]));
}

fn blake3_of(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

#[test]
fn other_files_versions_and_claims_are_refused() {
    let mut file = write(&[]);
    assert_eq!(read_all(b"{\"swarms\": []}"), Err(Error::Foreign));
    assert_eq!(read_all(b""), Err(Error::Cut));
    for version in [0, 3, 255] {
        file[11] = version;
        assert_eq!(read_all(&file), Err(Error::Version(version.into())));
    }
    file[11] = 2;
    // A length that nobody writes is not waited for.
    file.splice(12.., [6, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(read_all(&file), Err(Error::Section));
    let mut reader = Reader::default();
    assert!(matches!(reader.read(&file), Ok((12, Step::Header))));
    assert_eq!(reader.read(&file[12..]).err(), Some(Error::Section));
}

#[test]
fn a_file_of_version_1_is_read_and_its_members_have_no_nonce() {
    let file = |enabled: u8| {
        let mut file = b"FWSWARMS\0\0\0\x01".to_vec();
        file.extend_from_slice(&[3, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0, 7, enabled]);
        let hash = blake3_of(&file);
        file.extend_from_slice(&[255, 0, 0, 0, 32]);
        file.extend_from_slice(&hash);
        file
    };
    let key = Binding { version: 7, nonce: Nonce::EMPTY };
    assert_eq!(read_all(&file(1)), Ok(vec![Section::Members(vec![Member { id: 5, key, enabled: true }])]));
    assert_eq!(read_all(&file(2)), Err(Error::Section));
}

#[test]
fn a_section_without_meaning_is_refused() {
    for (kind, payload) in [
        (1, &[0; 7][..]),
        (2, &[0; 9]),
        (3, &[4; 25]),
        (3, &[1; 9]),
        (4, &[0xff; 49]),
        (5, &[0; 15]),
        (7, &[]),
    ] {
        let mut file = write(&[]);
        file.truncate(12);
        file.push(kind);
        file.extend_from_slice(&u32::try_from(payload.len()).expect("short").to_be_bytes());
        file.extend_from_slice(payload);
        let hash = blake3_of(&file);
        file.extend_from_slice(&[255, 0, 0, 0, 32]);
        file.extend_from_slice(&hash);
        assert_eq!(read_all(&file), Err(Error::Section), "kind {kind}");
    }
}
