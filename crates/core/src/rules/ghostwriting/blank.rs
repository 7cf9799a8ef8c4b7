//! Blanks of a test paper: underscores, or brackets with nothing in them, with words beside them on the same line.
//! One pass over the bytes; whether it is an exercise is said elsewhere.

use std::ops::Range;

/// Words may stand so many bytes before a blank …
const BEFORE: usize = 300;
/// … and, after one that opens a line, so many after it.
const AFTER: usize = 40;

/// Whether there is a blank to fill in.
pub(super) fn has_blank(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        let end = match text[at] {
            b'_' => {
                let end = at + text[at..].iter().take_while(|byte| **byte == b'_').count();
                if is_filled_in(text, at..end) {
                    return true;
                }
                end
            }
            b'(' if is_asked(text, at) => return true,
            0xef if is_wide(text, at) && has_before(text, at, is_han) => return true,
            // Wide and narrow blanks in turn, as they are left where the line under them is lost.
            b' ' if is_gap(text, at) && has_before(text, at, is_han) => return true,
            _ => at + 1,
        };
        at = end;
    }
    false
}

/// Underscores with words before them, or after them at the start of a line or a sentence.
fn is_filled_in(text: &[u8], line: Range<usize>) -> bool {
    let before = line.start.checked_sub(1).map(|n| text[n]);
    let after = text.get(line.end).copied();
    let free = before.is_some_and(|byte| byte == b' ' || byte >= 0x80);
    let signed = free || matches!(before, Some(b'(' | b'.' | b':' | b','));
    let closed = after.is_none_or(|byte| b" .,?!;:)(".contains(&byte) || byte >= 0x80);
    let long = line.len() >= 3;
    let fits = if long {
        signed
    } else {
        free && line.len() == 2
    };
    if fits && closed && has_before(text, line.start - 1, is_letter) {
        return true;
    }
    let opens = before.is_none_or(|byte| b"\n .:".contains(&byte));
    let words = || {
        let rest = &text[line.end + 1..];
        let near = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        near.iter().take(AFTER + 1).any(|byte| is_letter(*byte))
    };
    long && opens && matches!(after, Some(b' ' | b',')) && words()
}

/// Empty brackets: after a sentence in Chinese, or after the word `true`.
fn is_asked(text: &[u8], open: usize) -> bool {
    let inside = text[open + 1..]
        .iter()
        .take_while(|byte| **byte == b' ')
        .count();
    if inside > 8 || text.get(open + 1 + inside) != Some(&b')') {
        return false;
    }
    (inside > 0 && has_before(text, open, is_han)) || {
        let near = before(text, open, 200 + 4);
        near.len() >= 6
            && near[..near.len() - 2]
                .windows(4)
                .any(|word| word.eq_ignore_ascii_case(b"true"))
    }
}

/// The same in full width, with blanks of either width inside.
fn is_wide(text: &[u8], open: usize) -> bool {
    let Some(rest) = text[open..].strip_prefix("（".as_bytes()) else {
        return false;
    };
    let blank = |byte: &&u8| matches!(**byte, b' ' | 0xe3 | 0x80);
    let inside = rest.iter().take(12).take_while(blank).count();
    rest[inside..].starts_with("）".as_bytes())
}

/// A blank with wide ones on both sides.
fn is_gap(text: &[u8], at: usize) -> bool {
    let wide = "\u{3000}".as_bytes();
    let behind = text[at..].trim_ascii_start();
    text[..at].ends_with(wide) && behind.starts_with(wide)
}

fn has_before(text: &[u8], at: usize, word: fn(u8) -> bool) -> bool {
    before(text, at, BEFORE + 1).iter().any(|byte| word(*byte))
}

/// So many bytes before a place, of the same line.
fn before(text: &[u8], at: usize, most: usize) -> &[u8] {
    let near = &text[at.saturating_sub(most)..at];
    let line = near.iter().rposition(|byte| *byte == b'\n');
    &near[line.map_or(0, |line| line + 1)..]
}

/// A letter, or the first byte of a Han character or a sign beside it.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, 0xe3..=0xe9)
}

/// The first byte of a Han character.
fn is_han(byte: u8) -> bool {
    matches!(byte, 0xe4..=0xe9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_has_words_beside_it() {
        for (text, has) in [
            ("I ____ to school", true),
            ("I __ to school", true),
            ("I ____", true),
            ("my__init__name", false),
            ("a_b", false),
            ("snake ___case", false),
            ("He said: ____.", true),
            ("____ is my friend", true),
            ("____is my friend", false),
            ("fine. ___, and you", true),
            ("____ ", false),
            ("hi\n____", false),
            ("hi\n____ is it", true),
            ("他今年（）岁", true),
            ("他今年（ 　）岁", true),
            ("他今年（十）岁", false),
            ("（）", false),
            ("天空\n（）", false),
            ("他今年(  )岁", true),
            ("他今年()岁", false),
            ("call main()", false),
            ("True or false: the sun is cold ()", true),
            ("true()", false),
            ("true\nor so ( )", false),
        ] {
            assert_eq!(has_blank(text.as_bytes()), has, "{text:?}");
        }
        let far = format!("word{}", " ".repeat(BEFORE));
        assert!(!has_blank(format!("{far}  ____").as_bytes()));
        assert!(has_blank(format!("{far}____").as_bytes()));
    }
}
