//! Links in a text, however they are disguised, and what a room's rule says of them. Seen on members' messages, on
//! questions and on answers; callers hand over nicknames, quotes, cards and file names as texts of their own. Nothing
//! here opens a link or asks who is behind it.

mod belief;
mod defuse;
mod finder;
pub(super) mod fold;
pub(super) mod host;
mod judge;
mod name;
mod tables;
mod tail;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use defuse::{defuse, strip, without_links};
pub use judge::{Answers, Domain, Others, Settings, SettingsError, judge};

use fold::is_worth_a_look;

/// A link that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// As it was written.
    pub raw: String,
    /// As a browser would want it, without disguise.
    pub url: String,
    /// The whole name, in small letters.
    pub host: String,
    /// The part of the name that somebody registered, in small letters and without disguise.
    pub domain: String,
    /// Bytes of the original text.
    pub span: Range<usize>,
    /// Written so that machines do not see it, or that it seems to lead elsewhere.
    pub obfuscated: bool,
    /// Made of letters that look like others: the name is the one that a person reads, the real address is another.
    pub lookalike: bool,
}

/// All links of a text, in their order. E-mail addresses, file names and numbers of versions are none.
pub fn find(text: &str) -> Vec<Link> {
    if !is_worth_a_look(text) {
        return Vec::new();
    }
    finder::find(text)
}
