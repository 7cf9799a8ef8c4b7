//! Entries with something between their letters (`t-e-a`, `te apot`): which pieces are words of their own, and which
//! stand there only to hide.

use super::index::Want;
use super::latin::{AS_WORDS, SHORT, is_word};
use super::token::{Digits, Letters, Token};
use super::units::{Gap, Unit};
use crate::normalise::lexicon::is_english;

/// Whether something stands between all its letters: `t e a h o u s e`.
pub(super) fn is_letter_by_letter(units: &[Unit], wants: &[Want]) -> bool {
    let mut inner = units.iter().zip(wants).skip(1);
    wants.len() >= 5 && inner.all(|(unit, _)| unit.gap != Gap::None)
}

/// Whether each word of an entry is either whole or spelt letter by letter: `f r e e tea`.
pub(super) fn is_word_by_word(units: &[Unit], wants: &[Want]) -> bool {
    let mut start = 0;
    let words = wants.chunk_by(|_, next| !next.apart);
    words.into_iter().all(|word| {
        let there = &units[start..start + word.len()];
        start += word.len();
        let gaps = there.iter().skip(1).filter(|unit| unit.gap != Gap::None);
        match gaps.count() {
            0 => true,
            gaps => gaps + 1 == there.len() && there.len() >= 3,
        }
    })
}

/// Whether all pieces are words, the last one with what follows it.
pub(super) fn are_words(units: &[Unit], start: usize, end: usize) -> bool {
    let begins = |at: &usize| *at == start || units[*at].gap != Gap::None;
    (start..end).filter(begins).all(|at| {
        let word = Token::around(units, at, at + 1, Digits::Apart).letters();
        word.is_some_and(|word| match word.as_bytes() {
            [_] => false,
            short @ [_, _] => SHORT.contains(&short),
            word => is_english(word),
        })
    })
}

/// Other words of two letters.
const SHORT_ALONE: [&[u8]; 30] = [
    b"ad", b"ah", b"ai", b"al", b"aw", b"ax", b"di", b"ed", b"eh", b"er", b"jo", b"ex", b"ha",
    b"hi", b"ho", b"id", b"lo", b"ma", b"mm", b"oh", b"ok", b"ow", b"ox", b"oz", b"pa", b"pi",
    b"ps", b"uh", b"um", b"us",
];

/// Pieces with something between them; `alone`: nothing else is in the text.
pub(super) fn in_pieces(units: &[Unit], alone: bool) -> Option<&'static str> {
    let mut at = 0;
    let (mut pieces, mut shortest, mut single, mut total) = (0, usize::MAX, 0, 0);
    let (mut no_word, mut consonant, mut common) = (false, false, false);
    let widest = units[1..]
        .iter()
        .map(|unit| unit.gap)
        .max()
        .unwrap_or(Gap::None);
    while at < units.len() {
        let next = units[at + 1..]
            .iter()
            .position(|unit| unit.gap != Gap::None);
        let end = next.map_or(units.len(), |n| at + 1 + n);
        let piece = &units[at..end];
        let letters = Letters::of(piece);
        let count = letters.as_ref().map_or(2, |letters| letters.len);
        // `t e e` is put together from letters that stood alone.
        let by_letter = matches!(piece, [only] if only.end - only.start > u32::from(only.run));
        let length = if by_letter { 1 } else { count };
        let alike = if by_letter { count } else { 1 };
        pieces += alike;
        total += count;
        consonant |= matches!(piece, [only] if count == 1 && !"aeiou".contains(only.plain));
        common |= alone
            && letters
                .as_ref()
                .is_some_and(|word| is_word(word.as_bytes()));
        shortest = shortest.min(length);
        single += if length == 1 { alike } else { 0 };
        no_word |= match letters.as_ref().map(Letters::as_bytes) {
            None => true,
            Some(b"a" | b"i") => false,
            _ if length == 1 => false,
            Some(word @ [_, _]) => !(SHORT.contains(&word) || SHORT_ALONE.contains(&word)),
            Some(word) => !is_english(word),
        };
        at = end;
    }
    let broken = no_word
        || (alone && consonant && !common)
        || single == pieces
        || (single > 0 && pieces >= 3);
    let meant = match widest {
        Gap::Clause => single == pieces && pieces >= 3,
        Gap::None | Gap::Sign => single == pieces || shortest >= 2 || total >= 4,
        Gap::Blank | Gap::Break if single == pieces => pieces >= 3,
        Gap::Blank | Gap::Break => (total >= 4 && broken) || (units.len() >= 6 && shortest >= 2),
    };
    let as_words = widest >= Gap::Blank && !broken;
    meant.then_some(if as_words {
        AS_WORDS
    } else {
        "written in pieces"
    })
}
