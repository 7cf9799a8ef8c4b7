//! Numbers with letters in them, and numbers that only a word makes private: accounts of banks, passports, licences.

use std::ops::Range;

use super::Kind;
use super::checks::is_day;
use super::cues::{self, Cue};

/// Numbers with letters in them: accounts of banks (ISO 13616), papers that are called so.
pub(super) fn find(text: &str) -> Vec<(Range<usize>, Kind)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(place) = text[at..].find(|c: char| c.is_ascii_alphanumeric()) {
        let start = at + place;
        let rest = &text[start..];
        let end = start
            + rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
        let token = &text[start..end];
        at = end;
        if token.len() > 34 || token.len() < 4 {
            continue;
        }
        if let Some(end) = iban_end(text, start, token) {
            found.push((start..end, Kind::BankCard));
            at = end;
        } else if is_called_papers(text, start, token) {
            found.push((start..end, Kind::IdCard));
        }
    }
    found
}

/// Two letters, two check digits, and up to 30 more, in one or in fours.
fn iban_end(text: &str, start: usize, token: &str) -> Option<usize> {
    let bytes = token.as_bytes();
    let begins = bytes[0].is_ascii_alphabetic()
        && bytes[1].is_ascii_alphabetic()
        && bytes[2].is_ascii_digit()
        && bytes[3].is_ascii_digit();
    if !begins {
        return None;
    }
    if token.len() >= 15 {
        return is_iban(token).then_some(start + token.len());
    }
    if token.len() != 4 {
        return None;
    }
    let mut whole = String::new();
    let mut end = start;
    for group in text[start..].split(' ').take(9) {
        let clean = group.len()
            - group
                .trim_start_matches(|c: char| c.is_ascii_alphanumeric())
                .len();
        whole.push_str(&group[..clean]);
        end += clean;
        if clean != 4 || clean < group.len() || whole.len() > 34 {
            break;
        }
        if whole.len() >= 15 && is_iban(&whole) {
            return Some(end);
        }
        end += 1;
    }
    (whole.len() >= 15 && is_iban(&whole)).then_some(end)
}

fn is_iban(whole: &str) -> bool {
    let (head, tail) = whole.split_at(4);
    let rest = tail.chars().chain(head.chars()).try_fold(0, |rest, c| {
        let value = c.to_digit(36)?;
        Some(
            if value < 10 {
                rest * 10 + value
            } else {
                rest * 100 + value
            } % 97,
        )
    });
    whole.len() <= 34 && rest == Some(1)
}

/// `passport E12345678`, `driver's license number is 5130634`
fn is_called_papers(text: &str, start: usize, token: &str) -> bool {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let letters = token.len() - digits;
    (6..=18).contains(&token.len())
        && digits >= 5
        && letters <= 3
        && cues::before(text, start) == Some(Cue::Papers)
        && !text[start + token.len()..].starts_with(['-', '.'])
        && (letters > 0 || digits != 8 || !is_day(token))
}
