//! Entries by two keys, those of their first two characters: all that have the same first key side by side, so that a
//! text is looked up once for a first key and then close by for each second one. Whether an entry is meant is for
//! others to judge.

use super::index::count;
use crate::normalise::likeness::Key;

/// Numbers of entries by two keys.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// A bit for each first key that there is; none at all for no entries.
    firsts: Vec<u64>,
    /// How many bits are set before each of those numbers.
    before: Vec<u32>,
    /// One for each first key, and one more.
    rows: Vec<Start>,
    /// In order of the places of their second keys within each row.
    items: Vec<Item>,
    /// Bits for the places of each row.
    bits: Vec<u64>,
    /// The first item whose place is in each of those numbers, or after it.
    from: Vec<u32>,
}

/// An entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    second: Key,
    /// How many characters it has.
    pub length: u8,
    pub number: u32,
}

/// Where a row begins.
#[derive(Clone, Copy, Debug)]
struct Start {
    item: u32,
    bits: u32,
    shift: u32,
}

/// All entries with one first key.
pub(super) struct Row<'h> {
    /// Those of this row, and of all rows before it.
    items: &'h [Item],
    bits: &'h [u64],
    from: &'h [u32],
    shift: u32,
}

impl Heads {
    /// A first key, a second one and a number, in any order; and how long the entry with a number is.
    pub fn build(mut all: Vec<(Key, Key, u32)>, length: impl Fn(u32) -> usize) -> Heads {
        let mut heads = Heads::default();
        if all.is_empty() {
            return heads;
        }
        all.sort_unstable();
        all.dedup();
        heads.firsts = vec![0; (usize::from(Key::MAX) + 1) / 64];
        for row in all.chunk_by_mut(|a, b| a.0 == b.0) {
            let first = row[0].0;
            heads.firsts[usize::from(first) / 64] |= 1 << (first % 64);
            // Eight bits or more for each second key.
            let bits = (8 * row.len()).next_power_of_two().max(64);
            let from = heads.bits.len();
            let shift = 64 - bits.ilog2();
            heads.rows.push(Start {
                item: count(heads.items.len()),
                bits: count(from),
                shift,
            });
            row.sort_unstable_by_key(|(_, second, number)| {
                (place(*second, shift), *second, *number)
            });
            heads.bits.resize(from + bits / 64, 0);
            for &mut (_, second, number) in row {
                let place = place(second, shift);
                let word = from + place / 64;
                heads.bits[word] |= 1 << (place % 64);
                let next = count(heads.items.len());
                heads.from.resize(heads.from.len().max(word + 1), next);
                let length = u8::try_from(length(number)).unwrap_or(u8::MAX);
                heads.items.push(Item {
                    second,
                    length,
                    number,
                });
            }
            heads
                .from
                .resize(heads.bits.len(), count(heads.items.len()));
        }
        heads.rows.push(Start {
            item: count(heads.items.len()),
            bits: count(heads.bits.len()),
            shift: 0,
        });
        let mut sum = 0;
        for bits in &heads.firsts {
            heads.before.push(sum);
            sum += bits.count_ones();
        }
        heads
    }

    /// All entries with this first key.
    pub fn row(&self, first: Key) -> Option<Row<'_>> {
        let word = usize::from(first) / 64;
        let (bits, place) = (self.firsts.get(word)?, first % 64);
        if bits >> place & 1 == 0 {
            return None;
        }
        let passed = (bits & ((1 << place) - 1)).count_ones();
        let row = (self.before[word] + passed) as usize;
        let (start, end) = (self.rows[row], self.rows[row + 1]);
        Some(Row {
            items: &self.items[..end.item as usize],
            bits: &self.bits[start.bits as usize..end.bits as usize],
            from: &self.from[start.bits as usize..end.bits as usize],
            shift: start.shift,
        })
    }
}

impl Row<'_> {
    /// Those with this second key, too.
    pub fn get(&self, second: Key) -> impl Iterator<Item = &Item> {
        let at = place(second, self.shift);
        let from = if self.bits[at / 64] >> (at % 64) & 1 == 1 {
            self.from[at / 64] as usize
        } else {
            self.items.len()
        };
        self.items[from..]
            .iter()
            .take_while(move |item| place(item.second, self.shift) <= at)
            .filter(move |item| item.second == second)
    }
}

fn place(key: Key, shift: u32) -> usize {
    (u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize
}
