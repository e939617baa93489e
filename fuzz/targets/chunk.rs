//! See [`fuzz::medium::chunk`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::medium::chunk(bytes));
