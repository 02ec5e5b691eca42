//! Runs the targets briefly, as libFuzzer does at length, with the same inputs at every run.

use std::thread;

use fastrand::Rng;
use fuzz::mutation::mutate;
use fuzz::torrents::Mutants;
use fuzz::{TARGETS, Target};

/// Prints the input at which a check panics.
struct Shown<'a>(&'a Target, &'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{} fails at: {}", self.0.name, self.1.escape_ascii());
        }
    }
}

fn check(target: &Target, input: &[u8]) {
    let _shown = Shown(target, input);
    (target.check)(input);
}

fn replay(name: &str, mutations: usize) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("it is a target");
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    check(target, b"");
    for seed in &seeds {
        check(target, seed);
    }
    let mut rng = Rng::with_seed(1);
    for _ in 0..mutations {
        let (seed, other) = (&seeds[rng.usize(..seeds.len())], &seeds[rng.usize(..seeds.len())]);
        let mut input = seed.clone();
        mutate(&mut input, other, target.words, &mut rng);
        check(target, &input);
    }
}

macro_rules! replays {
    ($($name:ident $mutations:expr),* $(,)?) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name), $mutations);
        })*

        #[test]
        fn every_target_is_replayed_and_fuzzed() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let programs = include_str!("../../targets/Cargo.toml");
            for name in names {
                assert!(programs.contains(&format!("name = \"{name}\"\n")), "{name} has no program");
            }
        }
    };
}

replays![
    announce_query 5_000,
    bencode 5_000,
    control 5_000,
    counts 5_000,
    http_request 2_000,
    krpc 5_000,
    metainfo 500,
    peer_wire 2_000,
    restart_file 3_000,
    route 5_000,
    scrape_query 5_000,
    udp 5_000,
    xmlrpc 5_000,
];

#[test]
fn mutants_of_torrents_hold_too() {
    let target = TARGETS.iter().find(|target| target.name == "metainfo").expect("it is a target");
    for torrent in Mutants::new(2).take(2_000) {
        check(target, &torrent);
    }
}
