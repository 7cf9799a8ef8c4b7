//! Lines that say, in plain words, that somebody wants to die: the writer, or somebody near the writer. On members'
//! messages and on questions; what follows is a card with numbers of people who listen (`cards.rs`), without model,
//! quota or pace. It never judges moods: grief, worry, idioms, games, titles and lines of songs are not its business.

mod cards;
mod chinese;
mod english;
mod glance;
mod marks;
#[cfg(test)]
mod tests;
mod weigh;

pub use cards::{Region, card};

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::Hit;
use super::reading::{Finder, Plain, around, compile};

/// What says it, in one language.
struct Reader {
    said: Finder,
    /// Words for whose sake a part is weighed.
    weighed: Finder,
    /// In the same sentence it is long ago; only for somebody near.
    past: Regex,
}

/// The writer says it of themselves: the first group of patterns …
const OWN: usize = 0;
/// … and of somebody near: the second.
const NEAR: usize = 1;

static READERS: LazyLock<[Reader; 2]> = LazyLock::new(|| {
    use {chinese as zh, english as en};
    [
        Reader {
            said: Finder::new(en::ANCHORS, en::WORDS, en::MASKS, &[en::OWN, en::NEAR]),
            weighed: without(en::ANCHORS, en::ORDINARY),
            past: compile(en::WORDS, en::PAST),
        },
        Reader {
            said: Finder::new(zh::ANCHORS, zh::WORDS, zh::MASKS, &[zh::OWN, zh::NEAR]),
            weighed: without(zh::ANCHORS, zh::ORDINARY),
            past: compile(zh::WORDS, zh::PAST),
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

/// A line of so many bytes at most is short.
const SHORT: usize = 100;

/// The first place that says it, of kind `crisis`; the same for the writer and for somebody near.
pub fn find(text: &str) -> Option<Hit> {
    let mut windows: Vec<Range<usize>> = Vec::new();
    for Reader { said, .. } in READERS.iter() {
        windows.extend(said.windows(text));
    }
    windows.dedup();
    // Most short lines that hold an anchor are talk all the same; in a longer one much talk would hide what is said.
    windows.retain(|window| {
        window.len() > SHORT || !weigh::glanced(&text[window.clone()], true).is_empty()
    });
    let anchored = windows.len();
    // Without an anchor no pattern matches, but it may be said.
    if windows.first() != Some(&(0..text.len())) {
        windows.extend(around(text, weigh::glanced(text, false).into_iter()));
    }
    let plains = windows.into_iter().map(|window| Plain::of(text, window));
    let plains: Vec<Plain> = plains.collect();
    let by_pattern = || plains[..anchored].iter().find_map(find_in);
    let by_weight = || plains.iter().find_map(weigh);
    by_pattern().or_else(by_weight)
}

fn find_in(plain: &Plain) -> Option<Hit> {
    let [english, chinese] = &*READERS;
    let has_letters = plain.text().iter().any(u8::is_ascii_lowercase);
    let has_han = !plain.text().is_ascii();
    let by_english = has_letters.then(|| english.find(plain)).flatten();
    by_english.or_else(|| has_han.then(|| chinese.find(plain))?)
}

/// What no pattern foresaw.
fn weigh(plain: &Plain) -> Option<Hit> {
    let text = std::str::from_utf8(plain.text()).ok()?;
    // Most lines end here, before the masks.
    let anchored = |part: &str| READERS.iter().any(|reader| reader.weighed.may(part));
    weigh::heavy(text, anchored).next()?;
    let mut masked = text.as_bytes().to_vec();
    for Reader { said, .. } in READERS.iter() {
        said.mask(plain, &said.seen(plain), &mut masked);
    }
    let masked = std::str::from_utf8(&masked).ok()?;
    let mut heavy = weigh::heavy(masked, anchored);
    let part = heavy.find(|part| !is_told(&masked.as_bytes()[part.clone()]))?;
    let why = "sounds like somebody who wants to die or hurt themselves, or is near one";
    Some(Hit::sure(plain.original(part), "crisis", why))
}

fn without(anchors: &[&str], ordinary: &[&str]) -> Finder {
    let mut rest = anchors.to_vec();
    rest.retain(|anchor| !ordinary.contains(anchor));
    Finder::new(&rest, &[], &[], &[])
}

impl Reader {
    fn find(&self, plain: &Plain) -> Option<Hit> {
        let seen = self.said.seen(plain);
        for (group, why) in [
            (
                OWN,
                "says in plain words that they want to die or hurt themselves",
            ),
            (
                NEAR,
                "says that somebody near wants to die or hurt themselves",
            ),
        ] {
            let Some(part) = self.said.find_in(group, plain, &seen) else {
                continue;
            };
            let sentence = plain.sentence(part.clone());
            if is_told(sentence) || group == NEAR && self.past.is_match(sentence) {
                continue;
            }
            return Some(Hit::sure(plain.original(part), "crisis", why));
        }
        None
    }
}

fn is_told(part: &[u8]) -> bool {
    TOLD.iter().any(|told| told.is_match(part))
}
