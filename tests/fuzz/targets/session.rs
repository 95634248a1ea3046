//! libFuzzer on [`sanmon_fuzz::session`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sanmon_fuzz::session::run(input));
