//! See `fuzz::route`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::route::check(data));
