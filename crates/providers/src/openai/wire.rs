//! JSON as OpenAI-like servers send it. Ordinary chunks are read by types that borrow; whatever those refuse is read
//! once more, slowly and tolerantly. Tolerant of every shape that text can have, strict about numbers.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use teahouse_core::ReportedUsage;

/// What one JSON object of an answer says.
#[derive(Debug, PartialEq)]
pub enum Read<'a> {
    /// A piece of an answer.
    Piece(Piece<'a>),
    /// An error, in whichever wrapping.
    Error(Value),
    /// No JSON object at all.
    Broken {
        /// The JSON ends in the middle.
        cut: bool,
    },
}

/// All that matters in one chunk, or in a whole answer.
#[derive(Debug, Default, PartialEq)]
pub struct Piece<'a> {
    pub text: Cow<'a, str>,
    pub thinking: bool,
    pub finish: Option<Cow<'a, str>>,
    /// The vendor marks this answer as unsafe (Qianfan's `flag`, OpenAI's `refusal`).
    pub flagged: bool,
    pub usage: Option<ReportedUsage>,
}

/// Reads one object. `from_message` allows the text of a whole message where there is no delta.
pub fn read(json: &str, from_message: bool) -> Read<'_> {
    if let Ok(chunk) = serde_json::from_str::<PlainChunk<'_>>(json)
        && let Some(piece) = chunk.into_piece()
    {
        return Read::Piece(piece);
    }
    let value = serde_json::from_str::<Value>(json)
        .or_else(|error| serde_json::from_str(&without_nan(json)).map_err(|_| error));
    match value {
        Ok(value) => read_slowly(value, from_message),
        Err(error) => Read::Broken {
            cut: error.is_eof(),
        },
    }
}

/// A chunk as nearly all servers send it.
#[derive(Deserialize)]
struct PlainChunk<'a> {
    #[serde(borrow)]
    choices: Vec<PlainChoice<'a>>,
    #[serde(default)]
    usage: Option<PlainUsage>,
    #[serde(default)]
    x_groq: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct PlainChoice<'a> {
    #[serde(borrow, default)]
    delta: Option<PlainDelta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
    #[serde(default)]
    message: Option<IgnoredAny>,
    #[serde(default)]
    usage: Option<IgnoredAny>,
    #[serde(default)]
    flag: Option<i64>,
}

#[derive(Deserialize)]
struct PlainDelta<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Text<'a>>,
}

/// serde borrows a `Cow` inside an `Option` only by way of a struct.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct PlainUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

impl<'a> PlainChunk<'a> {
    /// Nothing if the slow way has to look at it.
    fn into_piece(self) -> Option<Piece<'a>> {
        if self.error.is_some() || self.x_groq.is_some() {
            return None;
        }
        let mut piece = Piece {
            usage: self.usage.map(|usage| ReportedUsage {
                prompt_tokens: usage.prompt_tokens.filter(is_sane),
                completion_tokens: usage.completion_tokens.filter(is_sane),
            }),
            ..Piece::default()
        };
        let Some(choice) = self.choices.into_iter().next() else {
            return Some(piece);
        };
        if choice.message.is_some() || choice.usage.is_some() {
            return None;
        }
        piece.finish = choice
            .finish_reason
            .map(|word| word.0)
            .filter(|word| is_finish(word));
        piece.flagged = choice.flag == Some(1);
        if let Some(delta) = choice.delta {
            let has = |text: &Option<Text<'_>>| text.as_ref().is_some_and(|t| !t.0.is_empty());
            piece.thinking = has(&delta.reasoning_content) || has(&delta.reasoning);
            piece.flagged |= has(&delta.refusal);
            piece.text = delta.content.map(|text| text.0).unwrap_or_default();
        }
        Some(piece)
    }
}

fn read_slowly(value: Value, from_message: bool) -> Read<'static> {
    let is_error = match value.get("error") {
        None | Some(Value::Null) => {
            value.get("choices").is_none()
                && ["code", "message", "detail", "error_code", "errors", "msg"]
                    .iter()
                    .any(|key| value.get(key).is_some_and(|said| !said.is_null()))
        }
        Some(_) => true,
    };
    if is_error || value.is_string() {
        return Read::Error(value);
    }
    if !value.is_object() {
        return Read::Broken { cut: false };
    }
    let choice = value
        .get("choices")
        .and_then(Value::as_array)
        .and_then(|choices| choices.iter().find(|choice| choice.is_object()))
        .unwrap_or(&Value::Null);
    let said = |key: &str| choice.get(key).filter(|said| said.is_object());
    let message = said("delta")
        .or_else(|| said("message").filter(|_| from_message))
        .unwrap_or(&Value::Null);
    let has = |key: &str| message.get(key).is_some_and(|v| !text_of(v).is_empty());
    let usage = [
        value.get("usage"),
        choice.get("usage"),
        value.pointer("/x_groq/usage"),
    ];
    Read::Piece(Piece {
        text: Cow::Owned(message.get("content").map(text_of).unwrap_or_default()),
        thinking: has("reasoning_content") || has("reasoning"),
        finish: choice
            .get("finish_reason")
            .and_then(Value::as_str)
            .filter(|word| is_finish(word))
            .map(|word| Cow::Owned(word.to_owned())),
        flagged: choice.get("flag").and_then(Value::as_i64) == Some(1) || has("refusal"),
        usage: usage
            .into_iter()
            .flatten()
            .find(|usage| usage.is_object())
            .map(usage_of),
    })
}

/// A text, or the text parts of an array of parts; everything else says nothing.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of_part).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

fn text_of_part(part: &Value) -> &str {
    // Mistral's thinking parts have another type and must stay out.
    match part.get("type").and_then(Value::as_str) {
        None | Some("text" | "output_text") => part
            .as_str()
            .or_else(|| part.get("text")?.as_str())
            .unwrap_or_default(),
        Some(_) => "",
    }
}

fn usage_of(usage: &Value) -> ReportedUsage {
    let number = |key: &str| usage.get(key).and_then(Value::as_u64).filter(is_sane);
    ReportedUsage {
        prompt_tokens: number("prompt_tokens"),
        completion_tokens: number("completion_tokens"),
    }
}

/// 2^63 and above are signed numbers gone wrong on the other side.
fn is_sane(tokens: &u64) -> bool {
    i64::try_from(*tokens).is_ok()
}

/// Some relays write "" or "null" where the answer goes on.
fn is_finish(word: &str) -> bool {
    !word.is_empty() && word != "null"
}

/// Python's `json.dumps` writes NaN and Infinity, which are no JSON: null in their place.
fn without_nan(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut in_string = false;
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        if !in_string
            && let Some(word) = ["NaN", "-Infinity", "Infinity"]
                .iter()
                .find(|word| rest.starts_with(**word))
        {
            out.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        let mut taken = c.len_utf8();
        match c {
            '"' => in_string = !in_string,
            '\\' if in_string => taken += rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => {}
        }
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(json: &str) -> Piece<'_> {
        match read(json, true) {
            Read::Piece(piece) => piece,
            other => panic!("{json}: {other:?}"),
        }
    }

    #[test]
    fn the_quick_and_the_slow_reading_agree_on_ordinary_chunks() {
        for json in [
            r#"{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"你\n\"好\""},"finish_reason":null}],"usage":null}"#,
            r#"{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}"#,
            r#"{"choices":[{"delta":{"reasoning":"hm"},"finish_reason":""}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"obfuscation":"xxxx"}"#,
            r#"{"choices":[{"delta":null,"finish_reason":"length","flag":0}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}"#,
            r#"{"choices":[{"delta":{"content":"x"},"flag":1}],"error":null}"#,
        ] {
            let plain: PlainChunk<'_> = serde_json::from_str(json).unwrap();
            let quick = plain.into_piece().expect(json);
            let Read::Piece(slow) = read_slowly(serde_json::from_str(json).unwrap(), false) else {
                panic!("{json}");
            };
            assert_eq!(quick, slow, "{json}");
        }
    }

    #[test]
    fn an_ordinary_text_is_not_copied_to_be_read() {
        let chunk = piece(r#"{"choices":[{"delta":{"content":"tea"},"finish_reason":null}]}"#);
        assert!(matches!(chunk.text, Cow::Borrowed("tea")));
    }

    #[test]
    fn bad_062_text_is_read_from_every_shape_it_comes_in() {
        for (json, text) in [
            (
                r#"{"choices":[{"delta":{"content":"a","content":"tea"}}]}"#,
                "tea",
            ),
            (
                r#"{"choices":[{"delta":{"content":"tea"},"logprobs":NaN,"x":-Infinity}]}"#,
                "tea",
            ),
            (
                r#"{"choices":[{"delta":{"content":"NaN \"Infinity"},"x":NaN}]}"#,
                "NaN \"Infinity",
            ),
            (
                r#"{"choices":[{"index":"0","delta":{"content":"tea"}}]}"#,
                "tea",
            ),
            (
                r#"{"choices":[{"index":99,"delta":{"content":"tea"}}]}"#,
                "tea",
            ),
            (r#"{"choices":[null,{"delta":{"content":"tea"}}]}"#, "tea"),
            (
                r#"{"choices":[{"delta":{"content":[{"type":"text","text":"te"},{"text":"a"}]}}]}"#,
                "tea",
            ),
            (
                r#"{"choices":[{"delta":{"content":[{"type":"thinking","text":"hm"},"tea"]}}]}"#,
                "tea",
            ),
            (r#"{"choices":[{"delta":{"content":null}}]}"#, ""),
            (r#"{"choices":[{"delta":{"content":7}}]}"#, ""),
            (
                r#"{"choices":[{"message":{"role":"assistant","content":"tea"}}]}"#,
                "tea",
            ),
            (
                r#"{"choices":[{"delta":{"content":"tea"},"message":{"content":"tea"}}]}"#,
                "tea",
            ),
            (
                r#"{"choices":[{"delta":{"content":"tea"},"finish_reason":5}]}"#,
                "tea",
            ),
            (r#"{"choices":null}"#, ""),
            (r#"{"choices":{}}"#, ""),
            ("{}", ""),
        ] {
            assert_eq!(piece(json).text, text, "{json}");
        }
        for (json, cut) in [("{\"choices\":[{\"del", true), ("{]", false), ("7", false)] {
            assert_eq!(read(json, true), Read::Broken { cut }, "{json}");
        }
    }

    #[test]
    fn bad_063_a_number_that_is_no_count_is_no_number() {
        for (number, read) in [
            ("19", Some(19)),
            ("0", Some(0)),
            ("-1", None),
            ("19.0", None),
            ("\"19\"", None),
            ("9223372036854775808", None),
            ("1e400", None),
            ("NaN", None),
            ("null", None),
            ("[19]", None),
        ] {
            let json = format!(
                r#"{{"choices":[{{"delta":{{"content":"tea"}}}}],"usage":{{"prompt_tokens":{number},"completion_tokens":3}}}}"#
            );
            let chunk = match super::read(&json, true) {
                Read::Piece(piece) => piece,
                // serde_json refuses a number beyond every float: nothing of that chunk can be believed.
                other => {
                    assert_eq!(number, "1e400", "{other:?}");
                    continue;
                }
            };
            let usage = chunk.usage.unwrap();
            assert_eq!(usage.prompt_tokens, read, "{number}");
            assert_eq!(usage.completion_tokens, Some(3), "{number}");
            assert_eq!(chunk.text, "tea", "{number}");
        }
        for json in [
            r#"{"choices":[{"usage":{"prompt_tokens":7}}]}"#,
            r#"{"choices":[],"x_groq":{"usage":{"prompt_tokens":7}}}"#,
        ] {
            assert_eq!(piece(json).usage.unwrap().prompt_tokens, Some(7), "{json}");
        }
        assert_eq!(piece(r#"{"choices":[],"usage":"many"}"#).usage, None);
    }

    #[test]
    fn an_error_is_seen_in_every_wrapping() {
        for json in [
            r#"{"error":{"message":"no"}}"#,
            r#"{"error":"no","choices":[]}"#,
            r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502}}"#,
            r#"{"code":20012,"message":"no","data":null}"#,
            r#"{"detail":[{"msg":"no"}]}"#,
            r#""no""#,
        ] {
            assert!(matches!(read(json, true), Read::Error(_)), "{json}");
        }
    }
}
