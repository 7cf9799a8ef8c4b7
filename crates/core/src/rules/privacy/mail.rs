//! E-mail addresses, also `lin(at)tea(dot)com` and in full width. An address inside a link is the link's.

use std::ops::Range;

use super::super::links::fold::{Glyph, fold};
use super::super::links::host::{after_blanks, is_known, read, word};

/// All of a text, in their order.
pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    let glyphs = fold(text);
    let mut found = Vec::new();
    let (mut at, mut floor) = (0, 0);
    while at < glyphs.len() {
        match address_at(&glyphs, at, floor) {
            Some(address) => {
                found.push(glyphs[address.start].start..glyphs[address.end - 1].end);
                at = address.end;
                floor = at;
            }
            None => at += 1,
        }
    }
    found.into_iter()
}

const LONGEST: usize = 64;

fn address_at(glyphs: &[Glyph], at: usize, floor: usize) -> Option<Range<usize>> {
    let sign = sign_at(glyphs, at)?;
    let local_end = blanks_before(glyphs, at, sign.spaced);
    let run = glyphs[floor..local_end].iter().rev().take(LONGEST + 1);
    let length = run.take_while(|glyph| is_local(glyph.c)).count();
    let mut start = local_end - length;
    while start < local_end && matches!(glyphs[start].c, '.' | '-' | '\'' | '+') {
        start += 1;
    }
    if start == local_end || length > LONGEST || matches!(glyphs[local_end - 1].c, '.' | '\'') {
        return None;
    }
    let before = start.checked_sub(1).map(|at| glyphs[at].c);
    if before == Some('@')
        || before.is_some_and(|c| c == '/' || c == ':') && is_in_link(glyphs, start)
    {
        return None;
    }
    let host = read(glyphs, sign.end, false);
    let count = (2..=host.labels.len()).rev().find(|count| {
        let ending = word(glyphs, &host.labels[count - 1]);
        is_known(&ending) && (!ending.is_ascii() || ending.len() > 1)
    })?;
    let end = host.labels[count - 1].end;
    // `git@github.com:tea/pot`
    let is_path = glyphs.get(end).is_some_and(|glyph| glyph.c == ':')
        && glyphs
            .get(end + 1)
            .is_some_and(|glyph| glyph.c.is_alphabetic())
        && word(glyphs, &(start..local_end)) == "git";
    (!is_path).then_some(start..end)
}

struct Sign {
    end: usize,
    /// Blanks may stand around it.
    spaced: bool,
}

/// `@`, `＠`, `(at)`, `[at]`
fn sign_at(glyphs: &[Glyph], at: usize) -> Option<Sign> {
    let c = |n: usize| glyphs.get(at + n).map(|glyph| glyph.c);
    match c(0)? {
        '@' => Some(Sign {
            end: at + 1,
            spaced: false,
        }),
        '(' | '[' | '{' => {
            let written = c(1) == Some('a') && c(2) == Some('t');
            let signed = c(1) == Some('@');
            let close = if written { 3 } else { 2 };
            ((written || signed) && matches!(c(close), Some(')' | ']' | '}'))).then(|| Sign {
                end: after_blanks(glyphs, at + close + 1, 2),
                spaced: true,
            })
        }
        _ => None,
    }
}

fn blanks_before(glyphs: &[Glyph], at: usize, spaced: bool) -> usize {
    let mut end = at;
    while spaced && end > 0 && at - end < 2 && glyphs[end - 1].c == ' ' {
        end -= 1;
    }
    end
}

fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "._%+-'&!#=".contains(c)
        || c.is_alphanumeric() && (c as u32) < 0x250
}

/// Is there a `//` before this, with no blank between? Then a name and password stand here, no address.
fn is_in_link(glyphs: &[Glyph], at: usize) -> bool {
    let mut last = ' ';
    for glyph in glyphs[..at].iter().rev().take(100) {
        if glyph.c.is_whitespace() {
            return false;
        }
        if glyph.c == '/' && last == '/' {
            return true;
        }
        last = glyph.c;
    }
    false
}
