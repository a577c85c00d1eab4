//! libFuzzer feeds [`Target::Packets`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use orrery_fuzz::Target;

fuzz_target!(|bytes: &[u8]| Target::Packets.feed(bytes));
