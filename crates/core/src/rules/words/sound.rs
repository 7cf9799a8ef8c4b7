//! Entries in Latin letters as people write what a filter must not see: by ear (`kwak` for `quack`), with a vowel left
//! out, or with one letter for two. Only entries that are no ordinary words are looked for like that, and only a person
//! may act on it: an abbreviation may be the same by chance. It never reads entries of several words.

use super::index::{Heard, Want};
use super::latin::{self, is_word};
use super::token::{Digits, Token, is_left_edge, is_right_edge};
use super::units::{Gap, Kind, Unit, class};
use crate::normalise::lexicon::{is_english, is_met, is_settled};

/// What a person reads who asks why.
pub(super) const BY_EAR: &str = "written as it sounds, or with letters left out";

/// Entries are not shorter or longer than this.
const LETTERS: std::ops::RangeInclusive<usize> = 4..=14;
/// Ordinary words must be so long, for there are many abbreviations like short ones without a vowel.
const ORDINARY: usize = 5;
/// So many consonants stand side by side in what can be said.
const MOST_CONSONANTS: usize = 3;

/// How an entry may be written by ear, as it was taken apart: no form for what is an ordinary word or several.
pub(super) fn forms(entry: &[Want]) -> Vec<Vec<Want>> {
    let mut forms: Vec<Vec<Want>> = Vec::new();
    let Some(letters) = latin::spelling(entry) else {
        return forms;
    };
    let plain = letters.iter().all(u8::is_ascii_lowercase)
        && entry.iter().all(|want| !want.apart && !want.clitic);
    if !plain || !LETTERS.contains(&letters.len()) || !is_said(&letters) {
        return forms;
    }
    let heard = match is_settled(&letters) {
        true if letters.len() < ORDINARY => return forms,
        true => Heard::Ordinary,
        false => Heard::Other,
    };
    let add = |form: Vec<u8>, forms: &mut Vec<Vec<Want>>| {
        let wants = wants(&form, heard);
        let new = form.len() >= 3 && form != letters && !is_english(&form);
        if new && wants.len() >= 3 && !forms.contains(&wants) {
            forms.push(wants);
        }
    };
    let short = replaced(&letters, b"ck", b"k");
    for base in [&letters, &short] {
        add(base.clone(), &mut forms);
        add(replaced(base, b"f", b"ph"), &mut forms);
    }
    let mut inner = inner_vowels(&letters);
    let first = inner.next();
    add(without(&letters, first), &mut forms);
    if inner.next().is_some() {
        add(without(&letters, inner_vowels(&letters)), &mut forms);
    }
    if letters.len() >= 5 {
        let mut single = letters.clone();
        single.dedup();
        add(single, &mut forms);
    }
    if letters.len() >= 6
        && let Some(stem) = letters.strip_suffix(b"er")
    {
        add([stem, b"a"].concat(), &mut forms);
    }
    forms
}

/// Whether somebody can say it: of what is longer, two in five of its rows of four letters are in words.
fn is_said(letters: &[u8]) -> bool {
    let mut consonants = letters.split(|letter| is_vowel(*letter));
    let rows = letters.windows(4);
    let met = rows.clone().filter(|four| is_met(four)).count();
    consonants.all(|together| together.len() <= MOST_CONSONANTS)
        && (letters.len() < 6 || 5 * met >= 2 * rows.len())
}

fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// Places of vowels between two consonants.
fn inner_vowels(letters: &[u8]) -> impl Iterator<Item = usize> + use<'_> {
    (1..letters.len().saturating_sub(1)).filter(|at| {
        let around = [letters[at - 1], letters[at + 1]];
        is_vowel(letters[*at]) && !around.into_iter().any(is_vowel)
    })
}

fn without(letters: &[u8], places: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut rest = letters.to_vec();
    let places: Vec<usize> = places.into_iter().collect();
    for place in places.into_iter().rev() {
        rest.remove(place);
    }
    rest
}

/// The first of these letters replaced by others.
fn replaced(letters: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match letters.windows(from.len()).position(|these| these == from) {
        Some(at) => [&letters[..at], to, &letters[at + from.len()..]].concat(),
        None => letters.to_vec(),
    }
}

fn wants(letters: &[u8], heard: Heard) -> Vec<Want> {
    let mut wants: Vec<Want> = Vec::with_capacity(letters.len());
    for plain in letters.iter().map(|letter| char::from(*letter)) {
        match wants.last_mut() {
            Some(last) if last.plain == plain => last.run += 1,
            _ => wants.push(Want {
                plain,
                class: class(plain),
                run: 1,
                apart: false,
                clitic: false,
                by_ear: Some(heard),
            }),
        }
    }
    wants
}

/// Whether letters that spell such a form are meant as the entry.
pub(super) fn judge(
    units: &[Unit],
    start: usize,
    wants: &[Want],
    heard: Heard,
) -> Option<&'static str> {
    let end = start + wants.len();
    let there = &units[start..end];
    let alike = there.iter().zip(wants).all(|(unit, want)| {
        let letter = unit.kind != Kind::Letter || unit.odd || unit.plain == want.plain;
        unit.run >= want.run && (letter || want.class == 'c')
    });
    let joined = |unit: &Unit| unit.gap == Gap::None && !unit.clitic;
    let letters = there.iter().filter(|unit| unit.kind == Kind::Letter);
    if !alike || !there[1..].iter().all(joined) || 2 * letters.count() < there.len() {
        return None;
    }
    let token = Token::around(units, start, end, Digits::Letters);
    // Names and abbreviations are written by ear, too.
    let whole = [token.before, token.inner, token.after];
    let short = whole.iter().copied().flatten().count() <= 4;
    let capitals = || whole.iter().copied().flatten().all(|unit| unit.capital);
    if token.is_name() || (short && capitals()) || token.is_english() {
        return None;
    }
    let before = latin::letters(token.before)?;
    let after = latin::letters(token.after)?;
    let (before, after) = (before.as_bytes(), after.as_bytes());
    let edges = is_left_edge(units, start) && is_right_edge(units, end);
    let inflected = before.is_empty() && latin::is_ending(after, there);
    // With words before or after it: `autoscroll` holds no `carol`.
    let joined = || {
        let closes = latin::is_ending(after, there) || before.is_empty() && is_word(after);
        (before.is_empty() || is_word(before))
            && closes
            && heard == Heard::Other
            && !token
                .letters()
                .is_some_and(|whole| is_two_words(whole.as_bytes()))
    };
    (edges || inflected || joined()).then_some(BY_EAR)
}

fn is_two_words(letters: &[u8]) -> bool {
    let long = |word: &[u8]| word.len() >= 4 && is_english(word);
    (4..letters.len()).any(|at| long(&letters[..at]) && long(&letters[at..]))
}
