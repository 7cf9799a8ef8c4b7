//! Entries by two keys, those of their first two characters: all that have the same first key side by side, so that a
//! text is looked up once for a first key and then close by for each second one. Whether an entry is meant is for
//! others to judge.

use super::index::count;
use crate::normalise::likeness::Key;

/// Numbers of entries by two keys.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// Which first keys there are; none at all for no entries.
    firsts: Vec<Firsts>,
    /// One for each first key, and one more.
    rows: Vec<Start>,
    /// A bit for each second key that there is.
    seconds: Vec<u64>,
    /// In order of the places of their second keys within each row.
    items: Vec<Item>,
    /// The places of each row.
    blocks: Vec<Block>,
}

/// Some first keys.
#[derive(Clone, Copy, Debug, Default)]
struct Firsts {
    /// A bit for each that there is …
    bits: u64,
    /// … and how many there are before all of these.
    before: u32,
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

/// The entries with one first key.
pub(super) type Row = u32;

/// A second key that is looked for in many rows.
#[derive(Clone, Copy, Default)]
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

/// A place of a row that a second key has, and where its items begin.
#[derive(Clone, Copy, Default)]
pub(super) struct Taken {
    from: u32,
    row: Row,
    second: Second,
}

/// More than the keys of any character, emoji or syllable.
const FEW: usize = 48;

/// A few things.
pub(super) struct Few<T> {
    things: [T; FEW],
    count: usize,
}

impl<T: Copy + Default> Few<T> {
    fn new() -> Few<T> {
        Few {
            things: [T::default(); FEW],
            count: 0,
        }
    }

    pub fn clear(&mut self) {
        self.count = 0;
    }

    pub fn len(&self) -> usize {
        self.count
    }

    fn is_full(&self) -> bool {
        self.count == FEW
    }

    /// Writes it down either way, so that nothing has to be guessed.
    fn add_if(&mut self, thing: T, really: bool) {
        if let Some(place) = self.things.get_mut(self.count) {
            *place = thing;
            self.count += usize::from(really);
        }
    }

    pub fn all(&self) -> &[T] {
        &self.things[..self.count]
    }
}

/// Where it is written down what is looked for.
pub(super) struct Room {
    /// The rows of first keys …
    pub rows: Few<Row>,
    /// … and second keys, as they are and as they look.
    pub said: Few<Second>,
    pub seen: Few<Second>,
    pub taken: Few<Taken>,
}

impl Room {
    pub fn new() -> Room {
        Room {
            rows: Few::new(),
            said: Few::new(),
            seen: Few::new(),
            taken: Few::new(),
        }
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
        let words = (usize::from(Key::MAX) + 1) / 64;
        heads.firsts = vec![Firsts::default(); words];
        heads.seconds = vec![0; words];
        for row in all.chunk_by_mut(|a, b| a >> 48 == b >> 48) {
            let first = row[0] >> 48;
            heads.firsts[first as usize / 64].bits |= 1 << (first % 64);
            heads.add(row, &chars);
        }
        heads.rows.push(Start {
            item: count(heads.items.len()),
            block: count(heads.blocks.len()),
            shift: 0,
        });
        let mut sum = 0;
        for firsts in &mut heads.firsts {
            firsts.before = sum;
            sum += firsts.bits.count_ones();
        }
        heads.blocks.shrink_to_fit();
        heads
    }

    /// Entries with one first key.
    fn add<'c>(&mut self, row: &mut [u64], chars: &impl Fn(u32) -> &'c [char]) {
        // Eight places or more for each second key: what is not there is mostly seen before any item is looked at.
        let places = (8 * row.len()).next_power_of_two().max(64);
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

    /// Writes down the row of a first key, if there is one.
    pub fn first(&self, key: Key, rows: &mut Few<Row>) {
        let firsts = self.firsts.get(usize::from(key) / 64);
        let Firsts { bits, before } = firsts.copied().unwrap_or_default();
        let bit = 1 << (key % 64);
        rows.add_if(before + (bits & (bit - 1)).count_ones(), bits & bit != 0);
    }

    /// Writes down a second key, if any entry has it.
    pub fn second(&self, key: Key, seconds: &mut Few<Second>) {
        let bits = self.seconds.get(usize::from(key) / 64).unwrap_or(&0);
        seconds.add_if(Second::of(key), bits >> (key % 64) & 1 == 1);
    }

    /// Entries of these rows with one of these second keys: those of the first row come first. Which places are taken
    /// is next to chance, so nothing branches on it before many of them were looked at.
    pub fn each(
        &self,
        rows: &[Row],
        seconds: &[Second],
        taken: &mut Few<Taken>,
        found: &mut dyn FnMut(Item),
    ) {
        taken.clear();
        for &row in rows {
            let (start, end) = self.row(row);
            let blocks = &self.blocks[start.block as usize..end.block as usize];
            for &second in seconds {
                if taken.is_full() {
                    self.taken(taken, found);
                }
                let place = second.place(start.shift);
                let block = &blocks[place / 64];
                let from = block.from;
                let marked = block.marks & second.mark() != 0;
                let may = marked & (block.places >> (place % 64) & 1 == 1);
                taken.add_if(Taken { from, row, second }, may);
            }
        }
        self.taken(taken, found);
    }

    fn row(&self, row: Row) -> (Start, Start) {
        let row = row as usize;
        (self.rows[row], self.rows[row + 1])
    }

    fn taken(&self, taken: &mut Few<Taken>, found: &mut dyn FnMut(Item)) {
        for &Taken { from, row, second } in taken.all() {
            let (Start { shift, .. }, end) = self.row(row);
            let place = second.place(shift);
            self.items[from as usize..end.item as usize]
                .iter()
                .take_while(|item| Second::of(item.second).place(shift) <= place)
                .filter(|item| item.second == second.key)
                .for_each(|item| found(*item));
        }
        taken.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::likeness;
    use crate::rules::words::line::COMMONEST_KIN;

    #[test]
    fn all_keys_of_a_character_or_an_emoji_are_few() {
        for c in '\0'..='\u{2ffff}' {
            // Its sound and itself come on top.
            let like = likeness::keys(c);
            let keys = 2 + like.shapes.len() + COMMONEST_KIN;
            assert!(keys <= FEW, "{c}: {keys} keys");
            let names = likeness::names(c).len();
            assert!(names <= FEW, "{c}: {names} names");
        }
    }

    #[test]
    fn entries_are_found_by_any_two_of_their_keys() {
        let chars = ['a', 'b'];
        let head = |number: u32| Head {
            first: Key::try_from(number % 7).unwrap(),
            second: Key::try_from(100 + number % 50).unwrap(),
            number,
        };
        let heads = Heads::build((0..3000).map(head).collect(), |_| &chars);
        let mut room = Room::new();
        for (firsts, seconds) in [(0..7, 100..140), (3..4, 120..121), (5..20, 140..170)] {
            let Room {
                rows, said, taken, ..
            } = &mut room;
            rows.clear();
            firsts.clone().for_each(|key| heads.first(key, rows));
            said.clear();
            seconds.clone().for_each(|key| heads.second(key, said));
            let mut found = Vec::new();
            heads.each(rows.all(), said.all(), taken, &mut |item| {
                found.push(item.number());
            });
            found.sort_unstable();
            let meant = |number: &u32| {
                let head = head(*number);
                firsts.contains(&head.first) && seconds.contains(&head.second)
            };
            let expected: Vec<u32> = (0..3000).filter(meant).collect();
            assert_eq!(found, expected, "{firsts:?} {seconds:?}");
        }
    }
}
