//! OneBot frames, and the CQ strings in them: what is read can be kept and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use teahouse_adapters::onebot::{Frame, decode};
use teahouse_core::{AccountName, Event};

fuzz_target!(|frame: &[u8]| {
    if let Ok(Frame::Event { event, .. }) = decode(frame, &AccountName::new("qq")) {
        let kept = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&kept).unwrap(), event);
    }
});
