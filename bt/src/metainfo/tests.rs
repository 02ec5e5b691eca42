//! Rules that no file of the corpus reaches.

use super::*;

fn parse(bytes: &[u8]) -> Result<Metainfo<'_>, Error> {
    Metainfo::parse(bytes, &Limits::default())
}

fn string(text: &str) -> String {
    format!("{}:{text}", text.len())
}

/// A file list of version 1 with sizes of one byte.
fn listing(name: &str, paths: &[&[&str]]) -> String {
    let files: Vec<_> = paths
        .iter()
        .map(|parts| {
            let path: String = parts.iter().map(|part| string(part)).collect();
            format!("d6:lengthi1e4:pathl{path}ee")
        })
        .collect();
    let name = string(name);
    let (files, pieces) = (files.concat(), "h".repeat(20));
    format!("d4:infod5:filesl{files}e4:name{name}12:piece lengthi16384e6:pieces20:{pieces}ee")
}

fn single(piece_length: i64, extra: &str) -> String {
    format!(
        "d4:infod6:lengthi5e4:name1:a12:piece lengthi{piece_length}e6:pieces20:{}{extra}ee",
        "h".repeat(20)
    )
}

fn paths(text: &str) -> Vec<String> {
    let files = parse(text.as_bytes()).map(|metainfo| metainfo.files);
    files.expect("it is accepted").into_iter().map(|file| file.path).collect()
}

#[test]
fn names_are_safe_to_show_and_to_save() {
    let odd: &[&[&str]] =
        &[&["a/b", "c\\d"], &["photo\u{202e}gpj.exe"], &["tab\there"], &[".", "x"], &[".", "."], &["", " "]];
    assert_eq!(paths(&listing("t", odd)), ["a_b/c_d", "photogpj.exe", "tab_here", "x", "_", "_/_"]);
    let long = "ü".repeat(200);
    assert_eq!(paths(&listing("t", &[&[&long]])), ["ü".repeat(120)]);
}

#[test]
fn more_files_than_a_site_can_list_are_refused_and_pad_files_are_none() {
    let torrent = |files: usize, pads: usize| {
        let pieces = files.div_ceil(16_384) * 20;
        let files: Vec<_> = (0..files).map(|number| format!("d6:lengthi1e4:pathl6:{number:06}ee")).collect();
        let files = files.concat();
        let pads = "d4:attr1:p6:lengthi0e4:pathl1:pee".repeat(pads);
        let hashes = "h".repeat(pieces);
        format!("d4:infod5:filesl{files}{pads}e4:name1:t12:piece lengthi16384e6:pieces{pieces}:{hashes}ee")
    };
    let counted = |files, pads| parse(torrent(files, pads).as_bytes()).map(|it| it.files.len());
    assert_eq!(counted(MAX_FILES, 1000), Ok(MAX_FILES));
    assert_eq!(counted(MAX_FILES + 1, 0), Err(Error::TooManyFiles { limit: MAX_FILES }));
    assert_eq!(counted(1, 2 * MAX_FILES), Err(Error::TooManyFiles { limit: MAX_FILES }));
}

#[test]
fn invalid_utf8_is_replaced() {
    let torrent =
        [b"d4:infod6:lengthi5e4:name3:a\xff\x7f12:piece lengthi16384e6:pieces20:", &[b'h'; 20][..], b"ee"];
    let bytes = torrent.concat();
    assert_eq!(parse(&bytes).map(|metainfo| metainfo.name), Ok("a\u{fffd}_".into()));
}

#[test]
fn blank_and_climbing_names_are_refused() {
    for blank in ["", " ", ".", "/", "\0\0", "\u{200e}", "..\0"] {
        let torrent = listing(blank, &[&["a"]]);
        assert_eq!(parse(torrent.as_bytes()).err(), Some(Error::MissingName), "{blank:?}");
    }
    for climbing in ["..", "a/../b", "a\\..\\b"] {
        for torrent in [listing(climbing, &[&["a"]]), listing("t", &[&["a", climbing]])] {
            assert!(matches!(parse(torrent.as_bytes()), Err(Error::ParentPath { .. })), "{climbing}");
        }
    }
    assert_eq!(paths(&listing("...", &[&["..."]])), ["..."]);
}

#[test]
fn links_out_of_the_folder_are_refused() {
    for (target, accepted) in [("1:b", true), ("2:..1:b", false), ("i1e", false)] {
        let link = format!("d4:attr1:l4:pathl1:ae12:symlink pathl{target}ee");
        let torrent = listing("t", &[&["b"]]).replacen("5:filesl", &format!("5:filesl{link}"), 1);
        assert_eq!(parse(torrent.as_bytes()).is_ok(), accepted, "{target}");
    }
}

#[test]
fn names_of_invisible_characters_alone_are_refused() {
    let invisible = ["\u{200b}", "\u{200c}", "\u{200d}", "\u{2060}", "\u{2062}", "\u{2064}", "\u{feff}"];
    for char in invisible {
        for blank in [char.to_owned(), format!("{char}.{char}"), format!("..{char}"), format!(" {char}/")] {
            let torrent = listing(&blank, &[&["a"]]);
            assert_eq!(parse(torrent.as_bytes()).err(), Some(Error::MissingName), "{blank:?}");
        }
        assert!(parse(listing(&format!("a{char}"), &[&["a"]]).as_bytes()).is_ok(), "{char:?}");
        assert!(parse(listing("t", &[&[char]]).as_bytes()).is_ok(), "{char:?} in a path");
    }
}

#[test]
fn paths_and_link_targets_of_more_than_100_parts_are_refused() {
    let link = |count| {
        let file = format!("d4:attr1:l4:pathl1:ae12:symlink pathl{}ee", "1:a".repeat(count));
        let content = "d6:lengthi1e4:pathl1:bee";
        format!(
            "d4:infod5:filesl{content}{file}e4:name1:t12:piece lengthi16384e6:pieces20:{}ee",
            "h".repeat(20)
        )
    };
    let path = |count| listing("t", &[&vec!["a"; count]]);
    for torrent in [path(100), link(100)] {
        assert!(parse(torrent.as_bytes()).is_ok(), "{torrent}");
    }
    for torrent in [path(101), link(101)] {
        assert_eq!(parse(torrent.as_bytes()).err(), Some(Error::DeepPath { limit: 100 }), "{torrent}");
    }
}

#[test]
fn piece_lengths_have_bounds() {
    for length in [i64::MIN, -1, 0, 16_384 * 32_768, i64::MAX] {
        assert_eq!(parse(single(length, "").as_bytes()).err(), Some(Error::PieceLength { length }));
    }
    for length in [5, 16_384, 100_000, 16_384 * 32_767] {
        assert!(parse(single(length, "").as_bytes()).is_ok(), "{length}");
    }
    let message = Error::PieceLength { length: 0 }.to_string();
    assert_eq!(
        message,
        "The piece length 0 is not allowed; make the torrent again with a power of two from 16 KiB to 256 MiB."
    );
}

#[test]
fn private_is_the_integer_one() {
    for (value, private) in [("i1e", true), ("i0e", false), ("i2e", false), ("1:1", false)] {
        let torrent = single(16_384, &format!("7:private{value}"));
        assert_eq!(parse(torrent.as_bytes()).map(|metainfo| metainfo.private), Ok(private), "{value}");
    }
}

#[test]
fn trackers_are_seen() {
    let torrent = single(16_384, "").replacen('d', "d8:announce3:url13:announce-listllee", 1);
    let metainfo = parse(torrent.as_bytes()).expect("it is accepted");
    assert_eq!((metainfo.announce, metainfo.has_announce_list), (Some(&b"url"[..]), true));
}

#[test]
fn few_clashes_are_accepted_and_many_refused() {
    assert_eq!(paths(&listing("t", &[&["a"], &["A"], &["a"]])).len(), 3);
    let many: Vec<&[&str]> = vec![&["a.b"]; 34];
    assert_eq!(parse(listing("t", &many).as_bytes()).err(), Some(Error::Clashes));
}

/// A version 2 file tree: `folders` nested folders around `leaves` empty files.
fn deep_tree(folders: usize, folder: &str, leaves: usize) -> String {
    let open = format!("{}d", string(folder)).repeat(folders);
    let files: Vec<_> = (0..leaves).map(|leaf| format!("6:{leaf:06}d0:d6:lengthi0eee")).collect();
    let (files, close) = (files.concat(), "e".repeat(folders));
    format!("d4:infod9:file treed{open}{files}{close}e12:meta versioni2e4:name1:t12:piece lengthi16384eee")
}

#[test]
fn long_paths_in_a_deep_tree_do_not_multiply() {
    let folder = "f".repeat(200);
    // One path above what can be saved; then short enough ones that take up 100 MB together.
    for torrent in [deep_tree(25, &folder, 1), deep_tree(18, &folder, 30_000)] {
        assert!(torrent.len() < 1_000_000);
        assert_eq!(parse(torrent.as_bytes()).err(), Some(Error::LongPath));
    }
    assert_eq!(parse(deep_tree(18, &folder, 100).as_bytes()).err(), Some(Error::NoContent));
}

#[test]
fn private_is_spliced_in_sorted_place() {
    let cases: [(&str, &str); 7] = [
        ("d4:name1:ae", "d4:name1:a7:privatei1ee"),
        ("d4:name1:a6:source1:xe", "d4:name1:a7:privatei1e6:source1:xe"),
        ("d6:source1:x4:name1:ae", "d7:privatei1e6:source1:x4:name1:ae"),
        ("d7:privatei0e6:source1:xe", "d7:privatei1e6:source1:xe"),
        ("d4:name1:a7:privateli2eee", "d4:name1:a7:privatei1ee"),
        ("de", "d7:privatei1ee"),
        ("d1:ad7:privatei0eee", "d1:ad7:privatei0ee7:privatei1ee"),
    ];
    for (info, expected) in cases {
        assert_eq!(String::from_utf8_lossy(&with_private(info.as_bytes())), expected);
    }
    for unchanged in ["d7:privatei1e1:ai1ee", "i1e", ""] {
        assert!(matches!(with_private(unchanged.as_bytes()), std::borrow::Cow::Borrowed(_)), "{unchanged}");
    }
}

#[test]
fn a_written_file_holds_nothing_else() {
    let written = write(b"de", Some(b"d1:ai1ee"), "http://t/announce", "é");
    let expected = "d8:announce17:http://t/announce7:comment2:é4:infode12:piece layersd1:ai1eee";
    assert_eq!(String::from_utf8_lossy(&written), expected);
    assert_eq!(write(b"de", None, "", ""), b"d4:infodee");
}

#[test]
fn canonical_is_version_1_where_there_is_one() {
    let hashes = [Kind::V1, Kind::Hybrid, Kind::V2].map(|kind| Hashes::of(b"de", kind));
    assert_eq!(hashes.map(|hashes| hashes.v1.is_some()), [true, true, false]);
    assert_eq!(hashes.map(|hashes| hashes.v2.is_some()), [false, true, true]);
    assert_eq!(Some(hashes[1].canonical()), hashes[0].v1);
    assert_eq!(Some(hashes[2].canonical()), hashes[2].v2.map(|v2| v2.truncated()));
    assert_eq!(hashes[0].canonical().to_string(), "600ccd1b71569232d01d110bc63e906beab04d8c");
}

/// The raw `info` of a file that [`listing`] or [`single`] made.
fn info_of(torrent: &str) -> &[u8] {
    &torrent.as_bytes()["d4:info".len()..torrent.len() - 1]
}

fn info(raw: &[u8]) -> Result<Info<'_>, Error> {
    Info::parse(raw, &Limits::default())
}

#[test]
fn names_of_an_info_are_repaired() {
    let odd: &[&[&str]] =
        &[&["..", "a"], &["a/../b"], &["/etc", "passwd"], &["", "\0"], &[".."], &["x\\..\\y"]];
    let torrent = listing("../t", odd);
    let read = info(info_of(&torrent)).expect("it is accepted");
    let paths: Vec<_> = read.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["_/a", "a_.._b", "_etc/passwd", "_/_", "_", "x_.._y"]);
    assert_eq!((read.name.as_str(), read.size), (".._t", 6));
    for blank in ["", "..", ".", "\0", "\u{200e}", "\u{200b}", "/"] {
        let torrent = listing(blank, &[&["a"]]);
        assert_eq!(info(info_of(&torrent)).map(|info| info.name), Ok("_".into()), "{blank:?}");
    }
    let torrent = [b"d6:lengthi5e4:name3:a\xff\x0012:piece lengthi16384e6:pieces20:", &[b'h'; 20][..], b"e"];
    let torrent = torrent.concat();
    let read = info(&torrent).expect("it is accepted");
    assert_eq!((read.name.as_str(), read.files[0].path.as_str()), ("a\u{fffd}_", "a\u{fffd}_"));
}

#[test]
fn links_and_clashes_do_not_matter_in_an_info() {
    let link = "d4:attr1:l4:pathl1:ae12:symlink pathl2:..1:bee";
    let torrent = listing("t", &[&["b"]]).replacen("5:filesl", &format!("5:filesl{link}"), 1);
    assert_eq!(info(info_of(&torrent)).map(|info| info.size), Ok(1));
    let many: Vec<&[&str]> = vec![&["a.b"]; 34];
    assert_eq!(info(info_of(&listing("t", &many))).map(|info| info.files.len()), Ok(34));
}

#[test]
fn an_info_needs_no_piece_layers_and_has_the_hashes_of_its_kind() {
    let root = "r".repeat(32);
    let tree = format!("9:file treed1:ad0:d6:lengthi20000e11:pieces root32:{root}eee");
    let rest = "4:name1:a12:piece lengthi16384e";
    let v2 = format!("d{tree}12:meta versioni2e{rest}7:privatei1ee");
    let read = info(v2.as_bytes()).expect("it is accepted");
    assert_eq!((read.kind, read.size, read.private), (Kind::V2, 20_000, true));
    assert_eq!(read.hashes, Hashes::of(v2.as_bytes(), Kind::V2));
    assert_eq!(parse(format!("d4:info{v2}e").as_bytes()).err(), Some(Error::MissingLayer));
    let pieces = "h".repeat(40);
    let hybrid = format!("d{tree}6:lengthi20000e12:meta versioni2e{rest}6:pieces40:{pieces}e");
    let read = info(hybrid.as_bytes()).expect("it is accepted");
    assert_eq!((read.kind, read.files.len()), (Kind::Hybrid, 1));
    assert!(read.hashes.v1.is_some() && read.hashes.v2.is_some());
}

#[test]
fn an_info_that_no_client_reads_is_refused() {
    let sound = single(16_384, "");
    let raw = info_of(&sound);
    assert_eq!(info(raw).map(|info| info.hashes.v1.is_some()), Ok(true));
    let trailing = [raw, b"\n"].concat();
    assert!(matches!(info(&trailing), Err(Error::Bencode(bencode::Error::Trailing { .. }))));
    assert_eq!(info(b"le").err(), Some(Error::MissingInfo));
    assert_eq!(info(b"de").err(), Some(Error::MissingPieceLength));
    assert!(matches!(info(b"d"), Err(Error::Bencode(_))));
    let pads = listing("t", &[&["a"]]).replacen("d6:length", "d4:attr1:p6:length", 1);
    assert_eq!(info(info_of(&pads)).err(), Some(Error::NoContent));
}
