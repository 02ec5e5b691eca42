//! .torrent files: an accepted file is consistent, safe to save, and unchanged after it is written again.

use std::borrow::Cow;

use bt::bencode::{self, Limits, Value};
use bt::metainfo::{File, Hashes, Info, Kind, Metainfo, with_private, write};

pub use crate::torrents::{WORDS, corpus as seeds};

const ANNOUNCE: &str = "http://localhost/announce/key/announce";

/// Checks `data` as a .torrent file.
pub fn check(data: &[u8]) {
    // For any bytes, `private` is inserted or nothing changes; there is no panic.
    let _ = with_private(data);
    let document = bencode::first_value(data, &Limits::default()).ok();
    let alone = document.and_then(|document| entry(document, b"info"));
    let alone = alone.and_then(|info| Info::parse(info.raw(), &Limits::default()).ok());
    if let Some(info) = &alone {
        check_names(&info.name, &info.files);
    }
    let Ok(metainfo) = Metainfo::parse(data, &Limits::default()) else { return };
    let alone = alone.expect("what is accepted as a file is accepted without it");
    assert_eq!(
        (alone.hashes, alone.raw, alone.files),
        (metainfo.hashes, metainfo.info, metainfo.files.clone())
    );
    assert!(data.as_ptr_range().contains(&metainfo.info.as_ptr()), "nothing is encoded again");
    assert_eq!(metainfo.hashes, Hashes::of(metainfo.info, metainfo.kind));
    assert_eq!(metainfo.size, metainfo.files.iter().map(|file| file.size).sum::<u64>());
    assert!(metainfo.size > 0);
    assert!((1..1 << 29).contains(&metainfo.piece_length));
    check_names(&metainfo.name, &metainfo.files);
    if metainfo.kind == Kind::V2 {
        assert!(metainfo.piece_length.is_power_of_two());
    } else {
        check_pieces(&metainfo);
    }
    check_rewriting(&metainfo);
}

fn check_names(name: &str, files: &[File]) {
    check_name(name);
    for file in files {
        file.path.split('/').for_each(check_name);
    }
}

/// Checks that a name is safe to save and to show.
fn check_name(name: &str) {
    assert!(!matches!(name, "" | "." | ".."), "{name:?}");
    assert!(!name.contains(['/', '\\', '\0']), "{name:?}");
    assert!(!name.contains(char::is_control), "{name:?}");
    assert!(!name.contains(['\u{200e}', '\u{200f}', '\u{202e}', '\u{2066}']), "{name:?}");
    assert!(name.len() <= 240, "{name:?}");
}

/// Checks that version 1 has a hash for each piece that the sizes of its files, including pad files, fill.
fn check_pieces(metainfo: &Metainfo<'_>) {
    let info = Value::of_checked(metainfo.info);
    let size = |file: Value<'_>| {
        let attributes = entry(file, b"attr").and_then(Value::string);
        if attributes.is_some_and(|attributes| attributes.contains(&b'l')) {
            return 0;
        }
        entry(file, b"length").and_then(Value::int).expect("a length")
    };
    let total: i64 = match entry(info, b"files") {
        Some(files) => files.list().expect("a list").map(size).sum(),
        None => size(info),
    };
    let hashes = entry(info, b"pieces").and_then(Value::string).expect("a string").len();
    assert_eq!(total.unsigned_abs().div_ceil(metainfo.piece_length) * 20, hashes as u64);
}

fn entry<'a>(dict: Value<'a>, key: &[u8]) -> Option<Value<'a>> {
    dict.dict()?.find(|entry| entry.key == key).map(|entry| entry.value)
}

/// Checks that setting `private` and writing the dictionary around `info` again change nothing else.
fn check_rewriting(metainfo: &Metainfo<'_>) {
    let info = with_private(metainfo.info);
    let written = write(&info, metainfo.piece_layers, ANNOUNCE, "page");
    let again = Metainfo::parse(&written, &Limits::default()).expect("what is written is read");
    assert!(again.private && !again.has_announce_list);
    assert_eq!(again.announce, Some(ANNOUNCE.as_bytes()));
    assert_eq!(again.info, &*info);
    assert_eq!(again.hashes, Hashes::of(&info, metainfo.kind));
    assert_eq!(again.hashes == metainfo.hashes, info == metainfo.info);
    assert_eq!(again.piece_layers, metainfo.piece_layers);
    assert_eq!((&again.name, &again.files, again.size), (&metainfo.name, &metainfo.files, metainfo.size));
    assert_eq!((again.kind, again.piece_length), (metainfo.kind, metainfo.piece_length));
    assert!(matches!(with_private(again.info), Cow::Borrowed(_)));
}
