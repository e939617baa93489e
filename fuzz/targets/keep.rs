//! See [`fuzz::medium::keep`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::medium::keep(bytes));
