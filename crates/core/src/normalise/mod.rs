//! Texts as rules read them: one way of writing for all ways that look or mean the same, with a map back to the bytes
//! that were written. Every rule may start from [`plain`]; what is meant for one rule alone lives with that rule.
//! Nothing here judges, and what it makes is never shown or sent: a person is shown the original.

pub(crate) mod glyphs;
pub(crate) mod lexicon;
pub(crate) mod likeness;

use std::ops::Range;
use std::sync::LazyLock;

use unicode_normalization::char::{canonical_combining_class, decompose_compatible};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// A text that was folded, and where each part of it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// The folded text.
    pub text: String,
    /// In order of `at`; none at all when every byte stands where it stood.
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    /// Where it begins in the folded text; it ends where the next one begins.
    at: usize,
    original: Range<usize>,
    /// Each character has as many bytes as the one it was made of.
    even: bool,
}

impl Folded {
    /// The bytes of the original text that a part of the folded one was made of, on character boundaries.
    pub fn original(&self, range: Range<usize>) -> Range<usize> {
        let end = range.end.min(self.text.len());
        let start = range.start.min(end);
        if self.pieces.is_empty() {
            return start..end;
        }
        let first = self.piece_at(start);
        let from = if first.even {
            first.original.start + (start - first.at)
        } else {
            first.original.start
        };
        if start == end {
            return from..from;
        }
        let last = self.piece_at(end - 1);
        let to = if last.even {
            last.original.start + (end - last.at)
        } else {
            last.original.end
        };
        from..to
    }

    fn piece_at(&self, at: usize) -> &Piece {
        let after = self.pieces.partition_point(|piece| piece.at <= at);
        &self.pieces[after.saturating_sub(1)]
    }

    fn with_capacity(bytes: usize) -> Self {
        Folded {
            text: String::with_capacity(bytes),
            pieces: Vec::new(),
        }
    }

    /// One character more, made of these bytes of the original.
    fn push(&mut self, c: char, original: Range<usize>) {
        let at = self.text.len();
        let even = c.len_utf8() == original.len();
        self.text.push(c);
        if let Some(last) = self.pieces.last_mut() {
            let goes_on = last.even && even && original.start - last.original.start == at - last.at;
            if goes_on {
                last.original.end = original.end;
            }
            if goes_on || (!last.even && last.original == original) {
                return;
            }
        }
        self.pieces.push(Piece { at, original, even });
    }

    /// What was only one piece from the very start needs no map.
    fn finish(mut self) -> Self {
        if let [only] = self.pieces.as_slice()
            && only.even
            && only.original.start == 0
        {
            self.pieces.clear();
        }
        self
    }
}

/// Compatibility forms (full width, ligatures, circled, mathematical) as plain ones, small letters, simplified
/// characters, and nothing that cannot be seen: no joiners, direction marks, fillers or controls.
pub fn plain(text: &str) -> Folded {
    if text.bytes().all(is_plain_ascii) {
        return Folded {
            text: text.to_ascii_lowercase(),
            pieces: Vec::new(),
        };
    }
    let mut folded = Folded::with_capacity(text.len());
    let mut chars = text
        .char_indices()
        .filter(|(_, c)| !is_invisible(*c))
        .peekable();
    let mut cluster = String::new();
    while let Some((start, c)) = chars.next() {
        let alone = chars.peek().is_none_or(|(_, next)| starts_anew(*next));
        if alone && is_simple(c) {
            folded.push(small_and_simple(c), start..start + c.len_utf8());
            continue;
        }
        cluster.clear();
        cluster.push(c);
        let mut end = start + c.len_utf8();
        while let Some((at, next)) = chars.next_if(|(_, next)| !starts_anew(*next)) {
            cluster.push(next);
            end = at + next.len_utf8();
        }
        for c in cluster.nfkc().flat_map(char::to_lowercase) {
            if !is_invisible(c) {
                folded.push(simplified(c), start..end);
            }
        }
    }
    folded.finish()
}

fn is_plain_ascii(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r')
}

/// Small, half as wide and simplified; nothing else is to be done.
fn small_and_simple(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => {
            let narrow = char::from_u32(c as u32 - 0xfee0).unwrap_or(c);
            narrow.to_ascii_lowercase()
        }
        _ if c.is_ascii() => c.to_ascii_lowercase(),
        _ => simplified(c),
    }
}

/// Characters for which [`small_and_simple`] is all: ASCII and its wide forms, Han, common quotes and brackets, emoji.
fn is_simple(c: char) -> bool {
    matches!(c, '\0'..='\u{7f}' | '\u{2018}'..='\u{201f}' | '\u{3000}'..='\u{3029}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ff01}'..='\u{ff5e}' | '\u{1f300}'..='\u{1f64f}')
}

/// Whether this character never joins the one before it.
fn starts_anew(c: char) -> bool {
    if is_simple(c) {
        return true;
    }
    let joins = |c| {
        canonical_combining_class(c) != 0
            || is_nfkc_quick(std::iter::once(c)) == IsNormalized::Maybe
    };
    let mut first = None;
    decompose_compatible(c, |part| {
        first.get_or_insert(part);
    });
    !joins(c) && !first.is_some_and(joins)
}

/// Drawn as nothing: controls (blanks aside), joiners, direction marks, fillers, variation selectors, tags.
pub(crate) fn is_invisible(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        ' '..='\u{ac}' => false,
        _ => matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'),
    }
}

/// The simplified form of a character that has one.
pub(crate) fn simplified(c: char) -> char {
    match (c as usize).checked_sub(HAN).and_then(|n| SIMPLE.get(n)) {
        Some(&simple) if simple != 0 => char::from_u32(u32::from(simple)).unwrap_or(c),
        _ => c,
    }
}

/// Where the table of simplified forms begins and ends.
const HAN: usize = 0x3400;
const HAN_END: usize = 0xa000;

static SIMPLE: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut table = vec![0; HAN_END - HAN];
    for pair in include_str!("../../../../data/rules/traditional.txt").lines() {
        let mut chars = pair.chars().map(|c| c as usize);
        if let (Some(from), Some(to)) = (chars.next(), chars.next())
            && let Some(place) = from.checked_sub(HAN).and_then(|n| table.get_mut(n))
        {
            *place = u16::try_from(to).unwrap_or(0);
        }
    }
    table
});

#[cfg(test)]
mod tests;
