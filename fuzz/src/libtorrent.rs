//! Compares the metainfo parser with libtorrent's: a torrent that libtorrent refuses must be refused.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use bt::bencode::Limits;
use bt::metainfo::{Error, Metainfo};

use crate::torrents::Mutants;

/// A Python program that reads torrents and prints for each whether libtorrent accepts it.
const VERDICTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/libtorrent_verdicts.py");

/// The numbers of torrents by the verdicts of both parsers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Accepted by both.
    pub accepted: usize,
    /// Refused by both.
    pub refused: usize,
    /// Number of torrents accepted by libtorrent but refused here, by the kind of error.
    pub refused_here: BTreeMap<String, usize>,
    /// Torrents refused by libtorrent but accepted here: faults of our parser.
    pub accepted_here: Vec<Vec<u8>>,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, refused, refused_here, accepted_here } = self;
        let strict: usize = refused_here.values().sum();
        writeln!(f, "accepted by both {accepted}, refused by both {refused}")?;
        writeln!(f, "refused only here {strict}: {refused_here:?}")?;
        write!(f, "accepted only here {}", accepted_here.len())
    }
}

/// Compares the verdicts on `count` mutated files of the corpus; the same `seed` gives the same files.
///
/// # Errors
/// When `python` cannot be run, lacks libtorrent, or ends before it has printed all verdicts.
pub fn compare(python: &Path, seed: u64, count: usize) -> io::Result<Comparison> {
    let mut child =
        Command::new(python)
            .arg(VERDICTS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", python.display())))?;
    let stdin = child.stdin.take();
    let ours = std::thread::spawn(move || -> io::Result<Vec<Option<String>>> {
        let mut stdin = BufWriter::new(stdin.ok_or(io::ErrorKind::BrokenPipe)?);
        let mut verdicts = Vec::with_capacity(count);
        for torrent in Mutants::new(seed).take(count) {
            let length = u32::try_from(torrent.len()).map_err(io::Error::other)?;
            stdin.write_all(&length.to_be_bytes())?;
            stdin.write_all(&torrent)?;
            verdicts.push(Metainfo::parse(&torrent, &Limits::default()).as_ref().err().map(kind));
        }
        stdin.flush()?;
        Ok(verdicts)
    });
    let theirs = child.wait_with_output()?;
    let ours = ours.join().map_err(|_| io::Error::other("the parser panicked"))??;
    if !theirs.status.success() || theirs.stdout.len() != count {
        let said = theirs.stdout.len();
        return Err(io::Error::other(format!(
            "libtorrent said {said} verdicts of {count}, then {}",
            theirs.status
        )));
    }
    let mut comparison = Comparison::default();
    let mut accepted_here = Vec::with_capacity(count);
    for verdicts in ours.into_iter().zip(theirs.stdout) {
        accepted_here.push(matches!(verdicts, (None, b'0')));
        match verdicts {
            (None, b'0') => {}
            (None, _) => comparison.accepted += 1,
            (Some(_), b'0') => comparison.refused += 1,
            (Some(kind), _) => *comparison.refused_here.entry(kind).or_default() += 1,
        }
    }
    if accepted_here.contains(&true) {
        let torrents = Mutants::new(seed).zip(accepted_here).filter(|(_, is_strange)| *is_strange);
        comparison.accepted_here = torrents.map(|(torrent, _)| torrent).collect();
    }
    Ok(comparison)
}

/// The name of an error's variant, without its values.
fn kind(error: &Error) -> String {
    let shown = format!("{error:?}");
    shown.split_once([' ', '(']).map_or(shown.as_str(), |(name, _)| name).to_owned()
}
