//! Bodies and streams of every API: the first byte says which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use teahouse_providers::decode::read_recorded;

fuzz_target!(|bytes: &[u8]| {
    let Some((which, body)) = bytes.split_first() else {
        return;
    };
    let providers = ["openai", "openai-responses", "anthropic", "gemini", "ollama"];
    let body = String::from_utf8_lossy(body);
    let line = serde_json::json!({"id": 1, "status": 200, "body": body}).to_string();
    let read = read_recorded(providers[usize::from(*which) % providers.len()], &line, 1);
    assert!(read["text"].as_str().unwrap().len() <= 3 * body.len());
});
