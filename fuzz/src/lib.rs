//! Properties that must hold for every parser of untrusted bytes.
//!
//! Each module is one target: `check` takes any bytes and panics if a property does not hold, and `seeds` returns the
//! first inputs, written by the real encoders. The programs in `targets` run the targets under libFuzzer (`make
//! fuzz`); the tests run them over the seeds and a few thousand mutations of the seeds (`make test`).

#![expect(clippy::missing_panics_doc, clippy::expect_used, reason = "a panic is how a target reports")]

pub mod announce_query;
pub mod bencode;
pub mod control;
pub mod counts;
mod frames;
pub mod http_request;
pub mod krpc;
pub mod libtorrent;
pub mod memory;
pub mod metainfo;
pub mod mutation;
pub mod peer_wire;
pub mod restart_file;
pub mod route;
pub mod scrape_query;
pub mod torrents;
pub mod udp;
pub mod xmlrpc;

/// One parser and its properties.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of the module here and of the program in `targets`.
    pub name: &'static str,
    /// Panics if a property does not hold for the bytes.
    pub check: fn(&[u8]),
    /// The first inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Parts of inputs that random changes would hardly produce: libFuzzer's dictionary.
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
    krpc,
    metainfo,
    peer_wire,
    restart_file,
    route,
    scrape_query,
    udp,
    xmlrpc,
];
