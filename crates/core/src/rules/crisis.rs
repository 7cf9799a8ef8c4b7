//! Lines that say, in plain words, that somebody wants to die: the writer, or somebody near the writer. On members'
//! messages and on questions; what follows is a card with numbers of people who listen (`cards.rs`), without model,
//! quota or pace. It never judges moods: grief, worry, idioms, games, titles and lines of songs are not its business.

mod cards;
mod chinese;
mod english;
#[cfg(test)]
mod tests;

pub use cards::{Region, card};

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::Hit;
use super::reading::{Finder, Plain, compile};

/// What says it, in one language.
struct Reader {
    /// The writer says it of themselves.
    own: Finder,
    /// The writer says it of somebody near.
    near: Finder,
    /// In the same sentence it is long ago; only for somebody near.
    past: Regex,
}

static READERS: LazyLock<[Reader; 2]> = LazyLock::new(|| {
    let en = Finder::new(
        english::ANCHORS,
        english::WORDS,
        english::MASKS,
        english::OWN,
    );
    let zh = Finder::new(
        chinese::ANCHORS,
        chinese::WORDS,
        chinese::MASKS,
        chinese::OWN,
    );
    [
        Reader {
            near: en.beside(english::WORDS, english::NEAR),
            own: en,
            past: compile(english::WORDS, english::PAST),
        },
        Reader {
            near: zh.beside(chinese::WORDS, chinese::NEAR),
            own: zh,
            past: compile(chinese::WORDS, chinese::PAST),
        },
    ]
});

/// In the same sentence it is told, sung, played, translated or in the news, in either language.
static TOLD: LazyLock<[Regex; 2]> = LazyLock::new(|| {
    [
        compile(english::WORDS, english::TOLD),
        compile(chinese::WORDS, chinese::TOLD),
    ]
});

/// The first place that says it, of kind `crisis`; the same for the writer and for somebody near.
pub fn find(text: &str) -> Option<Hit> {
    READERS.iter().find_map(|reader| reader.find(text))
}

impl Reader {
    fn find(&self, text: &str) -> Option<Hit> {
        for window in self.own.windows(text) {
            let plain = Plain::of(text, window);
            for (finder, is_near, why) in [
                (
                    &self.own,
                    false,
                    "says in plain words that they want to die or hurt themselves",
                ),
                (
                    &self.near,
                    true,
                    "says that somebody near wants to die or hurt themselves",
                ),
            ] {
                let Some(part) = finder.find_in(&plain) else {
                    continue;
                };
                let sentence = plain.sentence(part.clone());
                let is_told = TOLD.iter().any(|told| told.is_match(sentence));
                if is_told || is_near && self.past.is_match(sentence) {
                    continue;
                }
                return Some(Hit::sure(plain.original(part), "crisis", why));
            }
        }
        None
    }
}
