//! Ollama's own API: one object a line, the last one says that it is done; or only that one.

use serde_json::Value;

use super::body::Told;
use crate::errors::Failure;

pub(super) fn add(told: &mut Told, object: &Value) -> Result<(), Failure> {
    if !object["error"].is_null() {
        return Err(told.error(object));
    }
    let message = &object["message"];
    told.is_known |= message.is_object() || object["done"].is_boolean();
    told.say(message["content"].as_str());
    // `/api/generate` puts its words here.
    told.say(object["response"].as_str());
    told.has_thought |= [&message["thinking"], &object["thinking"]]
        .into_iter()
        .any(|thought| thought.as_str().is_some_and(|thought| !thought.is_empty()));
    told.wants_tool |= message["tool_calls"]
        .as_array()
        .is_some_and(|calls| !calls.is_empty());
    if object["done"] == true {
        // Old servers end without a reason.
        let reason = object["done_reason"].as_str().unwrap_or("stop");
        told.finish = Some(reason.to_owned());
        told.prompt_tokens = object["prompt_eval_count"].as_u64();
        told.completion_tokens = object["eval_count"].as_u64();
    } else if object["done"] == false && told.finish.is_none() {
        told.goes_on();
    }
    Ok(())
}
