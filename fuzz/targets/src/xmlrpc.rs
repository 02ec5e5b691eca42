//! Runs the target `xmlrpc` of the crate `fuzz` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::xmlrpc::check(data));
