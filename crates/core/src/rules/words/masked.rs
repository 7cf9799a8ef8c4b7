//! Words with a letter hidden behind a sign, a digit or an `x`.

use std::borrow::Cow;

use super::token::Letters;
use super::units::{Gap, Kind, Unit};
use crate::normalise::lexicon::is_english;

/// So many letters before and after a hidden one are looked at.
const AROUND_MASK: usize = 12;
/// So many hidden letters of a text are guessed.
const MOST_MASKS: usize = 8;

/// A word with letters put in where some are hidden.
pub(super) struct Guess<'g> {
    pub word: &'g [Unit],
    /// Where it begins among the units.
    pub from: usize,
    /// So many letters were put in.
    pub letters: u8,
    /// A blank stands beside the hidden letter.
    pub broken: bool,
}

/// Words with a letter or two hidden (`t*a`, `te2pot`, `texpot`, `te**ot`): each place, with each letter that it may be.
pub(super) fn unmasked(units: &[Unit], mut each: impl FnMut(&Guess<'_>)) {
    let mut guesses = 0;
    for at in 1..units.len() {
        let hidden = hides(units, at);
        if hidden == Hidden::Nothing {
            continue;
        }
        guesses += 1;
        if guesses > MOST_MASKS {
            return;
        }
        let from = (at.saturating_sub(AROUND_MASK)..at)
            .rev()
            .take_while(|n| goes_on(units, n + 1, at))
            .last();
        let from = from.unwrap_or(at);
        let to = (at + 1..units.len().min(at + AROUND_MASK))
            .take_while(|n| goes_on(units, *n, at))
            .last();
        let mut word = units[from..=to.unwrap_or(at)].to_vec();
        let place = at - from;
        let broken = word[place].gap >= Gap::Blank;
        word[place].gap = Gap::None;
        let seen = word.iter().filter(|unit| unit.kind == Kind::Letter).count();
        let is_word = || Letters::of(&word).is_some_and(|word| is_english(word.as_bytes()));
        let letters = match hidden {
            Hidden::Here if is_word() => continue,
            Hidden::Here | Hidden::Nothing => 1,
            Hidden::Before(letters) => letters,
        };
        if seen + usize::from(letters) < 4 {
            continue;
        }
        if let Hidden::Before(letters) = hidden {
            for _ in 0..letters {
                word.insert(place, word[place].clone());
            }
        }
        word[0].gap = Gap::Blank;
        let mut guess = |word: &[Unit]| {
            each(&Guess {
                word,
                from,
                letters,
                broken,
            });
        };
        for letter in 'a'..='z' {
            put(&mut word[place], letter);
            if letters == 1 {
                guess(&doubled(&word, place));
                continue;
            }
            for letter in 'a'..='z' {
                put(&mut word[place + 1], letter);
                guess(&doubled(&doubled(&word, place + 1), place));
            }
        }
    }
}

fn put(unit: &mut Unit, letter: char) {
    (unit.plain, unit.kind, unit.run) = (letter, Kind::Letter, 1);
    unit.class = super::units::class(letter);
}

/// The word, with a letter that was put in and the same one beside it as one unit: `bal*oon`.
fn doubled(word: &[Unit], place: usize) -> Cow<'_, [Unit]> {
    let same = |at: usize| {
        word.get(at)
            .is_some_and(|unit| unit.plain == word[place].plain)
    };
    let other = match place.checked_sub(1) {
        Some(before) if same(before) => before,
        Some(_) | None if same(place + 1) => place,
        Some(_) | None => return Cow::Borrowed(word),
    };
    let mut one = word.to_vec();
    let second = one.remove(other + 1);
    one[other].run = one[other].run.saturating_add(second.run);
    one[other].end = second.end;
    Cow::Owned(one)
}

/// Where a letter is hidden.
#[derive(PartialEq, Eq)]
enum Hidden {
    Nothing,
    /// So many, right before it.
    Before(u8),
    Here,
}

fn hides(units: &[Unit], at: usize) -> Hidden {
    let (before, unit) = (&units[at - 1], &units[at]);
    let letter = |unit: &Unit| matches!(unit.kind, Kind::Letter | Kind::Leet);
    let goes_on = letter(unit) || unit.kind == Kind::Digit;
    if (1..=2).contains(&unit.masks) && letter(before) && goes_on {
        return Hidden::Before(unit.masks);
    }
    let after = units
        .get(at + 1)
        .is_some_and(|after| after.gap == Gap::None && letter(after));
    let odd = matches!(unit.kind, Kind::Digit | Kind::Leet) || unit.plain == 'x';
    if odd && unit.gap == Gap::None && letter(before) && after {
        return Hidden::Here;
    }
    Hidden::Nothing
}

/// Whether a unit and the one before it are in one word with a hidden letter at `mask`.
fn goes_on(units: &[Unit], at: usize, mask: usize) -> bool {
    (at == mask || units[at].gap == Gap::None)
        && units[at].kind != Kind::Han
        && units[at - 1].kind != Kind::Han
}
