//! The parrot: says the question again, free and on this machine, for rehearsals. Its model name tells it how to
//! fail, and it fails with what a real vendor's failure would be read as, so that a room can see each one coming.
//! Never thinks, never asks anybody, keeps nothing.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt, stream};
use reqwest::header::HeaderMap;
use teahouse_core::{
    AiMark, Callee, ChatRequest, Chunk, FailureKind, Finish, Price, ReportedUsage, RouteModel,
    estimate_tokens, question_of,
};

use crate::errors::Failure;
use crate::{ChatStream, Provider, ProviderError};

/// Its name, and its model that does nothing but echo. A provider of this name is always there.
pub const PARROT: &str = "parrot";

/// So many characters come in one piece of an answer …
const PIECE: usize = 8;
/// … and so long after the piece before.
const BETWEEN_PIECES: Duration = Duration::from_millis(20);
/// The longest delay: a question has no more time than this.
const LONGEST_DELAY: u64 = 240;

/// What the parrot does with a question; written `parrot` or `parrot:FAULT` as a model's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Says it again.
    Echo,
    /// Says it again after so long.
    Delay(Duration),
    /// Too many requests: the vendor's 429.
    TooMany,
    /// Broken: the vendor's 500.
    Broken,
    /// Takes the question and never says a word.
    Hang,
    /// Ends well and has said nothing.
    Empty,
    /// Says it again and again, until the longest answer is full.
    Long,
    /// The vendor's filter refuses.
    Refusal,
}

/// A model name that the parrot does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no model of the parrot; write one of parrot, parrot:delay=5s (1s to 240s), parrot:429, parrot:500, parrot:hang, parrot:empty, parrot:long, parrot:refusal"
)]
pub struct BadAct(pub String);

impl Act {
    /// The model of a route that does this: free, and marked as the parrot's.
    pub fn model(self) -> RouteModel {
        RouteModel {
            provider: PARROT.to_owned(),
            model: self.to_string(),
            price: Price::free(),
            mark: AiMark::Parrot,
        }
    }
}

impl FromStr for Act {
    type Err = BadAct;

    fn from_str(name: &str) -> Result<Self, BadAct> {
        let bad = || BadAct(name.to_owned());
        let Some(fault) = name.strip_prefix("parrot:") else {
            return (name == PARROT).then_some(Act::Echo).ok_or_else(bad);
        };
        Ok(match fault {
            "429" => Act::TooMany,
            "500" => Act::Broken,
            "hang" => Act::Hang,
            "empty" => Act::Empty,
            "long" => Act::Long,
            "refusal" => Act::Refusal,
            _ => {
                let seconds = fault
                    .strip_prefix("delay=")
                    .and_then(|delay| delay.strip_suffix('s'))
                    .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                    .and_then(|digits| digits.parse().ok())
                    .filter(|seconds| (1..=LONGEST_DELAY).contains(seconds));
                Act::Delay(Duration::from_secs(seconds.ok_or_else(bad)?))
            }
        })
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Echo => f.write_str(PARROT),
            Act::Delay(length) => write!(f, "parrot:delay={}s", length.as_secs()),
            Act::TooMany => f.write_str("parrot:429"),
            Act::Broken => f.write_str("parrot:500"),
            Act::Hang => f.write_str("parrot:hang"),
            Act::Empty => f.write_str("parrot:empty"),
            Act::Long => f.write_str("parrot:long"),
            Act::Refusal => f.write_str("parrot:refusal"),
        }
    }
}

/// The provider.
#[derive(Debug)]
pub struct Parrot {
    name: String,
    first_token: Duration,
}

impl Parrot {
    /// One of this name; its first word is waited for as long as any vendor's.
    pub fn new(name: impl Into<String>) -> Self {
        Parrot {
            name: name.into(),
            first_token: Duration::from_secs(15),
        }
    }

    /// The same, waited for so long.
    pub fn first_token(self, first_token: Duration) -> Self {
        Parrot {
            first_token,
            ..self
        }
    }

    fn refused(&self, status: u16, body: &str) -> ProviderError {
        Failure::answer(status, &HeaderMap::new(), body.as_bytes()).by(&self.name, None)
    }
}

#[async_trait]
impl Provider for Parrot {
    fn name(&self) -> &str {
        &self.name
    }

    fn first_token(&self) -> Duration {
        self.first_token
    }

    /// Each act stands alone: a rehearsed failure spoils no other room's rehearsal.
    fn callee(&self, model: &str) -> Callee {
        Callee {
            base: model.to_owned(),
            provider: model.to_owned(),
            key: 0,
            model: model.to_owned(),
        }
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatStream, ProviderError> {
        let act: Act = request.model.parse().map_err(|error: BadAct| {
            Failure::new(FailureKind::BadModel, error.to_string()).by(&self.name, None)
        })?;
        let question = question_of(&request.lines).trim();
        let ends = |text: &str, finish| spoken(request, text, finish).boxed();
        Ok(match act {
            Act::Echo => ends(question, Finish::Stop),
            Act::Delay(length) => after(length).chain(ends(question, Finish::Stop)).boxed(),
            Act::TooMany => return Err(self.refused(429, TOO_MANY)),
            Act::Broken => return Err(self.refused(500, BROKEN)),
            Act::Hang => stream::pending().boxed(),
            Act::Empty => ends("", Finish::Stop),
            Act::Long => ends(
                &again_and_again(question, request.max_tokens),
                Finish::Length,
            ),
            Act::Refusal => ends("", Finish::Filtered),
        })
    }
}

const TOO_MANY: &str =
    r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;
const BROKEN: &str =
    r#"{"error":{"message":"The server had an error","type":"server_error","code":null}}"#;

/// An answer in pieces, then its usage and its end.
fn spoken(
    request: &ChatRequest,
    text: &str,
    finish: Finish,
) -> impl Stream<Item = Result<Chunk, ProviderError>> + Send + use<> {
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters.chunks(PIECE).map(String::from_iter).collect();
    let usage = ReportedUsage {
        prompt_tokens: Some(request.estimated_tokens()),
        completion_tokens: Some(estimate_tokens(text)),
    };
    stream::iter(pieces)
        .then(|piece| async {
            tokio::time::sleep(BETWEEN_PIECES).await;
            Ok(Chunk::Text(piece))
        })
        .chain(stream::iter([
            Ok(Chunk::Usage(usage)),
            Ok(Chunk::Finish(finish)),
        ]))
}

/// Nothing for so long, then the end of the stream.
fn after(length: Duration) -> impl Stream<Item = Result<Chunk, ProviderError>> + Send {
    stream::once(tokio::time::sleep(length)).filter_map(|()| async { None })
}

/// The question in numbered lines, as many as an answer of so many tokens holds.
fn again_and_again(question: &str, max_tokens: u32) -> String {
    let mut text = String::new();
    let mut tokens = 0;
    for number in 1.. {
        let line = format!("{number}. {question}\n");
        tokens += estimate_tokens(&line);
        if tokens > u64::from(max_tokens) && number > 1 {
            break;
        }
        text.push_str(&line);
    }
    text
}
