//! See `fuzz::counts`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::counts::check(data));
