//! Digits in any dress, in groups as they are written: `138 1234 5678`, `１３８`, `一三八`, `①③⑧`. Judges no number.

use super::super::links::fold::is_invisible;

/// One digit and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digit {
    pub value: u8,
    pub start: usize,
    pub end: usize,
}

/// Digits with nothing but single separators between them.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub digits: Vec<Digit>,
    /// Where each group begins in `digits`.
    pub groups: Vec<usize>,
    /// What stands between a group and the next.
    pub separators: Vec<char>,
}

impl Run {
    /// Where a group ends in `digits`.
    pub fn group_end(&self, group: usize) -> usize {
        self.groups
            .get(group + 1)
            .copied()
            .unwrap_or(self.digits.len())
    }

    pub fn group_len(&self, group: usize) -> usize {
        self.group_end(group) - self.groups[group]
    }
}

/// All runs of a text.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut run = Run::default();
    // What stands since the last digit: how many characters, and the telling one.
    let mut gap: Option<(usize, char)> = None;
    for (start, c) in text.char_indices() {
        if is_invisible(c) {
            continue;
        }
        if let Some(value) = value(c) {
            match gap.take() {
                Some((_, separator)) => {
                    run.separators.push(separator);
                    run.groups.push(run.digits.len());
                }
                None if run.digits.is_empty() => run.groups.push(0),
                None => {}
            }
            let end = start + c.len_utf8();
            run.digits.push(Digit { value, start, end });
            continue;
        }
        if run.digits.is_empty() {
            continue;
        }
        gap = match (gap, separator(c)) {
            (None, Some(c)) => Some((1, c)),
            (Some((1, ' ')), Some(c)) => Some((2, c)),
            (Some((1, before)), Some(' ' | '(')) => Some((2, before)),
            (Some(_), _) | (None, None) => {
                runs.push(std::mem::take(&mut run));
                None
            }
        };
    }
    if !run.digits.is_empty() {
        runs.push(run);
    }
    runs
}

fn separator(c: char) -> Option<char> {
    Some(match c {
        ' ' | '\u{a0}' | '\u{3000}' => ' ',
        '-' | '‐' | '‑' | '–' | '—' | '－' | '_' | '~' => '-',
        '.' | '·' | '•' | '．' => '.',
        '(' | '（' => '(',
        ')' | '）' => ')',
        '*' | '/' | '|' => '/',
        ',' | '，' | '、' => ',',
        _ => return None,
    })
}

/// The digit that a character is read as.
pub(super) fn value(c: char) -> Option<u8> {
    let of = |first: char| u8::try_from(c as u32 - first as u32).ok();
    match c {
        '0'..='9' => of('0'),
        _ if c.is_ascii() => None,
        '０'..='９' => of('０'),
        '〇' | '零' | '⓪' | '⓿' => Some(0),
        '一' | '壹' | '幺' => Some(1),
        '二' | '贰' | '貳' => Some(2),
        '三' | '叁' | '參' => Some(3),
        '四' | '肆' => Some(4),
        '五' | '伍' => Some(5),
        '六' | '陆' | '陸' => Some(6),
        '七' | '柒' => Some(7),
        '八' | '捌' => Some(8),
        '九' | '玖' => Some(9),
        '①'..='⑨' => of('①').map(|n| n + 1),
        '❶'..='❾' => of('❶').map(|n| n + 1),
        '⑴'..='⑼' => of('⑴').map(|n| n + 1),
        '⁴'..='⁹' => of('⁴').map(|n| n + 4),
        '₀'..='₉' => of('₀'),
        '٠'..='٩' => of('٠'),
        '۰'..='۹' => of('۰'),
        '\u{1d7ce}'..='\u{1d7ff}' => u8::try_from((c as u32 - 0x1d7ce) % 10).ok(),
        _ => None,
    }
}
