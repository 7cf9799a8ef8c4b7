//! What the house is: whether somebody asks it (on questions), and whether an answer claims to be a person, to come
//! from a place, to have a body or a past (on answers). The self-card tells the truth in its stead. It never judges
//! what members say of themselves.

mod asking;
mod claiming;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::Hit;
use super::reading::Finder;
use crate::notice::Language;

static ASKS: LazyLock<[Finder; 2]> = LazyLock::new(|| {
    use asking::{chinese as zh, english as en};
    [
        Finder::new(en::ANCHORS, en::WORDS, en::MASKS, &[en::HITS]),
        Finder::new(zh::ANCHORS, zh::WORDS, zh::MASKS, &[zh::HITS]),
    ]
});

static CLAIMS: LazyLock<[Finder; 2]> = LazyLock::new(|| {
    use claiming::{chinese as zh, english as en};
    [
        Finder::new(en::ANCHORS, en::WORDS, en::MASKS, &[en::HITS]),
        Finder::new(zh::ANCHORS, zh::WORDS, zh::MASKS, &[zh::HITS]),
    ]
});

/// Asks the house whether it is a program or a person, which one, or from where; kind `asks`.
pub fn asks(text: &str) -> Option<Hit> {
    first(
        &*ASKS,
        text,
        "asks",
        "asks what the house is or where it is from",
    )
}

/// An answer that claims to be a person, to be from somewhere, to have a body or a past; kind `claims`. What stands
/// in quotation marks, in a dialogue or in an example is nobody's claim.
pub fn claims(text: &str) -> Option<Hit> {
    first(
        &*CLAIMS,
        text,
        "claims",
        "claims to be a person, to be from a place or to have a past",
    )
}

/// What the house says when it is asked.
pub fn self_card(language: Language) -> &'static str {
    match language {
        Language::English => {
            "I am a program, not a person: I have no home town, no body and no past. A language model writes my answers, and they can be wrong. The people in this group are real."
        }
        Language::Chinese => {
            "我是一个程序，不是人：没有家乡，没有身体，也没有往事。回答由语言模型写出，可能有错。群里的人才是真人。"
        }
    }
}

fn first(finders: &[Finder], text: &str, kind: &'static str, why: &'static str) -> Option<Hit> {
    finders.iter().find_map(|finder| {
        let (plain, part) = finder.find(text)?;
        Some(Hit::sure(plain.original(part), kind, why))
    })
}
