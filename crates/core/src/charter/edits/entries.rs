//! What an admin may write in a change: an entry of a list, a topic. Checked at the door, from chat and from the disk
//! alike.

use serde::{Deserialize, Serialize};

use crate::normalise;
use crate::rules::words::WordList;

/// An entry is no longer, blanks and signs included.
const LONGEST_WORD: usize = 200;
/// A topic's name is no longer, in characters.
const LONGEST_NAME: usize = 40;
/// … and neither are its description and its sentence.
const LONGEST_SENTENCE: usize = 400;

/// A topic as an admin describes it in chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TopicWritten", into = "TopicWritten")]
pub struct NewTopic(TopicWritten);

/// As it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicWritten {
    pub name: String,
    pub about: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<String>,
}

impl NewTopic {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn written(&self) -> &TopicWritten {
        &self.0
    }

    /// A topic by its name, what it is about, and what is said to who asks.
    pub fn new(name: &str, about: &str, decline: Option<&str>) -> Result<Self, String> {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        NewTopic::try_from(TopicWritten {
            name: one_line(name),
            about: one_line(about),
            decline: decline.map(one_line),
        })
    }
}

impl TryFrom<TopicWritten> for NewTopic {
    type Error = String;

    fn try_from(topic: TopicWritten) -> Result<Self, String> {
        let fits = |text: &str, most| {
            let length = text.trim().chars().count();
            (1..=most).contains(&length) && !text.chars().any(char::is_control)
        };
        if !fits(&topic.name, LONGEST_NAME) {
            return Err(format!(
                "a topic has a name of at most {LONGEST_NAME} characters, like \"betting\""
            ));
        }
        let decline = topic.decline.as_deref().unwrap_or("-");
        if !fits(&topic.about, LONGEST_SENTENCE) || !fits(decline, LONGEST_SENTENCE) {
            return Err(format!(
                "what a topic is about, and what is said to who asks, are sentences of at most {LONGEST_SENTENCE} characters"
            ));
        }
        Ok(NewTopic(topic))
    }
}

impl From<NewTopic> for TopicWritten {
    fn from(topic: NewTopic) -> TopicWritten {
        topic.0
    }
}

/// An entry of a room's own list. A list would take it, it is one line, and it holds something to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Word(String);

impl Word {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for all ways of writing it that look the same.
    pub(super) fn key(&self) -> String {
        key(&self.0)
    }
}

pub(super) fn key(word: &str) -> String {
    normalise::plain(word.trim()).text
}

impl TryFrom<String> for Word {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let word = written.trim();
        if word.starts_with('#') || word.contains(['\n', '\r']) {
            return Err(format!(
                "{word:?} is no entry: it is one line, and does not begin with #"
            ));
        }
        if word.chars().count() > LONGEST_WORD {
            return Err(format!(
                "an entry has at most {LONGEST_WORD} characters; write the part that matters"
            ));
        }
        if !word
            .chars()
            .any(|c| c.is_alphanumeric() || is_pictograph(c))
        {
            return Err(format!("{word:?} has nothing to read; write a word"));
        }
        match WordList::compile(word, "") {
            Ok(_) => Ok(Word(word.to_owned())),
            Err(error) => {
                let told = error.to_string();
                // There is only one line.
                Err(told.trim_start_matches("line 1: ").to_owned())
            }
        }
    }
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}

impl From<Word> for String {
    fn from(word: Word) -> String {
        word.0
    }
}
