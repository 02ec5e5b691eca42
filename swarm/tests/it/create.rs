//! `swarm create` beside torf, mktorrent and libtorrent; what it refuses; that it replaces nothing unasked.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bt::bencode::Limits;
use bt::metainfo::{Kind, Metainfo};
use fastrand::Rng;
use serde::{Deserialize, Serialize};

const BLOCK: u64 = 16 << 10;

fn swarm(arguments: &[&str], path: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarm"));
    command.arg("create").args(arguments).arg(path).output().expect("the program runs")
}

fn made(output: &Output) -> Metainfo<'_> {
    assert!(output.status.success(), "{}", said(output));
    Metainfo::parse(&output.stdout, &Limits::default()).expect("a torrent is on standard output")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must end with status 2 and a sentence.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", said(output));
    said(output)
}

/// A file or folder, as the other programs are told of it.
#[derive(Serialize)]
struct Tree {
    path: PathBuf,
    piece_length: u64,
    /// The path and the size of each file; the size is in bytes.
    files: Vec<(String, u64)>,
}

/// What the other programs say, lower-case hex.
#[derive(Debug, Deserialize)]
struct Reference {
    torf: String,
    mktorrent: String,
    /// The info hash of version 1 that libtorrent computes.
    v1: String,
    /// The info hashes of versions 1 and 2 that libtorrent computes for a hybrid torrent.
    hybrid: (String, String),
    /// The info hash of version 2 that libtorrent computes.
    v2: String,
}

fn references(trees: &[Tree]) -> Vec<Reference> {
    let python = std::env::var_os("FAIRYWREN_TEST_PYTHON").expect(
        "FAIRYWREN_TEST_PYTHON names a python3 with libtorrent and torf, as `make test` installs them",
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/create/reference.py");
    let mut process = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let input = serde_json::to_vec(trees).expect("it is written");
    process.stdin.take().expect("it is piped").write_all(&input).expect("it is read");
    let output = process.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the other programs fail");
    serde_json::from_slice(&output.stdout).expect("hashes are on standard output")
}

/// Sizes around the ends of blocks and pieces, nothing, and any.
fn random_size(rng: &mut Rng, piece_length: u64) -> u64 {
    let unit = if rng.bool() { BLOCK } else { piece_length };
    match rng.u8(0..8) {
        0 | 1 => 0,
        2 | 3 => unit * rng.u64(1..5) - 1,
        4 => unit * rng.u64(0..5),
        5 => unit * rng.u64(0..5) + 1,
        _ => rng.u64(0..5 * piece_length),
    }
}

/// A name that begins no other in its folder: nothing before the number holds a digit. So mktorrent and libtorrent,
/// which sort whole paths, sort as we do. Not hidden, since torf leaves out what is.
fn random_name(rng: &mut Rng, number: usize) -> String {
    let letters: Vec<char> = "abcXYZ~_-äßЖ日本😀é".chars().collect();
    let inner: Vec<char> = " .+'()[]".chars().chain(letters.iter().copied()).collect();
    let mut name = String::from(letters[rng.usize(..letters.len())]);
    name.extend((0..rng.usize(..6)).map(|_| inner[rng.usize(..inner.len())]));
    format!("{name}{number:02}")
}

fn fill(path: &Path, size: u64, rng: &mut Rng) {
    let mut bytes = vec![0; usize::try_from(size).expect("it is small")];
    rng.fill(&mut bytes);
    fs::write(path, bytes).expect("it is written");
}

fn fill_folder(folder: &Path, depth: usize, piece_length: u64, rng: &mut Rng) {
    fs::create_dir_all(folder).expect("it is made");
    for number in 0..rng.usize(2..7) {
        let path = folder.join(random_name(rng, number));
        if depth < 4 && rng.u8(0..3) == 0 {
            fill_folder(&path, depth + 1, piece_length, rng);
        } else {
            fill(&path, random_size(rng, piece_length), rng);
        }
    }
}

fn list(folder: &Path) -> Vec<(Vec<String>, u64)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let entry = entry.expect("it is read");
        let name = entry.file_name().into_string().expect("it is UTF-8");
        if entry.path().is_dir() {
            files.extend(list(&entry.path()).into_iter().map(|(mut path, size)| {
                path.insert(0, name.clone());
                (path, size)
            }));
        } else {
            files.push((vec![name], entry.metadata().expect("it is there").len()));
        }
    }
    files.sort();
    files
}

fn tree(path: PathBuf, piece_length: u64) -> Tree {
    let files = if path.is_dir() {
        list(&path).into_iter().map(|(path, size)| (path.join("/"), size)).collect()
    } else {
        vec![(String::new(), fs::metadata(&path).expect("it is there").len())]
    };
    Tree { path, piece_length, files }
}

/// One file in ten, folders else; never without any bytes.
fn random_tree(folder: &Path, seed: u64) -> Tree {
    let rng = &mut Rng::with_seed(seed);
    // mktorrent takes no less than 32 KiB.
    let piece_length = BLOCK << rng.u32(1..4);
    let path = folder.join(format!("{seed:02} {}", random_name(rng, 0)));
    if seed % 10 == 9 {
        fill(&path, 1 + random_size(rng, piece_length), rng);
    } else {
        fill_folder(&path, 0, piece_length, rng);
        fill(&path.join("zz"), 1 + random_size(rng, piece_length), rng);
    }
    tree(path, piece_length)
}

/// Makes the torrent and checks that the files in it are those of the tree.
fn hashes(tree: &Tree, kind: &str) -> (Option<String>, Option<String>) {
    let kib = (tree.piece_length / 1024).to_string();
    let output = swarm(&[kind, "--piece-length", &kib, "--output", "-"], &tree.path);
    let made = made(&output);
    assert!(made.private);
    assert_eq!(made.piece_length, tree.piece_length);
    if tree.path.is_dir() {
        let files: Vec<_> = made.files.into_iter().map(|file| (file.path, file.size)).collect();
        assert_eq!(files, tree.files);
    }
    (made.hashes.v1.map(|hash| hash.to_string()), made.hashes.v2.map(|hash| hash.to_string()))
}

#[test]
fn fifty_trees_hash_as_torf_mktorrent_and_libtorrent_hash_them() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let trees: Vec<_> = (0..50).map(|seed| random_tree(folder.path(), seed)).collect();
    let sizes: Vec<_> = trees.iter().flat_map(|tree| &tree.files).map(|(_, size)| *size).collect();
    assert!(sizes.len() > 300 && sizes.iter().filter(|size| **size == 0).count() > 30, "{}", sizes.len());
    for (tree, reference) in trees.iter().zip(references(&trees)) {
        let path = tree.path.display();
        let (v1, none) = hashes(tree, "--v1");
        assert_eq!((v1.as_ref(), none), (Some(&reference.torf), None), "torf: {path}");
        assert_eq!(v1.as_ref(), Some(&reference.mktorrent), "mktorrent: {path}");
        assert_eq!(v1.as_ref(), Some(&reference.v1), "libtorrent, version 1: {path}");
        let hybrid = hashes(tree, "--hybrid");
        assert_eq!(
            hybrid,
            (Some(reference.hybrid.0), Some(reference.hybrid.1)),
            "libtorrent, hybrid: {path}"
        );
        assert_eq!(hashes(tree, "--v2"), (None, Some(reference.v2)), "libtorrent, version 2: {path}");
    }
}

/// Here libtorrent 2.1 makes hybrids whose two file lists are not in the same order, which it then refuses to read;
/// mktorrent's order is another, too, if a sound one.
#[test]
fn a_name_that_begins_another_sorts_before_it() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("tree");
    let rng = &mut Rng::with_seed(0);
    fill_folder(&path.join("a"), 3, BLOCK, rng);
    for name in ["a b", "a.txt", "a-1"] {
        fill(&path.join(name), 3 * BLOCK, rng);
    }
    let tree = tree(path, 2 * BLOCK);
    assert_eq!(tree.files.last().map(|(path, _)| &**path), Some("a.txt"));
    let [reference] = <[Reference; 1]>::try_from(references(&[&tree].map(|tree| Tree {
        path: tree.path.clone(),
        piece_length: tree.piece_length,
        files: tree.files.clone(),
    })))
    .expect("it is one");
    assert_eq!(hashes(&tree, "--v1"), (Some(reference.torf), None));
    assert_eq!(hashes(&tree, "--v1"), (Some(reference.v1), None));
    assert_eq!(hashes(&tree, "--v2"), (None, Some(reference.v2)));
}

#[test]
fn a_folder_without_choices_becomes_private_version_1_named_like_it() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("my files");
    fs::create_dir_all(path.join("inner")).expect("it is made");
    fs::write(path.join("inner/a"), "hello").expect("it is written");
    symlink("/", path.join("link")).expect("it is made");
    let output = Command::new(env!("CARGO_BIN_EXE_swarm"))
        .args(["create", "my files", "--announce", "http://localhost/announce", "--comment", "é"])
        .current_dir(&folder)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("left out my files/link"), "{}", said(&output));
    let torrent = fs::read(folder.path().join("my files.torrent")).expect("it is written");
    let made = Metainfo::parse(&torrent, &Limits::default()).expect("it is read");
    assert_eq!((made.name.as_str(), made.kind, made.private), ("my files", Kind::V1, true));
    assert_eq!(made.announce, Some(&b"http://localhost/announce"[..]));
    assert_eq!(made.files.iter().map(|file| &*file.path).collect::<Vec<_>>(), ["inner/a"]);
    let again = swarm(&["-o", "-"], &path.join("inner/.."));
    assert_eq!(self::made(&again).info, made.info);
    let shown = String::from_utf8(output.stdout).expect("it is UTF-8");
    let hash = made.hashes.v1.expect("it is version 1").to_string();
    assert!(shown.contains(&hash) && shown.contains("my files.torrent"), "{shown}");
}

#[test]
fn nothing_is_replaced_unasked() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let (file, torrent) = (folder.path().join("file"), folder.path().join("t"));
    fs::write(&file, "hello").expect("it is written");
    fs::write(&torrent, "mine").expect("it is written");
    let output = torrent.to_str().expect("it is UTF-8");
    assert!(refusal(&swarm(&["-o", output], &file)).contains("--force"));
    assert_eq!(fs::read(&torrent).expect("it is there"), b"mine");
    let inside = refusal(&swarm(&["-o", output, "--force"], folder.path()));
    assert!(inside.contains("among what is to be shared"), "{inside}");
    assert!(swarm(&["-o", output, "--force", "--public", "--name", "other"], &file).status.success());
    let bytes = fs::read(&torrent).expect("it is there");
    let made = Metainfo::parse(&bytes, &Limits::default()).expect("it is read");
    assert_eq!((made.name.as_str(), made.private), ("other", false));
    assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 2);
}

#[test]
fn what_cannot_be_shared_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("tree");
    fs::create_dir_all(path.join("empty")).expect("it is made");
    assert!(refusal(&swarm(&["-o", "-"], &path)).contains("There is no file in"));
    fs::write(path.join("nothing"), "").expect("it is written");
    assert!(refusal(&swarm(&["-o", "-"], &path)).contains("nothing to share"));
    fs::write(path.join("a\\b"), "hello").expect("it is written");
    assert!(refusal(&swarm(&["-o", "-"], &path)).contains("rename it"));
    assert!(refusal(&swarm(&["-o", "-"], &path.join("absent"))).contains("cannot be read"));
    assert!(refusal(&swarm(&["-o", "-"], Path::new("/dev/null"))).contains("neither a file nor a folder"));
    assert!(refusal(&swarm(&["-o", "/proc/t", "--v1"], &path.join("a\\b"))).contains("rename it"));
    fs::rename(path.join("a\\b"), path.join(OsStr::from_bytes(b"a\xff"))).expect("it is renamed");
    assert!(refusal(&swarm(&["-o", "-"], &path)).contains("not UTF-8"));
    let file = path.join("file");
    fs::write(&file, "hello").expect("it is written");
    assert!(refusal(&swarm(&["-o", "/proc/t"], &file)).contains("cannot be written"));
    // Before anything is hashed.
    let nowhere = refusal(&swarm(&["-o", "/proc/absent/t"], &file));
    assert!(nowhere.contains("no such folder") && !nowhere.contains("hashing"), "{nowhere}");
    assert!(refusal(&swarm(&["-o", "-", "--piece-length", "24"], &file)).contains("power of two"));
    assert!(refusal(&swarm(&["-o", "-", "--announce", "localhost"], &file)).contains("whole URL"));
}
