//! A created torrent is read with the same files and hashes, and the hashes are those of a plain calculation.

use std::collections::BTreeMap;

use bt::bencode::{Limits, Value, check_sorted};
use bt::create::{Content, Layout, Options, PieceHashes, Source};
use bt::metainfo::{File, Hashes, Kind, Metainfo};
use proptest::prelude::*;
use sha1::{Digest, Sha1};
use sha2::Sha256;

const BLOCK: usize = 16 << 10;

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::V1), Just(Kind::Hybrid), Just(Kind::V2)]
}

/// Sizes around the ends of blocks and pieces, and any.
fn sizes() -> impl Strategy<Value = usize> {
    let edge =
        (0..9_usize, -1..2_isize).prop_map(|(blocks, off)| (blocks * BLOCK).saturating_add_signed(off));
    prop_oneof![Just(0), edge, 0..9 * BLOCK]
}

/// Few parts, so that folders share beginnings: "a" sorts before "a b" as a part, and behind it in a path.
fn paths() -> impl Strategy<Value = Vec<String>> {
    let part = prop_oneof!["[a-c]", "a[ .]b?", "[ä日😀]{1,3}", "[A-Z0-9~]{1,8}"];
    prop::collection::vec(part, 1..4)
}

/// A tree without a path that is a file and a folder.
fn trees() -> impl Strategy<Value = BTreeMap<Vec<String>, usize>> {
    prop::collection::btree_map(paths(), sizes(), 1..12).prop_map(|tree| {
        let paths: Vec<_> = tree.keys().cloned().collect();
        let is_folder =
            |path: &[String]| paths.iter().any(|it| it.len() > path.len() && it.starts_with(path));
        tree.into_iter().filter(|(path, _)| !is_folder(path)).collect()
    })
}

/// The contents of a file, which differ between files.
fn bytes(file: usize, size: usize) -> Vec<u8> {
    (0..size).map(|at| (at / 7 + at / BLOCK + file * 31).to_le_bytes()[0]).collect()
}

/// Hashes the pieces, given in parts of `cut` bytes.
fn hashes(layout: &Layout, files: &[Vec<u8>], cut: usize) -> Vec<PieceHashes> {
    let piece = |piece| {
        let mut hasher = layout.hasher(piece);
        for span in layout.spans(piece) {
            let from = usize::try_from(span.offset).expect("it is small");
            let length = usize::try_from(span.length).expect("it is small");
            files[span.file][from..from + length].chunks(cut).for_each(|part| hasher.update(part));
        }
        hasher.finish()
    };
    (0..layout.pieces()).map(piece).collect()
}

/// The root over all blocks at once (BEP 52).
fn plain_root(bytes: &[u8]) -> [u8; 32] {
    let mut level: Vec<[u8; 32]> = bytes.chunks(BLOCK).map(|block| Sha256::digest(block).into()).collect();
    level.resize(level.len().next_power_of_two(), [0; 32]);
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| Sha256::digest(pair.as_flattened()).into()).collect();
    }
    level[0]
}

/// The value at a path of keys.
fn at<'a>(raw: &'a [u8], keys: &[&[u8]]) -> Option<Value<'a>> {
    keys.iter().try_fold(Value::of_checked(raw), |value, key| {
        value.dict()?.find(|entry| entry.key == *key).map(|entry| entry.value)
    })
}

fn check(layout: &Layout, torrent: &[u8], files: &[Vec<u8>], options: Options, single: bool) {
    let limits = Limits::default();
    check_sorted(torrent, &limits).expect("keys are sorted");
    let made = Metainfo::parse(torrent, &limits).expect("what is made is read");
    assert_eq!((made.kind, made.private, made.name.as_str()), (options.kind, options.private, "näme"));
    assert_eq!(made.hashes, Hashes::of(made.info, options.kind));
    let listed = layout.files().iter().map(|file| File { path: file.path.join("/"), size: file.size });
    assert_eq!(made.files, listed.collect::<Vec<_>>());
    if options.kind != Kind::V1 {
        for (file, bytes) in layout.files().iter().zip(files) {
            let mut keys: Vec<&[u8]> = vec![b"file tree"];
            keys.extend(file.path.iter().map(String::as_bytes));
            keys.extend([&b""[..], b"pieces root"]);
            let root = at(made.info, &keys).and_then(Value::string);
            assert_eq!(root, (!bytes.is_empty()).then(|| plain_root(bytes)).as_ref().map(|root| &root[..]));
        }
    }
    if options.kind != Kind::V2 {
        let aligned = options.kind == Kind::Hybrid && !single;
        let piece = usize::try_from(layout.piece_length()).expect("it is small");
        let mut stream = Vec::new();
        for bytes in files.iter().filter(|bytes| !bytes.is_empty()) {
            if aligned {
                stream.resize(stream.len().next_multiple_of(piece), 0);
            }
            stream.extend_from_slice(bytes);
        }
        let plain: Vec<[u8; 20]> = stream.chunks(piece).map(|piece| Sha1::digest(piece).into()).collect();
        assert_eq!(at(made.info, &[b"pieces"]).and_then(Value::string), Some(plain.as_flattened()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_folder_is_read_as_it_was_made(
        tree in trees(), kind in kinds(), private: bool, blocks in 0..3_u32, cut in 1_usize..3 * BLOCK,
    ) {
        prop_assume!(tree.values().any(|size| *size > 0));
        let options = Options { kind, piece_length: Some((BLOCK as u64) << blocks), private };
        // In any order, here the wrong one.
        let sources =
            tree.iter().rev().map(|(path, size)| Source { path: path.clone(), size: *size as u64 }).collect();
        let layout = Layout::new("näme", Content::Folder(sources), options).expect("it is accepted");
        let files: Vec<_> = tree.values().enumerate().map(|(file, size)| bytes(file, *size)).collect();
        let torrent = layout.metainfo(&hashes(&layout, &files, cut), "http://t/announce", "é");
        check(&layout, &torrent, &files, options, false);
    }

    #[test]
    fn a_file_is_read_as_it_was_made(
        size in sizes(), kind in kinds(), private: bool, blocks in 0..3_u32, cut in 1_usize..3 * BLOCK,
    ) {
        prop_assume!(size > 0);
        let options = Options { kind, piece_length: Some((BLOCK as u64) << blocks), private };
        let layout = Layout::new("näme", Content::File(size as u64), options).expect("it is accepted");
        let files = [bytes(0, size)];
        let torrent = layout.metainfo(&hashes(&layout, &files, cut), "", "");
        check(&layout, &torrent, &files, options, true);
    }

    /// Nothing that a file system or a caller may say panics, and what is accepted is read.
    #[test]
    fn any_names_and_sizes_are_refused_or_read(
        name in ".{0,4}", kind in kinds(), piece_length in prop::option::of(any::<u64>()),
        files in prop::collection::vec((prop::collection::vec(".{0,4}|\\.|\\.\\.|\\.pad|a/b", 0..4), any::<u64>(), 0..64_u32), 0..5),
    ) {
        let sources = files.into_iter().map(|(path, size, shift)| Source { path, size: size >> shift }).collect();
        let options = Options { kind, piece_length, private: true };
        if let Ok(layout) = Layout::new(&name, Content::Folder(sources), options) {
            let torrent = layout.metainfo(&vec![PieceHashes::UNKNOWN; layout.pieces()], "", "");
            let made = Metainfo::parse(&torrent, &Limits::default()).expect("what is made is read");
            prop_assert_eq!(made.files.len(), layout.files().len());
        }
    }
}
