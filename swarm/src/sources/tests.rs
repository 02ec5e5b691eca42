use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;

/// A watched folder, with a clock of its own.
struct Watched {
    folder: TempDir,
    sources: Sources,
    now: Instant,
}

impl Watched {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let sources = Sources::new(folder.path().join("sources"));
        fs::create_dir(folder.path().join("sources")).expect("a folder");
        Self { folder, sources, now: Instant::now() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("sources").join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("written");
    }

    /// A look a second after the one before, in short words.
    fn look(&mut self) -> Vec<String> {
        self.now += LOOK_EVERY;
        let events = self.sources.look(self.now).expect("a look");
        let words = |Event { name, change }| match change {
            Change::Added(path) => {
                assert_eq!(path, self.path(&name));
                format!("+{name}")
            }
            Change::Rewritten => format!("~{name}"),
            Change::Gone => format!("-{name}"),
            Change::LeftOut(why) => format!("{name}: {why}"),
        };
        events.into_iter().map(words).collect()
    }

    /// Looks until all has settled, in short words.
    fn settle(&mut self) -> Vec<String> {
        (0..=SETTLED.as_secs()).flat_map(|_| self.look()).collect()
    }
}

#[test]
fn files_and_folders_count_once_they_stay_as_they_are() {
    let mut watched = Watched::new();
    watched.write("film", "x");
    watched.write("album/cd1/track", "x");
    assert_eq!(watched.look(), [""; 0]);
    watched.write("late", "x");
    assert_eq!(watched.settle(), ["+album", "+film", "+late"]);
    assert_eq!(watched.settle(), [""; 0]);
}

#[test]
fn what_is_copied_with_pauses_of_some_seconds_is_told_once() {
    let mut watched = Watched::new();
    for length in 1..5 {
        watched.write("film", &"x".repeat(length));
        watched.write(&format!("album/track-{length}"), "x");
        for _ in 0..SETTLED.as_secs() {
            assert_eq!(watched.look(), [""; 0], "{length}");
        }
    }
    assert_eq!(watched.settle(), ["+album", "+film"]);
}

#[test]
fn changed_sources_go_and_come_back() {
    let mut watched = Watched::new();
    watched.write("film", "old");
    watched.write("album/track", "old");
    watched.settle();
    // The new file has the same size and the same time: only the inode is another one.
    let time = fs::metadata(watched.path("film")).expect("it is there").modified().expect("a time");
    watched.write(".new", "new");
    File::open(watched.path(".new")).expect("opens").set_modified(time).expect("set");
    fs::rename(watched.path(".new"), watched.path("film")).expect("renamed");
    watched.write("album/another", "new");
    assert_eq!(watched.look(), ["~album", "~film"]);
    assert_eq!(watched.settle(), ["+album", "+film"]);
}

#[test]
fn removed_sources_are_told_if_they_ever_counted() {
    let mut watched = Watched::new();
    watched.write("film", "x");
    watched.settle();
    watched.write("short-lived", "x");
    watched.look();
    fs::remove_file(watched.path("film")).expect("removed");
    fs::remove_file(watched.path("short-lived")).expect("removed");
    assert_eq!(watched.look(), ["-film"]);
    watched.write("album/track", "x");
    watched.settle();
    fs::remove_dir_all(watched.path("")).expect("removed");
    assert_eq!(watched.look(), ["-album"]);
    assert_eq!(watched.settle(), [""; 0]);
}

#[test]
fn what_is_left_out_is_told_once_and_why() {
    let mut watched = Watched::new();
    watched.write("film.torrent", "x");
    watched.write("film.TORRENT", "x");
    watched.write(".hidden", "x");
    watched.write("empty-file", "");
    watched.write("folder/of/empty-file", "");
    fs::create_dir_all(watched.path("empty/folders")).expect("a folder");
    symlink("/etc", watched.path("link")).expect("a link");
    mknodat(CWD, watched.path("pipe"), FileType::Fifo, Mode::RWXU, 0).expect("a pipe");
    let latin1 = watched.path("").join(OsStr::from_bytes(b"caf\xe9"));
    fs::write(latin1, "x").expect("written");
    let reasons = [
        ".hidden: its name begins with a dot",
        "caf\u{fffd}: its name is not UTF-8",
        "empty-file: there is not a single byte in it",
        "empty: there is not a single byte in it",
        "film.TORRENT: it is a torrent already",
        "film.torrent: it is a torrent already",
        "folder: there is not a single byte in it",
        "link: it is a link",
        "pipe: it is neither a file nor a folder",
    ];
    let mut told = watched.settle();
    told.sort();
    assert_eq!(told, reasons);
    assert_eq!(watched.settle(), [""; 0]);
    watched.write("empty/folders/file", "x");
    assert_eq!(watched.settle(), ["+empty"]);
    fs::remove_file(watched.path("empty/folders/file")).expect("removed");
    assert_eq!(watched.settle(), ["-empty", "empty: there is not a single byte in it"]);
}

#[tokio::test]
async fn the_watch_tells_what_the_looks_find() {
    let watched = Watched::new();
    watched.write("film", "x");
    let mut events = watched.sources.watch();
    let path = watched.folder.path().join("sources/film");
    assert_eq!(events.recv().await, Some(Event { name: "film".to_owned(), change: Change::Added(path) }));
}
