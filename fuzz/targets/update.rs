//! See [`fuzz::medium::update`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::medium::update(bytes));
