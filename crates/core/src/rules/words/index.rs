//! Where the entries of a list begin in a text: the first letters of every entry, hashed. Whether what was found is
//! meant is for others to judge.

use super::units::{Gap, Unit};
use crate::normalise::lexicon::mix;

/// What has to be compared of a unit of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub plain: char,
    pub class: char,
    pub run: u8,
    /// The entry has something before it, too.
    pub apart: bool,
    /// What an apostrophe joins to a word begins here.
    pub clitic: bool,
    /// Of a form that is written by ear, and of what entry.
    pub by_ear: Option<Heard>,
}

/// An entry that is looked for as it sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A word like others.
    Ordinary,
    /// No word, or a coarse one.
    Other,
}

/// Entries by how they begin.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Entries,
    /// Which lengths of heads there are for two units in plain letters, a bit each.
    letters: Vec<u8>,
    /// The same for any other two, and which of those there are.
    pairs: Vec<u8>,
    pair_shift: u32,
    known_pairs: Bits,
    /// Bits for the first four units of each entry.
    prefixes: Bits,
    /// Bits for the heads of each entry.
    heads: Bits,
    /// Whether an entry has only one unit.
    single: bool,
    /// So many units the longest has.
    pub longest: usize,
    buckets: Buckets,
}

/// What the entries of a list are made of, one after the other.
#[derive(Debug)]
pub(super) struct Entries {
    wants: Vec<Want>,
    /// Where each entry begins in `wants`, and where the last one ends.
    starts: Vec<u32>,
}

impl Default for Entries {
    fn default() -> Self {
        Entries {
            wants: Vec::new(),
            starts: vec![0],
        }
    }
}

impl Entries {
    pub fn add(&mut self, entry: &[Want]) {
        self.wants.extend_from_slice(entry);
        self.starts.push(count(self.wants.len()));
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn get(&self, entry: u32) -> &[Want] {
        let at = |n: usize| self.starts.get(n).copied().unwrap_or(0) as usize;
        &self.wants[at(entry as usize)..at(entry as usize + 1)]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[Want]> {
        (0..count(self.len())).map(|n| self.get(n))
    }
}

/// How many units of an entry are hashed: the most that it has.
const HEADS: [usize; 6] = [8, 6, 4, 3, 2, 1];
/// Where nothing begins with so many, nothing longer does.
const PREFIX: usize = 4;
const LONGEST_HEAD: usize = HEADS[0];
const PAIR: usize = 2;

impl Index {
    pub fn build(mut entries: Entries) -> Index {
        entries.wants.shrink_to_fit();
        entries.starts.shrink_to_fit();
        let others = entries
            .iter()
            .filter(|entry| {
                entry.len() >= PAIR && pair_of_letters(entry[0].class, entry[1].class).is_none()
            })
            .count();
        let long = entries.iter().filter(|entry| entry.len() >= PREFIX).count();
        let pairs = (2 * others).next_power_of_two().max(256);
        let mut index = Index {
            letters: vec![0; LETTERS * LETTERS],
            pairs: vec![0; pairs],
            pair_shift: 64 - pairs.ilog2(),
            known_pairs: Bits::for_many(others),
            prefixes: Bits::for_many(long),
            heads: Bits::for_many(entries.len()),
            ..Index::default()
        };
        let mut hashes = Vec::with_capacity(entries.len());
        for entry in entries.iter() {
            let head = HEADS
                .iter()
                .copied()
                .find(|n| *n <= entry.len())
                .unwrap_or(1);
            if let [first, second, ..] = entry {
                index.add_pair(first.class, second.class, bit(head));
            }
            let mut hash = 0;
            for (n, want) in entry.iter().take(head).enumerate() {
                hash = step(hash, want.class);
                if n + 1 == PREFIX {
                    index.prefixes.set(mix(hash));
                }
            }
            index.single |= head == 1;
            index.longest = index.longest.max(entry.len());
            index.heads.set(mix(hash));
            hashes.push(mix(hash));
        }
        index.buckets = Buckets::build(hashes.len(), || {
            hashes.iter().enumerate().map(|(n, hash)| (*hash, count(n)))
        });
        index.entries = entries;
        index
    }

    fn add_pair(&mut self, first: char, second: char, lengths: u8) {
        if let Some(place) = pair_of_letters(first, second) {
            self.letters[place] |= lengths;
        } else {
            let hash = pair(first, second);
            self.known_pairs.set(hash);
            self.pairs[(hash >> self.pair_shift) as usize] |= lengths;
        }
    }

    /// Which lengths of heads begin with these two.
    fn lengths(&self, first: char, second: char) -> u8 {
        if let Some(place) = pair_of_letters(first, second) {
            return self.letters.get(place).copied().unwrap_or(0);
        }
        let hash = pair(first, second);
        if !self.known_pairs.has(hash) {
            return 0;
        }
        let place = (hash >> self.pair_shift) as usize;
        self.pairs.get(place).copied().unwrap_or(0)
    }

    /// What an entry is made of.
    pub fn wants(&self, entry: u32) -> &[Want] {
        self.entries.get(entry)
    }

    /// Each place where an entry begins and all of its classes follow: the entry, and how many units it covers.
    pub fn at(&self, units: &[Unit], start: usize, mut found: impl FnMut(u32, usize)) {
        let here = &units[start..];
        if self.single && !here.is_empty() {
            self.heads_at(here, 1, mix(step(0, here[0].class)), &mut found);
        }
        if let [first, second, ..] = here
            && second.gap != Gap::Break
        {
            let lengths = self.lengths(first.class, second.class);
            if lengths != 0 {
                self.longer_at(here, lengths, &mut found);
            }
        }
    }

    /// Of two units or more; `lengths` tells which heads begin with the first two.
    fn longer_at(&self, here: &[Unit], lengths: u8, found: &mut impl FnMut(u32, usize)) {
        let mut hash = 0;
        for (n, unit) in here.iter().take(LONGEST_HEAD).enumerate() {
            if n > 0 && unit.gap == Gap::Break {
                return;
            }
            hash = step(hash, unit.class);
            let so_far = n + 1;
            // Whether heads of this length or longer ones may follow.
            if lengths < bit(so_far) {
                return;
            }
            if so_far == PREFIX && !self.prefixes.has(mix(hash)) {
                return;
            }
            if so_far >= PAIR && lengths & bit(so_far) != 0 {
                self.heads_at(here, so_far, mix(hash), found);
            }
        }
    }

    /// Entries whose head has this length and this hash.
    fn heads_at(
        &self,
        here: &[Unit],
        length: usize,
        hash: u64,
        found: &mut impl FnMut(u32, usize),
    ) {
        if !self.heads.has(hash) {
            return;
        }
        for &entry in self.buckets.get(hash) {
            let wants = self.wants(entry);
            if is_head(wants.len(), length) && all_there(here, wants) {
                found(entry, wants.len());
            }
        }
    }
}

/// Each letter or digit has a place among so many.
const LETTERS: usize = 64;

/// The place of two letters or digits of ASCII.
fn pair_of_letters(first: char, second: char) -> Option<usize> {
    let place = |c: char| c as usize % LETTERS;
    let both = (first as u32 | second as u32) < 0x80;
    both.then(|| place(first) * LETTERS + place(second))
}

/// The hash of two units.
pub(super) fn pair(first: char, second: char) -> u64 {
    let both = u64::from(first as u32) << 32 | u64::from(second as u32);
    let spread = both.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread ^ spread >> 32).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn bit(length: usize) -> u8 {
    1 << (length - 1)
}

/// Whether an entry of so many units has a head of this length.
fn is_head(units: usize, head: usize) -> bool {
    HEADS.iter().find(|n| **n <= units) == Some(&head)
}

fn all_there(here: &[Unit], wants: &[Want]) -> bool {
    let there = here.get(..wants.len()).unwrap_or_default();
    there.len() == wants.len()
        && there
            .iter()
            .zip(wants)
            .all(|(unit, want)| unit.class == want.class)
        && there[1..].iter().all(|unit| unit.gap != Gap::Break)
}

fn step(hash: u64, class: char) -> u64 {
    (hash ^ class as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(23)
}

/// Lists have far fewer entries than this can count.
pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A set of hashes that may take a stranger for one of its own, never the other way round.
#[derive(Debug, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    shift: u32,
}

impl Bits {
    pub fn for_many(count: usize) -> Bits {
        let words = (count / 8).max(16).next_power_of_two();
        Bits {
            words: vec![0; words],
            shift: 64 - words.ilog2(),
        }
    }

    pub fn set(&mut self, hash: u64) {
        if let Some(word) = self.words.get_mut((hash >> self.shift) as usize) {
            *word |= two(hash);
        }
    }

    pub fn has(&self, hash: u64) -> bool {
        let two = two(hash);
        self.words
            .get((hash >> self.shift) as usize)
            .is_some_and(|word| word & two == two)
    }
}

/// Two bits of a word: fewer strangers have both of them.
fn two(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63)
}

/// Numbers by hash.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    starts: Vec<u32>,
    slots: Vec<u32>,
    shift: u32,
}

impl Buckets {
    /// The items are gone through twice and must be the same both times.
    pub fn build<I: Iterator<Item = (u64, u32)>>(count: usize, items: impl Fn() -> I) -> Buckets {
        let buckets = count.max(2).next_power_of_two();
        let shift = 64 - buckets.ilog2();
        let mut starts = vec![0; buckets + 1];
        for (hash, _) in items() {
            starts[(hash >> shift) as usize] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut slots = vec![0; sum as usize];
        for (hash, item) in items() {
            let place = &mut starts[(hash >> shift) as usize];
            *place -= 1;
            slots[*place as usize] = item;
        }
        Buckets {
            starts,
            slots,
            shift,
        }
    }

    pub fn get(&self, hash: u64) -> &[u32] {
        let bucket = hash.checked_shr(self.shift).unwrap_or(0) as usize;
        match (
            self.starts.get(bucket),
            self.starts.get(bucket.wrapping_add(1)),
        ) {
            (Some(from), Some(to)) => &self.slots[*from as usize..*to as usize],
            (_, None) | (None, Some(_)) => &[],
        }
    }
}
