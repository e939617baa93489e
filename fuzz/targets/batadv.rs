//! See [`fuzz::batadv::batadv`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::batadv::batadv(bytes));
