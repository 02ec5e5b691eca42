//! Changes to a .torrent file: `private` is spliced into `info`, and everything around `info` is written anew.

use std::borrow::Cow;

use crate::bencode::Value;
use crate::bencode::writer::{raw_entry, string};

const PRIVATE: &[u8] = b"private";
const ONE: &[u8] = b"i1e";

/// The raw `info` with `private` set to 1 (BEP 27), borrowed if it is set already. No other byte changes.
///
/// The key is inserted before the first key that sorts after it. Bytes that are not a dictionary are returned
/// unchanged.
pub fn with_private(info: &[u8]) -> Cow<'_, [u8]> {
    let Some(dict) = Value::of_checked(info).dict() else { return Cow::Borrowed(info) };
    let mut insert_at = info.len() - 1;
    for entry in dict {
        if entry.key == PRIVATE {
            if entry.value.raw() == ONE {
                return Cow::Borrowed(info);
            }
            let start = entry.at + b"7:private".len();
            return Cow::Owned([&info[..start], ONE, &info[start + entry.value.raw().len()..]].concat());
        }
        if entry.key > PRIVATE && entry.at < insert_at {
            insert_at = entry.at;
        }
    }
    let mut spliced = Vec::with_capacity(info.len() + 12);
    spliced.extend_from_slice(&info[..insert_at]);
    raw_entry(&mut spliced, PRIVATE, ONE);
    spliced.extend_from_slice(&info[insert_at..]);
    Cow::Owned(spliced)
}

/// A .torrent file around the raw `info`: `announce` and `comment` unless empty, `info` and, for version 2,
/// `piece layers`.
pub fn write(info: &[u8], piece_layers: Option<&[u8]>, announce: &str, comment: &str) -> Vec<u8> {
    let layers = piece_layers.map_or(0, <[u8]>::len);
    let mut out = Vec::with_capacity(info.len() + layers + announce.len() + comment.len() + 80);
    out.push(b'd');
    for (key, text) in [(b"announce".as_slice(), announce), (b"comment", comment)] {
        if !text.is_empty() {
            string(&mut out, key);
            string(&mut out, text.as_bytes());
        }
    }
    raw_entry(&mut out, b"info", info);
    if let Some(layers) = piece_layers {
        raw_entry(&mut out, b"piece layers", layers);
    }
    out.push(b'e');
    out
}
