//! Words with a letter hidden behind a sign, a digit or an `x`.

use super::token::Letters;
use super::units::{Gap, Kind, Unit};
use crate::normalise::lexicon::is_english;

/// So many letters before and after a hidden one are looked at.
const AROUND_MASK: usize = 12;
/// So many hidden letters of a text are guessed.
const MOST_MASKS: usize = 8;

/// Words with a letter or two hidden (`t*a`, `te2pot`, `texpot`): each place, with each letter that it may be.
/// `each` gets the word with a letter put in, and where it begins among the units.
pub(super) fn unmasked(units: &[Unit], mut each: impl FnMut(&[Unit], usize)) {
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
        word[place].gap = Gap::None;
        let letters = word.iter().filter(|unit| unit.kind == Kind::Letter).count();
        if letters < 3
            || (hidden == Hidden::Here
                && Letters::of(&word).is_some_and(|word| is_english(word.as_bytes())))
        {
            continue;
        }
        if hidden == Hidden::Before {
            word.insert(
                place,
                Unit {
                    gap: Gap::None,
                    run: 1,
                    ..word[place].clone()
                },
            );
        }
        word[0].gap = Gap::Blank;
        for letter in 'a'..='z' {
            let unit = &mut word[place];
            (unit.plain, unit.kind, unit.run) = (letter, Kind::Letter, 1);
            unit.class = super::units::class(letter);
            each(&word, from);
        }
    }
}

/// Where a letter is hidden.
#[derive(PartialEq, Eq)]
enum Hidden {
    Nothing,
    Before,
    Here,
}

fn hides(units: &[Unit], at: usize) -> Hidden {
    let (before, unit) = (&units[at - 1], &units[at]);
    let letter = |unit: &Unit| matches!(unit.kind, Kind::Letter | Kind::Leet);
    if unit.masks == 1 && letter(before) && letter(unit) {
        return Hidden::Before;
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
