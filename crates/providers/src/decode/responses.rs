//! OpenAI's Responses: one object, or an event stream whose last event holds that object. It ends with a status and,
//! where that is `incomplete`, a reason; both are given as they were sent.

use serde_json::Value;
use teahouse_core::FailureKind;

use super::body::Told;
use crate::errors::Failure;

pub(super) fn add(told: &mut Told, object: &Value) -> Result<(), Failure> {
    let kind = object["type"].as_str().unwrap_or_default();
    match kind {
        "response.output_text.delta" => told.say(object["delta"].as_str()),
        "response.refusal.delta" => told.is_filtered = true,
        "response.completed" | "response.incomplete" | "response.failed" => {
            return response(told, &object["response"]);
        }
        "error" => return Err(failed(told, object)),
        kind if kind.starts_with("response.reasoning") => told.has_thought = true,
        kind if kind.starts_with("response.function_call") => told.wants_tool = true,
        // Beginnings, repetitions and what is still to be invented.
        kind if kind.starts_with("response.") => {}
        _ if object["object"] == "response" || object["output"].is_array() => {
            return response(told, object);
        }
        _ if !object["error"].is_null() => return Err(failed(told, object)),
        _ => return Ok(()),
    }
    told.is_known = true;
    Ok(())
}

fn response(told: &mut Told, response: &Value) -> Result<(), Failure> {
    told.is_known = true;
    let usage = &response["usage"];
    told.prompt_tokens = usage["input_tokens"].as_u64();
    told.completion_tokens = usage["output_tokens"].as_u64();
    // What a stream has told piece by piece stands here once more.
    let is_told = !told.text.is_empty();
    for item in response["output"].as_array().into_iter().flatten() {
        match item["type"].as_str() {
            Some("reasoning") => told.has_thought = true,
            Some("function_call" | "custom_tool_call") => told.wants_tool = true,
            Some("message") => {
                for part in item["content"].as_array().into_iter().flatten() {
                    match part["type"].as_str() {
                        Some("output_text") if !is_told => told.say(part["text"].as_str()),
                        Some("refusal") => told.is_filtered = true,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let status = response["status"].as_str();
    let reason = response["incomplete_details"]["reason"].as_str();
    told.is_filtered |= reason == Some("content_filter");
    told.finish = reason.or(status).map(str::to_owned);
    match status {
        Some("failed") => Err(failed(told, response)),
        Some("cancelled" | "in_progress" | "queued") => Err(Failure::new(
            FailureKind::Interrupted,
            "the answer was not made to its end",
        )),
        _ => Ok(()),
    }
}

/// Some refusals are about the question and not about the service.
fn failed(told: &Told, object: &Value) -> Failure {
    let code = [&object["error"]["code"], &object["code"]]
        .into_iter()
        .find_map(Value::as_str);
    match code {
        Some("invalid_prompt" | "bio_policy") => {
            let why = "the vendor declined the question";
            Failure::new(FailureKind::ContentInput, why)
        }
        _ => told.error(object),
    }
}
