//! libFuzzer feeds [`Target::Statements`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use orrery_fuzz::Target;

fuzz_target!(|bytes: &[u8]| Target::Statements.feed(bytes));
