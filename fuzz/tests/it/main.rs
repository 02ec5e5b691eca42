//! Every target over its seeds and mutations of them, and the metainfo parser beside libtorrent's.

#![expect(clippy::expect_used, reason = "a test may end in a panic")]

mod libtorrent;
mod replay;
