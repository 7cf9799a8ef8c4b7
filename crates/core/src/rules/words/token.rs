//! The words of a text around some of its units: where they begin and end, and which letters they have.

use super::units::{Gap, Kind, Unit};
use crate::normalise::lexicon::{is_english, is_settled};

/// What a single digit between letters is to the word around it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Digits {
    Apart,
    Letters,
}

/// The whole word around some units.
pub(super) struct Token<'u> {
    pub before: &'u [Unit],
    pub inner: &'u [Unit],
    pub after: &'u [Unit],
}

/// Words are not longer; what is, is not looked at any further.
pub(super) const LONGEST_WORD: usize = 40;

impl<'u> Token<'u> {
    pub fn around(units: &'u [Unit], start: usize, end: usize, digits: Digits) -> Token<'u> {
        let one = |at: usize| digits == Digits::Letters && is_between_letters(units, at);
        let mut from = start;
        while start - from < LONGEST_WORD
            && (!is_left_edge(units, from) || from > 0 && (one(from - 1) || one(from)))
        {
            from -= 1;
        }
        let mut to = end;
        while to - end < LONGEST_WORD && (!is_right_edge(units, to) || one(to) || one(to - 1)) {
            to += 1;
        }
        Token {
            before: &units[from..start],
            inner: &units[start..end],
            after: &units[end..to],
        }
    }

    pub fn letters(&self) -> Option<Letters> {
        let mut letters = Letters::default();
        letters.add(self.before)?;
        letters.add(self.inner)?;
        letters.add(self.after)?;
        Some(letters)
    }

    /// Written like a name: one capital letter, at the beginning.
    pub fn is_name(&self) -> bool {
        let mut units = self.before.iter().chain(self.inner).chain(self.after);
        units.next().is_some_and(|unit| unit.capital) && units.all(|unit| !unit.capital)
    }

    pub fn is_english(&self) -> bool {
        self.letters()
            .is_some_and(|letters| is_english(letters.as_bytes()))
    }

    pub fn is_settled(&self) -> bool {
        self.letters()
            .is_some_and(|letters| is_settled(letters.as_bytes()))
    }
}

/// ASCII letters, without a place on the heap.
pub(super) struct Letters {
    bytes: [u8; 2 * LONGEST_WORD],
    pub len: usize,
}

impl Default for Letters {
    fn default() -> Self {
        Letters {
            bytes: [0; 2 * LONGEST_WORD],
            len: 0,
        }
    }
}

impl Letters {
    pub fn of(units: &[Unit]) -> Option<Letters> {
        let mut letters = Letters::default();
        letters.add(units)?;
        Some(letters)
    }

    /// A letter so many times.
    pub fn add_one(&mut self, unit: &Unit, times: u8) -> Option<()> {
        if times == 0 {
            return Some(());
        }
        self.add(&[Unit {
            run: times,
            ..unit.clone()
        }])
    }

    /// Nothing for what is no ASCII letter, or too long.
    pub fn add(&mut self, units: &[Unit]) -> Option<()> {
        for unit in units {
            let plain = match unit.plain {
                '1' | '0' | '3' | '4' | '5' | '7' | '8' | '9' => unit.class,
                plain => plain,
            };
            let byte = u8::try_from(plain).ok().filter(u8::is_ascii_lowercase)?;
            for _ in 0..unit.run {
                *self.bytes.get_mut(self.len)? = byte;
                self.len += 1;
            }
        }
        Some(())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

pub(super) fn is_left_edge(units: &[Unit], start: usize) -> bool {
    let unit = &units[start];
    let Some(before) = start.checked_sub(1).map(|n| &units[n]) else {
        return true;
    };
    unit.gap != Gap::None || unit.clitic || !runs_on(before, unit)
}

pub(super) fn is_right_edge(units: &[Unit], end: usize) -> bool {
    let last = &units[end - 1];
    units
        .get(end)
        .is_none_or(|after| after.gap != Gap::None || after.clitic || !runs_on(last, after))
}

/// Whether two units side by side are in one word; a number beside letters is not.
fn runs_on(a: &Unit, b: &Unit) -> bool {
    a.is_wordy() && b.is_wordy() && a.kind == b.kind
}

/// Whether a unit is a single digit with a letter on either side.
fn is_between_letters(units: &[Unit], at: usize) -> bool {
    let letter = |unit: Option<&Unit>| unit.is_some_and(|unit| unit.kind == Kind::Letter);
    let (unit, after) = (&units[at.min(units.len() - 1)], units.get(at + 1));
    unit.kind == Kind::Digit
        && (unit.run, unit.gap) == (1, Gap::None)
        && letter(at.checked_sub(1).and_then(|n| units.get(n)))
        && letter(after)
        && after.is_some_and(|after| after.gap == Gap::None)
}
