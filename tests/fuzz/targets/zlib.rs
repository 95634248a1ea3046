//! libFuzzer on [`sanmon_fuzz::zlib`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sanmon_fuzz::zlib::run(input));
