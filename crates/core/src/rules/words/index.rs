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
}

/// Entries by how they begin.
#[derive(Debug, Default)]
pub(super) struct Index {
    wants: Vec<Want>,
    /// Where each entry begins in `wants`, and where the last one ends.
    starts: Vec<u32>,
    /// Which lengths of heads there are for the first two units, a bit each.
    pairs: Vec<u8>,
    pair_shift: u32,
    /// Bits for the first four units of each entry.
    prefixes: Bits,
    /// Bits for the heads of each entry.
    heads: Bits,
    /// Whether an entry has only one unit.
    single: bool,
    buckets: Buckets,
}

/// How many units of an entry are hashed: the most that it has.
const HEADS: [usize; 6] = [8, 6, 4, 3, 2, 1];
/// Where nothing begins with so many, nothing longer does.
const PREFIX: usize = 4;
const LONGEST_HEAD: usize = HEADS[0];
const PAIR: usize = 2;

impl Index {
    pub fn build(entries: &[Vec<Want>]) -> Index {
        let pairs = (4 * entries.len()).next_power_of_two().max(256);
        let mut index = Index {
            pairs: vec![0; pairs],
            pair_shift: 64 - pairs.ilog2(),
            prefixes: Bits::for_many(entries.len()),
            heads: Bits::for_many(entries.len()),
            ..Index::default()
        };
        let mut hashes = Vec::with_capacity(entries.len());
        index.starts.push(0);
        for entry in entries {
            let head = HEADS
                .iter()
                .copied()
                .find(|n| *n <= entry.len())
                .unwrap_or(1);
            let mut hash = 0;
            for (n, want) in entry.iter().take(head).enumerate() {
                hash = step(hash, want.class);
                if n + 1 == PAIR {
                    index.pairs[(mix(hash) >> index.pair_shift) as usize] |= bit(head);
                }
                if n + 1 == PREFIX {
                    index.prefixes.set(mix(hash));
                }
            }
            index.single |= head == 1;
            index.heads.set(mix(hash));
            hashes.push(mix(hash));
            index.wants.extend(entry);
            index.starts.push(count(index.wants.len()));
        }
        index.buckets = Buckets::build(hashes.len(), || {
            hashes.iter().enumerate().map(|(n, hash)| (*hash, count(n)))
        });
        index
    }

    /// What an entry is made of.
    pub fn wants(&self, entry: u32) -> &[Want] {
        let at = |n: usize| self.starts.get(n).copied().unwrap_or(0) as usize;
        &self.wants[at(entry as usize)..at(entry as usize + 1)]
    }

    /// Each place where an entry begins and all of its classes follow: the entry, and how many units it covers.
    pub fn at(&self, units: &[Unit], start: usize, mut found: impl FnMut(u32, usize)) {
        let mut hash = 0;
        let mut lengths = if self.single { bit(1) } else { 0 };
        for (n, unit) in units[start..].iter().take(LONGEST_HEAD).enumerate() {
            if n > 0 && unit.gap == Gap::Break {
                return;
            }
            hash = step(hash, unit.class);
            let so_far = n + 1;
            if so_far != PAIR && so_far != PREFIX && lengths & bit(so_far) == 0 {
                continue;
            }
            let mixed = mix(hash);
            if so_far == PAIR {
                let place = (mixed >> self.pair_shift) as usize;
                lengths = self.pairs.get(place).copied().unwrap_or(0);
            }
            // Whether heads of this length or longer ones may follow.
            if so_far >= PAIR && lengths < bit(so_far) {
                return;
            }
            if so_far == PREFIX && !self.prefixes.has(mixed) {
                return;
            }
            if lengths & bit(so_far) == 0 || !self.heads.has(mixed) {
                continue;
            }
            for &entry in self.buckets.get(mixed) {
                let wants = self.wants(entry);
                if is_head(wants.len(), so_far) && all_there(units, start, wants) {
                    found(entry, wants.len());
                }
            }
        }
    }
}

fn bit(length: usize) -> u8 {
    1 << (length - 1)
}

/// Whether an entry of so many units has a head of this length.
fn is_head(units: usize, head: usize) -> bool {
    HEADS.iter().find(|n| **n <= units) == Some(&head)
}

fn all_there(units: &[Unit], start: usize, wants: &[Want]) -> bool {
    let there = units.get(start..start + wants.len()).unwrap_or_default();
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
        let words = (count / 4).max(16).next_power_of_two();
        Bits {
            words: vec![0; words],
            shift: 64 - words.ilog2(),
        }
    }

    pub fn set(&mut self, hash: u64) {
        if let Some(word) = self.words.get_mut((hash >> self.shift) as usize) {
            *word |= 1 << (hash & 63);
        }
    }

    pub fn has(&self, hash: u64) -> bool {
        self.words
            .get((hash >> self.shift) as usize)
            .is_some_and(|word| word >> (hash & 63) & 1 == 1)
    }
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
