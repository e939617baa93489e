//! See [`fuzz::metadata::metadata`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::metadata::metadata(bytes));
