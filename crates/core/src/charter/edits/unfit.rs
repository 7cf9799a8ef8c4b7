//! Why a change does not fit, in both languages: the admin who made it reads it.

use std::fmt;

use super::{MOST_EDITS, MOST_WORDS};
use crate::notice::Language;

/// Why a change, or the name of a rule, does not fit a charter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No rule has this number.
    NoNumber {
        /// As it was asked for.
        n: u16,
        /// The last there is.
        last: usize,
    },
    /// No rule has this name.
    NoRule(String),
    /// The file has a topic of this name.
    TopicTaken(String),
    /// A word that is to be taken out is not in the room's own list.
    NotListed {
        /// Which of them, from 1.
        word: usize,
        /// Of so many.
        of: usize,
    },
    /// Nothing could find the word that is to be allowed.
    NoList,
    /// A room speaks something.
    NoLanguage,
    /// The room has changed too much.
    TooManyEdits,
    /// The room's lists are too long.
    TooManyWords,
}

impl Unfit {
    /// A whole sentence without its end.
    pub fn text(&self, language: Language) -> String {
        match language {
            Language::English => self.to_string(),
            Language::Chinese => self.chinese(),
        }
    }

    fn chinese(&self) -> String {
        match self {
            Unfit::NoNumber { n, last } => format!("没有第 {n} 条群规，编号是 1 到 {last}"),
            Unfit::NoRule(name) => format!("这里没有叫“{name}”的群规"),
            Unfit::TopicTaken(name) => format!("文件里已经有话题“{name}”，请换个名字"),
            Unfit::NotListed { word, of } => format!(
                "{of} 个词里的第 {word} 个不在本群自己的词表里；文件里的词表要在文件里改，或者放行这个词"
            ),
            Unfit::NoList => "这里没有词表会碰到这些词".into(),
            Unfit::NoLanguage => "群里至少要说一种语言".into(),
            Unfit::TooManyEdits => {
                format!("一个群最多留 {MOST_EDITS} 处改动；请让运营者写进文件")
            }
            Unfit::TooManyWords => format!("一个群最多留 {MOST_WORDS} 个词；更长的词表请放进文件"),
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::NoNumber { n, last } => {
                write!(f, "there is no rule {n}; they are numbered 1 to {last}")
            }
            Unfit::NoRule(name) => write!(f, "there is no rule \"{name}\" here"),
            Unfit::TopicTaken(name) => write!(
                f,
                "the file has a topic \"{name}\" already; give it another name"
            ),
            Unfit::NotListed { word, of } => write!(
                f,
                "word {word} of {of} is not in the room's own list; a list of the file is changed there, or allow the word"
            ),
            Unfit::NoList => write!(f, "there is no list of words here that could find them"),
            Unfit::NoLanguage => write!(f, "a room speaks at least one language"),
            Unfit::TooManyEdits => write!(
                f,
                "a room keeps {MOST_EDITS} changes at most; ask whoever runs the house to write them into its file"
            ),
            Unfit::TooManyWords => write!(
                f,
                "a room keeps {MOST_WORDS} words at most; longer lists belong in a file"
            ),
        }
    }
}

impl std::error::Error for Unfit {}
