//! A text as the words rule compares it: letters, digits, characters and emoji, each as it is read, without what
//! stands between them. Entries of lists are taken apart by the same code.

use std::ops::Range;

use super::index::count;
use crate::normalise::glyphs::{self, Glyph};

/// What stands before a unit; the strongest of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    None,
    /// A sign, as in `t-e-a`.
    Sign,
    Blank,
    /// What ends a clause.
    Clause,
    /// More than anybody puts into a word.
    Break,
}

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Letter,
    Digit,
    /// A sign that stands for a letter, as in `te@`.
    Leet,
    Han,
    Emoji,
}

/// One letter, digit, character or emoji, however often it is repeated.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// As it is read.
    pub plain: char,
    /// The same for letters and for the digits and signs that stand for them.
    pub class: char,
    pub kind: Kind,
    pub gap: Gap,
    /// How often in a row.
    pub run: u8,
    /// Written otherwise than it is read, case aside.
    pub odd: bool,
    /// Put together of its parts.
    pub joined: bool,
    /// So many signs, such as `*`, stand right before it where letters may have been.
    pub masks: u8,
    /// The first of it is a capital letter.
    pub capital: bool,
    /// Bytes of the text.
    pub start: u32,
    pub end: u32,
}

impl Unit {
    /// The bytes from this one to another.
    pub fn to(&self, last: &Unit) -> Range<usize> {
        self.start as usize..last.end as usize
    }

    /// Letters and digits, which make words without blanks between them.
    pub fn is_wordy(&self) -> bool {
        matches!(self.kind, Kind::Letter | Kind::Digit)
    }
}

/// At most so many signs or blanks stand inside a word.
const WIDEST_GAP: usize = 3;

/// Takes a text apart.
pub(super) fn units(text: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    units_into(text, &mut units);
    units
}

/// The same, in a place that is there already.
pub(super) fn units_into(text: &str, units: &mut Vec<Unit>) {
    units.clear();
    let mut builder = Builder {
        units,
        gap: Gap::None,
        wide: 0,
        masks: 0,
        closes: false,
        hidden: false,
    };
    let (mut digits, mut numerals) = (false, false);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let read = glyphs::read(c);
        let (start, end) = (at, at + c.len_utf8());
        match read.glyph {
            Glyph::Nothing => builder.hidden = true,
            // `don't` is one word.
            Glyph::Clause | Glyph::Sign if matches!(c, '\'' | '’') && before.is_alphabetic() => {}
            Glyph::Blank => builder.widen(Gap::Blank),
            Glyph::Clause | Glyph::Sign if stands_for_a_letter(c, before, &text[end..]) => {
                builder.push(c, class(c), Kind::Leet, true, false, start..end);
            }
            Glyph::Clause => builder.widen(Gap::Clause),
            Glyph::Sign => {
                builder.masks += u8::from(hides_a_letter(c) && builder.masks < 9);
                builder.widen(Gap::Sign);
            }
            Glyph::Letter if read.longer => {
                for plain in glyphs::more(c).chars() {
                    builder.push(plain, class(plain), Kind::Letter, true, false, start..end);
                }
            }
            Glyph::Letter => {
                let capital = c.is_uppercase();
                let plain = read.plain;
                builder.closes = !text[end..].starts_with(char::is_alphanumeric);
                builder.push(
                    plain,
                    class(plain),
                    Kind::Letter,
                    read.odd,
                    capital,
                    start..end,
                );
            }
            Glyph::Digit => {
                digits = true;
                let plain = read.plain;
                builder.push(
                    plain,
                    class(plain),
                    Kind::Digit,
                    read.odd,
                    false,
                    start..end,
                );
            }
            Glyph::Han => {
                numerals |= numeral(read.plain).is_some();
                builder.push(
                    read.plain,
                    read.plain,
                    Kind::Han,
                    read.odd,
                    false,
                    start..end,
                );
            }
            Glyph::Emoji => {
                builder.push(
                    read.plain,
                    read.plain,
                    Kind::Emoji,
                    read.odd,
                    false,
                    start..end,
                );
            }
        }
        before = c;
    }
    if numerals && digits {
        number(builder.units);
    }
}

struct Builder<'u> {
    units: &'u mut Vec<Unit>,
    gap: Gap,
    wide: usize,
    masks: u8,
    /// No letter follows the one that is pushed.
    closes: bool,
    hidden: bool,
}

impl Builder<'_> {
    fn widen(&mut self, gap: Gap) {
        self.wide += 1;
        self.gap = if self.wide > WIDEST_GAP {
            Gap::Break
        } else {
            self.gap.max(gap)
        };
    }

    fn push(
        &mut self,
        plain: char,
        class: char,
        kind: Kind,
        odd: bool,
        capital: bool,
        at: Range<usize>,
    ) {
        let closes = std::mem::take(&mut self.closes);
        if let Some(last) = self.units.last_mut()
            && self.gap != Gap::None
            && closes
            && (last.gap, last.plain) == (self.gap, plain)
        {
            // `t e e`: spelt letter by letter.
            last.run = last.run.saturating_add(1);
            last.end = count(at.end);
            (self.gap, self.wide, self.masks, self.hidden) = (Gap::None, 0, 0, false);
            return;
        }
        if self.gap == Gap::None
            && let Some(last) = self.units.last_mut()
            && last.class == class
            && (last.plain == plain || (last.kind == Kind::Letter) != (kind == Kind::Letter))
        {
            if kind == Kind::Letter && last.kind != Kind::Letter {
                (last.plain, last.kind) = (plain, kind);
            }
            last.odd |= odd || last.plain != plain;
            last.run = last.run.saturating_add(1);
            last.end = count(at.end);
            return;
        }
        let odd = odd || std::mem::take(&mut self.hidden) && self.gap == Gap::None;
        self.units.push(Unit {
            plain,
            class,
            kind,
            gap: self.gap,
            run: 1,
            odd,
            joined: false,
            masks: if usize::from(self.masks) == self.wide {
                self.masks
            } else {
                0
            },
            capital,
            start: count(at.start),
            end: count(at.end),
        });
        (self.gap, self.wide, self.masks, self.hidden) = (Gap::None, 0, 0, false);
    }
}

/// Letters, and the digits and signs that stand for them, in one class.
pub(super) fn class(c: char) -> char {
    match c {
        'l' | 'j' | '1' | '!' | '|' => 'i',
        'v' => 'u',
        'k' => 'c',
        '0' => 'o',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        _ => c,
    }
}

/// Whether a sign stands where a letter would.
fn stands_for_a_letter(c: char, before: char, rest: &str) -> bool {
    let next = rest.chars().next().unwrap_or(' ');
    let like = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '$');
    match c {
        '@' | '$' => like(before) || like(next),
        '!' | '|' | '+' => before.is_ascii_alphanumeric() && like(next),
        _ => false,
    }
}

/// Signs that people put where a letter was.
fn hides_a_letter(c: char) -> bool {
    "*#^%&<>{}[]()~§∥¦".contains(c)
}

/// Numbers written in characters become digits where digits stand beside them: nobody counts like that but to hide.
fn number(units: &mut [Unit]) {
    let mut at = 0;
    while at < units.len() {
        let like = |unit: &Unit| unit.kind == Kind::Digit || numeral(unit.plain).is_some();
        let start = at;
        at += 1;
        if !like(&units[start]) {
            continue;
        }
        while at < units.len() && units[at].gap == Gap::None && like(&units[at]) {
            at += 1;
        }
        let run = &mut units[start..at];
        if !run.iter().any(|unit| unit.kind == Kind::Digit) {
            continue;
        }
        for unit in run {
            if let Some(digit) = numeral(unit.plain) {
                (unit.plain, unit.class) = (digit, class(digit));
                (unit.kind, unit.odd) = (Kind::Digit, true);
            }
        }
    }
}

fn numeral(c: char) -> Option<char> {
    Some(match c {
        '〇' | '零' => '0',
        '一' | '壹' | '幺' => '1',
        '二' | '贰' => '2',
        '三' | '叁' => '3',
        '四' | '肆' => '4',
        '五' | '伍' => '5',
        '六' | '陆' => '6',
        '七' | '柒' => '7',
        '八' | '捌' => '8',
        '九' | '玖' => '9',
        _ => return None,
    })
}
