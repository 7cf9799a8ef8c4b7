//! `teahouse decode --provider`: recorded bodies, one JSON object a line, read by the code that reads live answers.
//! No network, and no line stops the others.

use std::collections::VecDeque;

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use teahouse_core::{Chunk, FailureKind, ReportedUsage, strip_reasoning};

use crate::errors::Failure;
use crate::openai::Reading;

/// The APIs whose bodies can be read.
pub const KNOWN: &[&str] = &["openai"];

/// The name of no API that we read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no bodies of \"{0}\" can be read; known are: {list}", list = KNOWN.join(", "))]
pub struct UnknownProvider(pub String);

/// Refuses a name that [`read_recorded`] would not know.
pub fn known(provider: &str) -> Result<(), UnknownProvider> {
    if KNOWN.contains(&provider) {
        Ok(())
    } else {
        Err(UnknownProvider(provider.to_owned()))
    }
}

/// Reads one recorded line; `number` is named where it is broken.
pub fn read_recorded(provider: &str, line: &str, number: u64) -> Value {
    if let Err(error) = known(provider) {
        return json!({"error": error.to_string(), "line": number});
    }
    match serde_json::from_str::<Recorded>(line) {
        Ok(recorded) => recorded.read(),
        Err(error) => {
            let error = format!("no recorded body: {error}");
            json!({"error": error, "line": number})
        }
    }
}

#[derive(Deserialize)]
struct Recorded {
    id: Value,
    #[serde(default = "ok")]
    status: u16,
    /// What a body is, its first byte says.
    #[serde(default, rename = "content_type")]
    _content_type: Value,
    body: String,
}

fn ok() -> u16 {
    200
}

impl Recorded {
    fn read(self) -> Value {
        let mut reading = Reading::default();
        let mut chunks = VecDeque::new();
        let read = if (200..300).contains(&self.status) {
            reading
                .push(self.body.as_bytes(), &mut chunks)
                .and_then(|()| reading.end(&mut chunks))
        } else {
            Err(Failure::answer(
                self.status,
                &HeaderMap::new(),
                self.body.as_bytes(),
            ))
        };
        let mut text = String::new();
        let mut usage = None;
        for chunk in chunks {
            match chunk {
                Chunk::Text(more) => text.push_str(&more),
                Chunk::Usage(reported) => usage = usage_json(reported),
                Chunk::Thinking | Chunk::KeepAlive | Chunk::Finish(_) => {}
            }
        }
        let kind: Option<FailureKind> = read.err().map(|failure| failure.kind);
        json!({
            "id": self.id,
            "text": strip_reasoning(&text),
            "usage": usage,
            "finish": reading.finish_as_sent(),
            "error_kind": kind,
        })
    }
}

/// A report is whole or none.
fn usage_json(usage: ReportedUsage) -> Option<Value> {
    let (prompt, completion) = (usage.prompt_tokens?, usage.completion_tokens?);
    Some(json!({"prompt_tokens": prompt, "completion_tokens": completion}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_body_is_read_like_a_live_one() {
        let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"<think>hm</think>茶\"}}]}\n\n\
             data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n\
             data: [DONE]\n\n";
        for (status, body, expected) in [
            (
                200,
                stream,
                json!({"id": "1", "text": "茶", "usage": {"prompt_tokens": 3, "completion_tokens": 2}, "finish": "stop", "error_kind": null}),
            ),
            (
                200,
                r#"{"choices":[{"message":{"content":"x"},"finish_reason":"banana"}],"usage":{"prompt_tokens":-1,"completion_tokens":2}}"#,
                json!({"id": "1", "text": "x", "usage": null, "finish": "banana", "error_kind": null}),
            ),
            (
                200,
                "data: {\"choices\":[{\"delta\":{\"content\":\"so they want tea\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"</think>Tea.\"},\"finish_reason\":\"stop\"}]}\n\n",
                json!({"id": "1", "text": "Tea.", "usage": null, "finish": "stop", "error_kind": null}),
            ),
            (
                429,
                r#"{"error":{"code":"1113"}}"#,
                json!({"id": "1", "text": "", "usage": null, "finish": null, "error_kind": "no_money"}),
            ),
        ] {
            let line = json!({"id": "1", "status": status, "content_type": "x", "body": body});
            assert_eq!(read_recorded("openai", &line.to_string(), 1), expected);
        }
    }

    #[test]
    fn a_broken_line_and_an_unknown_name_say_what_is_wrong() {
        for line in ["", "{", "[]", r#"{"id":"1"}"#] {
            assert_eq!(read_recorded("openai", line, 7)["line"], 7, "{line}");
        }
        assert_eq!(
            known("gemini").unwrap_err().to_string(),
            "no bodies of \"gemini\" can be read; known are: openai"
        );
        assert!(read_recorded("gemini", "{}", 1)["error"].is_string());
    }
}
