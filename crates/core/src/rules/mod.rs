//! House rules: what they see in a text. Each rule has a file of its own with its settings, its detector and its
//! tests; a detector is pure, knows no charter and answers with [`Hit`]s. How hits become findings and findings one
//! verdict is `verdict.rs`. Nothing here acts: it says where, what and why, and the same text always says the same.

pub mod climb;
pub mod course;
pub mod crisis;
pub mod facts;
pub mod ghostwriting;
pub mod identity;
pub mod injection;
pub mod judge;
pub mod language;
pub mod level;
pub mod links;
pub mod privacy;
mod reading;
pub mod replay;
pub mod topics;
pub mod trail;
pub mod verdict;
mod vocabulary;
pub mod warnings;
pub mod words;
pub mod words_report;

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Makes the patterns of the rules ready, which is done when they are first asked and takes a tenth of a second: beside
/// something else, such as the reading of long lists, it costs no time.
pub fn ready() {
    const NOTHING: &str = "-";
    let patterns = [
        crisis::find(NOTHING),
        identity::asks(NOTHING),
        identity::claims(NOTHING),
        ghostwriting::request(NOTHING),
        ghostwriting::exercise(NOTHING),
    ];
    debug_assert!(patterns.iter().all(Option::is_none), "nothing is said");
}

/// Whose words are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// What a member says in the room.
    Member,
    /// What is asked, before any provider sees it.
    Question,
    /// What the house is about to say.
    Answer,
}

/// How sure a detector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// A person should look: it may flag, and never acts by itself.
    Likely,
    /// It may act.
    Sure,
}

/// A place in a text where a rule sees something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Bytes of the original text, on character boundaries.
    pub span: Range<usize>,
    /// What it is, such as `phone` or `request`; the words are those of the contract.
    pub kind: &'static str,
    /// The list's entry that was met, if there is a list.
    pub entry: Option<String>,
    /// Why, in a few plain words: an admin reads it.
    pub why: Cow<'static, str>,
    /// How sure this is.
    pub certainty: Certainty,
}

impl Hit {
    /// One that may act.
    pub fn sure(span: Range<usize>, kind: &'static str, why: impl Into<Cow<'static, str>>) -> Self {
        Hit {
            span,
            kind,
            entry: None,
            why: why.into(),
            certainty: Certainty::Sure,
        }
    }

    /// One that only a person may act on.
    pub fn likely(
        span: Range<usize>,
        kind: &'static str,
        why: impl Into<Cow<'static, str>>,
    ) -> Self {
        Hit {
            certainty: Certainty::Likely,
            ..Hit::sure(span, kind, why)
        }
    }

    /// With the entry of the list that was met.
    pub fn of_entry(mut self, entry: impl Into<String>) -> Self {
        self.entry = Some(entry.into());
        self
    }
}
