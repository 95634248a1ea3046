//! libFuzzer on [`sanmon_fuzz::client`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sanmon_fuzz::client::run(input));
