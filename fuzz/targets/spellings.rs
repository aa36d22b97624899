#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| qmp_fuzz::try_law("spellings", data));
