//! .torrent files as inputs: libtorrent's corpus, mutations that keep most of a file valid, and unusual structures.

mod spans;
mod structures;

use std::fs;
use std::ops::Range;
use std::path::Path;

use bt::bencode::Limits;
use bt::metainfo::{Error, Metainfo};
use fastrand::Rng;

use crate::mutation;
use spans::{Kind, spans};

/// The `words` of the target `metainfo`.
pub const WORDS: &[&str] = &[
    "4:attr1:p",
    "4:attr1:l",
    "4:infod",
    "4:name",
    "4:path",
    "5:files",
    "6:length",
    "6:pieces",
    "7:private",
    "9:file tree",
    "10:name.utf-8",
    "10:path.utf-8",
    "11:pieces root",
    "12:meta versioni2e",
    "12:piece length",
    "12:piece layers",
    "12:symlink path",
    "8:announce",
    "13:announce-list",
    "2:..",
    "1:.",
    "0:",
    "i0e",
    "i-1e",
    "i1e",
    "de",
    "le",
];

/// Numbers at the limits of integer types and of our parser.
const NUMBERS: [i64; 22] = [
    0,
    1,
    -1,
    2,
    3,
    20,
    16_383,
    16_384,
    32_768,
    65_536,
    1 << 20,
    1 << 29,
    (1 << 29) - 16_384,
    i32::MAX as i64,
    u32::MAX as i64,
    1 << 40,
    (1 << 43) - 1,
    (1 << 48) - 1,
    1 << 48,
    1 << 62,
    i64::MAX,
    i64::MIN,
];

/// Names at the limits of what file systems can store.
const NAMES: [&[u8]; 20] = [
    b"",
    b".",
    b"..",
    b"a",
    b"A",
    b"a/b",
    b"a\\b",
    b"../a",
    b"..\\",
    b"\0",
    b"a\0b",
    b" ",
    b"\xff",
    b"\xe2\x80\xae",
    b"_____padding_file_0",
    b"p",
    b"l",
    b"hlx",
    b"con",
    b"a.b",
];

/// The files of the corpus, smallest first.
pub fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bt/tests/corpora/libtorrent");
    let mut files = Vec::new();
    for folder in ["mutable", "valid_and_malicious"] {
        for file in fs::read_dir(root.join(folder)).expect("the corpus is there") {
            files.push(fs::read(file.expect("it is listed").path()).expect("it is read"));
        }
    }
    files.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    files
}

/// An endless, reproducible series of mutated files of the corpus and of unusual structures.
#[derive(Debug)]
pub struct Mutants {
    /// Files of the corpus that are accepted unchanged, smallest first.
    sound: Vec<Vec<u8>>,
    /// The other files of the corpus, smallest first.
    faulty: Vec<Vec<u8>>,
    rng: Rng,
}

impl Mutants {
    /// The series for `seed`.
    pub fn new(seed: u64) -> Self {
        let (sound, faulty) =
            corpus().into_iter().partition(|file| Metainfo::parse(file, &Limits::default()).is_ok());
        Self { sound, faulty, rng: Rng::with_seed(seed) }
    }
}

/// `bytes` with one change of structure; the same `seed` gives the same change.
pub fn changed_once(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut rng = Rng::with_seed(seed);
    let mut changed = bytes.to_vec();
    change_structure(&mut changed, bytes, &mut rng);
    if rng.bool() {
        fit_pieces(&mut changed);
    }
    changed
}

/// One of `files`, seldom a large one: these take long and find no more faults.
fn choose<'a>(files: &'a [Vec<u8>], rng: &mut Rng) -> &'a [u8] {
    let most = if rng.u8(..16) == 0 { files.len() } else { files.len() * 3 / 4 };
    &files[rng.usize(..most)]
}

impl Iterator for Mutants {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let Self { sound, faulty, rng } = self;
        if rng.u8(..3) == 0 {
            let mut odd = structures::structure(rng);
            if rng.u8(..4) == 0 {
                change_structure(&mut odd, choose(sound, rng), rng);
            }
            return Some(odd);
        }
        let files = if rng.u8(..4) == 0 { &*faulty } else { &*sound };
        let mut mutant = choose(files, rng).to_vec();
        let other = choose(if rng.bool() { faulty } else { sound }, rng);
        let changes = rng.choice([1, 1, 1, 2, 2, 3]).unwrap_or(1);
        for _ in 0..changes {
            change_structure(&mut mutant, other, rng);
        }
        if rng.u8(..8) == 0 {
            mutation::mutate(&mut mutant, other, WORDS, rng);
        }
        if rng.u8(..4) != 0 {
            fit_pieces(&mut mutant);
        }
        Some(mutant)
    }
}

/// Changes one whole key or value. Lists and dictionaries contain no lengths, so everything around it stays valid.
fn change_structure(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let spans = spans(bytes);
    let Some(span) = rng.choice(&spans) else { return };
    let (at, entry) = (span.at.clone(), span.entry.clone());
    match (rng.u8(..10), span.kind) {
        (0..=3, Kind::Number) => {
            let number = rng.choice(NUMBERS).unwrap_or(0).wrapping_add(rng.i64(-1..=1));
            bytes.splice(at, format!("i{number}e").into_bytes());
        }
        (0..=3, Kind::Text) => {
            let text =
                if rng.bool() { NAMES[rng.usize(..NAMES.len())].to_vec() } else { changed(bytes, &at, rng) };
            bytes.splice(at, string(&text));
        }
        (0..=3, Kind::Key) => {
            let word = rng.choice(WORDS).copied().unwrap_or_default();
            let keys: Vec<_> = spans.iter().filter(|span| span.kind == Kind::Key).collect();
            let other = rng.choice(keys).map_or(&b"0:"[..], |key| &bytes[key.at.clone()]).to_vec();
            let word = if word.as_bytes()[0].is_ascii_digit() && rng.bool() { word.into() } else { other };
            bytes.splice(at, word);
        }
        // Removes the entry, repeats it, or repeats it under another name.
        (4, _) => {
            bytes.splice(entry, []);
        }
        (5, _) => {
            let twice = bytes[entry.clone()].to_vec();
            bytes.splice(entry.end..entry.end, twice);
        }
        // Swaps two entries.
        (6, _) => {
            let Some(second) = rng.choice(&spans) else { return };
            let (first, second) =
                if at.start < second.at.start { (at, second.at.clone()) } else { (second.at.clone(), at) };
            if first.end <= second.start {
                let (one, two) = (bytes[first.clone()].to_vec(), bytes[second.clone()].to_vec());
                bytes.splice(second, one);
                bytes.splice(first, two);
            }
        }
        // Inserts a value of another file, in place of this one or beside it.
        (7 | 8, _) => {
            let strange = spans::spans(other);
            let Some(strange) = rng.choice(&strange) else { return };
            if rng.bool() {
                bytes.splice(at, other[strange.at.clone()].iter().copied());
            } else {
                bytes.splice(entry.end..entry.end, other[strange.entry.clone()].iter().copied());
            }
        }
        (_, _) => {
            let (open, close) = if rng.bool() { (&b"l"[..], &b"e"[..]) } else { (&b"d0:"[..], &b"e"[..]) };
            bytes.splice(at.end..at.end, close.iter().copied());
            bytes.splice(at.start..at.start, open.iter().copied());
        }
    }
}

/// The text of a string with another length or another byte.
fn changed(bytes: &[u8], at: &Range<usize>, rng: &mut Rng) -> Vec<u8> {
    let raw = &bytes[at.clone()];
    let mut text =
        raw.iter().position(|byte| *byte == b':').map_or(&raw[..0], |colon| &raw[colon + 1..]).to_vec();
    let place = rng.usize(..=text.len());
    match rng.u8(..4) {
        0 => text.truncate(place),
        1 => text.insert(place, rng.choice(*b"/\\.\0 a\xff").unwrap_or(0)),
        2 => text.extend_from_within(place..),
        _ => {
            if let Some(byte) = text.get_mut(place) {
                *byte = rng.u8(..);
            }
        }
    }
    text
}

/// `text` as a bencoded string.
fn string(text: &[u8]) -> Vec<u8> {
    [text.len().to_string().as_bytes(), b":", text].concat()
}

/// Gives the file as many piece hashes as its sizes need, if only these are wrong: otherwise the check of their number
/// would refuse almost every file with a changed size.
fn fit_pieces(bytes: &mut Vec<u8>) {
    let Err(Error::PieceCount { expected, .. }) = Metainfo::parse(bytes, &Limits::default()) else { return };
    let Ok(expected @ 0..100_000) = usize::try_from(expected) else { return };
    let pieces = spans(bytes)
        .into_iter()
        .find(|span| bytes[span.entry.clone()].starts_with(b"6:pieces") && span.kind == Kind::Text);
    if let Some(pieces) = pieces {
        bytes.splice(pieces.at, string(&vec![b'h'; expected]));
    }
}
