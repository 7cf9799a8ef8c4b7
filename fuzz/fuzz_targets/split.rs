//! The splitter, the cut to a platform's length and the cleaner: joined parts are the text.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use teahouse_core::{Parts, clean_text, fit};

fuzz_target!(|text: &str| {
    let text = clean_text(text);
    assert_eq!(clean_text(&text), text);
    let mut parts = Parts::joined();
    let mut out = String::new();
    for piece in text.split_inclusive(' ') {
        parts.push(piece);
        out.extend(parts.due(Timestamp::UNIX_EPOCH));
    }
    out.extend(parts.finish());
    assert_eq!(out, text.trim());
    assert!(fit(text, 100, "…").chars().count() <= 100);
});
