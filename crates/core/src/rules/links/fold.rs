//! A text as a reader sees it: full-width, circled and mathematical letters are letters, what cannot be seen is gone,
//! and each character knows where it stood. First a look whether any of that is worth while.

use unicode_normalization::char::decompose_compatible;

/// One character as it is read, and where it stands in the original.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) struct Glyph {
    /// In small letters.
    pub c: char,
    pub start: usize,
    pub end: usize,
    /// Written in another form than it is read.
    pub odd: bool,
    /// Something invisible stands before it.
    pub hidden: bool,
}

/// False means: no link is in there. One look at each byte; the few that matter are looked at more closely.
pub(in crate::rules) fn is_worth_a_look(text: &str) -> bool {
    let bytes = text.as_bytes();
    let may_matter = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| MAY_MATTER[usize::from(**byte)]);
    for (at, &byte) in may_matter {
        let worth = match byte {
            b'.' => after_a_dot(bytes, at + 1),
            b'/' | b'\\' => matches!(bytes.get(at + 1), Some(b'/' | b'\\')),
            b'o' | b'O' | b'0' => is_the_word_dot(bytes, at),
            b',' => starts_plainly(&bytes[at + 1..]),
            b'%' => bytes[at..].starts_with(b"%2e") || bytes[at..].starts_with(b"%2E"),
            b'w' | b'W' => bytes[at..].len() > 4 && bytes[at..at + 4].eq_ignore_ascii_case(b"www "),
            0xc2 | 0xe2 | 0xe3 | 0xe4 | 0xe5 | 0xe7 | 0xe9 | 0xef => is_a_wide_dot(&bytes[at..]),
            _ => false,
        };
        if worth {
            return true;
        }
    }
    false
}

/// Bytes that are looked at more closely.
const MAY_MATTER: [bool; 256] = {
    let mut may = [false; 256];
    let (those, mut n) = (b"./\\oO0,%wW\xc2\xe2\xe3\xe4\xe5\xe7\xe9\xef", 0);
    while n < those.len() {
        may[those[n] as usize] = true;
        n += 1;
    }
    may
};

fn after_a_dot(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at..];
    match rest.first() {
        Some(b' ' | b'\t') => {
            let rest = rest.trim_ascii_start();
            let word = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
            word == 1
                || rest.first().is_some_and(|b| *b >= 0x80)
                || starts_plainly(rest)
                || {
                    at >= 2
                        && bytes[at - 2] == b' '
                        && matches!(word, 2..=6)
                        && super::tables::is_strong(
                            &String::from_utf8_lossy(&rest[..word]).to_ascii_lowercase(),
                        )
                }
                || at >= 4 && bytes[at - 4..at - 1].eq_ignore_ascii_case(b"www")
        }
        Some(b) => {
            b.is_ascii_alphanumeric()
                || *b >= 0x80
                || b"])}>\"'*".contains(b) && at >= 2 && b"[({<\"'*]".contains(&bytes[at - 2])
                || *b == b']'
                || b"[{}".contains(b) && at >= 2 && b"[]{}".contains(&bytes[at - 2])
        }
        None => false,
    }
}

fn is_the_word_dot(bytes: &[u8], at: usize) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| !b.is_ascii_alphanumeric());
    at > 1
        && matches!(bytes[at - 1], b'd' | b'D')
        && matches!(bytes.get(at + 1), Some(b't' | b'T'))
        && edge(bytes.get(at - 2))
        && edge(bytes.get(at + 2))
}

fn starts_plainly(rest: &[u8]) -> bool {
    let word = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    matches!(word, 2..=3)
        && [&b"com"[..], b"cn", b"net", b"org", b"xyz", b"cc"]
            .iter()
            .any(|ending| rest[..word].eq_ignore_ascii_case(ending))
}

/// Dots that are no '.', with something Latin soon after.
fn is_a_wide_dot(rest: &[u8]) -> bool {
    let length = match rest {
        [0xc2, 0xb7, ..] => 2,
        [0xe3, 0x80, 0x82, ..] | [0xe3, 0x83, 0xbb, ..] => 3,
        [0xe2, 0x80, 0xa2 | 0xa4 | 0xa7, ..] | [0xe2, 0x88, 0x99, ..] | [0xe2, 0x97, 0x8f, ..] => 3,
        [0xe4, 0xb8, 0xb6, ..]
        | [0xe5, 0x8f, 0xa5, ..]
        | [0xe7, 0x82, 0xb9, ..]
        | [0xe9, 0xbb, 0x9e, ..] => 3,
        // Full-width '.', ',' and ':', the half-width ideographic stop, the small full stop.
        [0xef, 0xbc, 0x8e | 0x8c | 0x9a, ..] | [0xef, 0xbd, 0xa1, ..] | [0xef, 0xb9, 0x92, ..] => 3,
        _ => return false,
    };
    is_latin_next(&rest[length..])
}

/// A letter, a digit or a slash, behind blanks and closing brackets.
fn is_latin_next(mut rest: &[u8]) -> bool {
    for _ in 0..4 {
        rest = match rest {
            [
                b' ' | b'\t' | b')' | b']' | b'}' | b'>' | b'"' | b'\'' | b'*',
                rest @ ..,
            ] => rest,
            [0xe3, 0x80, 0x88..=0x91, rest @ ..] | [0xef, 0xbc, 0x89, rest @ ..] => rest,
            [0xe5, 0x8f, 0xb7, rest @ ..] | [0xe7, 0x82, 0xb9, rest @ ..] => rest,
            // What cannot be seen: joiners, selectors.
            [0xe2, 0x80 | 0x81, _, rest @ ..] | [0xef, 0xb8 | 0xbb, _, rest @ ..] => rest,
            _ => break,
        };
    }
    match rest {
        [b, ..] if b.is_ascii() => b.is_ascii_alphanumeric() || matches!(b, b'/' | b'\\'),
        // Full-width letters, digits and slash.
        [0xef, 0xbc, b, ..] => matches!(b, 0x8f..=0x99 | 0xa1..=0xba),
        [0xef, 0xbd, b, ..] => matches!(b, 0x81..=0x9a),
        // Circled, phonetic and mathematical letters; Cyrillic and Greek, which look like ours.
        [0xe1, 0xb4, ..] | [0xe2, 0x92 | 0x93, ..] | [0xf0 | 0xca | 0xcd..=0xd1, ..] => true,
        _ => false,
    }
}

/// The text as it is read.
pub(in crate::rules) fn fold(text: &str) -> Vec<Glyph> {
    let mut out = Vec::with_capacity(text.len());
    let mut hidden = false;
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        let mut push = |c: char, odd: bool| {
            out.push(Glyph {
                c,
                start,
                end,
                odd,
                hidden: std::mem::take(&mut hidden),
            });
        };
        match c {
            _ if c.is_ascii() => push(c.to_ascii_lowercase(), false),
            // Most of what is not ASCII, and never written otherwise.
            '\u{3400}'..='\u{9fff}' => push(c, false),
            _ if is_invisible(c) => hidden = true,
            '\u{ff01}'..='\u{ff5e}' => push(narrow(c), true),
            '\u{ff61}' => push('。', true),
            '\u{a0}' | '\u{3000}' | '\u{2000}'..='\u{200a}' | '\u{202f}' => push(' ', false),
            _ if small_capital(c).is_some() => push(small_capital(c).unwrap_or(c), true),
            '\u{1f150}'..='\u{1f169}' => push(letter(c, 0x1f150), true),
            '\u{1f170}'..='\u{1f189}' => push(letter(c, 0x1f170), true),
            '\u{1f1e6}'..='\u{1f1ff}' => push(letter(c, 0x1f1e6), true),
            '\u{2070}'..='\u{209f}'
            | '\u{2100}'..='\u{214f}'
            | '\u{2460}'..='\u{24ff}'
            | '\u{1d400}'..='\u{1d7ff}'
            | '\u{1f100}'..='\u{1f14f}' => {
                decompose_compatible(c, |c| push(c.to_ascii_lowercase(), true));
            }
            _ => push(c.to_lowercase().next().unwrap_or(c), false),
        }
    }
    without_letter_blanks(out)
}

/// Phonetic letters that are read as small capitals.
fn small_capital(c: char) -> Option<char> {
    const FROM: &str = "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ";
    const TO: &[u8] = b"abcdefghijklmnopqrstuvwyz";
    let near =
        matches!(c, '\u{250}'..='\u{2af}' | '\u{1d00}'..='\u{1d2f}' | '\u{a730}'..='\u{a7af}');
    let n = FROM.chars().position(|from| near && from == c)?;
    TO.get(n).map(|to| char::from(*to))
}

fn narrow(c: char) -> char {
    char::from_u32(c as u32 - 0xfee0)
        .unwrap_or(c)
        .to_ascii_lowercase()
}

fn letter(c: char, first: u32) -> char {
    char::from_u32(u32::from(b'a') + c as u32 - first).unwrap_or(c)
}

/// Shown by nobody's screen: joiners, marks of direction, selectors.
pub(in crate::rules) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{334}'..='\u{338}' | '\u{20d0}'..='\u{20df}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e0}'..='\u{20f0}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// `e x a m p l e . c o m`: single letters with a blank between each are read without the blanks.
fn without_letter_blanks(glyphs: Vec<Glyph>) -> Vec<Glyph> {
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| glyphs.get(at))
            .is_some_and(|glyph| glyph.c.is_ascii_alphanumeric())
    };
    let single = |at: usize| {
        let c = glyphs[at].c;
        (c.is_ascii_alphanumeric() || is_dot(c) || "/:-".contains(c))
            && !is_letter(at.checked_sub(1))
            && !is_letter(Some(at + 1))
    };
    if !(0..glyphs.len().saturating_sub(4))
        .any(|at| glyphs[at + 1].c == ' ' && single(at) && single(at + 2) && single(at + 4))
    {
        return glyphs;
    }
    let mut out: Vec<Glyph> = Vec::with_capacity(glyphs.len());
    let mut at = 0;
    while at < glyphs.len() {
        let mut end = at;
        if single(at) {
            while end + 2 < glyphs.len() && glyphs[end + 1].c == ' ' && single(end + 2) {
                end += 2;
            }
        }
        let run = &glyphs[at..=end];
        if run.len() >= 7 && run.iter().any(|glyph| is_dot(glyph.c)) {
            let close = run.iter().filter(|glyph| glyph.c != ' ').copied();
            out.extend(close.map(|glyph| Glyph { odd: true, ..glyph }));
        } else {
            out.extend_from_slice(run);
        }
        at = end + 1;
    }
    out
}

/// What browsers take for a dot in a name.
pub(in crate::rules) fn is_dot(c: char) -> bool {
    matches!(c, '.' | '。')
}

/// What a person takes for one.
pub(in crate::rules) fn is_odd_dot(c: char) -> bool {
    matches!(
        c,
        '·' | '•' | '․' | '‧' | '∙' | '●' | '・' | '丶' | '﹒' | ','
    )
}

/// Han, kana, Hangul: scripts without blanks between words, so that a name in Latin letters ends where they begin.
pub(in crate::rules) fn is_cjk(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30fa}' | '\u{30fc}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9d}' | '\u{20000}'..='\u{3ffff}')
        && c != '丶'
}
