//! See `fuzz::bencode`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::bencode::check(data));
