//! libtorrent's own valid and malicious files, through the real upload form.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;

use bt::bencode::Limits;
use bt::metainfo::{Hashes, Metainfo};
use reqwest::StatusCode;

use super::support::{Browser, TestSite};

/// Refused here though libtorrent reads it, and why.
const REFUSED_ONLY_HERE: [(&str, &str); 7] = [
    ("hidden_parent_path.torrent", "“..” inside a path part: some clients follow it out of their folder"),
    ("invalid_name2.torrent", "the name is “..”: files would be saved beside the download folder"),
    ("parent_path.torrent", "“..” in a path: some clients follow it out of their folder"),
    ("slash_path2.torrent", "“..” inside a path part: some clients follow it out of their folder"),
    ("slash_path3.torrent", "“..” inside the name: some clients follow it out of their folder"),
    ("v2_incomplete_piece_layer.torrent", "a piece layer is missing, which BEP 52 demands"),
    ("v2_no_piece_layers.torrent", "piece layers are missing, which BEP 52 demands"),
];

fn corpus(folder: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../bt/tests/corpora/libtorrent", folder].iter().collect()
}

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Stored,
    Here,
    Refused,
}

/// A file of the corpus.
struct CorpusFile {
    file: String,
    bytes: Vec<u8>,
    /// Whether libtorrent reads it.
    accepted: bool,
    /// Those with the flag `private`. Setting it moves files onto one hash that had two.
    hashes: Option<Hashes>,
}

fn corpus_files() -> Vec<CorpusFile> {
    let manifest = fs::read_to_string(corpus("MANIFEST.tsv")).expect("the corpus is there");
    let entry = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let bytes = fs::read(corpus("valid_and_malicious").join(columns[0])).expect("the file is there");
        let read = Metainfo::parse(&bytes, &Limits::default()).ok();
        let hashes = read.map(|it| Hashes::of(&bt::metainfo::with_private(it.info), it.kind));
        CorpusFile { file: columns[0].to_owned(), bytes, accepted: columns[2] == "accept", hashes }
    };
    manifest.lines().skip(1).map(entry).collect()
}

/// Holds that what was stored of `entry`, whose page is at `page`, is what can be downloaded.
async fn check_stored(site: &TestSite, member: &Browser, entry: &CorpusFile, page: &str) {
    let file = &entry.file;
    let (_, written) = member.bytes(&format!("{page}/download")).await;
    let read = Metainfo::parse(&written, &Limits::default()).expect("what we write is read");
    assert!(read.private, "{file}");
    let id = page.rsplit('/').next().expect("an id");
    let stored: Vec<u8> = site.value(&format!("select info_hash from torrents where id = {id}")).await;
    assert_eq!(&stored[..], read.hashes.canonical().as_bytes(), "{file}");
    assert_eq!(Some(read.hashes), entry.hashes, "{file}");
    assert_eq!(member.get(page).await.status, StatusCode::OK, "{file}");
}

#[tokio::test]
async fn each_file_of_the_corpus_meets_its_verdict() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    let mut reasons = HashMap::from(REFUSED_ONLY_HERE);
    let mut seen = HashSet::new();
    for entry in corpus_files() {
        let file = &*entry.file;
        let refused_only_here = reasons.remove(file).is_some();
        let expected = match entry.hashes {
            Some(hashes) if entry.accepted && !refused_only_here => {
                if seen.insert(hashes.canonical()) {
                    Verdict::Stored
                } else {
                    Verdict::Here
                }
            }
            _ => Verdict::Refused,
        };
        let answer = member.upload_page(entry.bytes.clone(), &[("title", file)]).await;
        let verdict = match answer.status {
            StatusCode::SEE_OTHER => Verdict::Stored,
            StatusCode::CONFLICT => Verdict::Here,
            StatusCode::UNPROCESSABLE_ENTITY => Verdict::Refused,
            status => panic!("{file}: {status} {}", answer.body),
        };
        assert_eq!(verdict, expected, "{file}: {}", answer.body);
        match verdict {
            Verdict::Refused => {
                assert!(answer.body.contains(r#"id="torrent-error""#), "{file}: no sentence");
                assert_eq!(answer.field("title"), file, "typed values stay");
            }
            Verdict::Here => assert!(answer.body.contains("is here already"), "{file}"),
            Verdict::Stored => check_stored(&site, &member, &entry, answer.location()).await,
        }
    }
    assert!(reasons.is_empty(), "no longer refused: {reasons:?}");
    let stored: i64 = site.value("select count(*) from torrents").await;
    assert_eq!(usize::try_from(stored).ok(), Some(seen.len()));
    site.stop().await;
}

#[tokio::test]
async fn mutable_torrents_are_stored() {
    let site = TestSite::start().await;
    let member = site.member("wren", &[]).await;
    for file in fs::read_dir(corpus("mutable")).expect("the corpus is there") {
        let bytes = fs::read(file.expect("it is listed").path()).expect("it is read");
        let answer = member.upload(bytes, &[]).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }
    site.stop().await;
}
