//! The .torrent files of the libtorrent project: what it refuses we refuse, and hashes are over raw bytes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use bt::bencode::Limits;
use bt::metainfo::{Error, Hashes, Kind, Metainfo, with_private, write};
use proptest::prelude::*;

/// Refused here though libtorrent reads it, and why.
const REFUSED_ONLY_HERE: [(&str, &str); 7] = [
    ("hidden_parent_path.torrent", "“..” inside a path part: some clients follow it out of their folder"),
    ("invalid_name2.torrent", "the name is “..”: files would be saved beside the download folder"),
    (
        "parent_path.torrent",
        "“..” in a path: some clients follow it out of their folder, others refuse the file",
    ),
    ("slash_path2.torrent", "“..” inside a path part: some clients follow it out of their folder"),
    ("slash_path3.torrent", "“..” inside the name: some clients follow it out of their folder"),
    (
        "v2_incomplete_piece_layer.torrent",
        "a piece layer is missing, which BEP 52 demands: no piece of that file can be checked",
    ),
    ("v2_no_piece_layers.torrent", "piece layers are missing, which BEP 52 demands: no piece can be checked"),
];

fn corpus(folder: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/corpora/libtorrent", folder].iter().collect()
}

fn read(file: &str) -> Vec<u8> {
    fs::read(corpus("valid_and_malicious").join(file)).expect("the corpus is there")
}

fn parse(bytes: &[u8]) -> Result<Metainfo<'_>, Error> {
    Metainfo::parse(bytes, &Limits::default())
}

/// One row of `MANIFEST.tsv`: libtorrent's verdict and what `info` hashes to.
struct Row {
    file: String,
    accepted: bool,
    kind: String,
    sha1: String,
    private: bool,
    files: Option<usize>,
}

fn manifest() -> Vec<Row> {
    let table = fs::read_to_string(corpus("MANIFEST.tsv")).expect("the corpus is there");
    table
        .lines()
        .skip(1)
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            Row {
                file: columns[0].into(),
                accepted: columns[2] == "accept",
                kind: columns[3].into(),
                sha1: columns[4].into(),
                private: columns[7] == "True",
                files: columns[8].parse().ok(),
            }
        })
        .collect()
}

/// Splices and writes, reads the result back, and checks that only what should differ does.
fn check_rewrite(metainfo: &Metainfo<'_>) {
    let info = with_private(metainfo.info);
    let written = write(&info, metainfo.piece_layers, "http://localhost/announce/key/announce", "page");
    let again = parse(&written).expect("what is written is read");
    assert!(again.private);
    assert!(!again.has_announce_list);
    assert_eq!(again.announce, Some(&b"http://localhost/announce/key/announce"[..]));
    assert_eq!(again.info, &*info);
    assert_eq!(again.hashes, Hashes::of(&info, metainfo.kind));
    assert_eq!(again.hashes == metainfo.hashes, info == metainfo.info);
    assert_eq!(again.piece_layers, metainfo.piece_layers);
    assert_eq!((&again.name, &again.files, again.size), (&metainfo.name, &metainfo.files, metainfo.size));
    assert!(matches!(with_private(again.info), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn verdicts_follow_libtorrent() {
    let mut reasons = HashMap::from(REFUSED_ONLY_HERE);
    let rows = manifest();
    assert_eq!(rows.len(), 108);
    for row in rows {
        let bytes = read(&row.file);
        let verdict = parse(&bytes);
        let expected = row.accepted && reasons.remove(row.file.as_str()).is_none();
        assert_eq!(verdict.is_ok(), expected, "{}: {:?}", row.file, verdict.err());
    }
    assert!(reasons.is_empty(), "no longer refused: {reasons:?}");
}

#[test]
fn accepted_files_are_read_as_listed() {
    for row in manifest() {
        let bytes = read(&row.file);
        let Ok(metainfo) = parse(&bytes) else { continue };
        let kind = match metainfo.kind {
            Kind::V1 => "v1",
            Kind::Hybrid => "hybrid",
            Kind::V2 => "v2",
        };
        assert_eq!(kind, row.kind, "{}", row.file);
        if let Some(v1) = metainfo.hashes.v1 {
            assert_eq!(v1.to_string(), row.sha1, "{}", row.file);
        }
        assert_eq!(metainfo.private, row.private, "{}", row.file);
        // The list counts pad files too.
        assert!(Some(metainfo.files.len()) <= row.files, "{}", row.file);
        assert_eq!(metainfo.size, metainfo.files.iter().map(|file| file.size).sum::<u64>(), "{}", row.file);
    }
}

#[test]
fn accepted_files_survive_rewriting() {
    for row in manifest() {
        let bytes = read(&row.file);
        if let Ok(metainfo) = parse(&bytes) {
            check_rewrite(&metainfo);
        }
    }
}

#[test]
fn mutable_torrents_are_accepted() {
    let files: Vec<_> = fs::read_dir(corpus("mutable")).expect("the corpus is there").collect();
    assert_eq!(files.len(), 8);
    for file in files {
        let bytes = fs::read(file.expect("it is listed").path()).expect("it is read");
        check_rewrite(&parse(&bytes).expect("it is accepted"));
    }
}

#[test]
fn contents_are_listed_without_pad_files() {
    let mut listing = String::new();
    for file in
        ["sample", "empty-files-1", "v2_hybrid", "v2_symlinks", "absolute_filename", "invalid_filename2"]
    {
        let bytes = read(&format!("{file}.torrent"));
        let metainfo = parse(&bytes).expect("it is accepted");
        let Metainfo { kind, name, size, piece_length, hashes, .. } = &metainfo;
        writeln!(listing, "{file}: {kind:?} {name:?}, {size} in pieces of {piece_length}")
            .expect("it is written");
        writeln!(listing, "  {:?} {:?}", hashes.v1, hashes.v2).expect("it is written");
        for file in &metainfo.files {
            writeln!(listing, "  {:>12} {}", file.size, file.path).expect("it is written");
        }
    }
    insta::assert_snapshot!(listing);
}

#[test]
fn refusals_say_what_to_do() {
    let mut sentences = String::new();
    for row in manifest() {
        if let Err(error) = parse(&read(&row.file)) {
            writeln!(sentences, "{}: {error}", row.file).expect("it is written");
        }
    }
    insta::assert_snapshot!(sentences);
}

/// One change to the bytes of a file: cut `length` bytes at a place (a share of its length) and put others there.
#[derive(Debug, Clone)]
struct Edit {
    place: prop::sample::Index,
    cut: usize,
    put: Vec<u8>,
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let words: [&[u8]; 14] = [
        b"e",
        b"d",
        b"l",
        b"i1e",
        b"i-1e",
        b"0:",
        b"1:a",
        b"2:..",
        b"4:attr1:p",
        b"4:attr1:l",
        b"6:lengthi0e",
        b"7:privatei1e",
        b"5:filesle",
        b"9:file treede",
    ];
    let put = prop_oneof![
        prop::sample::select(words.to_vec()).prop_map(<[u8]>::to_vec),
        prop::collection::vec(prop::sample::select(b"0123456789deil:-./\0\xff".to_vec()), 0..3),
    ];
    (any::<prop::sample::Index>(), 0..3_usize, put).prop_map(|(place, cut, put)| Edit { place, cut, put })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn mutations_never_panic_and_survive_rewriting(
        file in prop::sample::select(manifest().into_iter().map(|row| row.file).collect::<Vec<_>>()),
        edits in prop::collection::vec(any_edit(), 1..4),
    ) {
        let mut bytes = read(&file);
        for edit in edits {
            let start = edit.place.index(bytes.len());
            let end = (start + edit.cut).min(bytes.len());
            bytes.splice(start..end, edit.put);
            bytes.push(b'e');
        }
        if let Ok(metainfo) = parse(&bytes) {
            check_rewrite(&metainfo);
        }
        // Whatever stands there, splicing gives `private` or leaves it alone.
        let _ = with_private(&bytes);
    }
}
