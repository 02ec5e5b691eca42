//! See `fuzz::restart_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::restart_file::check(data));
