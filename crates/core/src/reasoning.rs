//! Takes a model's thinking out of its text while it streams: `<think>…</think>` at the head of an answer,
//! the opening tag perhaps missing, either tag cut anywhere. Providers run it on every stream, the gate once more.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// A small state machine over text pieces. What it returns is never thinking.
#[derive(Debug, Default)]
pub struct ReasoningFilter {
    state: State,
    /// Bytes that may be the start of a tag.
    held: String,
    /// Some of the answer has been given out.
    given: bool,
}

#[derive(Debug, Default, PartialEq)]
enum State {
    /// Nothing but blanks came yet.
    #[default]
    Head,
    Thinking,
    Answer,
}

impl ReasoningFilter {
    /// Adds a piece of the stream; returns the part that is surely answer.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let mut out = String::new();
        loop {
            match self.state {
                State::Head => {
                    let start = self.held.trim_start();
                    if let Some(rest) = start.strip_prefix(OPEN) {
                        self.held = rest.to_owned();
                        self.state = State::Thinking;
                    } else if OPEN.starts_with(start) {
                        return out;
                    } else {
                        self.held = start.to_owned();
                        self.state = State::Answer;
                    }
                }
                State::Thinking => match self.held.find(CLOSE) {
                    Some(at) => {
                        self.held = self.held[at + CLOSE.len()..].trim_start().to_owned();
                        self.state = State::Head;
                    }
                    None => {
                        let keep = partial_suffix(&self.held, CLOSE);
                        self.held.drain(..self.held.len() - keep);
                        return out;
                    }
                },
                State::Answer => {
                    // A closing tag without an opening one: a template ate it, and all so far was thinking.
                    if let Some(at) = self.held.find(CLOSE) {
                        self.held = self.held[at + CLOSE.len()..].trim_start().to_owned();
                        out.clear();
                        if self.given {
                            // Too late to take it back here: whoever holds the earlier pieces does it by the tag.
                            out.push_str(CLOSE);
                        }
                        continue;
                    }
                    let keep = partial_suffix(&self.held, CLOSE);
                    out.push_str(&self.held[..self.held.len() - keep]);
                    self.held.drain(..self.held.len() - keep);
                    self.given |= !out.is_empty();
                    return out;
                }
            }
        }
    }

    /// The stream has ended: what was held back and is no thinking.
    pub fn finish(self) -> String {
        match self.state {
            State::Thinking => String::new(),
            State::Head | State::Answer => self.held,
        }
    }
}

/// How many bytes at the end of the text could be the start of the tag.
fn partial_suffix(text: &str, tag: &str) -> usize {
    (1..tag.len())
        .rev()
        .find(|&n| text.ends_with(&tag[..n]))
        .unwrap_or(0)
}

/// The whole text without its thinking.
pub fn strip_reasoning(text: &str) -> String {
    let mut filter = ReasoningFilter::default();
    let mut out = filter.push(text);
    out.push_str(&filter.finish());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_gone_however_the_stream_is_cut() {
        for (raw, answer) in [
            ("<think>hmm, 茶</think>\nRed tea.", "Red tea."),
            ("  <think>a</think><think>b</think> Tea", "Tea"),
            ("Just < tea > and <b>", "Just < tea > and <b>"),
            ("<think>never ends", ""),
            ("<thin ice", "<thin ice"),
            ("茶", "茶"),
            ("", ""),
        ] {
            assert_eq!(strip_reasoning(raw), answer, "{raw}");
            for cut in (0..=raw.len()).filter(|&at| raw.is_char_boundary(at)) {
                let mut filter = ReasoningFilter::default();
                let mut out = filter.push(&raw[..cut]);
                out.push_str(&filter.push(&raw[cut..]));
                out.push_str(&filter.finish());
                assert_eq!(out, answer, "{raw} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_lost_opening_tag_does_not_show_the_thinking() {
        assert_eq!(
            strip_reasoning("so the user wants tea</think>Tea it is."),
            "Tea it is."
        );
        let mut filter = ReasoningFilter::default();
        let mut out = filter.push("so the user wants tea");
        out.push_str(&filter.push("</thi"));
        out.push_str(&filter.push("nk>Tea it is."));
        out.push_str(&filter.finish());
        assert_eq!(
            strip_reasoning(&out),
            "Tea it is.",
            "streamed, then stripped"
        );
    }
}
