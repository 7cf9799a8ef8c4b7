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
    /// The first of what an apostrophe joins to a word, as in `she'll`.
    pub clitic: bool,
    /// Bytes of the text.
    pub start: u32,
    pub end: u32,
}

impl Unit {
    /// The bytes from this one to another.
    pub fn to(&self, last: &Unit) -> Range<usize> {
        self.start as usize..last.end as usize
    }

    /// Whether this is the same once more, and then it is counted.
    fn takes(&mut self, letter: Letter) -> bool {
        if self.class != letter.class {
            return false;
        }
        let other = (self.kind == Kind::Letter) != (letter.kind == Kind::Letter);
        if self.plain != letter.plain && (!other || is_il(self.plain, letter.plain)) {
            return false;
        }
        self.odd |= letter.odd || self.plain != letter.plain;
        if letter.kind == Kind::Letter && self.kind != Kind::Letter {
            (self.plain, self.kind) = (letter.plain, letter.kind);
        }
        self.run = self.run.saturating_add(1);
        self.end = letter.end;
        true
    }

    /// Letters and digits, which make words without blanks between them.
    pub fn is_wordy(&self) -> bool {
        matches!(self.kind, Kind::Letter | Kind::Digit)
    }
}

/// Makes a key of the digit before it.
const KEY: char = '\u{20e3}';

/// At most so many signs or blanks stand inside a word.
const WIDEST_GAP: usize = 3;

/// Takes a text apart, in a place that is there already.
pub(super) fn units_into(text: &str, units: &mut Vec<Unit>) {
    units.clear();
    let mut builder = Builder {
        units,
        gap: Gap::None,
        wide: 0,
        masks: 0,
        hidden: false,
        clitic: false,
        blank_first: false,
    };
    let glyphs = glyphs::Table::ready();
    let mut digits = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if c.is_ascii_lowercase() {
            // Most letters are what they are.
            builder.push(Letter::small(c, at), text);
            before = c;
            continue;
        }
        let read = glyphs.read(c);
        let mut letter = Letter {
            plain: read.plain,
            class: read.plain,
            kind: Kind::Han,
            odd: read.odd,
            capital: false,
            whole: false,
            start: count(at),
            end: count(end),
        };
        match read.glyph {
            Glyph::Letter if read.longer => {
                for plain in glyphs::more(c).chars() {
                    let (class, kind, odd) = (class(plain), Kind::Letter, true);
                    builder.push(
                        Letter {
                            plain,
                            class,
                            kind,
                            odd,
                            ..letter
                        },
                        text,
                    );
                }
            }
            Glyph::Letter => {
                letter.class = class(letter.plain);
                letter.kind = Kind::Letter;
                letter.capital = c.is_uppercase();
                letter.whole = true;
                builder.push(letter, text);
            }
            Glyph::Han => builder.push(letter, text),
            Glyph::Digit => {
                digits = true;
                letter.class = class(letter.plain);
                letter.kind = Kind::Digit;
                builder.push(letter, text);
            }
            Glyph::Emoji => {
                letter.kind = Kind::Emoji;
                builder.push(letter, text);
            }
            // However wide.
            Glyph::Blank if builder.gap >= Gap::Blank && before.is_whitespace() => {}
            Glyph::Blank => builder.widen(Gap::Blank),
            // `don't` is one word, and `she'll` is two.
            Glyph::Clause | Glyph::Sign if matches!(c, '\'' | '’') && before.is_alphabetic() => {
                builder.clitic = begins_clitic(&text[end..]);
            }
            Glyph::Clause | Glyph::Sign if let Some(plain) = drawn(c, before, &text[end..]) => {
                letter.end += 1;
                builder.push(letter.drawn(plain), text);
            }
            // The second half of one that is drawn.
            Glyph::Clause | Glyph::Sign if builder.covers(at) => {}
            Glyph::Clause | Glyph::Sign
                if stands_for_a_letter(c, before, &text[end..]) && !is_one_of_many(c, at, text) =>
            {
                builder.push(letter.drawn(c), text);
            }
            Glyph::Clause => builder.widen(Gap::Clause),
            Glyph::Sign => {
                if hides_a_letter(c) && builder.masks < 9 {
                    builder.masks += 1;
                    builder.blank_first |= c != '*' && (builder.wide > 0 || is_bracket(c));
                }
                builder.widen(Gap::Sign);
            }
            Glyph::Nothing if c == KEY => builder.press(),
            Glyph::Nothing => builder.hidden = true,
        }
        before = c;
    }
    if digits {
        number(builder.units);
    }
}

/// One character as it is read, before it is put beside those before it.
#[derive(Clone, Copy)]
struct Letter {
    plain: char,
    class: char,
    kind: Kind,
    odd: bool,
    capital: bool,
    /// A letter that stands for itself alone.
    whole: bool,
    start: u32,
    end: u32,
}

impl Letter {
    /// A small one of ASCII.
    fn small(c: char, at: usize) -> Letter {
        Letter {
            plain: c,
            class: class(c),
            kind: Kind::Letter,
            odd: false,
            capital: false,
            whole: true,
            start: count(at),
            end: count(at + 1),
        }
    }

    /// One that signs stand for.
    fn drawn(self, plain: char) -> Letter {
        Letter {
            plain,
            class: class(plain),
            kind: Kind::Leet,
            odd: true,
            ..self
        }
    }

    fn unit(self, gap: Gap, hidden: bool, masks: u8) -> Unit {
        Unit {
            plain: self.plain,
            class: self.class,
            kind: self.kind,
            gap,
            run: 1,
            odd: self.odd || hidden,
            joined: false,
            masks,
            capital: self.capital,
            clitic: false,
            start: self.start,
            end: self.end,
        }
    }
}

struct Builder<'u> {
    units: &'u mut Vec<Unit>,
    gap: Gap,
    wide: usize,
    masks: u8,
    hidden: bool,
    clitic: bool,
    /// A blank stands before the sign that may hide a letter.
    blank_first: bool,
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

    /// Makes the last digit the picture of a key.
    fn press(&mut self) {
        if let Some(last) = self
            .units
            .last_mut()
            .filter(|unit| unit.kind == Kind::Digit)
        {
            last.kind = Kind::Emoji;
        }
    }

    /// Whether what was pushed last reaches over this place.
    fn covers(&self, at: usize) -> bool {
        self.units.last().is_some_and(|last| last.end as usize > at)
    }

    /// `text` is all of it.
    #[inline]
    fn push(&mut self, letter: Letter, text: &str) {
        let is_other =
            |last: &Unit| self.gap == Gap::None && last.class != letter.class && !self.clitic;
        if self.units.last().is_some_and(is_other) {
            // Most of them: nothing stands before it, and it is no repetition.
            self.units.push(letter.unit(Gap::None, self.hidden, 0));
            self.hidden = false;
        } else {
            self.push_after(letter, text);
        }
    }

    #[inline(never)]
    fn push_after(&mut self, letter: Letter, text: &str) {
        match self.units.last_mut() {
            Some(last) if self.gap == Gap::None => {
                if !self.clitic && last.takes(letter) {
                    return;
                }
            }
            Some(last) if (last.gap, last.plain) == (self.gap, letter.plain) => {
                // `t e e`: spelt letter by letter.
                let closes = || !text[letter.end as usize..].starts_with(char::is_alphanumeric);
                if letter.whole && closes() {
                    last.run = last.run.saturating_add(1);
                    last.end = letter.end;
                    self.start_anew();
                    return;
                }
            }
            Some(_) | None => {}
        }
        let masks = match (self.masks, self.wide) {
            (0, _) => 0,
            (masks, wide) if usize::from(masks) == wide => masks,
            // `te* pot`, and not `te (pot`
            (1, 2) if self.gap == Gap::Blank && !self.blank_first => 1,
            _ => 0,
        };
        let hidden = self.hidden && self.gap == Gap::None;
        let mut unit = letter.unit(self.gap, hidden, masks);
        unit.clitic = self.clitic;
        self.units.push(unit);
        self.start_anew();
    }

    fn start_anew(&mut self) {
        (self.gap, self.wide, self.masks, self.hidden) = (Gap::None, 0, 0, false);
        (self.clitic, self.blank_first) = (false, false);
    }
}

/// `1` beside `l`, as in `k1ll`: an `i`, and no second `l`.
fn is_il(a: char, b: char) -> bool {
    matches!((a, b), ('1', 'l') | ('l', '1'))
}

/// Letters, and the digits and signs that stand for them, in one class.
pub(super) fn class(c: char) -> char {
    CLASSES
        .get(c as usize)
        .map_or(c, |class| char::from(*class))
}

/// Of each ASCII character.
const CLASSES: [u8; 128] = {
    let mut classes = [0; 128];
    let mut c: u8 = 0;
    while c < 128 {
        classes[c as usize] = match c {
            b'l' | b'j' | b'1' | b'!' | b'|' => b'i',
            b'v' => b'u',
            b'k' | b'<' => b'c',
            b'0' => b'o',
            b'3' => b'e',
            b'4' | b'@' => b'a',
            b'5' | b'$' => b's',
            b'7' | b'+' => b't',
            b'8' => b'b',
            b'9' => b'g',
            c => c,
        };
        c += 1;
    }
    classes
};

/// A letter that two signs draw together, with a letter beside it or another one that is drawn.
fn drawn(c: char, before: char, rest: &str) -> Option<char> {
    let (letter, second) = match c {
        '(' => ('o', ')'),
        '\\' => ('v', '/'),
        _ => return None,
    };
    let after = rest.strip_prefix(second)?.chars().next()?;
    let inside = before.is_ascii_alphabetic() || before == ')';
    let meant = match letter {
        'o' => inside && (after.is_ascii_alphabetic() || after == '('),
        _ => after.is_ascii_alphabetic(),
    };
    meant.then_some(letter)
}

/// Whether a sign stands where a letter would.
fn stands_for_a_letter(c: char, before: char, rest: &str) -> bool {
    let like = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '$');
    let next = || rest.chars().next().unwrap_or(' ');
    match c {
        '@' | '$' => like(before) || like(next()),
        '+' if !like(next()) => next() != '+' && (before.is_ascii_alphabetic() || before == '!'),
        // `b!+ter`, and not `Alt+Enter`
        '+' if before == '!' => true,
        '+' if matches!(before, 't' | 'T') => false,
        '!' | '|' | '+' => {
            before.is_ascii_alphanumeric() && (like(next()) || (c, next()) == ('!', '+'))
        }
        '<' => next().is_ascii_alphabetic() && !before.is_numeric(),
        _ => false,
    }
}

/// Whether a sign stands between letters again and again, as in `t+e+a`.
fn is_one_of_many(c: char, at: usize, text: &str) -> bool {
    let again = |chars: [Option<char>; 2]| {
        chars[0].is_some_and(|c| c.is_ascii_alphanumeric()) && chars[1] == Some(c)
    };
    let (mut before, mut after) = (text[..at].chars(), text[at..].chars().skip(1));
    matches!(c, '!' | '|' | '+')
        && (again([before.next_back(), before.next_back()]) || again([after.next(), after.next()]))
}

/// Signs that belong to what stands inside of them, where a blank is beside them.
fn is_bracket(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>')
}

/// Whether only what an apostrophe joins to a word stands here: `'s`, `'re`.
fn begins_clitic(rest: &str) -> bool {
    let end = rest
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(rest.len());
    let closes = !rest[end..].starts_with(['\'', '’']);
    closes
        && ["s", "m", "d", "re", "ve", "ll"]
            .iter()
            .any(|clitic| rest[..end].eq_ignore_ascii_case(clitic))
}

/// Signs that people put where a letter was.
fn hides_a_letter(c: char) -> bool {
    matches!(
        c,
        '*' | '#'
            | '^'
            | '%'
            | '&'
            | '<'
            | '>'
            | '{'
            | '}'
            | '['
            | ']'
            | '('
            | ')'
            | '~'
            | '§'
            | '∥'
            | '¦'
    )
}

/// Numbers written in characters become digits where digits stand beside them: nobody counts like that but to hide.
fn number(units: &mut [Unit]) {
    let like = |unit: &Unit| unit.kind == Kind::Digit || numeral(unit.plain).is_some();
    let mut at = 0;
    while let Some(next) = units[at..].iter().position(|unit| unit.kind == Kind::Digit) {
        let digit = at + next;
        let mut start = digit;
        while start > at && units[start].gap == Gap::None && like(&units[start - 1]) {
            start -= 1;
        }
        at = digit + 1;
        while at < units.len() && units[at].gap == Gap::None && like(&units[at]) {
            at += 1;
        }
        for unit in &mut units[start..at] {
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
