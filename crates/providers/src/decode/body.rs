//! A whole body → the JSON objects it holds, however the server strung them together: one object, lines, an array
//! that grew while it was sent, an event stream. Then what all of them tell together.

use serde_json::{Deserializer, Value};
use teahouse_core::{FailureKind, ReportedUsage};

use super::Read;
use crate::errors::{Failure, Said};
use crate::sse;

/// What a body has told so far. Each API's `add` fills it in.
#[derive(Default)]
pub(super) struct Told {
    /// Words for people, no thinking.
    pub(super) text: String,
    pub(super) has_thought: bool,
    /// It wants a tool, which is an answer without a word.
    pub(super) wants_tool: bool,
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    /// Why the model stopped, as the server wrote it.
    pub(super) finish: Option<String>,
    /// The vendor's filter or the model's own refusal cut the answer.
    pub(super) is_filtered: bool,
    /// Something in it was of this API.
    pub(super) is_known: bool,
    /// It came in pieces, so that its end must be told.
    is_stream: bool,
    failure: Option<Failure>,
}

/// Takes one object of an API in.
pub(super) type Add = fn(&mut Told, &Value) -> Result<(), Failure>;

impl Told {
    /// Reads a body to its end, or to the first failure in it.
    pub(super) fn read(body: &str, add: Add) -> Self {
        let objects = Objects::of(body);
        let mut told = Told {
            is_stream: objects.is_stream,
            ..Told::default()
        };
        for object in &objects.found {
            if let Err(failure) = add(&mut told, object) {
                told.failure = Some(failure);
                return told;
            }
        }
        told.failure = match objects.then {
            Then::End => None,
            Then::Cut => Some(Failure::new(
                FailureKind::Interrupted,
                "the answer ends in the middle of its JSON",
            )),
            Then::Other if objects.found.is_empty() => Some(no_answer(body)),
            Then::Other => Some(Failure::new(
                FailureKind::Interrupted,
                "the stream holds a chunk that is no JSON",
            )),
        };
        if told.failure.is_none() && !told.is_known && !objects.found.is_empty() {
            told.failure = Some(no_answer(body));
        }
        told
    }

    /// An error object inside an answer under HTTP 200.
    pub(super) fn error(&self, error: &Value) -> Failure {
        let otherwise = if self.is_stream {
            FailureKind::Interrupted
        } else {
            FailureKind::Server
        };
        Failure::in_answer(error, otherwise)
    }

    /// More is to come: an end before that is none.
    pub(super) fn goes_on(&mut self) {
        self.is_stream = true;
    }

    /// Words, if there are any.
    pub(super) fn say(&mut self, text: Option<&str>) {
        self.text.push_str(text.unwrap_or_default());
    }

    /// Whether the answer holds.
    pub(super) fn end(self) -> Read {
        let has_words = !teahouse_core::strip_reasoning(&self.text).trim().is_empty();
        let failure = self.failure.or_else(|| {
            let finish = self.finish.as_deref();
            if self.is_filtered {
                let why = "the vendor's filter cut the answer";
                Some(Failure::new(FailureKind::ContentOutput, why))
            } else if self.is_stream && finish.is_none() {
                let why = "the stream ended before the model stopped";
                Some(Failure::new(FailureKind::Interrupted, why))
            } else if has_words || self.wants_tool {
                None
            } else if self.has_thought {
                let why = "an answer without a word, only thinking";
                Some(Failure::new(FailureKind::Empty, why))
            } else {
                let why = "an answer without a word";
                Some(Failure::new(FailureKind::Empty, why))
            }
        });
        Read {
            text: self.text,
            usage: ReportedUsage {
                prompt_tokens: self.prompt_tokens,
                completion_tokens: self.completion_tokens,
            },
            finish: self.finish,
            failure,
        }
    }
}

fn no_answer(body: &str) -> Failure {
    let said = Said::read(body.as_bytes()).message;
    Failure::new(FailureKind::Server, format!("200, but no answer: {said}"))
}

/// The objects of a body, in order.
struct Objects {
    found: Vec<Value>,
    is_stream: bool,
    then: Then,
}

/// What comes after the last object.
enum Then {
    End,
    /// Half an object.
    Cut,
    /// Something that is no JSON.
    Other,
}

impl Objects {
    fn of(body: &str) -> Self {
        let body = body.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        match body.chars().next() {
            None | Some('{' | '"' | '<') => Self::one_after_another(body),
            Some('[') => Self {
                // An array is how Gemini streams; it is one answer in pieces.
                is_stream: true,
                ..Self::one_after_another(&body[1..])
            },
            Some(_) => Self::events(body),
        }
    }

    /// One object, or one a line, or the inside of an array.
    fn one_after_another(mut rest: &str) -> Self {
        let mut found = Vec::new();
        let then = loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if rest.is_empty() || rest.trim_end() == "]" {
                break Then::End;
            }
            let mut objects = Deserializer::from_str(rest).into_iter::<Value>();
            match objects.next() {
                Some(Ok(object)) => {
                    rest = &rest[objects.byte_offset()..];
                    found.push(object);
                }
                Some(Err(error)) if error.is_eof() => break Then::Cut,
                Some(Err(_)) | None => break Then::Other,
            }
        };
        Objects {
            is_stream: found.len() > 1,
            found,
            then,
        }
    }

    fn events(body: &str) -> Self {
        let (mut found, mut then) = (Vec::new(), Then::End);
        let mut each = |event: sse::Event<'_>| {
            let sse::Event::Data(data) = event else {
                return;
            };
            // "[DONE]", "ping" and the like: alive, and nothing said.
            if !data.trim_start().starts_with(['{', '[']) || data.trim() == "[DONE]" {
                return;
            }
            match serde_json::from_str(data) {
                Ok(object) => found.push(object),
                Err(error) if error.is_eof() => then = Then::Cut,
                Err(_) => then = Then::Other,
            }
        };
        let mut parser = sse::Parser::default();
        // Whoever recorded a stream may have trimmed its last line: what is whole in it counts.
        let read = parser
            .push(body.as_bytes(), &mut each)
            .and_then(|()| parser.push(b"\n\n", &mut each));
        if read.is_err() {
            then = Then::Other;
        }
        Objects {
            is_stream: true,
            found,
            then,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many objects, whether in pieces, and what comes after them.
    fn read(body: &str) -> (usize, bool, &'static str) {
        let objects = Objects::of(body);
        let then = match objects.then {
            Then::End => "end",
            Then::Cut => "cut",
            Then::Other => "other",
        };
        (objects.found.len(), objects.is_stream, then)
    }

    #[test]
    fn objects_are_found_however_they_are_strung_together() {
        for (body, expected) in [
            ("", (0, false, "end")),
            (" \r\n", (0, false, "end")),
            ("\u{feff}{}", (1, false, "end")),
            ("{}\n{}\n", (2, true, "end")),
            ("{}\n{\"a\":", (1, false, "cut")),
            ("{\"a\":", (0, false, "cut")),
            ("[{},\n{}]\n", (2, true, "end")),
            ("[{},{\"a\"", (1, true, "cut")),
            ("[{}", (1, true, "end")),
            ("<html>", (0, false, "other")),
            ("data: {}\n\ndata:{}\n\n", (2, true, "end")),
            ("event: x\ndata: {}", (1, true, "end")),
            (": hi\n\ndata: [DONE]\n\n", (0, true, "end")),
            ("data: {}\n\ndata: {\"a\"", (1, true, "cut")),
            ("data: {}\n\ndata: {a}\n\n", (1, true, "other")),
            ("no JSON at all", (0, true, "end")),
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
    }
}
