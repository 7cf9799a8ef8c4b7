//! Work to hand in as one's own: whether a question asks the house to write it, and whether it is an exercise pasted
//! as it stands. Honest help (explaining, correcting, outlining, translating a sentence) is what the house is for and
//! is never meant here. What follows, a label, coaching or a refusal, is the charter's.

mod blank;
mod exercise;
mod patterns;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use super::Hit;
use super::reading::Finder;

static REQUESTS: LazyLock<[Finder; 2]> = LazyLock::new(|| {
    use patterns::{chinese as zh, english as en};
    [
        Finder::new(en::ANCHORS, en::WORDS, en::MASKS, &[en::HITS]),
        Finder::new(zh::ANCHORS, zh::WORDS, zh::MASKS, &[zh::HITS]),
    ]
});

/// Asks for an essay, a report, homework, a thesis or a speech to hand in; kind `request`.
pub fn request(text: &str) -> Option<Hit> {
    REQUESTS.iter().find_map(|finder| {
        let (plain, part) = finder.find(text)?;
        let why = "asks for work to hand in as one's own";
        Some(Hit::sure(plain.original(part), "request", why))
    })
}

/// Is an exercise as a book or a teacher sets it: a word problem, an equation, blanks, options, numbered questions;
/// kind `exercise`. Where nobody is likely to have written it in talk the span is the whole text.
pub fn exercise(text: &str) -> Option<Hit> {
    let why = exercise::looks_set(text)?;
    let start = text.len() - text.trim_start().len();
    Some(Hit::sure(
        start..text.trim_end().len().max(start),
        "exercise",
        why,
    ))
}
