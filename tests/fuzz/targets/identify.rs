//! libFuzzer on [`sanmon_fuzz::identify`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sanmon_fuzz::identify::run(input));
