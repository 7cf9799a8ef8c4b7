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
    /// A bit for each second key that there is.
    seconds: Vec<u64>,
    /// In order of the places of their second keys within each row.
    items: Vec<Item>,
    /// The places of each row.
    blocks: Vec<Block>,
}

/// An entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    second: Key,
    /// Its last character.
    last: Key,
    /// Its number and how many characters it has, together.
    number_and_length: u32,
}

/// Numbers are below this …
pub(super) const MOST: u32 = 1 << (32 - LENGTH_BITS);
/// … and lengths have so many bits.
const LENGTH_BITS: u32 = 4;

impl Item {
    pub fn number(self) -> u32 {
        self.number_and_length >> LENGTH_BITS
    }

    pub fn length(self) -> usize {
        self.number_and_length as usize % (1 << LENGTH_BITS)
    }

    pub fn last(self) -> Option<char> {
        char::from_u32(self.last.into())
    }
}

/// Some places of a row, together so that a look at them is one look at memory.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    /// A bit for each place that is taken …
    places: u64,
    /// … and some for the keys that take them.
    marks: u32,
    /// The first item whose place is here or later.
    from: u32,
}

/// Where a row begins.
#[derive(Clone, Copy, Debug)]
struct Start {
    item: u32,
    block: u32,
    shift: u32,
}

/// All entries with one first key.
pub(super) struct Row<'h> {
    /// Those of this row, and of all rows before it.
    items: &'h [Item],
    blocks: &'h [Block],
    shift: u32,
}

/// A second key that is looked for in many rows.
#[derive(Clone, Copy)]
pub(super) struct Second {
    key: Key,
    hash: u64,
}

impl Second {
    fn of(key: Key) -> Second {
        let hash = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Second { key, hash }
    }

    fn place(self, shift: u32) -> usize {
        (self.hash >> shift) as usize
    }

    fn mark(self) -> u32 {
        1 << (self.hash >> 24 & 31)
    }
}

/// What is told of an entry to put it in its place.
pub(super) struct Head {
    pub first: Key,
    pub second: Key,
    pub number: u32,
}

impl Heads {
    /// Heads in any order, numbers below [`MOST`]; and which characters the entry with a number has.
    pub fn build<'c>(all: Vec<Head>, chars: impl Fn(u32) -> &'c [char]) -> Heads {
        let mut heads = Heads::default();
        if all.is_empty() {
            return heads;
        }
        let packed = |head: &Head| {
            u64::from(head.first) << 48 | u64::from(head.second) << 32 | u64::from(head.number)
        };
        let mut all: Vec<u64> = all.iter().map(packed).collect();
        all.sort_unstable();
        all.dedup();
        heads.items.reserve_exact(all.len());
        heads.firsts = vec![0; (usize::from(Key::MAX) + 1) / 64];
        heads.seconds = heads.firsts.clone();
        for row in all.chunk_by_mut(|a, b| a >> 48 == b >> 48) {
            let first = row[0] >> 48;
            heads.firsts[first as usize / 64] |= 1 << (first % 64);
            heads.add(row, &chars);
        }
        heads.rows.push(Start {
            item: count(heads.items.len()),
            block: count(heads.blocks.len()),
            shift: 0,
        });
        let mut sum = 0;
        for bits in &heads.firsts {
            heads.before.push(sum);
            sum += bits.count_ones();
        }
        heads.blocks.shrink_to_fit();
        heads
    }

    /// Entries with one first key.
    fn add<'c>(&mut self, row: &mut [u64], chars: &impl Fn(u32) -> &'c [char]) {
        // Four places or more for each second key.
        let places = (4 * row.len()).next_power_of_two().max(64);
        let (from, shift) = (self.blocks.len(), 64 - places.ilog2());
        self.rows.push(Start {
            item: count(self.items.len()),
            block: count(from),
            shift,
        });
        let second = |packed: u64| Second::of((packed >> 32) as Key);
        row.sort_unstable_by_key(|packed| (second(*packed).place(shift), *packed));
        self.blocks.resize(from + places / 64, Block::default());
        let mut reached = from;
        for &mut packed in row {
            let (second, number) = (second(packed), packed as u32);
            let place = second.place(shift);
            let next = count(self.items.len());
            let block = from + place / 64;
            while reached <= block {
                self.blocks[reached].from = next;
                reached += 1;
            }
            self.seconds[usize::from(second.key) / 64] |= 1 << (second.key % 64);
            self.blocks[block].places |= 1 << (place % 64);
            self.blocks[block].marks |= second.mark();
            let chars = chars(number);
            let last = chars.last().map_or(0, |c| *c as u32);
            self.items.push(Item {
                second: second.key,
                last: Key::try_from(last).unwrap_or(0),
                number_and_length: number << LENGTH_BITS | count(chars.len()),
            });
        }
    }

    /// Whether any entry has this second key.
    pub fn second(&self, key: Key) -> Option<Second> {
        let bits = self.seconds.get(usize::from(key) / 64)?;
        (bits >> (key % 64) & 1 == 1).then(|| Second::of(key))
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
            blocks: &self.blocks[start.block as usize..end.block as usize],
            shift: start.shift,
        })
    }
}

impl Row<'_> {
    /// Those with this second key, too.
    pub fn get(&self, second: Second) -> impl Iterator<Item = Item> {
        let at = second.place(self.shift);
        let block = self.blocks[at / 64];
        let may = block.places >> (at % 64) & 1 == 1 && block.marks & second.mark() != 0;
        let from = if may {
            block.from as usize
        } else {
            self.items.len()
        };
        self.items[from..]
            .iter()
            .take_while(move |item| Second::of(item.second).place(self.shift) <= at)
            .filter(move |item| item.second == second.key)
            .copied()
    }
}
