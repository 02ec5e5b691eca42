//! Files of one torrent that would be saved under one path.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

use super::Error;
use super::files::Entry;

/// How often a new name may be taken too before the torrent is refused, as in libtorrent.
const MAX_TRIES: usize = 100;

/// Refuses torrents whose paths clash, letter case aside, more often than a client is willing to rename.
///
/// Clients give the second file of a path the next free of `name.1.ext`, `name.2.ext` …; each name that is taken
/// is a try. Paths are kept as hashes: a path can be as long as the whole file, and has as many folders.
pub(super) fn check(entries: &[Entry<'_>]) -> Result<(), Error> {
    let mut taken = HashSet::with_capacity(entries.len());
    for entry in entries {
        let mut folder = DefaultHasher::new();
        for part in entry.path.split_last().map_or(&[][..], |(_, folders)| folders) {
            feed(&mut folder, part);
            taken.insert(folder.finish());
            folder.write_u8(b'/');
        }
    }
    let mut tries = 0;
    for entry in entries.iter().filter(|entry| !entry.pad) {
        let Some((name, folders)) = entry.path.split_last() else { continue };
        let mut hasher = DefaultHasher::new();
        for part in folders {
            feed(&mut hasher, part);
            hasher.write_u8(b'/');
        }
        let folder = hasher.clone();
        feed(&mut hasher, name);
        if taken.insert(hasher.finish()) {
            continue;
        }
        let dot = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
        for number in 1_usize.. {
            let mut renamed = folder.clone();
            feed(&mut renamed, &name[..dot]);
            feed(&mut renamed, format!(".{number}").as_bytes());
            feed(&mut renamed, &name[dot..]);
            if taken.insert(renamed.finish()) {
                break;
            }
            tries += 1;
            if tries > MAX_TRIES {
                return Err(Error::Clashes);
            }
        }
    }
    Ok(())
}

fn feed(hasher: &mut DefaultHasher, part: &[u8]) {
    for byte in part {
        hasher.write_u8(byte.to_ascii_lowercase());
    }
}
