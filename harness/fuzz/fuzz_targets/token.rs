//! See `bodies::token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| crosspod_fuzz::bodies::token(input));
