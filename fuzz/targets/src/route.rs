//! Runs the target `route` of the crate `fuzz` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::route::check(data));
