//! See `fuzz::udp`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::udp::check(data));
