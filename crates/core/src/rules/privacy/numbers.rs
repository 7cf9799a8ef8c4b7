//! Which numbers are private: phones, papers, cards. A checksum or a shape that only one thing has, and no word before
//! it that says otherwise; where neither is enough, a word that says so.

use std::ops::Range;

use super::Kind;
use super::checks::{is_area, is_date, is_identity, is_of_one_brand, is_place, luhn, two};
use super::cues::{self, Cue};
use super::digits::{Run, runs};
use super::lettered;

/// All of a text, in their order; no two overlap.
pub(super) fn find(text: &str) -> Vec<(Range<usize>, Kind)> {
    let mut found = Vec::new();
    for run in runs(text) {
        let look = Look { text, run: &run };
        let mut group = 0;
        while group < run.groups.len() {
            match look.at(group) {
                Some((span, kind, next)) => {
                    found.push((span, kind));
                    group = next;
                }
                None => group += 1,
            }
        }
    }
    let more = lettered::find(text);
    for (span, kind) in more {
        let free = |taken: &Range<usize>| taken.end <= span.start || taken.start >= span.end;
        found.retain(|(taken, _)| free(taken));
        found.push((span, kind));
    }
    found.sort_by_key(|(span, _)| span.start);
    found
}

struct Look<'r> {
    text: &'r str,
    run: &'r Run,
}

/// Groups of one run, read as one number.
struct Number {
    digits: Vec<u8>,
    sizes: Vec<usize>,
    /// What stands between all of its groups, if it is the same.
    separator: Option<char>,
    span: Range<usize>,
    next: usize,
}

const MOST_GROUPS: usize = 19;
const MOST_DIGITS: usize = 19;
/// Shorter ones are private only if a word says so.
const FEWEST: usize = 9;

impl Look<'_> {
    fn at(&self, group: usize) -> Option<(Range<usize>, Kind, usize)> {
        // Single digits are one number from the first of them on.
        let single = |group: usize| self.run.group_len(group) == 1;
        if group > 0 && single(group) && single(group - 1) {
            return None;
        }
        let numbers = self.numbers(group);
        let papers = numbers.iter().rev().find_map(|n| self.papers(n));
        papers
            .or_else(|| numbers.iter().rev().find_map(|n| self.card(n)))
            .or_else(|| numbers.iter().rev().find_map(|n| self.phone(n, group)))
    }

    /// All numbers that begin with this group.
    fn numbers(&self, first: usize) -> Vec<Number> {
        let mut numbers = Vec::new();
        let start = self.run.groups[first];
        let mut separators: Vec<char> = Vec::new();
        for last in first..self.run.groups.len().min(first + MOST_GROUPS) {
            let end = self.run.group_end(last);
            if end - start > MOST_DIGITS {
                break;
            }
            if last > first {
                separators.push(self.run.separators[last - 1]);
            }
            if end - start < FEWEST {
                continue;
            }
            let same = separators.first().copied();
            numbers.push(Number {
                digits: self.run.digits[start..end]
                    .iter()
                    .map(|d| d.value)
                    .collect(),
                sizes: (first..=last)
                    .map(|group| self.run.group_len(group))
                    .collect(),
                separator: same.filter(|c| separators.iter().all(|other| other == c)),
                span: self.run.digits[start].start..self.run.digits[end - 1].end,
                next: last + 1,
            });
        }
        numbers
    }

    fn cue(&self, number: &Number) -> Option<Cue> {
        cues::before(self.text, number.span.start)
    }

    fn letter_before(&self, at: usize) -> bool {
        self.text[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_ascii_alphabetic())
    }

    fn letter_after(&self, at: usize) -> bool {
        self.text[at..]
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic())
    }

    /// A decimal fraction, an amount, a piece of a longer code.
    fn is_amount(&self, number: &Number) -> bool {
        let before = self.text[..number.span.start].chars().next_back();
        let after = &self.text[number.span.end..];
        let mut coming = after.chars();
        let point = coming.next() == Some('.') && coming.next().is_some_and(|c| c.is_ascii_digit());
        let point_before = before == Some('.')
            && self.text[..number.span.start - 1].ends_with(|c: char| c.is_ascii_digit());
        point
            || point_before
            || matches!(before, Some('$' | '¥' | '￥' | '€' | '£' | '第'))
            || cues::is_amount(self.text, number.span.end)
    }

    /// Groups that somebody writes in one number: of one size at least 2, or single digits, with one separator.
    fn is_evenly_set(&self, number: &Number) -> bool {
        if number.sizes.len() == 1 {
            return true;
        }
        let single = number.sizes.iter().all(|size| *size == 1);
        let Some(separator) = number.separator else {
            return false;
        };
        let goes_on = self.run.separators.get(number.next - 1) == Some(&separator)
            && (single || separator != ' ' || self.run.group_len(number.next) == 4);
        !goes_on
            && (single || number.sizes.len() <= 6 && number.sizes.iter().all(|size| *size >= 2))
    }

    fn papers(&self, number: &Number) -> Option<(Range<usize>, Kind, usize)> {
        let (span, digits) = (&number.span, &number.digits[..]);
        if self.letter_before(span.start) || !self.is_evenly_set(number) && !is_ssn(number) {
            return None;
        }
        let end = match digits.len() {
            // The check digit 10 is written X.
            17 => self.after_x(span.end).filter(|_| is_identity(digits, 10))?,
            18 if is_identity(&digits[..17], digits[17]) => span.end,
            15 if number.sizes.len() == 1 && self.is_old_identity(number) => span.end,
            9 if is_ssn(number)
                && !self.text[..span.start].ends_with('-')
                && (number.separator == Some('-') || self.cue(number) == Some(Cue::Papers)) =>
            {
                span.end
            }
            9 if span.len() == 9 && is_area(digits) && self.cue(number) == Some(Cue::Papers) => {
                span.end
            }
            _ => return None,
        };
        (!self.letter_after(end)).then_some((span.start..end, Kind::IdCard, number.next))
    }

    /// Where an X after this place ends, with a blank before it or none.
    fn after_x(&self, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let bare = rest.strip_prefix(' ').unwrap_or(rest);
        let x = bare
            .chars()
            .next()
            .filter(|c| matches!(c, 'x' | 'X' | 'Ｘ' | 'ｘ' | '×'))?;
        Some(at + rest.len() - bare.len() + x.len_utf8())
    }

    /// Fifteen digits as they were until 1999: place, two digits of the year, month and day; no check digit, so that
    /// a word has to say what it is.
    fn is_old_identity(&self, number: &Number) -> bool {
        let digits = &number.digits[..];
        is_place(digits)
            && is_date(1900 + two(&digits[6..]), &digits[8..])
            && self.cue(number) == Some(Cue::Papers)
    }

    fn card(&self, number: &Number) -> Option<(Range<usize>, Kind, usize)> {
        let length = number.digits.len();
        if length < 12 || !luhn(&number.digits) || !self.is_evenly_set(number) {
            return None;
        }
        if self.letter_before(number.span.start)
            || self.letter_after(number.span.end)
            || self.is_amount(number)
            || lettered::begins_iban(&self.text[..number.span.start])
        {
            return None;
        }
        let sized = number.sizes.len() == 1
            || number.sizes.iter().all(|size| (3..=15).contains(size))
            || number.sizes.iter().all(|size| *size == 1);
        let same = number.digits.iter().all(|digit| *digit == number.digits[0]);
        let cue = self
            .cue(number)
            .or_else(|| cues::after(self.text, number.span.end));
        let believed = match cue {
            Some(Cue::Card) => !same && number.digits[0] != 0,
            Some(Cue::Other) => false,
            Some(Cue::Phone | Cue::Papers) | None => {
                length >= 14 && !same && is_of_one_brand(&number.digits)
            }
        };
        (sized && believed).then(|| (number.span.clone(), Kind::BankCard, number.next))
    }

    fn phone(&self, number: &Number, first: usize) -> Option<(Range<usize>, Kind, usize)> {
        let plus = self.plus_before(number.span.start);
        if self.letter_after(number.span.end) || self.is_amount(number) && !plus {
            return None;
        }
        if self.letter_before(number.span.start) && !self.is_called_before(number.span.start) {
            return None;
        }
        if self.is_in_link(number.span.start) {
            return None;
        }
        let national = strip_country(&number.digits);
        let mobile = national.len() == 11 && national[0] == 1 && national[1] >= 3;
        let from_country = national.len() < number.digits.len();
        let set = mobile && self.is_mobile_set(number, from_country, first);
        let abroad = plus && is_international(&number.digits);
        if !set && !abroad && (mobile || !self.is_landline(number, true)) {
            return None;
        }
        let cue = self.cue(number);
        let believed = set && (cue != Some(Cue::Other) || plus)
            || abroad
            || cue != Some(Cue::Other) && self.is_landline(number, cue == Some(Cue::Phone));
        let sign = self.text[..number.span.start].chars().next_back();
        let start = number.span.start - sign.filter(|_| plus).map_or(0, char::len_utf8);
        believed.then_some((start..number.span.end, Kind::Phone, number.next))
    }

    /// A mobile number is written whole, or in groups that make its rhythm.
    fn is_mobile_set(&self, number: &Number, from_country: bool, first: usize) -> bool {
        let sizes = &number.sizes[..];
        let sizes = if from_country {
            match sizes {
                [2 | 4, rest @ ..] if !rest.is_empty() => rest,
                [13 | 15] => return true,
                _ => sizes,
            }
        } else {
            sizes
        };
        if let [11] = sizes {
            // `1.13812345678` and `2-13812345678` are parts of something else; `10-13812345678` a sum.
            let tied = first > 0
                && matches!(self.run.separators[first - 1], '.' | '/')
                && self.run.group_len(first - 1) < 7;
            let goes_on = self.run.separators.get(number.next - 1) == Some(&'.');
            return !tied && !goes_on;
        }
        if !self.is_evenly_set(number) && !from_country {
            return false;
        }
        let preceded = first > 0
            && number.separator.is_some()
            && self.run.separators.get(first - 1) == number.separator.as_ref()
            && number.separator != Some(' ');
        // Four groups between points are an address of a machine.
        let machine = number.separator == Some('.') && sizes.iter().all(|size| *size < 4);
        !preceded
            && !machine
            && (sizes.iter().all(|size| *size == 1)
                || sizes.len() <= 5 && sizes.iter().all(|size| *size >= 2))
    }

    /// `010-12345678`, `(0755) 2345 678`, `415-555-2671`
    fn is_landline(&self, number: &Number, told: bool) -> bool {
        let area = number.sizes[0];
        let rest: usize = number.sizes[1..].iter().sum();
        let digits = &number.digits[..];
        let local = digits.get(area).copied().unwrap_or(0);
        let opened = self.text[..number.span.start].ends_with(['(', '（']);
        match (number.sizes.len(), digits[0]) {
            (2 | 3, 0) if area == 3 || area == 4 => {
                let length = rest == 8 || rest == 7 && area == 4;
                let shaped = number.sizes.len() == 2 || number.sizes[2] == 4;
                let zone =
                    area == 3 && (digits[1] <= 2 && digits[1] > 0) || area == 4 && digits[1] >= 3;
                let joined = opened
                    || number.separator.is_some_and(|c| c == '-')
                    || told
                    || number.sizes.len() == 2 && number.separator == Some(' ');
                length && shaped && zone && local >= 2 && joined
            }
            (1, 0) => told && matches!(digits.len(), 11 | 12) && digits[1] > 0,
            (3, 2..) if number.sizes == [3, 3, 4] => {
                let exchange = digits[3] >= 2;
                let for_all = digits.starts_with(&[4, 0, 0]) || digits.starts_with(&[8, 0, 0]);
                exchange && !for_all && (number.separator == Some('-') || opened || told)
            }
            _ => false,
        }
    }

    fn plus_before(&self, at: usize) -> bool {
        let before = &self.text[..at];
        before.ends_with(['+', '＋'])
            && !before
                .trim_end_matches(['+', '＋'])
                .ends_with(|c: char| c.is_ascii_alphanumeric() || c == ')')
    }

    /// `tel13812345678`: the letters before say what it is.
    fn is_called_before(&self, at: usize) -> bool {
        let before = &self.text[..at];
        let letters = before.len()
            - before
                .trim_end_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let word = before[at - letters..].to_ascii_lowercase();
        matches!(
            &*word,
            "tel"
                | "phone"
                | "mobile"
                | "cell"
                | "call"
                | "vx"
                | "wx"
                | "v"
                | "t"
                | "p"
                | "m"
                | "at"
                | "no"
                | "sms"
                | "me"
                | "is"
        )
    }

    /// Part of an address of the web.
    fn is_in_link(&self, at: usize) -> bool {
        let before = &self.text[..at];
        if !before.ends_with(['/', '=', '-', '_']) {
            return false;
        }
        let mut from = at.saturating_sub(200);
        while !before.is_char_boundary(from) {
            from += 1;
        }
        before[from..]
            .rsplit(char::is_whitespace)
            .next()
            .is_some_and(|word| word.contains("://") || word.contains("www."))
    }
}

/// Without 86 and 0086 before a mobile number.
fn strip_country(digits: &[u8]) -> &[u8] {
    match digits {
        [0, 0, 8, 6, rest @ ..] if rest.len() == 11 => rest,
        [8, 6, rest @ ..] if rest.len() == 11 => rest,
        _ => digits,
    }
}

fn is_international(digits: &[u8]) -> bool {
    (9..=15).contains(&digits.len()) && digits[0] != 0 && !ends_in_zeros(digits)
}

fn ends_in_zeros(digits: &[u8]) -> bool {
    digits.iter().rev().take_while(|d| **d == 0).count() >= 6
}

/// 219-09-9999
fn is_ssn(number: &Number) -> bool {
    let written = matches!(number.separator, Some('-' | ' ' | '.'));
    number.sizes == [3, 2, 4] && written && is_area(&number.digits)
}
