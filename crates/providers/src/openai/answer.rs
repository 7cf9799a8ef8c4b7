//! Body of an answer → chunks, whatever shape the server chose: an event stream, one JSON object, an error under
//! HTTP 200, a proxy's page. Pure: live calls and recorded bodies are read by the same code.
//! No thinking leaves here as text.

use std::collections::VecDeque;

use teahouse_core::{Chunk, FailureKind, Finish, ReasoningFilter, ReportedUsage};

use super::wire::{self, Piece, Read};
use crate::errors::{Failure, Said};
use crate::sse;

/// No honest body that is no stream is longer, no honest text, and no honest silence inside a stream.
const MOST_BODY: usize = 2 * 1024 * 1024;

/// No honest stream is longer, thinking and wrapping included.
const MOST_STREAM: usize = 16 * 1024 * 1024;

/// What has been read of one answer. Chunks come in the order thinking and text, the last usage, the finish;
/// a failure comes last.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    shape: Shape,
    filter: ReasoningFilter,
    /// Bytes so far.
    taken: usize,
    /// Bytes since the last word or thought.
    since_token: usize,
    /// Bytes of text given out.
    said: usize,
    /// Some text was more than blanks.
    has_words: bool,
    has_thought: bool,
    has_events: bool,
    flagged: bool,
    finish: Option<String>,
    usage: Option<ReportedUsage>,
    done: bool,
}

#[derive(Debug, Default)]
enum Shape {
    /// Nothing but blanks came yet.
    #[default]
    Unknown,
    Stream(sse::Parser),
    Whole(Vec<u8>),
}

impl Reading {
    /// Adds bytes as they came; puts what they say behind `out`. After a failure nothing more is to be added.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut VecDeque<Chunk>) -> Result<(), Failure> {
        self.taken += bytes.len();
        self.since_token += bytes.len();
        if let Shape::Unknown = self.shape {
            // Servers label streams as JSON and JSON as streams; the first byte does not lie. DeepSeek sends blank
            // lines while a request waits in its queue.
            let blank = |b: &u8| b.is_ascii_whitespace() || "\u{feff}".as_bytes().contains(b);
            let Some(start) = bytes.iter().position(|b| !blank(b)) else {
                return self.keep_in_bounds(MOST_BODY);
            };
            bytes = &bytes[start..];
            self.shape = match bytes[0] {
                b'{' | b'[' | b'"' | b'<' => Shape::Whole(Vec::new()),
                _ => Shape::Stream(sse::Parser::default()),
            };
        }
        match std::mem::take(&mut self.shape) {
            Shape::Whole(mut body) => {
                body.extend_from_slice(bytes);
                self.shape = Shape::Whole(body);
                self.keep_in_bounds(MOST_BODY)
            }
            Shape::Unknown => Ok(()),
            Shape::Stream(mut parser) => {
                let mut failed = None;
                let mut each = |event: sse::Event<'_>| {
                    if self.done || failed.is_some() {
                        return;
                    }
                    match event {
                        sse::Event::KeepAlive => {}
                        sse::Event::Data(data) => failed = self.event(data, out).err(),
                    }
                };
                let read = parser.push(bytes, &mut each);
                self.shape = Shape::Stream(parser);
                if let Some(failure) = failed {
                    return Err(failure);
                }
                read.map_err(|error| Failure::new(FailureKind::Server, error.to_string()))?;
                self.keep_in_bounds(MOST_STREAM)
            }
        }
    }

    /// The server said that the answer is whole; what follows is nothing to us.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The model has stopped: the answer is whole even if the connection breaks now.
    pub fn is_finished(&self) -> bool {
        self.done || self.finish.is_some()
    }

    /// Any word or thought came.
    pub fn has_begun(&self) -> bool {
        self.said > 0 || self.has_thought
    }

    /// Why the model stopped, as the server wrote it.
    pub fn finish_as_sent(&self) -> Option<&str> {
        self.finish.as_deref()
    }

    /// The body has ended: what is left to say, and whether the answer holds.
    pub fn end(&mut self, out: &mut VecDeque<Chunk>) -> Result<(), Failure> {
        let whole = match std::mem::take(&mut self.shape) {
            Shape::Unknown => false,
            Shape::Whole(body) => {
                self.whole(&body, out)?;
                true
            }
            Shape::Stream(_) if self.is_finished() => true,
            Shape::Stream(parser) if !self.has_events && !parser.is_mid_event() => false,
            Shape::Stream(_) => {
                return Err(Failure::new(
                    FailureKind::Interrupted,
                    "the stream ended before the model stopped",
                ));
            }
        };
        let rest = std::mem::take(&mut self.filter).finish();
        self.say(rest, out);
        out.extend(self.usage.take().map(Chunk::Usage));
        let finish = match self.finish.as_deref() {
            Some(word) => finish(word),
            None => Finish::Other,
        };
        let detail = self.finish.as_deref().unwrap_or("no reason given");
        if self.flagged || finish == Finish::Filtered {
            out.push_back(Chunk::Finish(Finish::Filtered));
            let detail = format!("the vendor's filter cut the answer ({detail})");
            return Err(Failure::new(FailureKind::ContentOutput, detail));
        }
        if let Some(kind) = failed_finish(detail) {
            let detail = format!("the model stopped with \"{detail}\"");
            return Err(Failure::new(kind, detail));
        }
        if whole {
            out.push_back(Chunk::Finish(finish));
        }
        if self.has_words {
            return Ok(());
        }
        let but = if self.has_thought {
            ", only thinking"
        } else {
            ""
        };
        let detail = format!("an answer without a word{but} ({detail})");
        Err(Failure::new(FailureKind::Empty, detail))
    }

    fn event(&mut self, data: &str, out: &mut VecDeque<Chunk>) -> Result<(), Failure> {
        let data = data.trim();
        self.has_events = true;
        if data == "[DONE]" {
            self.done = true;
        }
        // "ping" and the like: alive, and nothing said.
        if !data.starts_with('{') {
            return Ok(());
        }
        match wire::read(data, !self.has_begun()) {
            Read::Piece(piece) => {
                self.take(piece, out);
                Ok(())
            }
            Read::Error(error) => Err(Failure::in_answer(&error, FailureKind::Interrupted)),
            Read::Broken { .. } => Err(Failure::new(
                FailureKind::Interrupted,
                "the stream holds a chunk that is no JSON",
            )),
        }
    }

    fn whole(&mut self, body: &[u8], out: &mut VecDeque<Chunk>) -> Result<(), Failure> {
        let text = String::from_utf8_lossy(body);
        match wire::read(&text, true) {
            Read::Piece(piece) => {
                self.take(piece, out);
                Ok(())
            }
            Read::Error(error) => Err(Failure::in_answer(&error, FailureKind::Server)),
            Read::Broken { cut: true } if !text.starts_with('<') => Err(Failure::new(
                FailureKind::Interrupted,
                "the answer's JSON ends in the middle",
            )),
            Read::Broken { .. } => {
                let detail = format!("200, but no answer: {}", Said::read(body).message);
                Err(Failure::new(FailureKind::Server, detail))
            }
        }
    }

    fn take(&mut self, piece: Piece<'_>, out: &mut VecDeque<Chunk>) {
        let is_token = piece.thinking || !piece.text.is_empty();
        let said_before = self.said;
        if !piece.text.is_empty() {
            let text = self.filter.push(&piece.text);
            self.say(text, out);
        }
        if is_token {
            self.since_token = 0;
            // Text that the filter holds back is a sign of life too.
            if self.said == said_before {
                self.has_thought |=
                    piece.thinking || self.said == 0 && !piece.text.trim().is_empty();
                out.push_back(Chunk::Thinking);
            }
        }
        self.flagged |= piece.flagged;
        if let Some(word) = piece.finish {
            self.finish = Some(word.into_owned());
        }
        if piece.usage.is_some() {
            self.usage = piece.usage;
        }
    }

    fn say(&mut self, text: String, out: &mut VecDeque<Chunk>) {
        // Blanks before the first word are no answer.
        self.has_words |= !text.trim().is_empty();
        if self.has_words && !text.is_empty() {
            self.said += text.len();
            out.push_back(Chunk::Text(text));
        }
    }

    fn keep_in_bounds(&self, most: usize) -> Result<(), Failure> {
        let detail = if self.taken > most {
            "the answer's body"
        } else if self.said > MOST_BODY {
            "the answer's text"
        } else if self.since_token > MOST_BODY {
            "a stretch of the stream without a word"
        } else {
            return Ok(());
        };
        let detail = format!("{detail} is longer than any honest one");
        Err(Failure::new(FailureKind::Server, detail))
    }
}

fn finish(word: &str) -> Finish {
    match word {
        "stop" | "eos" | "end_turn" | "stop_sequence" | "STOP" => Finish::Stop,
        "length" | "max_tokens" | "MAX_TOKENS" => Finish::Length,
        "content_filter" | "sensitive" | "safety" | "SAFETY" | "refusal" => Finish::Filtered,
        "tool_calls" | "function_call" | "tool_use" => Finish::ToolCalls,
        _ => Finish::Other,
    }
}

/// Words that say that the model did not stop by itself.
fn failed_finish(word: &str) -> Option<FailureKind> {
    match word {
        "error" | "network_error" => Some(FailureKind::Interrupted),
        "insufficient_system_resource" => Some(FailureKind::Overloaded),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, finish and failure of a body given in pieces.
    fn read(pieces: &[&[u8]]) -> (String, Option<Finish>, Option<FailureKind>) {
        let (chunks, failure) = chunks(pieces);
        let mut finish = None;
        let mut text = String::new();
        for chunk in chunks {
            match chunk {
                Chunk::Text(more) => text += &more,
                Chunk::Finish(why) => finish = Some(why),
                Chunk::Thinking | Chunk::KeepAlive | Chunk::Usage(_) => {}
            }
        }
        (text, finish, failure)
    }

    fn chunks(pieces: &[&[u8]]) -> (VecDeque<Chunk>, Option<FailureKind>) {
        let mut reading = Reading::default();
        let mut out = VecDeque::new();
        let pushed = pieces
            .iter()
            .try_for_each(|piece| reading.push(piece, &mut out));
        let read = pushed.and_then(|()| reading.end(&mut out));
        (out, read.err().map(|failure| failure.kind))
    }

    fn delta(content: &str) -> String {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{content}\"}}}}]}}\n\n")
    }

    const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const DONE: &str = "data: [DONE]\n\n";

    fn check(body: &str, text: &str, finish: Option<Finish>, failure: Option<FailureKind>) {
        let expected = (text.to_owned(), finish, failure);
        assert_eq!(read(&[body.as_bytes()]), expected, "{body}");
    }

    #[test]
    fn bad_053_under_200_only_words_are_an_answer() {
        use FailureKind::{Empty, Interrupted, Overloaded, Rate, Server};
        let stop = Some(Finish::Stop);
        for (body, finish, kind) in [
            ("", None, Empty),
            ("\n\n \r\n", None, Empty),
            (
                r#"{"error":{"message":"slow","code":"rate_limit_exceeded"}}"#,
                None,
                Rate,
            ),
            (r#"{"error":{"message":"what"}}"#, None, Server),
            (
                r#"{"code":1305,"message":"busy","data":null}"#,
                None,
                Overloaded,
            ),
            (r#""an error""#, None, Server),
            ("<html><title>Log in</title>", None, Server),
            ("<!doctype html>", None, Server),
            (r#"{"choices":[]}"#, Some(Finish::Other), Empty),
            (
                r#"{"choices":[{"message":{"content":"  \n"},"finish_reason":"stop"}]}"#,
                stop,
                Empty,
            ),
            (
                r#"{"choices":[{"message":{"content":"<think>hm</think>"},"finish_reason":"stop"}]}"#,
                stop,
                Empty,
            ),
            (
                r#"{"choices":[{"message":{"reasoning_content":"hm"},"finish_reason":"stop"}]}"#,
                stop,
                Empty,
            ),
            (
                r#"{"choices":[{"message":{"content":"hal"#,
                None,
                Interrupted,
            ),
            (
                "data: {\"choices\":[]}\n\ndata: [DONE]\n\n",
                Some(Finish::Other),
                Empty,
            ),
            ("data: {\"choices\":[]}\n\n", None, Interrupted),
            (": waiting\n\n: waiting\n\n", None, Empty),
            ("Internal Server Error", None, Interrupted),
        ] {
            check(body, "", finish, Some(kind));
        }
    }

    #[test]
    fn an_answer_that_is_no_stream_is_an_answer() {
        let body = r#"{"choices":[{"message":{"content":"<think>hm</think>Tea."},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        for blanks in ["", "\n\n\n", "\u{feff}"] {
            check(
                &format!("{blanks}{body}"),
                "Tea.",
                Some(Finish::Length),
                None,
            );
        }
    }

    #[test]
    fn bad_059_an_answer_reads_the_same_wherever_it_is_cut() {
        let stream = format!(
            "\u{feff}: hello\r\n\r\n{}\r\ndata:{{\"choices\":\ndata: [{{\"delta\":{{\"content\":\"馆 <\"}}}}]}}\r\r{}{STOP}{DONE}{}",
            delta("<think>hm</th"),
            delta("ok"),
            delta("never"),
        );
        let stream = stream.replace("馆", "ink>茶馆");
        let whole = read(&[stream.as_bytes()]);
        assert_eq!(whole, ("茶馆 <ok".to_owned(), Some(Finish::Stop), None));
        for cut in 0..=stream.len() {
            let (left, right) = stream.as_bytes().split_at(cut);
            assert_eq!(read(&[left, right]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn bad_060_an_end_is_believed_only_with_a_reason_or_a_mark() {
        let half = delta("half");
        let stop = Some(Finish::Stop);
        let error = "data: {\"error\":{\"message\":\"boom\",\"code\":500}}\n\n";
        for (body, text, finish, failure) in [
            (format!("{half}{STOP}"), "half", stop, None),
            (
                format!("{half}{STOP}{DONE}{DONE}{error}"),
                "half",
                stop,
                None,
            ),
            (format!("{half}{STOP}{DONE}{half}"), "half", stop, None),
            (format!("{half}{DONE}"), "half", Some(Finish::Other), None),
            (half.clone(), "half", None, Some(FailureKind::Interrupted)),
            (
                format!("{half}{STOP}").trim_end().to_owned(),
                "half",
                None,
                Some(FailureKind::Interrupted),
            ),
            (
                format!("{half}{error}{STOP}{DONE}"),
                "half",
                None,
                Some(FailureKind::Interrupted),
            ),
            (
                format!("{half}data: {{\"choices\":[{{\n\n{STOP}"),
                "half",
                None,
                Some(FailureKind::Interrupted),
            ),
            (format!("{half}data: ping\n\n{STOP}"), "half", stop, None),
        ] {
            check(&body, text, finish, failure);
        }
    }

    #[test]
    fn the_last_usage_counts_and_comes_once_before_the_finish() {
        let usage = |n: u32| {
            format!(
                "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":9,\"completion_tokens\":{n}}}}}\n\n"
            )
        };
        let body = format!("{}{}{STOP}{}{DONE}", delta("tea"), usage(1), usage(5));
        let (chunks, failure) = chunks(&[body.as_bytes()]);
        let used = ReportedUsage {
            prompt_tokens: Some(9),
            completion_tokens: Some(5),
        };
        assert_eq!(failure, None);
        assert_eq!(
            chunks,
            [
                Chunk::Text("tea".into()),
                Chunk::Usage(used),
                Chunk::Finish(Finish::Stop)
            ]
        );
    }

    #[test]
    fn thinking_is_reported_and_never_told() {
        let think =
            "data: {\"choices\":[{\"delta\":{\"content\":\"\",\"reasoning\":\"secret\"}}]}\n\n";
        let body = format!(
            "{think}{think}{}{}{STOP}",
            delta("<think>secret"),
            delta("</think>Tea")
        );
        let (chunks, _) = chunks(&[body.as_bytes()]);
        assert_eq!(
            chunks,
            [
                Chunk::Thinking,
                Chunk::Thinking,
                Chunk::Thinking,
                Chunk::Text("Tea".into()),
                Chunk::Finish(Finish::Stop)
            ]
        );
    }

    #[test]
    fn every_word_for_the_end_has_its_meaning() {
        for (word, finish, failure) in [
            ("stop", Some(Finish::Stop), None),
            ("length", Some(Finish::Length), None),
            ("tool_calls", Some(Finish::ToolCalls), None),
            ("banana", Some(Finish::Other), None),
            (
                "content_filter",
                Some(Finish::Filtered),
                Some(FailureKind::ContentOutput),
            ),
            (
                "sensitive",
                Some(Finish::Filtered),
                Some(FailureKind::ContentOutput),
            ),
            ("error", None, Some(FailureKind::Interrupted)),
            (
                "insufficient_system_resource",
                None,
                Some(FailureKind::Overloaded),
            ),
        ] {
            check(
                &format!("{}{}", delta("x"), STOP.replace("stop", word)),
                "x",
                finish,
                failure,
            );
        }
        check(
            r#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop","flag":1}]}"#,
            "x",
            Some(Finish::Filtered),
            Some(FailureKind::ContentOutput),
        );
    }

    #[test]
    fn bad_061_a_stream_that_says_nothing_for_ever_is_given_up() {
        let empty = "data: {\"choices\":[]}\n\n".repeat(100);
        let mut reading = Reading::default();
        let mut out = VecDeque::new();
        let taken = (0..1_000)
            .take_while(|_| reading.push(empty.as_bytes(), &mut out).is_ok())
            .count();
        assert!((900..1_000).contains(&taken), "{taken}");
        assert!(out.is_empty());

        let mut reading = Reading::default();
        let kilobyte = delta(&"x".repeat(1_000));
        let taken = (0..10_000)
            .take_while(|_| reading.push(kilobyte.as_bytes(), &mut out).is_ok())
            .count();
        assert!((2_000..2_200).contains(&taken), "{taken}");
    }
}
