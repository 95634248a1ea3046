//! libFuzzer on [`sanmon_fuzz::websocket`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sanmon_fuzz::websocket::run(input));
