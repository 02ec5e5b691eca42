//! Rules of the layout, and hashes that libtorrent 2.1 gives.

use super::*;
use crate::bencode::Limits;

fn file(path: &[&str], size: u64) -> Source {
    Source { path: path.iter().map(|part| (*part).to_owned()).collect(), size }
}

fn options(kind: Kind) -> Options {
    Options { kind, piece_length: Some(BLOCK), private: false }
}

fn folder(name: &str, kind: Kind, files: &[Source]) -> Result<Layout, Error> {
    Layout::new(name, Content::Folder(files.to_vec()), options(kind))
}

fn spans(layout: &Layout, piece: usize) -> Vec<(usize, u64, u64)> {
    layout.spans(piece).map(|span| (span.file, span.offset, span.length)).collect()
}

#[test]
fn pieces_are_1025_to_2048_of_16_kib_to_16_mib() {
    for (size, length) in [(0, BLOCK), (1, BLOCK), (32 << 20, BLOCK), ((32 << 20) + 1, 2 * BLOCK)] {
        assert_eq!(piece_length(size), length, "{size}");
    }
    assert_eq!(piece_length(u64::MAX), 16 << 20);
    for size in (1..1000_u64).map(|part| part << 25) {
        assert!((1025..=2048).contains(&size.div_ceil(piece_length(size))) || size == 1 << 25, "{size}");
    }
}

#[test]
fn version_1_packs_files_and_version_2_aligns_them() {
    let files = [file(&["b"], BLOCK + 1), file(&["a", "x"], 5), file(&["a", "e"], 0), file(&["a.txt"], 7)];
    let layout = folder("t", Kind::V1, &files).expect("it is accepted");
    assert_eq!(
        layout.files().iter().map(|file| file.path.join("/")).collect::<Vec<_>>(),
        ["a/e", "a/x", "a.txt", "b"]
    );
    assert_eq!(spans(&layout, 0), [(1, 0, 5), (2, 0, 7), (3, 0, BLOCK - 12)]);
    assert_eq!(spans(&layout, 1), [(3, BLOCK - 12, 13)]);
    assert_eq!((layout.pieces(), spans(&layout, 2)), (2, vec![]));
    for kind in [Kind::V2, Kind::Hybrid] {
        let layout = folder("t", kind, &files).expect("it is accepted");
        let pieces: Vec<_> = (0..layout.pieces()).map(|piece| spans(&layout, piece)).collect();
        assert_eq!(pieces, [[(1, 0, 5)], [(2, 0, 7)], [(3, 0, BLOCK)], [(3, BLOCK, 1)]]);
    }
}

#[test]
fn hashes_are_those_of_libtorrent() {
    let hello = |layout: &Layout| {
        let mut hasher = layout.hasher(0);
        hasher.update(b"hello");
        let torrent = layout.metainfo(&[hasher.finish()], "", "");
        let made = Metainfo::parse(&torrent, &Limits::default()).expect("it is read");
        made.hashes.canonical().to_string()
    };
    let single = |kind| Layout::new("s", Content::File(5), options(kind)).expect("it is accepted");
    let inside = |kind| folder("s", kind, &[file(&["s"], 5)]).expect("it is accepted");
    assert_eq!(hello(&single(Kind::V1)), "a18ba52985b6739a0b2ef34f1ffc5a529ca6ca5e");
    assert_eq!(hello(&single(Kind::Hybrid)), "06f66a272fc2c22d9120a46b2c3333dca27b028a");
    assert_eq!(hello(&inside(Kind::V1)), "7589465bb986af78d7e074623c91d22a136418a9");
    assert_eq!(hello(&inside(Kind::Hybrid)), "0ae7a0b7be389182895777cbd8feef3f567c5067");
}

#[test]
fn what_clients_would_save_under_another_name_is_refused() {
    for name in ["a\\b", "a\nb", "a\u{202e}b", &"x".repeat(241)] {
        for kind in [Kind::V1, Kind::V2, Kind::Hybrid] {
            let refused = folder("t", kind, &[file(&["d", name], 5), file(&["d", "x"], 5)]).err();
            assert_eq!(refused, Some(Error::Name { path: format!("d/{name}") }), "{kind:?}");
        }
    }
    // Who reads version 1 takes it for padding.
    let bitcomet = folder("t", Kind::V1, &[file(&["_____padding_file_0"], 5), file(&["x"], 5)]).err();
    assert_eq!(bitcomet, Some(Error::Name { path: "_____padding_file_0".into() }));
    for name in ["a/b", ".", ""] {
        assert!(folder("t", Kind::Hybrid, &[file(&[name], 5)]).is_err(), "{name}");
        assert!(folder(name, Kind::Hybrid, &[file(&["a"], 5)]).is_err(), "{name}");
    }
    assert!(folder("t", Kind::V1, &[file(&[], 5)]).is_err());
}

#[test]
fn paths_in_each_others_way_are_refused() {
    for files in [[file(&["a"], 5), file(&["a"], 5)], [file(&["a"], 5), file(&["a", "b"], 5)]] {
        assert_eq!(folder("t", Kind::V1, &files).err(), Some(Error::Twice { path: "a".into() }));
    }
    let pad = [file(&[".pad", "1"], 5)];
    assert_eq!(folder("t", Kind::Hybrid, &pad).err(), Some(Error::PadFolder));
    assert!(folder("t", Kind::V1, &pad).is_ok() && folder("t", Kind::V2, &pad).is_ok());
    let inner = folder("t", Kind::V2, &[file(&["t"], 5)]).err();
    assert_eq!(inner, Some(Error::FolderLikeFile { name: "t".into() }));
}

#[test]
fn sizes_that_clients_do_not_take_are_refused_before_anything_is_allocated() {
    let parse_error = |sizes: &[u64], piece_length| {
        let files = sizes.iter().enumerate().map(|(at, size)| file(&[&at.to_string()], *size)).collect();
        let options = Options { kind: Kind::V2, piece_length, private: true };
        Layout::new("t", Content::Folder(files), options).err()
    };
    let many = Error::Metainfo(metainfo::Error::TooManyPieces { limit: MAX_PIECES });
    assert_eq!(parse_error(&[1 << 47], None), Some(many.clone()));
    assert_eq!(parse_error(&[1 << 35, 1], Some(BLOCK)), Some(many));
    assert_eq!(parse_error(&[u64::MAX, 1], None), Some(Error::Metainfo(metainfo::Error::FileSize)));
    assert_eq!(parse_error(&[0, 0], None), Some(Error::Metainfo(metainfo::Error::NoContent)));
    assert_eq!(parse_error(&[], None), Some(Error::Metainfo(metainfo::Error::NoFiles)));
    for length in [0, 1, BLOCK / 2, BLOCK + 1, 1 << 29, u64::MAX] {
        assert_eq!(parse_error(&[5], Some(length)), Some(Error::PieceLength { length }));
    }
}
