//! Words of which most letters are stars: `z*****`, `zu****rs`. Only entries that are no ordinary words are looked for,
//! and only a person may act on it, for many words may be meant. Bold text and powers (`**no**`, `x**2`) are none.

use std::collections::HashMap;
use std::ops::Range;

use super::index::{Index, Want};
use super::latin::{ENDINGS, spelling};
use crate::normalise::lexicon::is_settled;

/// What a person reads who asks why.
pub(super) const STARRED: &str = "written with stars for letters";

/// Entries are not shorter than this.
const SHORTEST: usize = 4;
/// So many such words of a text are looked at.
const MOST: usize = 16;

/// Entries by their first letter and how many letters they have.
#[derive(Debug, Default)]
pub(super) struct Starred {
    entries: HashMap<(u8, usize), Vec<u32>>,
}

impl Starred {
    /// Takes an entry if it may be looked for.
    pub fn add(&mut self, entry: u32, wants: &[Want]) {
        let one = wants.iter().all(|want| !want.apart);
        if let Some(letters) = spelling(wants)
            && one
            && letters.len() >= SHORTEST
            && letters.iter().all(u8::is_ascii_lowercase)
            && !is_settled(&letters)
        {
            let place = (letters[0], letters.len());
            self.entries.entry(place).or_default().push(entry);
        }
    }

    /// Every word that may be an entry: where it stands.
    pub fn find(&self, text: &str, index: &Index, mut found: impl FnMut(u32, Range<usize>)) {
        let bytes = text.as_bytes();
        // Most lines have none.
        if !bytes.contains(&b'*') {
            return;
        }
        let mut from = 0;
        for _ in 0..MOST {
            let Some(stars) = text[from..].find("**").map(|at| from + at) else {
                return;
            };
            let letter = |byte: &&u8| byte.is_ascii_alphabetic();
            let count =
                |run: usize, stop: usize| bytes[run..stop].iter().rev().take_while(letter).count();
            let begins = stars - count(from, stars);
            let after = stars
                + bytes[stars..]
                    .iter()
                    .take_while(|byte| **byte == b'*')
                    .count();
            let ends = after + bytes[after..].iter().take_while(letter).count();
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '*');
            let apart =
                edge(text[..begins].chars().next_back()) && edge(text[ends..].chars().next());
            if begins < stars && apart {
                let word = Word {
                    before: &bytes[begins..stars],
                    hidden: after - stars,
                    after: &bytes[after..ends],
                };
                self.entries(&word, index, |entry| found(entry, begins..ends));
            }
            from = after;
        }
    }

    fn entries(&self, word: &Word<'_>, index: &Index, mut found: impl FnMut(u32)) {
        let Word {
            before,
            hidden,
            after,
        } = *word;
        for seen in 0..=after.len().min(SHORTEST) {
            let (tail, ending) = after.split_at(seen);
            let ending = ending.to_ascii_lowercase();
            if !ending.is_empty() && !ENDINGS.contains(&&ending[..]) {
                continue;
            }
            let place = (before[0].to_ascii_lowercase(), before.len() + hidden + seen);
            for &entry in self.entries.get(&place).into_iter().flatten() {
                let meant = spelling(index.wants(entry)).is_some_and(|letters| {
                    let (head, end) = (&letters[..before.len()], &letters[letters.len() - seen..]);
                    head.eq_ignore_ascii_case(before) && end.eq_ignore_ascii_case(tail)
                });
                if meant {
                    found(entry);
                }
            }
        }
    }
}

/// One that has stars: the letters before and after them, and how many there are.
struct Word<'t> {
    before: &'t [u8],
    hidden: usize,
    after: &'t [u8],
}
