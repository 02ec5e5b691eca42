//! See `fuzz::announce_query`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::announce_query::check(data));
