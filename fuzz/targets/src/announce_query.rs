//! Runs the target `announce_query` of the crate `fuzz` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::announce_query::check(data));
