//! Entries in characters, written in letters: all syllables of them, or the first letters.

use std::sync::LazyLock;

use super::alike::{Alike, Seen};
use super::units::{Gap, Kind, Unit};
use crate::normalise::lexicon::mix;
use crate::normalise::likeness::{self, Key};
use crate::rules::Certainty;
use crate::rules::vocabulary::hardness;

/// Syllables of an entry in letters: at most so many ways of reading it are known.
const MOST_READINGS: usize = 4;
/// No written form of an entry is longer.
const LONGEST: usize = 48;

/// The hashes of an entry's syllables, by each way of reading it.
pub(super) fn hashes(chars: &[char], mut each: impl FnMut(u64)) {
    let mut ways = vec![0_u64];
    for c in chars {
        let keys = likeness::keys(*c);
        let before = std::mem::take(&mut ways);
        for sound in keys.sound.iter().chain(keys.sounds) {
            for way in &before {
                if ways.len() < MOST_READINGS.max(before.len()) {
                    ways.push(likeness::spelling(*sound).bytes().fold(*way, step));
                }
            }
        }
    }
    ways.into_iter().for_each(|way| each(mix(way)));
}

/// The hash of the first letters.
pub(super) fn initials_hash(chars: &[char]) -> u64 {
    mix(chars.iter().filter_map(|c| initial(*c)).fold(0, step))
}

fn step(hash: u64, letter: u8) -> u64 {
    (hash ^ u64::from(letter))
        .wrapping_mul(0x100_0000_01b3)
        .rotate_left(17)
}

fn initial(c: char) -> Option<u8> {
    likeness::spelling(likeness::keys(c).sound?).bytes().next()
}

/// Where the word ends that begins here.
pub(super) fn token_end(units: &[Unit], start: usize) -> usize {
    let goes_on = |unit: &Unit| unit.kind == Kind::Letter && unit.gap == Gap::None;
    let more = units[start + 1..]
        .iter()
        .take(LONGEST)
        .take_while(|unit| goes_on(unit))
        .count();
    start + 1 + more
}

/// Everything in letters that may be an entry.
pub(super) fn find(alike: &Alike, units: &[Unit], han: bool, found: &mut impl FnMut(Seen)) {
    let mut at = 0;
    // Whether all is in syllables; looked up once, when it matters.
    let mut romanised = None;
    while at < units.len() {
        if units[at].kind != Kind::Letter {
            at += 1;
            continue;
        }
        let end = token_end(units, at);
        if let Some(word) = letters(&units[at..end]) {
            let place = Place { alike, units, han };
            place.initials(at, end, &word, found);
            place.spelt(at, end, word, &mut romanised, found);
        }
        at = end;
    }
}

struct Place<'a> {
    alike: &'a Alike,
    units: &'a [Unit],
    han: bool,
}

impl Place<'_> {
    /// A word that is the first letters of an entry.
    fn initials(&self, start: usize, end: usize, bytes: &[u8], found: &mut impl FnMut(Seen)) {
        let alone = self.units.len() == end - start && end - start >= 3;
        if !(self.han || alone) || !(2..=8).contains(&bytes.len()) {
            return;
        }
        let numbers = self
            .alike
            .initials
            .get(mix(bytes.iter().copied().fold(0, step)));
        if numbers.is_empty() || is_usual(bytes) {
            return;
        }
        for &number in numbers {
            let chars = self.alike.chars(number);
            let same = chars.len() == bytes.len()
                && chars
                    .iter()
                    .zip(bytes)
                    .all(|(c, letter)| initial(*c) == Some(*letter));
            if same {
                found(self.seen(
                    number,
                    start,
                    end,
                    "written in first letters",
                    Certainty::Likely,
                ));
                return;
            }
        }
    }

    /// A word, or words one after the other, that are the syllables of an entry.
    fn spelt(
        &self,
        start: usize,
        end: usize,
        mut word: Spoken,
        romanised: &mut Option<bool>,
        found: &mut impl FnMut(Seen),
    ) {
        let (mut to, mut words) = (end, 0);
        let mut all = Spoken::new();
        let mut english = true;
        loop {
            let one_syllable = likeness::syllable(&word).is_some();
            if !one_syllable && (words > 0 || !self.may_be_spelt(&word)) {
                return;
            }
            english &= is_english(&word);
            words += 1;
            if all.add(&word).is_none() || all.len() > LONGEST {
                return;
            }
            for &number in self.alike.spelt.get(mix(all.iter().copied().fold(0, step))) {
                let chars = self.alike.chars(number);
                if !reads(chars, &all) {
                    continue;
                }
                let certainty = self.certainty(chars.len(), words, english, || {
                    *romanised.get_or_insert_with(|| is_romanised(self.units))
                });
                if let Some(certainty) = certainty {
                    found(self.seen(number, start, to, "written in pinyin", certainty));
                }
            }
            // Only syllables by themselves go on; letters and numbers of tones may stand between them.
            let next = to + usize::from(self.units.get(to).is_some_and(is_tone));
            let goes_on = one_syllable
                && self.units.get(next).is_some_and(|unit| {
                    unit.kind == Kind::Letter
                        && (unit.gap != Gap::None || next > to)
                        && unit.gap <= Gap::Blank
                });
            if !goes_on {
                return;
            }
            to = token_end(self.units, next);
            match letters(&self.units[next..to]) {
                Some(next) => word = next,
                None => return,
            }
        }
    }

    fn may_be_spelt(&self, word: &[u8]) -> bool {
        !self
            .alike
            .spelt
            .get(mix(word.iter().copied().fold(0, step)))
            .is_empty()
    }

    fn certainty(
        &self,
        syllables: usize,
        words: usize,
        english: bool,
        romanised: impl FnOnce() -> bool,
    ) -> Option<Certainty> {
        if self.han {
            return Some(if english && words == 1 {
                Certainty::Likely
            } else {
                Certainty::Sure
            });
        }
        if english || (words > 1 && !romanised()) {
            return None;
        }
        Some(if syllables > 2 || words > 1 {
            Certainty::Sure
        } else {
            Certainty::Likely
        })
    }

    fn seen(
        &self,
        number: u32,
        start: usize,
        end: usize,
        why: &'static str,
        certainty: Certainty,
    ) -> Seen {
        Seen {
            entry: self.alike.entry(number),
            start,
            end,
            why,
            certainty,
        }
    }
}

/// Whether it is a word that people know; rarer ones and names are as likely pinyin.
fn is_english(word: &[u8]) -> bool {
    hardness(word.iter().copied()).is_some()
}

/// The tone of a syllable, as in `cha2`.
fn is_tone(unit: &Unit) -> bool {
    unit.kind == Kind::Digit && unit.gap == Gap::None && matches!(unit.plain, '1'..='5')
}

/// Letters without a place on the heap: those of a word, each at most three times, or of several words.
struct Spoken {
    bytes: [u8; 3 * (LONGEST + 1)],
    len: usize,
}

impl Spoken {
    fn new() -> Spoken {
        Spoken {
            bytes: [0; 3 * (LONGEST + 1)],
            len: 0,
        }
    }

    /// Nothing if there is no place for it.
    fn push(&mut self, letter: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = letter;
        self.len += 1;
        Some(())
    }

    /// Nothing if there is no place for them.
    fn add(&mut self, letters: &[u8]) -> Option<()> {
        letters.iter().try_for_each(|letter| self.push(*letter))
    }
}

impl std::ops::Deref for Spoken {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The letters of a word as they are spoken, and nothing for what is no ASCII.
fn letters(units: &[Unit]) -> Option<Spoken> {
    let mut letters = Spoken::new();
    for unit in units {
        let byte = u8::try_from(unit.plain)
            .ok()
            .filter(u8::is_ascii_lowercase)?;
        for _ in 0..unit.run.min(3) {
            letters.push(byte)?;
        }
    }
    Some(letters)
}

/// Whether letters spell these characters, each by one of its readings.
fn reads(chars: &[char], letters: &[u8]) -> bool {
    let Some((first, rest)) = chars.split_first() else {
        return letters.is_empty();
    };
    let keys = likeness::keys(*first);
    keys.sound.iter().chain(keys.sounds).any(|sound| {
        letters
            .strip_prefix(likeness::spelling(*sound).as_bytes())
            .is_some_and(|letters| reads(rest, letters))
    })
}

/// Letters that mean what they say: English words, and names of things that everybody writes so.
fn is_usual(letters: &[u8]) -> bool {
    const USUAL: &str = " ai am amp an and app apk as at bb bbc bbs be bgm by bye cba cctv cd ceo cia cm cn cnn com cp \
        cpu dj dna do dvd eu fbi for gdp gg go gps gt he hi hiv hr html http id if in ios ip is it kg km ktv lcd led lol \
        lt mac mba me mm mp mv my nba nbsp net no of ok omg on or org pc pdf ph phd pk pm pop ppt qq rap rmb so sos sql \
        the to tv uk un up us usa usb usd vip vs wc we who wifi win wto www yes you ";
    static SORTED: LazyLock<Vec<&[u8]>> = LazyLock::new(|| {
        let mut words: Vec<_> = USUAL.split_whitespace().map(str::as_bytes).collect();
        words.sort_unstable();
        words
    });
    SORTED.binary_search(&letters).is_ok() || (letters.len() > 3 && is_english(letters))
}

/// Nobody writes more letters of syllables without a blank.
const LONGEST_PINYIN: usize = 24;

/// The syllables of a word and the units at which they begin; nothing for what is no pinyin.
pub(super) fn syllables(units: &[Unit]) -> Option<Vec<(Key, usize)>> {
    let word = letters(units)?;
    if word.len() > LONGEST_PINYIN || units.iter().any(|unit| unit.run > 2) {
        return None;
    }
    // The fewest syllables up to each letter, and how long the last of them is.
    let mut fewest = [(usize::MAX, 0); LONGEST_PINYIN + 1];
    fewest[0] = (0, 0);
    for end in 1..=word.len() {
        for length in 1..=end.min(6) {
            let before = fewest[end - length].0;
            if before < fewest[end].0.saturating_sub(1)
                && likeness::syllable(&word[end - length..end]).is_some()
            {
                fewest[end] = (before + 1, length);
            }
        }
    }
    let unit_of = |letter: usize| {
        let mut letters = 0;
        let passed = |unit: &&Unit| {
            letters += usize::from(unit.run);
            letters <= letter
        };
        units.iter().take_while(passed).count()
    };
    let mut found = Vec::new();
    let mut end = word.len();
    while end > 0 {
        let (_, length) = fewest[end];
        if length == 0 {
            return None;
        }
        found.push((
            likeness::syllable(&word[end - length..end])?,
            unit_of(end - length),
        ));
        end -= length;
    }
    found.reverse();
    Some(found)
}

/// Whether most words are pinyin and not all of them English.
fn is_romanised(units: &[Unit]) -> bool {
    let (mut at, mut words, mut pinyin, mut english) = (0, 0, 0, 0);
    while at < units.len() {
        if units[at].kind != Kind::Letter {
            at += 1;
            continue;
        }
        let end = token_end(units, at);
        words += 1;
        pinyin += usize::from(syllables(&units[at..end]).is_some());
        english += usize::from(letters(&units[at..end]).is_some_and(|word| is_english(&word)));
        at = end;
    }
    words >= 2 && pinyin * 5 >= words * 4 && english < words
}
