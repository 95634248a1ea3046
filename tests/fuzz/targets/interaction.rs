//! libFuzzer on [`sanmon_fuzz::interaction`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sanmon_fuzz::interaction::run(input));
