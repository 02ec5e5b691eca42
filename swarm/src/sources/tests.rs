use std::fs::{self, File};
use std::os::unix::fs::symlink;

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
        self.now += PAUSE;
        let events = self.sources.look(self.now).expect("a look");
        let words = |event| match event {
            Event::Added { name, path } => {
                assert_eq!(path, self.path(&name));
                format!("+{name}")
            }
            Event::Removed { name } => format!("-{name}"),
        };
        events.into_iter().map(words).collect()
    }
}

#[test]
fn files_and_folders_count_once_they_stay_as_they_are() {
    let mut watched = Watched::new();
    watched.write("film", "x");
    watched.write("album/cd1/track", "x");
    assert_eq!(watched.look(), [""; 0]);
    watched.write("late", "x");
    assert_eq!(watched.look(), ["+album", "+film"]);
    assert_eq!(watched.look(), ["+late"]);
    assert_eq!(watched.look(), [""; 0]);
}

#[test]
fn two_looks_within_a_second_are_not_enough() {
    let mut watched = Watched::new();
    watched.write("film", "x");
    watched.look();
    let soon = watched.now + PAUSE / 2;
    assert_eq!(watched.sources.look(soon).expect("a look"), []);
    assert_eq!(watched.look(), ["+film"]);
}

#[test]
fn what_still_grows_does_not_count() {
    let mut watched = Watched::new();
    for length in 1..4 {
        watched.write("film", &"x".repeat(length));
        watched.write(&format!("album/track-{length}"), "x");
        assert_eq!(watched.look(), [""; 0], "{length}");
    }
    assert_eq!(watched.look(), ["+album", "+film"]);
}

#[test]
fn changed_sources_go_and_come_back() {
    let mut watched = Watched::new();
    watched.write("film", "old");
    watched.write("album/track", "old");
    watched.look();
    watched.look();
    // Of the same size, and with the same time: only the file is another one.
    let time = fs::metadata(watched.path("film")).expect("it is there").modified().expect("a time");
    watched.write(".new", "new");
    File::open(watched.path(".new")).expect("opens").set_modified(time).expect("set");
    fs::rename(watched.path(".new"), watched.path("film")).expect("renamed");
    watched.write("album/another", "new");
    assert_eq!(watched.look(), ["-album", "-film"]);
    assert_eq!(watched.look(), ["+album", "+film"]);
}

#[test]
fn removed_sources_are_told_if_they_ever_counted() {
    let mut watched = Watched::new();
    watched.write("film", "x");
    watched.look();
    watched.look();
    watched.write("short-lived", "x");
    watched.look();
    fs::remove_file(watched.path("film")).expect("removed");
    fs::remove_file(watched.path("short-lived")).expect("removed");
    assert_eq!(watched.look(), ["-film"]);
    watched.write("album/track", "x");
    watched.look();
    watched.look();
    fs::remove_dir_all(watched.path("")).expect("removed");
    assert_eq!(watched.look(), ["-album"]);
    assert_eq!(watched.look(), [""; 0]);
}

#[test]
fn torrents_hidden_names_links_and_what_is_empty_are_left_out() {
    let mut watched = Watched::new();
    watched.write("film.torrent", "x");
    watched.write("film.TORRENT", "x");
    watched.write(".hidden", "x");
    watched.write("empty-file", "");
    watched.write("folder/of/empty-file", "");
    fs::create_dir_all(watched.path("empty/folders")).expect("a folder");
    symlink("/etc", watched.path("link")).expect("a link");
    watched.look();
    assert_eq!(watched.look(), [""; 0]);
    watched.write("empty/folders/file", "x");
    watched.look();
    assert_eq!(watched.look(), ["+empty"]);
}

#[tokio::test]
async fn the_watch_tells_what_the_looks_find() {
    let watched = Watched::new();
    watched.write("film", "x");
    let mut events = watched.sources.watch();
    let path = watched.folder.path().join("sources/film");
    assert_eq!(events.recv().await, Some(Event::Added { name: "film".to_owned(), path }));
}
