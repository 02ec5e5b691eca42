//! Watches the folder whose files and folders become torrents.

mod samples;
mod stamp;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

pub(crate) use samples::generate;
use stamp::Stamp;

/// Time between two looks at the sources.
///
/// Not by inotify, which does not tell when a program has finished a copy of many files, misses what another machine writes
/// to a network file system, and whose queue may overflow.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Time that a source has to stay unchanged to count as completely written: copies over a network pause for seconds.
pub(crate) const SETTLED: Duration = Duration::from_secs(4);

/// Sources, at most: the first by name.
const MAX_SOURCES: usize = 1000;

/// A change of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The name of the file or folder.
    pub(crate) name: String,
    pub(crate) change: Change,
}

/// How a source changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was completely written, at this path.
    Added(PathBuf),
    /// An added source is being written again.
    Rewritten,
    /// An added source is gone, or holds nothing to share any more.
    Gone,
    /// It does not become a torrent, for this reason.
    LeftOut(String),
}

/// The sources: every file and folder directly in a folder that holds at least one byte.
///
/// Left out, with one event each: `*.torrent`, names that begin with a dot or are not UTF-8, symbolic links, and unreadable
/// files.
#[derive(Debug)]
pub(crate) struct Sources {
    folder: PathBuf,
    known: HashMap<OsString, Known>,
}

/// An entry of the folder.
#[derive(Debug)]
struct Known {
    seen: Seen,
    /// When it was first seen in this state.
    since: Instant,
    /// Whether an event told of this state.
    told: bool,
}

/// The state of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Source(Stamp),
    LeftOut(String),
}

impl Known {
    fn new(seen: Seen, since: Instant) -> Self {
        Self { seen, since, told: false }
    }

    fn is_added(&self) -> bool {
        self.told && matches!(self.seen, Seen::Source(_))
    }
}

impl Sources {
    /// The sources in `folder`, before the first look.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, known: HashMap::new() }
    }

    /// Looks each second until the receiver is dropped.
    pub(crate) fn watch(mut self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(16);
        // On a thread of its own, as a slow disk may block it.
        std::thread::spawn(move || {
            let mut said = String::new();
            while !sender.is_closed() {
                let events = self.look(Instant::now()).unwrap_or_else(|error| {
                    say_once(&mut said, format!("cannot read {}: {error}", self.folder.display()));
                    Vec::new()
                });
                for event in events {
                    if sender.blocking_send(event).is_err() {
                        return;
                    }
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
        receiver
    }

    /// The events since the last look: removals first, sorted by name. A missing folder counts as empty.
    pub(crate) fn look(&mut self, now: Instant) -> io::Result<Vec<Event>> {
        let found = match entries(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            found => found?,
        };
        let mut events = Vec::new();
        self.known.retain(|name, known| {
            let stays = found.contains_key(name);
            if !stays && known.is_added() {
                events.push(event(name, Change::Gone));
            }
            stays
        });
        let mut settled = Vec::new();
        for (name, seen) in found {
            let known = self.known.entry(name.clone()).or_insert_with(|| Known::new(seen.clone(), now));
            if known.seen != seen {
                if known.is_added() {
                    let is_source = matches!(seen, Seen::Source(_));
                    events.push(event(&name, if is_source { Change::Rewritten } else { Change::Gone }));
                }
                *known = Known::new(seen, now);
            }
            if !known.told && now.duration_since(known.since) >= SETTLED {
                known.told = true;
                settled.push(event(
                    &name,
                    match &known.seen {
                        Seen::Source(_) => Change::Added(self.folder.join(&name)),
                        Seen::LeftOut(why) => Change::LeftOut(why.clone()),
                    },
                ));
            }
        }
        events.sort_by(|one, other| one.name.cmp(&other.name));
        events.append(&mut settled);
        Ok(events)
    }
}

fn event(name: &OsStr, change: Change) -> Event {
    Event { name: name.to_string_lossy().into_owned(), change }
}

/// Logs a warning, unless it was `said` last.
fn say_once(said: &mut String, warning: String) {
    if *said != warning {
        tracing::warn!("{warning}");
        *said = warning;
    }
}

/// The entries of `folder`.
fn entries(folder: &Path) -> io::Result<BTreeMap<OsString, Seen>> {
    let names: BTreeSet<OsString> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    let mut sources = 0;
    let mut entries = BTreeMap::new();
    for name in names {
        let seen = match unfit(&name) {
            Some(why) => Seen::LeftOut(why.to_owned()),
            None if sources == MAX_SOURCES => {
                Seen::LeftOut(format!("there are {MAX_SOURCES} sources before it, and no more are taken"))
            }
            None => match Stamp::of(&folder.join(&name)) {
                Ok(Ok(stamp)) => {
                    sources += 1;
                    Seen::Source(stamp)
                }
                Ok(Err(why)) => Seen::LeftOut(why.to_owned()),
                // Something was removed during the look: the next one finds out.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => Seen::LeftOut(format!("it cannot be read ({error})")),
            },
        };
        entries.insert(name, seen);
    }
    Ok(entries)
}

/// Why an entry of this name is no source, if it is none.
fn unfit(name: &OsStr) -> Option<&'static str> {
    let is_torrent = Path::new(name).extension().is_some_and(|it| it.eq_ignore_ascii_case("torrent"));
    match name.to_str() {
        None => Some("its name is not UTF-8"),
        Some(name) if name.starts_with('.') => Some("its name begins with a dot"),
        Some(_) if is_torrent => Some("it is a torrent already"),
        Some(_) => None,
    }
}
