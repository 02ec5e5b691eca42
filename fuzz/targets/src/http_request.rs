//! Runs the target `http_request` of the crate `fuzz` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::http_request::check(data));
