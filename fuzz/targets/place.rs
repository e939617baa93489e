//! See [`fuzz::medium::place`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::medium::place(bytes));
