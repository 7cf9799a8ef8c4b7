//! What each character is to a matcher: which letter it stands for, or that it stands between letters, or that it is
//! drawn as nothing. One table, looked up once a character; the same for texts and for the entries of lists.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::char::is_combining_mark;

use super::{is_invisible, simplified};

/// What a character is to a matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// Drawn as nothing, or a mark upon the letter before it.
    Nothing,
    /// A blank.
    Blank,
    /// What ends a clause, as in `，`.
    Clause,
    /// Any other sign.
    Sign,
    /// A letter of an alphabet, small and plain.
    Letter,
    /// A digit.
    Digit,
    /// A simplified character.
    Han,
    /// A little picture.
    Emoji,
}

/// A character as it is read: what it is, what it stands for, and whether it was written otherwise (case aside).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub glyph: Glyph,
    pub plain: char,
    pub odd: bool,
    /// How many more letters it stands for, as `ﬁ` does; [`more`] tells them.
    pub longer: bool,
}

/// How every character is read.
#[derive(Clone, Copy)]
pub(crate) struct Table(&'static [u32]);

impl Table {
    /// Made once, and looked for once a text.
    pub fn ready() -> Table {
        Table(&TABLE)
    }

    pub fn read(self, c: char) -> Read {
        let packed = self.0.get(c as usize).copied().unwrap_or(0);
        if packed == 0 {
            return judge(c, None);
        }
        Read {
            glyph: GLYPHS[(packed >> 21 & 7) as usize],
            plain: char::from_u32(packed & 0x1f_ffff).unwrap_or(c),
            odd: packed >> 24 & 1 == 1,
            longer: packed >> 25 & 1 == 1,
        }
    }
}

/// All letters of a character that stands for several.
pub(crate) fn more(c: char) -> &'static str {
    LETTERS.get(&c).copied().unwrap_or_default()
}

const GLYPHS: [Glyph; 8] = [
    Glyph::Nothing,
    Glyph::Blank,
    Glyph::Clause,
    Glyph::Sign,
    Glyph::Letter,
    Glyph::Digit,
    Glyph::Han,
    Glyph::Emoji,
];

/// All but the rarest planes.
const TABLED: u32 = 0x2_0000;

static TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| {
    (0..TABLED)
        .map(|code| char::from_u32(code).map_or(0, |c| pack(judge(c, LETTERS.get(&c).copied()))))
        .collect()
});

/// Letters that look like, or are another form of, plain ones.
static LETTERS: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    include_str!("../../../../data/rules/letters.txt")
        .lines()
        .filter_map(|line| Some((line.chars().next()?, line)))
        .map(|(c, line)| (c, &line[c.len_utf8()..]))
        .collect()
});

fn pack(read: Read) -> u32 {
    let glyph = GLYPHS.iter().position(|g| *g == read.glyph).unwrap_or(0) as u32;
    // The top bit tells a known character from a hole in the table.
    1 << 31
        | u32::from(read.longer) << 25
        | u32::from(read.odd) << 24
        | glyph << 21
        | read.plain as u32
}

fn judge(c: char, letters: Option<&str>) -> Read {
    let small = c.to_lowercase().next().unwrap_or(c);
    let stands_for = letters.or_else(|| LETTERS.get(&small).copied());
    let plain = stands_for.and_then(|letters| letters.chars().next());
    let plain = simplified(plain.unwrap_or(small));
    Read {
        glyph: glyph_of(plain, c),
        plain,
        odd: plain != small,
        longer: letters.is_some_and(|letters| letters.chars().nth(1).is_some()),
    }
}

fn glyph_of(plain: char, c: char) -> Glyph {
    match plain {
        _ if is_invisible(c) || is_combining_mark(plain) => Glyph::Nothing,
        '0'..='9' => Glyph::Digit,
        '\u{2e80}'..='\u{2fdf}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '〇'
        | '\u{20000}'..='\u{3ffff}' => Glyph::Han,
        '，' | '。' | '！' | '？' | '；' | '：' | '、' | '…' | ',' | '!' | '?' | ';' | ':'
        | '\n' | '“' | '”' | '《' | '》' | '「' | '」' | '（' | '）' | '～' => {
            Glyph::Clause
        }
        _ if plain.is_whitespace() => Glyph::Blank,
        _ if plain.is_alphanumeric() => Glyph::Letter,
        '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}'
        | '\u{2600}'..='\u{27bf}'
        | '\u{2b00}'..='\u{2bff}'
        | '\u{1f000}'..='\u{1faff}' => Glyph::Emoji,
        _ => Glyph::Sign,
    }
}
