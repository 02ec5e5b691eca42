//! Runs the target `metainfo` of the crate `fuzz` under libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::metainfo::check(data));

// libFuzzer's changes of single bytes make most files fail at the first check, so they alternate with changes of
// structure.
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed % 4 == 0 {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let changed = fuzz::torrents::changed_once(&data[..size], seed.into());
    let size = changed.len().min(max_size);
    data[..size].copy_from_slice(&changed[..size]);
    size
});
