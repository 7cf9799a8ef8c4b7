//! Gemini's generateContent: the same object whole, in an event stream, or in an array that grows. Thinking is billed
//! beside the words, a tool's input beside the prompt, and a count of nothing is left out.

use serde_json::Value;
use teahouse_core::FailureKind;

use super::body::Told;
use crate::errors::Failure;

pub(super) fn add(told: &mut Told, object: &Value) -> Result<(), Failure> {
    if !object["error"].is_null() {
        return Err(refusal(object).unwrap_or_else(|| told.error(object)));
    }
    told.is_known |= object["candidates"].is_array()
        || object["usageMetadata"].is_object()
        || object["promptFeedback"].is_object();
    usage(told, &object["usageMetadata"]);
    let candidate = &object["candidates"][0];
    for part in candidate["content"]["parts"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if part["thought"] == true {
            told.has_thought = true;
        } else {
            told.say(part["text"].as_str());
        }
        told.wants_tool |= part["functionCall"].is_object();
    }
    if let Some(reason) = candidate["finishReason"].as_str() {
        told.is_filtered |= matches!(
            reason,
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY"
        );
        told.finish = Some(reason.to_owned());
    }
    if let Some(reason) = object["promptFeedback"]["blockReason"].as_str() {
        let why = format!("the vendor's filter refused the question ({reason})");
        return Err(Failure::new(FailureKind::ContentInput, why));
    }
    Ok(())
}

/// What only Gemini says in its own way; nothing where the common tables know better.
pub(super) fn refusal(body: &Value) -> Option<Failure> {
    let error = match &body[0] {
        Value::Null => &body["error"],
        first => &first["error"],
    };
    let details = || error["details"].as_array().into_iter().flatten();
    let message = error["message"].as_str().unwrap_or_default();
    if details().any(|detail| detail["reason"] == "API_KEY_INVALID") {
        return Some(Failure::new(FailureKind::BadKey, message));
    }
    let mut quotas =
        details().flat_map(|detail| detail["violations"].as_array().into_iter().flatten());
    let per_day = |quota: &Value| {
        let id = quota["quotaId"].as_str();
        id.is_some_and(|id| id.contains("PerDay"))
    };
    quotas
        .any(per_day)
        .then(|| Failure::new(FailureKind::PlanWindow, message))
}

fn usage(told: &mut Told, usage: &Value) {
    let count = |name: &str| usage[name].as_u64();
    let Some(prompt) = count("promptTokenCount") else {
        return;
    };
    let prompt = prompt.saturating_add(count("toolUsePromptTokenCount").unwrap_or(0));
    told.prompt_tokens = Some(prompt);
    told.completion_tokens = match (count("candidatesTokenCount"), count("thoughtsTokenCount")) {
        (None, None) => (count("totalTokenCount") == Some(prompt)).then_some(0),
        (words, thoughts) => Some(words.unwrap_or(0).saturating_add(thoughts.unwrap_or(0))),
    };
}
