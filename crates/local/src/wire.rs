//! JSON as it goes over the socket: OpenAI's chat completions, with llama.cpp-server's shape for
//! errors. Pure; nothing here knows the engine or the socket.
//! What would change the answer and cannot be honoured (`n`, `stop`, `tools`) is refused, not ignored.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A request's body, as sent. Fields that cannot change the answer here are ignored.
#[derive(Deserialize)]
struct Body {
    messages: Vec<BodyMessage>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    seed: Option<i64>,
    n: Option<u32>,
    stop: Option<Value>,
    tools: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct BodyMessage {
    role: String,
    #[serde(default)]
    content: Content,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Content {
    #[default]
    Nothing,
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// A request understood: what to say to the model and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub messages: Vec<Message>,
    pub reply: Reply,
    pub max_tokens: Option<u32>,
    pub sampling: Sampling,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub role: &'static str,
    pub content: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Whole,
    Stream { usage: bool },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampling {
    Greedy,
    Chance {
        temperature: f32,
        top_p: f32,
        seed: Option<u32>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    Stop,
    Length,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub prompt: usize,
    /// How many of the prompt's tokens were still in memory from the last request.
    pub cached: usize,
    pub completion: usize,
}

/// Qwen's own suggestion for its instruct models.
const TEMPERATURE: f32 = 0.7;
const TOP_P: f32 = 0.8;

/// Reads a request, or says what is wrong with it in words for whoever wrote the client.
pub fn read(body: &[u8]) -> Result<Request, String> {
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| format!("the body is no chat request: {error}"))?;
    if body.messages.is_empty() {
        return Err("`messages` is empty; send at least one".into());
    }
    if body.n.is_some_and(|n| n != 1) {
        return Err("`n` must be 1 here".into());
    }
    if body
        .stop
        .is_some_and(|stop| !matches!(&stop, Value::Null) && stop != json!([]))
    {
        return Err("`stop` is not taken here; leave it out".into());
    }
    if body.tools.is_some_and(|tools| !tools.is_empty()) {
        return Err("`tools` are not taken here; leave them out".into());
    }
    let max_tokens = body.max_completion_tokens.or(body.max_tokens);
    if max_tokens == Some(0) {
        return Err("`max_tokens` must be at least 1".into());
    }
    Ok(Request {
        messages: body
            .messages
            .into_iter()
            .map(read_message)
            .collect::<Result<_, _>>()?,
        reply: if body.stream {
            Reply::Stream {
                usage: body
                    .stream_options
                    .is_some_and(|options| options.include_usage),
            }
        } else {
            Reply::Whole
        },
        max_tokens,
        sampling: read_sampling(body.temperature, body.top_p, body.seed)?,
    })
}

fn read_message(message: BodyMessage) -> Result<Message, String> {
    let role = match message.role.as_str() {
        "system" | "developer" => "system",
        "user" => "user",
        "assistant" => "assistant",
        other => {
            return Err(format!(
                "role `{other}` is not one of system, developer, user, assistant"
            ));
        }
    };
    let content = match message.content {
        Content::Nothing => String::new(),
        Content::Text(text) => text,
        Content::Parts(parts) => {
            let texts: Result<Vec<String>, String> = parts
                .into_iter()
                .map(|part| {
                    part.text.ok_or_else(|| {
                        format!(
                            "a `{}` part cannot be read; this model reads text only",
                            part.kind
                        )
                    })
                })
                .collect();
            texts?.join("\n")
        }
    };
    Ok(Message { role, content })
}

fn read_sampling(
    temperature: Option<f32>,
    top_p: Option<f32>,
    seed: Option<i64>,
) -> Result<Sampling, String> {
    let temperature = temperature.unwrap_or(TEMPERATURE);
    let top_p = top_p.unwrap_or(TOP_P);
    if !(0.0..=2.0).contains(&temperature) {
        return Err(format!(
            "`temperature` is {temperature}; it must be between 0 and 2"
        ));
    }
    if !(0.0..=1.0).contains(&top_p) {
        return Err(format!("`top_p` is {top_p}; it must be between 0 and 1"));
    }
    if temperature == 0.0 || top_p == 0.0 {
        return Ok(Sampling::Greedy);
    }
    // Any whole number is a seed in OpenAI's API; the engine takes 32 bits of it.
    let seed = seed.map(|seed| (seed & i64::from(u32::MAX)) as u32);
    Ok(Sampling::Chance {
        temperature,
        top_p,
        seed,
    })
}

/// What every answer's JSON carries.
pub struct Envelope {
    pub id: String,
    pub created: u64,
    pub model: String,
}

impl Envelope {
    pub fn whole(&self, text: &str, finish: Finish, usage: Usage) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": finish }],
            "usage": usage.json(),
        })
    }

    pub fn opening(&self) -> Value {
        self.chunk(json!({ "role": "assistant", "content": "" }), None)
    }

    pub fn text(&self, text: &str) -> Value {
        self.chunk(json!({ "content": text }), None)
    }

    pub fn closing(&self, finish: Finish) -> Value {
        self.chunk(json!({}), Some(finish))
    }

    /// The extra last chunk of `stream_options.include_usage`: no choices, only the count.
    pub fn usage(&self, usage: Usage) -> Value {
        let mut chunk = self.chunk(json!({}), None);
        chunk["choices"] = json!([]);
        chunk["usage"] = usage.json();
        chunk
    }

    fn chunk(&self, delta: Value, finish: Option<Finish>) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        })
    }
}

impl Usage {
    fn json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": { "cached_tokens": self.cached },
        })
    }
}

/// Why there is no answer, or no more of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    BadRequest(String),
    #[error(
        "request ({n_prompt_tokens} tokens) exceeds the available context size ({n_ctx} tokens), try increasing it"
    )]
    TooLong {
        n_prompt_tokens: usize,
        n_ctx: usize,
    },
    #[error("another answer is being written and the queue is full; try again soon")]
    Busy,
    #[error("Loading model")]
    Loading,
    #[error("the model is stopping")]
    Stopping,
    #[error("{0}")]
    Engine(String),
}

impl Refusal {
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) | Self::TooLong { .. } => 400,
            Self::Busy => 429,
            Self::Loading | Self::Stopping => 503,
            Self::Engine(_) => 500,
        }
    }

    /// llama.cpp-server's error object, names included (tools/server, `format_error_response`).
    pub fn json(&self) -> Value {
        let kind = match self {
            Self::BadRequest(_) => "invalid_request_error",
            Self::TooLong { .. } => "exceed_context_size_error",
            Self::Busy => "rate_limit_error",
            Self::Loading | Self::Stopping => "unavailable_error",
            Self::Engine(_) => "server_error",
        };
        let mut error = json!({ "code": self.status(), "message": self.to_string(), "type": kind });
        if let Self::TooLong {
            n_prompt_tokens,
            n_ctx,
        } = self
        {
            error["n_prompt_tokens"] = json!(n_prompt_tokens);
            error["n_ctx"] = json!(n_ctx);
        }
        json!({ "error": error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str, expected: &str) {
        let why = read(body.as_bytes()).unwrap_err();
        assert!(why.contains(expected), "{body}: {why}");
    }

    #[test]
    fn a_request_is_read_as_openai_means_it() {
        let request = read(
            r#"{"model":"x","messages":[{"role":"developer","content":"be brief"},
                {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}],
                "temperature":0,"max_tokens":9,"max_completion_tokens":5,"stream":true,
                "stream_options":{"include_usage":true},"stop":null}"#
                .as_bytes(),
        )
        .unwrap();
        assert_eq!(
            request.messages[0],
            Message {
                role: "system",
                content: "be brief".into()
            }
        );
        assert_eq!(request.messages[1].content, "a\nb");
        assert_eq!(request.sampling, Sampling::Greedy);
        assert_eq!(request.max_tokens, Some(5));
        assert_eq!(request.reply, Reply::Stream { usage: true });
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_and_named() {
        refused("{", "no chat request");
        refused(r#"{"messages":[]}"#, "`messages` is empty");
        refused(
            r#"{"messages":[{"role":"cook","content":"x"}]}"#,
            "role `cook`",
        );
        refused(
            r#"{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#,
            "`image_url` part",
        );
        refused(
            r#"{"messages":[{"role":"user","content":"x"}],"n":2}"#,
            "`n` must be 1",
        );
        refused(
            r#"{"messages":[{"role":"user","content":"x"}],"stop":["x"]}"#,
            "`stop`",
        );
        refused(
            r#"{"messages":[{"role":"user","content":"x"}],"tools":[{}]}"#,
            "`tools`",
        );
        refused(
            r#"{"messages":[{"role":"user","content":"x"}],"temperature":3}"#,
            "`temperature` is 3",
        );
        refused(
            r#"{"messages":[{"role":"user","content":"x"}],"max_tokens":0}"#,
            "at least 1",
        );
    }

    #[test]
    fn a_prompt_too_long_has_llama_cpp_servers_shape() {
        let refusal = Refusal::TooLong {
            n_prompt_tokens: 5000,
            n_ctx: 4096,
        };
        assert_eq!(
            refusal.json(),
            json!({"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096,
                "message": "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"}})
        );
    }

    #[test]
    fn the_usage_chunk_has_no_choices() {
        let envelope = Envelope {
            id: "chatcmpl-1".into(),
            created: 0,
            model: "tiny".into(),
        };
        let chunk = envelope.usage(Usage {
            prompt: 3,
            cached: 1,
            completion: 2,
        });
        assert_eq!(chunk["choices"], json!([]));
        assert_eq!(chunk["usage"]["total_tokens"], 5);
        assert_eq!(
            envelope.closing(Finish::Length)["choices"][0]["finish_reason"],
            "length"
        );
    }
}
