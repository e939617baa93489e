//! See [`fuzz::slots`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::slots(bytes));
