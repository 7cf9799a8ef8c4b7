//! Entries that are drawn with signs, such as `(╯°□°)` or `_l_`. Upright strokes are one stroke, however they are
//! written, and a sign that is there twice may be there more often. What is written in words is for others.

use std::ops::Range;

/// Entries that are looked for as they are drawn.
#[derive(Debug, Default)]
pub(super) struct Drawings {
    drawings: Vec<Drawing>,
    /// A bit for the first stroke of each, by the low bits of its code.
    firsts: u128,
}

#[derive(Debug, PartialEq, Eq)]
struct Drawing {
    /// Each sign, and whether it is repeated.
    strokes: Vec<(char, bool)>,
    /// It has letters, so it does not stand inside of a word.
    apart: bool,
}

impl Drawings {
    pub fn len(&self) -> usize {
        self.drawings.len()
    }

    /// One that is there already is not taken again.
    pub fn add(&mut self, entry: &str) {
        let drawing = Drawing::of(entry);
        if !self.drawings.contains(&drawing)
            && let Some((first, _)) = drawing.strokes.first()
        {
            self.firsts |= bit(*first);
            self.drawings.push(drawing);
        }
    }

    /// Every place where one of them is seen.
    pub fn find(&self, text: &str, mut found: impl FnMut(Range<usize>)) {
        let mut before = None;
        let mut from = 0;
        for (at, c) in text.char_indices() {
            let first = stroke(c);
            let inside = before.is_some_and(char::is_alphanumeric);
            let begins = self.firsts & bit(first) != 0 && !(inside && c.is_alphanumeric());
            if begins && at >= from && before.map(stroke) != Some(first) {
                let drawn = |drawing: &Drawing| drawing.length(first, inside, &text[at..]);
                if let Some(length) = self.drawings.iter().filter_map(drawn).max() {
                    from = at + length;
                    found(at..from);
                }
            }
            before = Some(c);
        }
    }
}

fn bit(stroke: char) -> u128 {
    1 << (stroke as u32 & 127)
}

impl Drawing {
    fn of(entry: &str) -> Drawing {
        let mut strokes: Vec<(char, bool)> = Vec::new();
        for stroke in entry.chars().map(stroke) {
            match strokes.last_mut() {
                Some(last) if last.0 == stroke => last.1 = true,
                _ => strokes.push((stroke, false)),
            }
        }
        Drawing {
            strokes,
            apart: entry.contains(char::is_alphanumeric),
        }
    }

    /// How many bytes it takes at the beginning of a text.
    /// `inside`: it would stand right behind a letter.
    fn length(&self, first: char, inside: bool, text: &str) -> Option<usize> {
        if self.strokes[0].0 != first || inside && self.apart {
            return None;
        }
        let mut rest = text;
        for (sign, repeated) in &self.strokes {
            let after = rest.trim_start_matches(|c| stroke(c) == *sign);
            let there = rest[..rest.len() - after.len()].chars().take(3).count();
            if there == 0 || (there > 1) != *repeated {
                return None;
            }
            rest = after;
        }
        let length = text.len() - rest.len();
        let inside = self.apart && rest.starts_with(char::is_alphanumeric);
        let drawn = text[..length].contains(|c: char| !c.is_alphanumeric());
        (drawn && !inside).then_some(length)
    }
}

/// Whether an entry is a drawing in spite of a letter or two: `8==D`.
pub(super) fn is_drawing(entry: &str) -> bool {
    let mut before = None;
    let mut twice = entry.chars().filter(|c| before.replace(*c) == Some(*c));
    let mut letters = entry.chars().filter(|c| c.is_alphanumeric());
    twice.any(|c| !c.is_alphanumeric() && !c.is_whitespace()) && letters.nth(2).is_none()
}

/// Strokes that look the same in a drawing.
fn stroke(c: char) -> char {
    match c {
        'l' | 'i' | 'I' | '1' | '!' | '/' | '\\' | '(' | ')' | '[' | ']' | '{' | '}' | '∥'
        | '¦' => '|',
        c => c.to_ascii_lowercase(),
    }
}
