//! Files that change meanwhile, and what several threads make of many pieces.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use bt::bencode::Limits;
use bt::metainfo::Metainfo;

use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder is made")
}

fn refused(result: anyhow::Result<Vec<u8>>) -> String {
    result.expect_err("it is refused").downcast::<Refusal>().expect("it can be mended").to_string()
}

fn has_begun(event: &Event<'_>) -> bool {
    matches!(event, Event::Begun(..))
}

fn has_hashed(event: &Event<'_>) -> bool {
    matches!(event, Event::Hashed(_))
}

/// Makes a torrent of `path` and does `change` once, at the first event that `when` is true for.
fn create_amid(
    path: &Path,
    when: fn(&Event<'_>) -> bool,
    change: &(dyn Fn() + Sync),
) -> anyhow::Result<Vec<u8>> {
    let once = Once::new();
    create(path, &Options::default(), &|event| {
        if when(&event) {
            once.call_once(change);
        }
    })
}

#[test]
fn a_file_that_changes_before_or_after_it_is_read_is_refused() {
    let folder = folder();
    let file = folder.path().join("file");
    let append = || {
        let mut file = OpenOptions::new().append(true).open(&file).expect("it is there");
        file.write_all(b"!").expect("it is written");
    };
    let truncate =
        || File::options().write(true).open(&file).and_then(|file| file.set_len(1)).expect("it is cut");
    let replace = || {
        let other = folder.path().join("other");
        fs::copy(&file, &other).and_then(|_| fs::rename(&other, &file)).expect("it is replaced");
    };
    let remove = || fs::remove_file(&file).expect("it is removed");
    let changes: [&(dyn Fn() + Sync); 4] = [&append, &truncate, &replace, &remove];
    for (change, words) in changes.into_iter().zip(["changed", "changed", "changed", "cannot be read"]) {
        for when in [has_begun, has_hashed] {
            fs::write(&file, "hello").expect("it is written");
            let sentence = refused(create_amid(&file, when, change));
            assert!(sentence.contains(words), "{sentence}");
        }
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_refused() {
    let folder = folder();
    let file = folder.path().join("file");
    // Larger than what all threads read at once.
    let large = File::create(&file).expect("it is made");
    large.set_len(64 << 20).expect("it is sparse");
    let cut = || large.set_len(1 << 20).expect("it is cut");
    let sentence = refused(create_amid(&file, has_hashed, &cut));
    assert!(sentence.contains("changed while it was read"), "{sentence}");
}

#[test]
fn every_byte_is_said_to_be_hashed_once() {
    let folder = folder();
    for (name, size) in [("a", 3 << 20), ("b", 0), ("c", (9 << 20) + 5), ("d", 1)] {
        File::create(folder.path().join(name)).and_then(|file| file.set_len(size)).expect("it is sparse");
    }
    let (all, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let torrent = create(folder.path(), &Options::default(), &|event| match event {
        Event::Begun(_, size) => all.store(size, Ordering::Relaxed),
        Event::Hashed(bytes) => drop(done.fetch_add(bytes, Ordering::Relaxed)),
        Event::Skipped(path) => panic!("{} is left out", path.display()),
    })
    .expect("it is made");
    let made = Metainfo::parse(&torrent, &Limits::default()).expect("it is read");
    assert_eq!((made.size, made.files.len()), ((12 << 20) + 6, 4));
    assert_eq!((all.into_inner(), done.into_inner()), (made.size, made.size));
}
