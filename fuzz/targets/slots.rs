//! See [`fuzz::medium::slots`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::medium::slots(bytes));
