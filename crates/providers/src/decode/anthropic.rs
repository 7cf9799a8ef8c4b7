//! Anthropic's Messages: one object, or an event stream of blocks. Cached input is counted apart from the rest, and
//! the counts of a stream are totals so far.

use serde_json::Value;

use super::body::Told;
use crate::errors::Failure;

pub(super) fn add(told: &mut Told, object: &Value) -> Result<(), Failure> {
    match object["type"].as_str() {
        Some("message") => {
            told.is_known = true;
            message(told, object);
        }
        Some("message_start") => {
            told.is_known = true;
            message(told, &object["message"]);
        }
        Some("content_block_start") => block(told, &object["content_block"]),
        Some("content_block_delta") => match object["delta"]["type"].as_str() {
            Some("text_delta") => told.say(object["delta"]["text"].as_str()),
            Some("thinking_delta") => told.has_thought = true,
            _ => {}
        },
        Some("message_delta") => {
            told.is_known = true;
            stop(told, &object["delta"]);
            usage(told, &object["usage"]);
        }
        Some("error") => return Err(told.error(object)),
        _ if !object["error"].is_null() => return Err(told.error(object)),
        // `ping`, the ends of blocks, and what is still to be invented.
        _ => {}
    }
    Ok(())
}

fn message(told: &mut Told, message: &Value) {
    for part in message["content"].as_array().into_iter().flatten() {
        block(told, part);
    }
    stop(told, message);
    usage(told, &message["usage"]);
}

fn block(told: &mut Told, block: &Value) {
    match block["type"].as_str() {
        Some("text") => told.say(block["text"].as_str()),
        Some("thinking" | "redacted_thinking") => told.has_thought = true,
        Some("tool_use") => told.wants_tool = true,
        _ => {}
    }
}

fn stop(told: &mut Told, place: &Value) {
    if let Some(reason) = place["stop_reason"].as_str() {
        told.is_filtered |= reason == "refusal";
        told.finish = Some(reason.to_owned());
    }
}

fn usage(told: &mut Told, usage: &Value) {
    if let Some(input) = usage["input_tokens"].as_u64() {
        let cached = |name: &str| usage[name].as_u64().unwrap_or(0);
        told.prompt_tokens = Some(
            input
                .saturating_add(cached("cache_creation_input_tokens"))
                .saturating_add(cached("cache_read_input_tokens")),
        );
    }
    if let Some(output) = usage["output_tokens"].as_u64() {
        told.completion_tokens = Some(output);
    }
}
