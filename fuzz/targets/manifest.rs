//! See [`fuzz::medium::manifest`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::medium::manifest(bytes));
