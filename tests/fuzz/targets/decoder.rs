//! libFuzzer on [`sanmon_fuzz::decoder`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sanmon_fuzz::decoder::run(input));
