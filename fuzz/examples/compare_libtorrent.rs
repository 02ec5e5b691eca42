//! `compare_libtorrent PYTHON COUNT [SEED]` fails if the metainfo parser accepts one of COUNT changed torrents that the
//! libtorrent of PYTHON refuses; such a torrent is written to stderr, escaped.

use std::path::Path;
use std::process::ExitCode;
use std::{env, io};

use fuzz::libtorrent::compare;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let usage = || io::Error::other("usage: compare_libtorrent PYTHON COUNT [SEED]");
    let (python, count, seed) = match arguments.as_slice() {
        [python, count] => (python, count, "0"),
        [python, count, seed] => (python, count, seed.as_str()),
        _ => return Err(usage()),
    };
    let count = count.parse().map_err(|_| usage())?;
    let comparison = compare(Path::new(python), seed.parse().map_err(|_| usage())?, count)?;
    println!("{comparison}");
    for torrent in &comparison.accepted_here {
        eprintln!("accepted here, refused by libtorrent: {}", torrent.escape_ascii());
    }
    Ok(if comparison.accepted_here.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
