//! The words of LLM APIs: what is asked, what comes back in pieces, and what went wrong.
//! Every provider speaks these; the kinds of failure are facts about vendors, what follows from them is ours.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who says a line of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The house's instructions.
    System,
    /// People.
    User,
    /// The model's own earlier words.
    Assistant,
}

/// One line of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptLine {
    /// Who says it.
    pub role: Speaker,
    /// What is said.
    pub content: String,
}

/// One call of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The model as its provider names it.
    pub model: String,
    /// The prompt, oldest first.
    pub lines: Vec<PromptLine>,
    /// The longest answer.
    pub max_tokens: u32,
}

impl ChatRequest {
    /// Our own estimate of the prompt's tokens, a little high: what is reserved before the call.
    pub fn estimated_tokens(&self) -> u64 {
        // Every line costs a few tokens of framing in the chat template.
        self.lines
            .iter()
            .map(|line| estimate_tokens(&line.content) + 5)
            .sum()
    }
}

/// A piece of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    /// Words for people.
    Text(String),
    /// The model thinks; the words are not kept.
    Thinking,
    /// The line is alive, nothing else.
    KeepAlive,
    /// What was used so far; the last one counts.
    Usage(ReportedUsage),
    /// Why the model stopped.
    Finish(Finish),
}

/// Tokens as a provider reports them: not believed until [`ReportedUsage::checked`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportedUsage {
    /// Of the prompt, if a sensible number was given.
    pub prompt_tokens: Option<u64>,
    /// Of the answer, thinking included, if a sensible number was given.
    pub completion_tokens: Option<u64>,
}

/// What an attempt used, and whether we had to estimate it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// True where a number is our own estimate.
    pub estimated: bool,
}

/// No answer of ours is longer than this; a report above it is a lie or a wrong unit.
const MOST_TOKENS: u64 = 10_000_000;

impl ReportedUsage {
    /// Believes a report only where it can be true: present, not zero for text that came, not absurd.
    /// Everything else is replaced by our own estimate and flagged.
    pub fn checked(self, estimated_prompt: u64, answer: &str) -> Usage {
        let estimated_answer = estimate_tokens(answer);
        // Half of our estimate: vendors' tokenizers differ, but not by more.
        let sensible = |reported: Option<u64>, estimate: u64| {
            reported.filter(|n| *n <= MOST_TOKENS && *n >= estimate / 4)
        };
        let prompt = sensible(self.prompt_tokens, estimated_prompt);
        let completion = sensible(self.completion_tokens, estimated_answer);
        Usage {
            prompt_tokens: prompt.unwrap_or(estimated_prompt),
            completion_tokens: completion.unwrap_or(estimated_answer),
            estimated: prompt.is_none() || completion.is_none(),
        }
    }
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It was done.
    Stop,
    /// The cap on tokens.
    Length,
    /// Its vendor's filter, or its own refusal.
    Filtered,
    /// It wants a tool.
    ToolCalls,
    /// Some word we do not know.
    Other,
}

/// The pause before the same key is tried again, where its vendor names none.
const RETRY_PAUSE: Duration = Duration::from_millis(1_500);
/// A longer pause is not made within a question.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The kinds of failure, as in the table of vendors' signs (docs/protocol/openai.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The key is wrong.
    BadKey,
    /// Not from this country or address.
    IpOrRegion,
    /// The account is closed.
    AccountDead,
    /// The account is empty.
    NoMoney,
    /// The plan's window is used up until a stated time.
    PlanWindow,
    /// This key may not use this model.
    NoRight,
    /// Too many requests.
    Rate,
    /// The vendor is overloaded.
    Overloaded,
    /// The vendor is broken.
    Server,
    /// One of the clocks ran out.
    Timeout,
    /// DNS, refused, reset, TLS.
    Network,
    /// The prompt is too long for the model.
    TooLong,
    /// The vendor's filter refused the question.
    ContentInput,
    /// The vendor's filter cut the answer.
    ContentOutput,
    /// The request is not understood.
    BadRequest,
    /// The model is not known there.
    BadModel,
    /// Try again at once.
    Conflict,
    /// The stream ended too early.
    Interrupted,
    /// An answer without a word.
    Empty,
}

impl FailureKind {
    /// Whether no other provider is asked either: the vendor declined the question itself.
    pub fn gives_up(self) -> bool {
        matches!(self, FailureKind::ContentInput | FailureKind::ContentOutput)
    }

    /// After which pause the same call may go well; nothing where it will not. `wish` is how long the vendor asks us
    /// to wait, if it does.
    pub fn retry_pause(self, wish: Option<Duration>) -> Option<Duration> {
        let wish_or = |otherwise: Option<Duration>| match wish {
            Some(wish) => (wish <= LONGEST_PAUSE).then_some(wish),
            None => otherwise,
        };
        match self {
            FailureKind::Rate => wish_or(None),
            FailureKind::Overloaded | FailureKind::Server => wish_or(Some(RETRY_PAUSE)),
            FailureKind::Interrupted => Some(RETRY_PAUSE),
            FailureKind::Network | FailureKind::Conflict | FailureKind::Empty => {
                Some(Duration::ZERO)
            }
            FailureKind::BadKey
            | FailureKind::IpOrRegion
            | FailureKind::AccountDead
            | FailureKind::NoMoney
            | FailureKind::PlanWindow
            | FailureKind::NoRight
            | FailureKind::Timeout
            | FailureKind::TooLong
            | FailureKind::ContentInput
            | FailureKind::ContentOutput
            | FailureKind::BadRequest
            | FailureKind::BadModel => None,
        }
    }
}

/// Tokens of a text by our own count: 0.8 a CJK character, 1.2 a Latin word, 0.5 for the rest, and a tenth more.
/// The bill comes from the vendor's own report; this one is for reserving and for vendors that report nothing.
pub fn estimate_tokens(text: &str) -> u64 {
    let mut hundredths: u64 = 0;
    let mut letters_of_word: u64 = 0;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || ('\u{c0}'..='\u{24f}').contains(&c) {
            // A long word is several tokens: one and a fifth for each ten letters begun.
            if letters_of_word.is_multiple_of(10) {
                hundredths += 120;
            }
            letters_of_word += 1;
            continue;
        }
        letters_of_word = 0;
        hundredths += match c {
            c if c.is_ascii_whitespace() => 0,
            '\u{2e80}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7af}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{323af}' => 80,
            '\u{1f000}'..='\u{1faff}' => 200,
            _ => 50,
        };
    }
    (hundredths * 11).div_ceil(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_near_what_vendors_count() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("hi"), 2);
        assert_eq!(estimate_tokens("Why is tea red?"), 6);
        assert_eq!(estimate_tokens("茶馆是什么?"), 5);
        assert!(estimate_tokens(&"word ".repeat(1_000)) > 1_000);
        assert!(estimate_tokens(&"x".repeat(50_000)) > 5_000);
    }

    #[test]
    fn a_report_that_cannot_be_true_is_replaced_and_flagged() {
        let answer = "Because the leaves are oxidised before they are dried.";
        let report = |prompt, completion| ReportedUsage {
            prompt_tokens: prompt,
            completion_tokens: completion,
        };
        let fine = report(Some(20), Some(11)).checked(18, answer);
        assert_eq!(
            fine,
            Usage {
                prompt_tokens: 20,
                completion_tokens: 11,
                estimated: false
            }
        );
        for lie in [
            report(None, None),
            report(Some(0), Some(0)),
            report(Some(u64::MAX), Some(1 << 63)),
            report(Some(20), Some(1)),
        ] {
            let usage = lie.checked(18, answer);
            assert!(usage.estimated, "{lie:?}");
            assert!(usage.completion_tokens >= 10, "{lie:?} {usage:?}");
            assert!(usage.prompt_tokens >= 18, "{lie:?}");
        }
    }
}
