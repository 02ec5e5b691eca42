//! See `fuzz::metainfo`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::metainfo::check(data));
