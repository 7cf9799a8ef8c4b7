//! How hard an English text is to read, on the scale of the CEFR, from the hardness of its hardest words. Names do not
//! count. Judges the words alone: grammar and sense are not seen. What is done with a level is not said here.

use super::language::{Tag, identify};
use super::vocabulary;

/// How hard a text is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// `A1` to `C2`.
    pub cefr: &'static str,
    /// The same without steps: 1 is A1, 6 is C2.
    pub score: f32,
}

/// The level of an English text; of one without an English word, nothing.
///
/// A text of several sentences is as hard as they are on average.
pub fn level(text: &str) -> Option<Level> {
    level_of(text, identify(text))
}

/// The same of a text whose language is known.
pub fn level_of(text: &str, language: Tag) -> Option<Level> {
    match language {
        Tag::English | Tag::Mixed | Tag::None => {}
        Tag::Chinese | Tag::Pinyin | Tag::Other(_) => return None,
    }
    let mut whole = Mean::default();
    let mut sentence = Hardest::default();
    let mut starts = true;
    let mut is_short = false;
    let mut at = 0;
    while at < text.len() && whole.count < MOST_SENTENCES {
        let rest = &text[at..];
        let (word, length) = word(rest);
        if length == 0 {
            let c = rest.chars().next()?;
            at += c.len_utf8();
            if is_end(c, &text[at..]) && !(c == '.' && is_short) {
                whole.add(&std::mem::take(&mut sentence));
                starts = true;
            }
            continue;
        }
        at += length;
        // A name in the middle of a sentence is no hard word.
        let is_name = word.starts_with(|c: char| c.is_ascii_uppercase());
        if !is_name || starts {
            sentence.add(word, is_name);
        }
        starts = false;
        // St. and D. C. end no sentence.
        is_short = word.len() < 3 && is_name;
    }
    whole.add(&sentence);
    whole.level()
}

/// Sentences beyond this many change nothing.
const MOST_SENTENCES: u32 = 200;
/// A sentence is as hard as this many of its words.
const HARDEST: usize = 4;
/// Stands in for the words that a short sentence has not.
const EASY: f32 = 2.2;
/// Hardness to level, a line through our own graded sentences.
const SLOPE: f32 = 0.37;
const START: f32 = -0.63;

/// The hardest words of a sentence.
#[derive(Default)]
struct Hardest {
    top: [f32; HARDEST],
    known: u32,
    words: u32,
}

impl Hardest {
    fn add(&mut self, word: &str, may_be_name: bool) {
        let mut small = [0; LONGEST];
        let Some(small) = small.get_mut(..word.len()) else {
            return;
        };
        small.copy_from_slice(word.as_bytes());
        small.make_ascii_lowercase();
        let known = vocabulary::hardness(small.iter().copied());
        // Long ones at the start are mostly what the sentence is about, short ones names.
        let is_name = may_be_name && (word.len() < 8 || word[1..].contains(char::is_uppercase));
        // Units (km) are no hard words either.
        if known.is_none() && (is_name || word.len() < 3) {
            return;
        }
        self.words += 1;
        self.known += u32::from(known.is_some());
        let shape = 0.2 * small.len() as f32 + 0.5 * syllables(small) as f32;
        let mut hard = known.unwrap_or(UNKNOWN) + shape;
        for top in &mut self.top {
            if hard > *top {
                std::mem::swap(top, &mut hard);
            }
        }
    }
}

/// Of a text's sentences.
#[derive(Default)]
struct Mean {
    sum: f32,
    count: u32,
    known: u32,
    words: u32,
}

impl Mean {
    fn add(&mut self, sentence: &Hardest) {
        if sentence.words == 0 {
            return;
        }
        self.known += sentence.known;
        self.words += sentence.words;
        self.sum += sentence.top.iter().map(|hard| hard.max(EASY)).sum::<f32>() / HARDEST as f32;
        self.count += 1;
    }

    fn level(&self) -> Option<Level> {
        // Of what is mostly unknown we know nothing: it is no English.
        if self.count == 0 || self.known * 8 < self.words {
            return None;
        }
        let hard = self.sum / self.count as f32;
        let score = (START + SLOPE * hard).clamp(1.0, 6.0);
        let names = ["A1", "A2", "B1", "B2", "C1", "C2"];
        let step = (score - 0.5) as usize;
        Some(Level {
            cefr: names[step.min(names.len() - 1)],
            score,
        })
    }
}

const LONGEST: usize = 40;
/// The hardness of a word that is in no list.
const UNKNOWN: f32 = 15.0;

/// The word at the start, and the bytes to step over: of "don't" the word is "do".
fn word(rest: &str) -> (&str, usize) {
    let letters = |text: &str| text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let length = letters(rest);
    let word = &rest[..length];
    let Some(tail) = rest[length..].strip_prefix(['\'', '’']) else {
        return (word, length);
    };
    let mark = rest.len() - length - tail.len();
    let end = length + mark + letters(tail);
    if length == 0 || end == length + mark {
        return (word, length);
    }
    let denies = tail.starts_with('t') && word.ends_with('n') && length > 2;
    (if denies { &word[..length - 1] } else { word }, end)
}

fn is_end(c: char, after: &str) -> bool {
    match c {
        '.' | '!' | '?' => after.is_empty() || after.starts_with(char::is_whitespace),
        '\n' | '。' | '！' | '？' => true,
        _ => false,
    }
}

fn syllables(word: &[u8]) -> u32 {
    let vowel = |byte: &u8| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    let mut count = 0;
    let mut was = false;
    for byte in word {
        let is = vowel(byte);
        count += u32::from(is && !was);
        was = is;
    }
    if word.ends_with(b"e") && !word.ends_with(b"le") && count > 1 {
        count -= 1;
    }
    count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(text: &str) -> f32 {
        level(text).map_or(0.0, |level| level.score)
    }

    #[test]
    fn easy_words_are_easy_and_hard_ones_hard() {
        let rows = [
            ("We have two cats and a dog.", 1.0, 2.2),
            ("Don't sit on my chair, it's new.", 1.0, 2.2),
            (
                "Last year he moved to a village near the mountains.",
                1.5,
                3.2,
            ),
            (
                "The factory reduced its costs by employing seasonal workers.",
                2.8,
                4.6,
            ),
            (
                "The tribunal's verdict vindicated the disgraced minister.",
                4.0,
                6.0,
            ),
            (
                "Perfidious sycophants extolled the despot's ephemeral hegemony.",
                5.0,
                6.0,
            ),
        ];
        for (text, least, most) in rows {
            let score = score(text);
            assert!((least..=most).contains(&score), "{text:?} is {score}");
        }
    }

    #[test]
    fn the_easier_of_two_is_told() {
        let rows = [
            ("I saw a bird.", "I observed an ornithological specimen."),
            (
                "He was very angry.",
                "He was incandescent with indignation.",
            ),
            (
                "The shop sells old books.",
                "The emporium purveys antiquarian volumes.",
            ),
            (
                "She thinks it is a good plan.",
                "She deems the undertaking propitious.",
            ),
            (
                "Water is a liquid.",
                "Viscosity quantifies resistance to deformation.",
            ),
        ];
        for (easy, hard) in rows {
            assert!(score(easy) < score(hard), "{easy:?} and {hard:?}");
        }
    }

    #[test]
    fn the_steps_have_the_names_of_the_cefr() {
        for (text, cefr) in [
            ("I have a cat.", "A1"),
            (
                "Perfidious sycophants extolled the despot's ephemeral hegemony.",
                "C2",
            ),
        ] {
            assert_eq!(level(text).map(|level| level.cefr), Some(cefr), "{text}");
        }
    }

    #[test]
    fn names_in_a_sentence_do_not_make_it_hard() {
        let plain = score("My friend lives in that town.");
        let named = score("My friend Przybylski lives in Szczebrzeszyn.");
        assert!((plain - named).abs() < 0.6, "{plain} and {named}");
    }

    #[test]
    fn what_is_no_english_has_no_level() {
        for text in [
            "",
            "。。。",
            "😀😀",
            "今天天气很好",
            "12 345",
            "qwzx pfff zzkt",
        ] {
            assert_eq!(level(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_text_is_as_hard_as_its_sentences() {
        let (easy, hard) = (
            "I have a cat.",
            "Viscosity quantifies resistance to deformation.",
        );
        let both = score(&format!("{easy} {hard}"));
        assert!(score(easy) < both && both < score(hard));
    }

    #[test]
    fn bad_033_a_very_long_text_or_word_has_an_end() {
        level(&"a".repeat(100_000));
        level(&"I have a cat. ".repeat(10_000));
        level(&"don't’s'x-".repeat(10_000));
        assert_eq!(level(&"\u{301}".repeat(10_000)), None);
    }
}
