//! What must hold of every parser that reads bytes of strangers.
//!
//! Each module is one target: `check` takes any bytes and panics when something that must hold does not, `seeds`
//! gives inputs to begin with, written by the real encoders. The programs in `targets` run them under libFuzzer
//! (`make fuzz`), the tests over the seeds and a few thousand mutations of them (`make test`).

#![expect(clippy::missing_panics_doc, clippy::expect_used, reason = "a panic is how a target reports")]

pub mod announce_query;
pub mod bencode;
pub mod control;
pub mod counts;
mod frames;
pub mod http_request;
pub mod libtorrent;
pub mod memory;
pub mod metainfo;
pub mod mutation;
pub mod restart_file;
pub mod route;
pub mod scrape_query;
pub mod torrents;
pub mod udp;

/// One parser and what must hold of it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Of the module here and of the program in `targets`.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub check: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces of input that chance would hardly find.
    pub words: &'static [&'static str],
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// All targets.
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            check: $name::check,
            seeds: $name::seeds,
            words: $name::WORDS,
        }),*];
    };
}

targets![
    announce_query,
    bencode,
    control,
    counts,
    http_request,
    metainfo,
    restart_file,
    route,
    scrape_query,
    udp
];
