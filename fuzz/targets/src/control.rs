//! Runs the target `control` of the crate `fuzz` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::control::check(data));
