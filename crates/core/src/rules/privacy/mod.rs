//! What tells who somebody is or takes their money: phone numbers, cards of identity, bank cards, e-mail addresses.
//! Found in a question before a provider sees it, and in an answer before the room does; masked so that the shape
//! stays. Looks at numbers and at the words before them; knows nobody's number, and calls a number of an order none.

mod checks;
mod cues;
mod digits;
mod lettered;
mod mail;
mod numbers;
#[cfg(test)]
mod tests;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Hit;

/// A kind of private data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A phone number.
    Phone,
    /// The number of a card of identity, of a passport, of social security.
    IdCard,
    /// The number of a bank card or of an account.
    BankCard,
    /// An e-mail address.
    Email,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Phone, Kind::IdCard, Kind::BankCard, Kind::Email];

    /// As charters, findings and lists call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Phone => "phone",
            Kind::IdCard => "id-card",
            Kind::BankCard => "bank-card",
            Kind::Email => "email",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Kind::Phone => "this is a phone number",
            Kind::IdCard => "this is the number of somebody's papers",
            Kind::BankCard => "this is the number of a bank card or account",
            Kind::Email => "this is an e-mail address",
        }
    }

    fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// All private data of a text, in its order; no two overlap.
pub fn find(text: &str) -> Vec<Hit> {
    let look = look(text);
    let mut found: Vec<(Range<usize>, Kind)> = Vec::new();
    if look.mail {
        found.extend(mail::find(text).map(|span| (span, Kind::Email)));
    }
    if look.numbers {
        let free = |span: &Range<usize>, found: &[(Range<usize>, Kind)]| {
            found
                .binary_search_by(|(taken, _)| {
                    if taken.end <= span.start {
                        std::cmp::Ordering::Less
                    } else if taken.start >= span.end {
                        std::cmp::Ordering::Greater
                    } else {
                        std::cmp::Ordering::Equal
                    }
                })
                .is_err()
        };
        let more: Vec<_> = numbers::find(text)
            .into_iter()
            .filter(|(span, _)| free(span, &found))
            .collect();
        found.extend(more);
        found.sort_by_key(|(span, _)| span.start);
    }
    found
        .into_iter()
        .map(|(span, kind)| Hit::sure(span, kind.name(), kind.why()))
        .collect()
}

/// The text with data of these kinds masked: `138****5678`, `l***@…`. What is masked is not found again.
pub fn mask(text: &str, kinds: &[Kind]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for hit in find(text) {
        let Some(kind) = Kind::named(hit.kind).filter(|kind| kinds.contains(kind)) else {
            continue;
        };
        out.push_str(&text[done..hit.span.start]);
        push_masked(&mut out, &text[hit.span.clone()], kind);
        done = hit.span.end;
    }
    out.push_str(&text[done..]);
    out
}

fn push_masked(out: &mut String, secret: &str, kind: Kind) {
    let (first, last) = match kind {
        Kind::Email => {
            out.extend(secret.chars().next());
            return out.push_str("***@…");
        }
        Kind::Phone => (3, 4),
        Kind::IdCard => (3, 2),
        Kind::BankCard => (4, 4),
    };
    let count = secret.chars().filter(|c| is_told(*c)).count();
    // A country's code is shown: what it calls in `+86 138…` is the shape.
    let prefix = if kind == Kind::Phone {
        count.saturating_sub(11)
    } else {
        0
    };
    // Of a short number less is shown.
    let (first, last) = if count < 10 {
        (1, 2)
    } else {
        (first + prefix, last)
    };
    let mut at = 0;
    for c in secret.chars() {
        if !is_told(c) {
            out.push(c);
            continue;
        }
        let shown = at < first || at + last >= count;
        out.push(if shown { c } else { '*' });
        at += 1;
    }
}

fn is_told(c: char) -> bool {
    digits::value(c).is_some() || c.is_ascii_alphanumeric()
}

struct Look {
    mail: bool,
    numbers: bool,
}

/// One look at each byte: is there an `@`, are there digits enough?
fn look(text: &str) -> Look {
    let bytes = text.as_bytes();
    let mut count = 0;
    let mut mail = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => count += 1,
            b'@' => mail = true,
            // `(at)`, and the sign in full width.
            b't' | b'T' => {
                mail |= matches!(bytes.get(at + 1), Some(b')' | b']' | b'}'));
            }
            0xe3..=0xe9 if is_numeral(&bytes[at..]) => count += 1,
            0xef => {
                count += usize::from(matches!(
                    bytes.get(at + 1..at + 3),
                    Some([0xbc, 0x90..=0x99])
                ));
                mail |= bytes[at..].starts_with("＠".as_bytes());
            }
            // Circled and mathematical digits, and those of other scripts.
            0xe2 | 0xf0 | 0xd9 | 0xdb => count += 1,
            _ => {}
        }
    }
    Look {
        mail,
        numbers: count >= FEWEST,
    }
}

/// Nothing that is looked for has fewer digits.
const FEWEST: usize = 7;

fn is_numeral(bytes: &[u8]) -> bool {
    const NUMERALS: &str = "〇零一二三四五六七八九幺壹贰貳叁參肆伍陆陸柒捌玖";
    // Nearly all Han begin with other bytes.
    matches!(bytes[0], 0xe3..=0xe9)
        && matches!(
            bytes.get(1),
            Some(
                0x80 | 0x82
                    | 0x83
                    | 0x85
                    | 0x8d
                    | 0x8e
                    | 0x8f
                    | 0x99
                    | 0x9b
                    | 0x9f
                    | 0xa3
                    | 0xb2
                    | 0xb4
                    | 0xb8
                    | 0xb9
                    | 0xba
                    | 0xbc
            )
        )
        && bytes.get(..3).is_some_and(|three| {
            NUMERALS
                .as_bytes()
                .chunks_exact(3)
                .any(|numeral| numeral == three)
        })
}
