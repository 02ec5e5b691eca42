//! The folder whose files and folders become torrents.

mod samples;
mod stamp;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

pub(crate) use samples::generate;
use stamp::Stamp;

/// How long a source has to stay as it is before it counts as written, and how often it is looked at.
///
/// By looking and not by inotify: that would not tell when another program has finished a copy of many files, sees
/// nothing that another machine writes on a network's file system, and its queue may overflow.
const PAUSE: Duration = Duration::from_secs(1);

/// Sources at most, the first by name.
const MAX_SOURCES: usize = 1000;

/// What became of a source. A change is a removal and an addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// It is there, written completely.
    Added {
        /// Of the file or folder.
        name: String,
        path: PathBuf,
    },
    /// It is gone, or is being written again.
    Removed {
        /// As it was added.
        name: String,
    },
}

/// The sources in a folder: every file and every folder directly in it that has at least one byte in it.
///
/// Left out: `*.torrent`, names that begin with a dot or are no UTF-8, and links, which lead elsewhere.
#[derive(Debug)]
pub(crate) struct Sources {
    folder: PathBuf,
    known: HashMap<String, Known>,
}

/// A source that was seen.
#[derive(Debug)]
struct Known {
    stamp: Stamp,
    /// When it was first seen with this stamp.
    since: Instant,
    /// Whether it was said to be there.
    added: bool,
}

impl Sources {
    /// Of `folder`, of which nothing is known yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, known: HashMap::new() }
    }

    /// Looks again and again, each second, until the receiver is dropped.
    pub(crate) fn watch(mut self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(16);
        // A thread of its own: a look may take long on a slow disk.
        std::thread::spawn(move || {
            while !sender.is_closed() {
                match self.look(Instant::now()) {
                    Ok(events) => {
                        for event in events {
                            if sender.blocking_send(event).is_err() {
                                return;
                            }
                        }
                    }
                    Err(error) => tracing::warn!("cannot read {}: {error}", self.folder.display()),
                }
                std::thread::sleep(PAUSE);
            }
        });
        receiver
    }

    /// What happened since the last look, removals first, by name. A folder that is missing has nothing in it.
    pub(crate) fn look(&mut self, now: Instant) -> io::Result<Vec<Event>> {
        let found = match candidates(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            found => found?,
        };
        let mut removed = Vec::new();
        self.known.retain(|name, known| {
            let stays = found.contains_key(name);
            if !stays && known.added {
                removed.push(name.clone());
            }
            stays
        });
        let mut added = Vec::new();
        for (name, (path, stamp)) in found {
            let known = self.known.entry(name.clone()).or_insert(Known { stamp, since: now, added: false });
            if known.stamp != stamp {
                if known.added {
                    removed.push(name.clone());
                }
                *known = Known { stamp, since: now, added: false };
            }
            if !known.added && now.duration_since(known.since) >= PAUSE {
                known.added = true;
                added.push(Event::Added { name, path });
            }
        }
        removed.sort();
        let removed = removed.into_iter().map(|name| Event::Removed { name });
        Ok(removed.chain(added).collect())
    }
}

/// What is in `folder` now and may be a source.
fn candidates(folder: &Path) -> io::Result<BTreeMap<String, (PathBuf, Stamp)>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string();
        names.extend(name.ok().filter(|it| is_source(it)));
    }
    let sources = names.into_iter().filter_map(|name| {
        let path = folder.join(&name);
        // What cannot be read, or changes while it is looked at, is no source yet.
        let stamp = Stamp::of(&path).ok().flatten()?;
        Some((name, (path, stamp)))
    });
    Ok(sources.take(MAX_SOURCES).collect())
}

fn is_source(name: &str) -> bool {
    let is_torrent = Path::new(name).extension().is_some_and(|it| it.eq_ignore_ascii_case("torrent"));
    !name.starts_with('.') && !is_torrent
}
