//! The folder whose files and folders become torrents.

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

/// How often the sources are looked at.
///
/// By looking and not by inotify: that would not tell when another program has finished a copy of many files, sees
/// nothing that another machine writes on a network's file system, and its queue may overflow.
const LOOK: Duration = Duration::from_secs(1);

/// How long a source has to stay as it is before it counts as written: copies over a network pause for seconds.
pub(crate) const SETTLED: Duration = Duration::from_secs(4);

/// Sources at most, the first by name.
const MAX_SOURCES: usize = 1000;

/// What became of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Of the file or folder.
    pub(crate) name: String,
    pub(crate) change: Change,
}

/// How a source changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is there, written completely, with its path.
    Added(PathBuf),
    /// What was added is being written again.
    Rewritten,
    /// What was added is there no more, or has nothing in it that can be shared.
    Gone,
    /// It does not become a torrent, for this reason.
    LeftOut(String),
}

/// The sources in a folder: every file and every folder directly in it that has at least one byte in it.
///
/// Left out, which is said once: `*.torrent`, names that begin with a dot or are no UTF-8, links, which lead elsewhere,
/// and what cannot be read.
#[derive(Debug)]
pub(crate) struct Sources {
    folder: PathBuf,
    known: HashMap<OsString, Known>,
}

/// Something in the folder.
#[derive(Debug)]
struct Known {
    seen: Seen,
    /// When it was first seen like this.
    since: Instant,
    /// Whether it was told that it is like this.
    told: bool,
}

/// What was seen of it.
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
    /// Of `folder`, of which nothing is known yet.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, known: HashMap::new() }
    }

    /// Looks again and again, each second, until the receiver is dropped.
    pub(crate) fn watch(mut self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(16);
        // A thread of its own: a look may take long on a slow disk.
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
                std::thread::sleep(LOOK);
            }
        });
        receiver
    }

    /// What happened since the last look, removals first, by name. A folder that is missing has nothing in it.
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

/// Warns of what was not `said` last.
fn say_once(said: &mut String, warning: String) {
    if *said != warning {
        tracing::warn!("{warning}");
        *said = warning;
    }
}

/// What is in `folder` now.
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
                // It, or something in it, was removed while it was looked at: the next look knows more.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => Seen::LeftOut(format!("it cannot be read ({error})")),
            },
        };
        entries.insert(name, seen);
    }
    Ok(entries)
}

/// Why something of this name is no source.
fn unfit(name: &OsStr) -> Option<&'static str> {
    let is_torrent = Path::new(name).extension().is_some_and(|it| it.eq_ignore_ascii_case("torrent"));
    match name.to_str() {
        None => Some("its name is not UTF-8"),
        Some(name) if name.starts_with('.') => Some("its name begins with a dot"),
        Some(_) if is_torrent => Some("it is a torrent already"),
        Some(_) => None,
    }
}
