//! The short form of `scripts/compare-libtorrent`.

use std::env;
use std::path::PathBuf;

use fuzz::libtorrent::compare;

#[test]
fn nothing_is_accepted_that_libtorrent_refuses() {
    let python = env::var_os("FAIRYWREN_TEST_PYTHON")
        .expect("FAIRYWREN_TEST_PYTHON names a python3 that has libtorrent, as `make test` installs it");
    let comparison = compare(&PathBuf::from(python), 1, 10_000).expect("libtorrent says its verdicts");
    let strange: Vec<_> =
        comparison.accepted_here.iter().map(|torrent| torrent.escape_ascii().to_string()).collect();
    assert!(strange.is_empty(), "accepted here, refused by libtorrent: {strange:#?}");
    // With fewer of either kind the mutants would test nothing.
    assert!(comparison.accepted > 1_000 && comparison.refused > 1_000, "{comparison}");
}
