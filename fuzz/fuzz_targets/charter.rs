//! Charters: whatever is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use teahouse_core::Charter;

fuzz_target!(|text: &str| {
    if let Ok(charter) = toml::from_str::<Charter>(text) {
        let written = toml::to_string(&charter).unwrap();
        toml::from_str::<Charter>(&written).unwrap();
    }
});
