//! The last gate: the only way to the outbox. Answers, notices, greetings, all of it becomes [`Outgoing`] here
//! and nowhere else. It takes out control characters and thinking, holds the words to the house's rules, and puts the
//! AI mark on what a model made. It never sends, never asks anybody, and when in doubt it withholds.

mod forms;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::conversation::tells_instructions;
use crate::event::{Address, MemberId, MessageId, RoomKind, TurnId};
use crate::notice::{AiMark, Language};
use crate::reasoning::strip_reasoning;
use crate::rules::judge::{Rules, Voice};
use crate::rules::verdict::{Finding, Verdict};
use crate::rules::words::WordList;

/// The shape of a sealed [`Outgoing`]; raised when a field changes its meaning.
pub const OUTGOING_VERSION: u16 = 2;
/// What has no bundle in it is also read by releases that know none.
const WITHOUT_BUNDLE: u16 = 1;
/// More messages in one bundle are not sent.
pub const MOST_NODES: usize = 30;

/// One piece of what we say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum OutSegment {
    /// Words.
    Text {
        /// Cleaned by the gate.
        text: String,
    },
    /// A member is called.
    Mention {
        /// Who.
        member: MemberId,
    },
    /// Several messages of ours in one, folded up until somebody opens it; it stands alone.
    Bundle {
        /// The words of each, cleaned and marked by the gate.
        nodes: Vec<String>,
    },
}

/// Who made the words of a [`Draft`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A model: it carries the mark.
    Model(AiMark),
    /// The house itself.
    House,
}

/// A piece of an answer on a platform that shows all pieces of a turn as one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Whose answer it is.
    pub turn: TurnId,
    /// Its place in it; 0 begins the message.
    pub part: u16,
}

/// What the house would like to say; not yet allowed to leave.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Where; copied from the event that asked.
    pub address: Address,
    /// A group or a direct chat.
    pub room_kind: RoomKind,
    /// The message it answers.
    pub quote: Option<MessageId>,
    /// What to say.
    pub body: Vec<OutSegment>,
    /// Who made it.
    pub source: Source,
    /// What the room speaks.
    pub language: Language,
    /// Which piece of one shown message it is, where the platform joins them.
    pub joined: Option<Joined>,
    /// Whether it is taken back again after a while.
    pub fleeting: bool,
}

/// What passed the gate. Only [`pass`] makes one; only delivery opens a sealed one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outgoing {
    version: u16,
    address: Address,
    room_kind: RoomKind,
    quote: Option<MessageId>,
    body: Vec<OutSegment>,
    language: Language,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    joined: Option<Joined>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fleeting: bool,
}

/// What the gate says of a draft.
#[derive(Clone, Debug, PartialEq)]
pub enum GateVerdict {
    /// It may leave, perhaps cleaned.
    Pass(Outgoing),
    /// It may not, and why.
    Withhold {
        /// For the trail.
        why: &'static str,
        /// What a rule has found, if it was one.
        finding: Option<Box<Finding>>,
    },
}

/// Why nothing comes out of a text.
enum Stopped {
    /// Nothing is left of it.
    Empty,
    /// It tells what the house tells a model.
    Instructions,
    /// A rule stops it.
    ByRule(Box<Finding>),
}

/// What the words of a draft have to pass.
struct Law<'l> {
    rules: &'l Rules,
    source: Source,
    /// What the same answer has shown before these words.
    before: String,
}

/// Judges one draft by a house's rules. `before` is what the same answer has shown already. The same draft always gets
/// the same verdict.
pub fn pass(draft: Draft, rules: &Rules, before: &str) -> GateVerdict {
    let Draft {
        address,
        room_kind,
        quote,
        body,
        source,
        language,
        joined,
        fleeting,
    } = draft;
    let mut clean = Vec::with_capacity(body.len());
    let continues = joined.is_some_and(|joined| joined.part > 0);
    let mut mark = match source {
        // A joined message carries its mark where it begins.
        Source::Model(_) if continues => "",
        Source::Model(mark) => mark.text(language),
        Source::House => "",
    };
    let is_alone = body.len() == 1;
    let mut law = Law {
        rules,
        source,
        before: before.to_owned(),
    };
    for segment in body {
        match segment {
            OutSegment::Text { text } => {
                match law.judged(&text, mark) {
                    Ok(text) => clean.push(OutSegment::Text { text }),
                    Err(Stopped::Empty) => continue,
                    Err(Stopped::Instructions) => return told_instructions(),
                    Err(Stopped::ByRule(finding)) => return withheld(finding),
                }
                mark = "";
            }
            OutSegment::Mention { member } => clean.push(OutSegment::Mention { member }),
            OutSegment::Bundle { .. } if !is_alone => {
                return GateVerdict::Withhold {
                    why: "a bundle stands alone",
                    finding: None,
                };
            }
            OutSegment::Bundle { nodes } => {
                // Each of them can be forwarded on its own: each carries the mark.
                let mut judged = Vec::with_capacity(nodes.len().min(MOST_NODES));
                for node in &nodes {
                    if judged.len() == MOST_NODES {
                        break;
                    }
                    match law.judged(node, mark) {
                        Ok(node) => judged.push(node),
                        Err(Stopped::Empty) => {}
                        Err(Stopped::Instructions) => return told_instructions(),
                        Err(Stopped::ByRule(finding)) => return withheld(finding),
                    }
                }
                if !judged.is_empty() {
                    clean.push(OutSegment::Bundle { nodes: judged });
                }
            }
        }
    }
    if !clean.iter().any(says_something) {
        return GateVerdict::Withhold {
            why: "nothing is left of it",
            finding: None,
        };
    }
    let has_bundle = clean
        .iter()
        .any(|segment| matches!(segment, OutSegment::Bundle { .. }));
    GateVerdict::Pass(Outgoing {
        version: match has_bundle {
            true => OUTGOING_VERSION,
            false => WITHOUT_BUNDLE,
        },
        address,
        room_kind,
        quote,
        body: clean,
        language,
        joined,
        fleeting,
    })
}

fn told_instructions() -> GateVerdict {
    GateVerdict::Withhold {
        why: "it tells the house's own instructions",
        finding: None,
    }
}

fn withheld(finding: Box<Finding>) -> GateVerdict {
    GateVerdict::Withhold {
        why: "a rule of the house stops it",
        finding: Some(finding),
    }
}

impl Law<'_> {
    /// What may leave of a text, with its mark.
    fn judged(&mut self, text: &str, mark: &str) -> Result<String, Stopped> {
        let (text, voice) = match self.source {
            Source::Model(_) => (
                without_mark(&clean_text(&strip_reasoning(text)), mark).to_owned(),
                Voice::Model,
            ),
            Source::House => (clean_text(text), Voice::House),
        };
        if voice == Voice::Model && tells_instructions(&text) {
            return Err(Stopped::Instructions);
        }
        let judged = self.rules.judge_answer(voice, &self.before, &text, &[]);
        if judged.judgement.verdict == Verdict::Block
            && let Some(finding) = judged.judgement.decisive()
        {
            return Err(Stopped::ByRule(Box::new(finding.clone())));
        }
        let text = judged.rewritten.unwrap_or(text);
        if text.trim().is_empty() {
            return Err(Stopped::Empty);
        }
        self.before.push_str(&text);
        Ok(format!("{mark}{text}"))
    }
}

fn says_something(segment: &OutSegment) -> bool {
    match segment {
        OutSegment::Text { .. } | OutSegment::Bundle { .. } => true,
        OutSegment::Mention { .. } => false,
    }
}

/// A model that has learned to write the mark itself does not get it twice.
fn without_mark<'t>(text: &'t str, mark: &str) -> &'t str {
    let mark = mark.trim();
    text.trim_start()
        .strip_prefix(mark)
        .filter(|_| !mark.is_empty())
        .map_or(text, str::trim_start)
}

impl Outgoing {
    /// Where it goes.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A group or a direct chat.
    pub fn room_kind(&self) -> RoomKind {
        self.room_kind
    }

    /// The message it answers.
    pub fn quote(&self) -> Option<&MessageId> {
        self.quote.as_ref()
    }

    /// What the room speaks.
    pub fn language(&self) -> Language {
        self.language
    }

    /// What is said.
    pub fn body(&self) -> &[OutSegment] {
        &self.body
    }

    /// Whether it is taken back again after a while.
    pub fn is_fleeting(&self) -> bool {
        self.fleeting
    }

    /// Which piece of one shown message it is, where the platform joins them.
    pub fn joined(&self) -> Option<Joined> {
        self.joined
    }

    /// The words only; those of a bundle a line each.
    pub fn text(&self) -> String {
        self.body
            .iter()
            .map(|segment| match segment {
                OutSegment::Text { text } => text.clone(),
                OutSegment::Mention { .. } => String::new(),
                OutSegment::Bundle { nodes } => nodes.join("\n"),
            })
            .collect()
    }

    /// The messages of a bundle, if it is one.
    pub fn bundle(&self) -> Option<&[String]> {
        match self.body.as_slice() {
            [OutSegment::Bundle { nodes }] => Some(nodes),
            _ => None,
        }
    }

    /// Closes it for the outbox.
    pub fn seal(&self) -> Sealed {
        Sealed(serde_json::to_vec(self).expect("an outgoing message is plain data"))
    }
}

/// An [`Outgoing`] at rest: bytes that the store keeps and only delivery opens.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Sealed {
    /// Takes bytes back from the store.
    pub fn from_stored(bytes: Vec<u8>) -> Self {
        Sealed(bytes)
    }

    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Opens it for sending: delivery alone may call this.
    pub fn open(&self) -> Result<Outgoing, SealError> {
        #[derive(Deserialize)]
        struct Stored {
            version: u16,
            address: Address,
            room_kind: RoomKind,
            quote: Option<MessageId>,
            body: Vec<OutSegment>,
            language: Language,
            #[serde(default)]
            joined: Option<Joined>,
            #[serde(default)]
            fleeting: bool,
        }
        let stored: Stored = serde_json::from_slice(&self.0).map_err(SealError::Broken)?;
        if stored.version > OUTGOING_VERSION {
            return Err(SealError::Newer {
                found: stored.version,
            });
        }
        Ok(Outgoing {
            version: stored.version,
            address: stored.address,
            room_kind: stored.room_kind,
            quote: stored.quote,
            body: stored.body,
            language: stored.language,
            joined: stored.joined,
            fleeting: stored.fleeting,
        })
    }

    /// Whether these words stand in it, however they are written; for `ai sweep`.
    pub fn says(&self, list: &WordList) -> bool {
        self.opened_text()
            .is_some_and(|text| !list.find(&text).is_empty())
    }

    /// Whether the rules as they are now would still let it out.
    pub fn still_passes(&self, rules: &Rules) -> bool {
        self.opened_text().is_none_or(|text| {
            let judged = rules.judge_answer(Voice::Model, "", &text, &[]);
            judged.judgement.verdict != Verdict::Block
        })
    }

    fn opened_text(&self) -> Option<String> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the rules look at what was said before; nothing of it leaves"
        )]
        self.open().ok().map(|outgoing| outgoing.text())
    }
}

/// Why a sealed row cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Not what we wrote.
    #[error("the outbox row is damaged")]
    Broken(#[source] serde_json::Error),
    /// Written by a newer release.
    #[error(
        "the outbox row has version {found}, this release knows {OUTGOING_VERSION}; upgrade, or restore the backup made before"
    )]
    Newer {
        /// Its version.
        found: u16,
    },
}

/// Without anything that a terminal, a log or another program could take for an order: C0 and C1 controls, escape
/// sequences, invisible and direction marks, noncharacters. Line ends of every kind become `\n`. Nothing that reads as
/// one character is made of more than sixteen.
pub fn clean_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{2028}' | '\u{2029}' | '\u{85}' => out.push('\n'),
            '\u{1b}' => skip_escape(&mut chars),
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
    calm(out)
}

/// Keeps towers of marks and endless joined emoji small. No writing and no emoji in use needs more.
const LONGEST_GRAPHEME: usize = 16;

fn calm(text: String) -> String {
    let piles = |c: char| {
        matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{1cff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{302a}'..='\u{302f}' | '\u{a66f}'..='\u{abff}'
            | '\u{fe00}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0100}'..='\u{e01ef}')
    };
    if !text.contains(piles) {
        return text;
    }
    let graphemes = text.graphemes(true);
    graphemes
        .flat_map(|grapheme| grapheme.chars().take(LONGEST_GRAPHEME))
        .collect()
}

/// Skips the rest of a terminal escape sequence such as `ESC [ 31 m`.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if chars.next_if_eq(&'[').is_some() {
        while chars
            .next_if(|c| ('\u{20}'..='\u{3f}').contains(c))
            .is_some()
        {}
        chars.next_if(|c| ('@'..='~').contains(c));
    }
}

fn is_invisible(c: char) -> bool {
    // The zero-width joiner stays: family emoji need it.
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fdd0}'..='\u{fdef}' | '\u{e0000}'..='\u{e007f}')
        || (c as u32) & 0xfffe == 0xfffe
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the gate's own tests open what they have sealed"
)]
mod tests {
    use super::*;

    fn no_rules() -> Rules {
        Rules::none(Language::English)
    }
    use crate::event::{AccountName, ChatId};

    fn draft(text: &str, source: Source) -> Draft {
        Draft {
            address: Address {
                account: AccountName::new("qq"),
                chat: ChatId::new("700100000"),
            },
            room_kind: RoomKind::Group,
            quote: Some(MessageId::new("5")),
            body: vec![OutSegment::Text { text: text.into() }],
            source,
            language: Language::English,
            joined: None,
            fleeting: false,
        }
    }

    fn passed(text: &str, source: Source) -> String {
        match pass(draft(text, source), &no_rules(), "") {
            GateVerdict::Pass(outgoing) => outgoing.text(),
            GateVerdict::Withhold { why, .. } => format!("withheld: {why}"),
        }
    }

    #[test]
    fn every_word_of_a_model_carries_the_mark() {
        assert_eq!(passed("Tea.", Source::Model(AiMark::Model)), "[AI] Tea.");
        assert_eq!(
            passed("Tea.", Source::Model(AiMark::SmallModel)),
            "[AI, small model] Tea."
        );
        assert_eq!(
            passed("I am no AI, write no mark", Source::Model(AiMark::Model)),
            "[AI] I am no AI, write no mark"
        );
        assert_eq!(
            passed("[AI] Tea.", Source::Model(AiMark::Model)),
            "[AI] Tea."
        );
        assert_eq!(passed("Stopped.", Source::House), "Stopped.");
    }

    #[test]
    fn a_joined_message_carries_the_mark_where_it_begins() {
        let part = |part| {
            let joined = Some(Joined {
                turn: TurnId(ulid::Ulid::nil()),
                part,
            });
            let draft = Draft {
                joined,
                ..draft("Tea. ", Source::Model(AiMark::Model))
            };
            let GateVerdict::Pass(outgoing) = pass(draft, &no_rules(), "") else {
                panic!("passes")
            };
            let opened = outgoing.seal().open().unwrap();
            assert_eq!(opened.joined(), joined);
            opened.text()
        };
        assert_eq!(part(0), "[AI] Tea. ");
        assert_eq!(part(1), "Tea. ");
    }

    #[test]
    fn control_characters_and_thinking_stay_inside() {
        for (text, expected) in [
            ("a\u{0}b\u{7}c", "abc"),
            ("red \u{1b}[31mtea\u{1b}[0m", "red tea"),
            ("one\r\ntwo\rthree\u{2028}four", "one\ntwo\nthree\nfour"),
            ("safe\u{202e}gpj.exe", "safegpj.exe"),
            ("te\u{200b}a \u{feff}\u{ffff}", "tea "),
            ("👩\u{200d}👩\u{200d}👧 茶", "👩\u{200d}👩\u{200d}👧 茶"),
            ("[CQ:at,qq=all]", "[CQ:at,qq=all]"),
        ] {
            assert_eq!(passed(text, Source::House), expected);
        }
        assert_eq!(
            passed("<think>secret</think>Tea.", Source::Model(AiMark::Model)),
            "[AI] Tea."
        );
    }

    #[test]
    fn towers_of_marks_and_endless_emoji_are_cut_and_real_ones_are_not() {
        let tower = format!("z{}a", "\u{301}".repeat(200));
        assert_eq!(clean_text(&tower).chars().count(), 17);
        let crowd = vec!["👩"; 1_000].join("\u{200d}");
        assert!(clean_text(&crowd).chars().count() <= LONGEST_GRAPHEME);
        for real in [
            "👩🏽\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏿",
            "👨🏻\u{200d}👩🏼\u{200d}👧🏽\u{200d}👦🏾",
            "नमस्ते क्ष्म्य",
            "กี่กุ้ง",
            "בְּרֵאשִׁ֖ית",
            "Việt Nam",
        ] {
            assert_eq!(clean_text(real), real);
        }
    }

    #[test]
    fn nothing_is_never_sent() {
        for text in ["", "  \n", "\u{0}\u{1b}[2J", "<think>only thoughts"] {
            assert!(
                passed(text, Source::Model(AiMark::Model)).starts_with("withheld"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_sealed_message_opens_as_it_was_and_a_damaged_or_newer_one_is_refused() {
        let GateVerdict::Pass(outgoing) = pass(draft("Tea.", Source::House), &no_rules(), "")
        else {
            panic!("passes")
        };
        let sealed = outgoing.seal();
        assert_eq!(sealed.open().unwrap(), outgoing);
        assert!(matches!(
            Sealed::from_stored(b"{}".to_vec()).open(),
            Err(SealError::Broken(_))
        ));
        let newer = String::from_utf8(sealed.as_bytes().to_vec())
            .unwrap()
            .replace("\"version\":1", "\"version\":3");
        assert!(matches!(
            Sealed::from_stored(newer.into_bytes()).open(),
            Err(SealError::Newer { found: 3 })
        ));
    }
}
