//! `teahouse decode --provider`: recorded bodies, one JSON object a line, read by the code that reads live answers.
//! No network, and no line stops the others. Chat completions are read by the provider's own code; the other APIs
//! have no provider yet and are read here, one file each, from a whole body.

mod anthropic;
mod body;
mod gemini;
mod ollama;
mod responses;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use teahouse_core::{Chunk, FailureKind, ReportedUsage, strip_reasoning};

use self::body::Told;
use crate::errors::Failure;
use crate::openai::Reading;

/// The APIs whose bodies can be read.
pub const KNOWN: &[&str] = &[
    "openai",
    "openai-responses",
    "anthropic",
    "gemini",
    "ollama",
];

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
        Ok(recorded) => recorded.read(provider),
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
    fn read(self, provider: &str) -> Value {
        let read = match provider {
            _ if !(200..300).contains(&self.status) => Read {
                failure: Some(self.refusal(provider)),
                ..Read::default()
            },
            "anthropic" => Told::read(&self.body, anthropic::add).end(),
            "gemini" => Told::read(&self.body, gemini::add).end(),
            "ollama" => Told::read(&self.body, ollama::add).end(),
            "openai-responses" => Told::read(&self.body, responses::add).end(),
            _ => chat_completion(&self.body),
        };
        let kind: Option<FailureKind> = read.failure.map(|failure| failure.kind);
        json!({
            "id": self.id,
            "text": strip_reasoning(&read.text),
            "usage": usage_json(read.usage),
            "finish": read.finish,
            "error_kind": kind,
        })
    }

    /// What an answer that is no success means.
    fn refusal(&self, provider: &str) -> Failure {
        let told = serde_json::from_str(&self.body).ok();
        let own = told.filter(|_| provider == "gemini");
        own.and_then(|error| gemini::refusal(&error))
            .unwrap_or_else(|| {
                Failure::answer(self.status, &HeaderMap::new(), self.body.as_bytes())
            })
    }
}

/// What one body says.
#[derive(Default)]
struct Read {
    text: String,
    usage: ReportedUsage,
    finish: Option<String>,
    failure: Option<Failure>,
}

fn chat_completion(body: &str) -> Read {
    let mut reading = Reading::default();
    let mut chunks = VecDeque::new();
    let ended = reading
        .push(body.as_bytes(), &mut chunks)
        .and_then(|()| reading.end(&mut chunks));
    let mut read = Read {
        finish: reading.finish_as_sent().map(str::to_owned),
        failure: ended.err(),
        ..Read::default()
    };
    for chunk in chunks {
        match chunk {
            Chunk::Text(more) => read.text.push_str(&more),
            Chunk::Usage(reported) => read.usage = reported,
            Chunk::Thinking | Chunk::KeepAlive | Chunk::Finish(_) => {}
        }
    }
    read
}

/// A report is whole or none.
fn usage_json(usage: ReportedUsage) -> Option<Value> {
    let (prompt, completion) = (usage.prompt_tokens?, usage.completion_tokens?);
    Some(json!({"prompt_tokens": prompt, "completion_tokens": completion}))
}
