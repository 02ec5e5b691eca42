//! See `fuzz::scrape_query`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::scrape_query::check(data));
