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
    let wanted = iban_length(token)?;
    let mut whole = String::new();
    let mut end = start;
    for group in text[start..].split(' ').take(9) {
        let clean = group.len()
            - group
                .trim_start_matches(|c: char| c.is_ascii_alphanumeric())
                .len();
        whole.push_str(&group[..clean]);
        end += clean;
        if whole.len() >= wanted || clean != 4 || clean < group.len() {
            break;
        }
        end += 1;
    }
    is_iban(&whole).then_some(end)
}

/// How long each country's are (the registry of ISO 13616).
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 \
    EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 \
    LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 \
    RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

fn iban_length(begins: &str) -> Option<usize> {
    let country = begins.get(..2)?;
    let row = IBAN_LENGTHS
        .split(' ')
        .find(|row| row[..2].eq_ignore_ascii_case(country))?;
    row[2..].parse().ok()
}

/// Two letters and two digits with a blank after them, as an account number begins.
pub(super) fn begins_iban(before: &str) -> bool {
    let head = before.strip_suffix(' ').unwrap_or_default();
    head.len() >= 4
        && head.is_char_boundary(head.len() - 4)
        && head.ends_with(|c: char| c.is_ascii_digit())
        && iban_length(&head[head.len() - 4..]).is_some()
}

fn is_iban(whole: &str) -> bool {
    if iban_length(whole) != Some(whole.len()) {
        return false;
    }
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
    rest == Some(1)
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
