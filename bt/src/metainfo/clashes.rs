//! Files of one torrent that would be saved under one path.

use std::collections::HashMap;
use std::collections::hash_map;
use std::hash::{DefaultHasher, Hasher};

use super::Error;
use super::files::Entry;

/// How often a new name may be taken as well before the torrent is refused, as in libtorrent.
const MAX_TRIES: usize = 500;

/// Paths in use, by their hashes. A pad file's has its size.
type Taken = HashMap<u64, Option<u64>>;

/// Refuses torrents whose paths clash, letter case aside, more often than a client is willing to rename.
///
/// Clients give the second file with a path the next free name of `name.1.ext`, `name.2.ext`, …; each name in use is a
/// try. Pad files of one size may share a path. Paths are kept as hashes: one can be as long as the whole upload, and
/// counts once for each folder in it.
pub(super) fn check(entries: &[Entry<'_>]) -> Result<(), Error> {
    let mut taken = Taken::with_capacity(entries.len());
    for entry in entries {
        let mut folder = DefaultHasher::new();
        for part in entry.path.split_last().map_or(&[][..], |(_, folders)| folders) {
            feed(&mut folder, part);
            taken.insert(folder.finish(), None);
            folder.write_u8(b'/');
        }
    }
    let mut tries = 0;
    for entry in entries {
        let Some((name, folders)) = entry.path.split_last() else { continue };
        let mut folder = DefaultHasher::new();
        for part in folders {
            feed(&mut folder, part);
            folder.write_u8(b'/');
        }
        let mut path = folder.clone();
        feed(&mut path, name);
        let pad_size = entry.pad.then_some(entry.size);
        match taken.entry(path.finish()) {
            hash_map::Entry::Vacant(free) => {
                free.insert(pad_size);
            }
            hash_map::Entry::Occupied(other) if entry.pad && *other.get() == pad_size => {}
            hash_map::Entry::Occupied(_) => rename(&folder, name, &mut taken, &mut tries)?,
        }
    }
    Ok(())
}

/// Takes the next free name beside `name` in `folder`.
fn rename(folder: &DefaultHasher, name: &[u8], taken: &mut Taken, tries: &mut usize) -> Result<(), Error> {
    let dot = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let mut number = 1;
    loop {
        let mut path = folder.clone();
        feed(&mut path, stem);
        feed(&mut path, format!(".{number}").as_bytes());
        feed(&mut path, extension);
        if let hash_map::Entry::Vacant(free) = taken.entry(path.finish()) {
            free.insert(None);
            return Ok(());
        }
        *tries += 1;
        if *tries > MAX_TRIES {
            return Err(Error::Clashes);
        }
        number += 1;
    }
}

fn feed(hasher: &mut DefaultHasher, part: &[u8]) {
    hasher.write(&part.to_ascii_lowercase());
}
