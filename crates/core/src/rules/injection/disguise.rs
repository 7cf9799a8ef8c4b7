//! Instructions that do not look like words: lines and marks of chat formats, base64, letters turned or drawn apart.
//! Everything here is bounded: long texts are looked at once.

use std::ops::Range;

/// Marks that only a chat format has.
const MARKS: [&str; 14] = [
    "<|im_start|>",
    "<|im_end|>",
    "<|system|>",
    "<|endoftext|>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<system>",
    "</system>",
    "<system_prompt>",
    "[system]",
    "【系统】",
    "【系统提示】",
    "[系统]",
];
/// What a forged line begins with.
const SPEAKERS: [&str; 14] = [
    "system:",
    "system：",
    "system prompt:",
    "system message:",
    "system override",
    "administrator override",
    "admin override",
    "developer:",
    "### system",
    "### instruction",
    "系统：",
    "系统:",
    "系统提示：",
    "系统消息：",
];
/// Shorter runs of base64 hide nothing worth it.
const SHORTEST: usize = 20;
/// Fewer letters drawn apart are initials.
pub(super) const SPACED: usize = 10;
/// Only so much of a run is read.
const LONGEST: usize = 4_096;

/// A line or mark that pretends to come from the house or the model's format.
pub(super) fn forged(text: &str) -> Option<Range<usize>> {
    for (at, c) in text.char_indices() {
        if matches!(c, '<' | '[' | '【') {
            for mark in MARKS {
                if starts(&text[at..], mark) {
                    return Some(at..at + mark.len());
                }
            }
        }
    }
    let mut at = 0;
    for line in text.split('\n') {
        let begins = line.trim_start_matches([' ', '\t', '*', '-', '>', '"', '“', '`']);
        let skipped = line.len() - begins.len();
        if !begins.starts_with(['s', 'S', 'a', 'A', 'd', 'D', '#', '系']) {
            at += line.len() + 1;
            continue;
        }
        for speaker in SPEAKERS {
            if starts(begins, speaker) {
                return Some(at + skipped..at + skipped + speaker.len());
            }
        }
        at += line.len() + 1;
    }
    None
}

fn starts(text: &str, with: &str) -> bool {
    text.as_bytes()
        .get(..with.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
}

/// A run of base64 whose plain text is an attempt.
pub(super) fn encoded(text: &str, is_attempt: impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = 0;
    for at in 0..=bytes.len() {
        if bytes.get(at).is_some_and(|byte| sextet(*byte).is_some()) {
            continue;
        }
        if at - start >= SHORTEST {
            let run = &bytes[start..at.min(start + LONGEST)];
            let plain = base64(run);
            if let Ok(plain) = std::str::from_utf8(&plain)
                && plain.chars().all(|c| !c.is_control() || c.is_whitespace())
                && is_attempt(plain)
            {
                return Some(start..at);
            }
        }
        start = at + 1;
    }
    None
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// The bytes of a run; a broken end is left off.
fn base64(run: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(run.len() * 3 / 4);
    for four in run.chunks(4) {
        let bits = four
            .iter()
            .filter_map(|byte| sextet(*byte))
            .fold(0_u32, |bits, six| bits << 6 | six)
            << (6 * (4 - four.len()));
        let whole = four.len().saturating_sub(1);
        plain.extend_from_slice(&bits.to_be_bytes()[1..1 + whole]);
    }
    while std::str::from_utf8(&plain).is_err_and(|error| error.error_len().is_none()) {
        plain.pop();
    }
    plain
}

/// Each Latin letter thirteen further.
pub(super) fn rot13(text: &str) -> String {
    let turn = |c: char, first: u8| char::from((c as u8 - first + 13) % 26 + first);
    text.chars()
        .map(|c| match c {
            'a'..='z' => turn(c, b'a'),
            'A'..='Z' => turn(c, b'A'),
            other => other,
        })
        .collect()
}

/// Words drawn apart, one letter at a time, that tell to ignore or show instructions.
pub(super) fn spaced(text: &str) -> Option<Range<usize>> {
    let mut letters = String::new();
    let (mut start, mut end) = (0, 0);
    let mut at = 0;
    for word in text.split([' ', '.', '-', '_', '*']) {
        let mut chars = word.chars();
        match (chars.next(), chars.next()) {
            (Some(letter), None) if letter.is_alphabetic() => {
                if letters.is_empty() {
                    start = at;
                }
                letters.extend(letter.to_lowercase());
                end = at + word.len();
            }
            (None, _) => {}
            _ => {
                if hides(&letters) {
                    break;
                }
                letters.clear();
            }
        }
        at += word.len() + 1;
    }
    hides(&letters).then_some(start..end)
}

fn hides(letters: &str) -> bool {
    const VERBS: [&str; 5] = ["ignore", "forget", "disregard", "reveal", "show"];
    const OBJECTS: [&str; 5] = ["instruction", "prompt", "rules", "everything", "previous"];
    letters.len() >= 12
        && VERBS.iter().any(|verb| letters.contains(verb))
        && OBJECTS.iter().any(|object| letters.contains(object))
}
