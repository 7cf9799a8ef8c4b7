//! A part of a plain text → the marks that it bears, as places in two tables of weights: what it says word for word,
//! and in which order it speaks of which things (`data/rules/crisis-words.txt`). Between the text and `weigh`; the
//! trainer in `training/crisis` includes this very file, so that both see the same. Knows no weights.

use std::ops::Range;

/// Places of each table, a power of two.
pub const PLACES: usize = 1 << 16;
/// A part is no longer than so many bytes.
const LONGEST: usize = 240;
/// Room for phrases, a power of two and more than twice as many as there are.
const PHRASES: usize = 1 << 13;
/// Things so far apart are still seen together.
const APART: usize = 5;

/// Which words speak of which thing.
pub struct Things {
    /// The hash of each phrase, and of each beginning of one, with the thing if it is whole and 0 if not; by the
    /// hash's last bits.
    phrases: Vec<(u32, u32)>,
}

impl Things {
    /// Of lines `THING: phrase,phrase`; what stands in two of them belongs to the first.
    pub fn new(table: &str) -> Things {
        let free = (0, NONE);
        let mut things = Things {
            phrases: vec![free; PHRASES],
        };
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        for (name, phrases) in lines.filter_map(|line| line.split_once(": ")) {
            let thing = unit_hash(name.as_bytes());
            for phrase in phrases.split(',') {
                let units = units(phrase);
                let mut hash = SALT;
                for (n, unit) in units.iter().enumerate() {
                    hash = join(hash, unit.hash);
                    let slot = things.slot(hash);
                    let slot = &mut things.phrases[slot];
                    slot.0 = hash;
                    if n + 1 == units.len() && slot.1 == NONE {
                        slot.1 = thing;
                    }
                }
            }
        }
        let used = things.phrases.iter().filter(|(hash, _)| *hash != 0);
        assert!(used.count() * 2 < PHRASES, "our own phrases fit");
        things
    }

    /// Where a hash stands, or would.
    fn slot(&self, hash: u32) -> usize {
        let mut slot = hash as usize % PHRASES;
        while ![0, hash].contains(&self.phrases[slot].0) {
            slot = (slot + 1) % PHRASES;
        }
        slot
    }

    /// What the units speak of, one after another, and where their sentences end.
    fn all(&self, units: &[Unit]) -> Vec<Seen> {
        let mut seen = Vec::new();
        let (mut from, mut gap) = (0, 0);
        while from < units.len() {
            let (thing, to, sides) = match (self.at(&units[from..]), units[from].text) {
                (Some((thing, long)), _) => (thing, from + long, 2),
                (None, "." | "!" | "?" | ";" | "\n") => (END, from + 1, 0),
                (None, text) => {
                    gap = (gap + u32::from(text != ",")).min(2);
                    from += 1;
                    continue;
                }
            };
            seen.push(Seen {
                thing,
                from,
                to,
                gap,
                sides,
            });
            (from, gap) = (to, 0);
        }
        seen
    }

    /// What the units from here on speak of, and how many of them do.
    fn at(&self, units: &[Unit]) -> Option<(u32, usize)> {
        let mut hash = SALT;
        let mut found = None;
        for (n, unit) in units.iter().enumerate() {
            hash = join(hash, unit.hash);
            let (phrase, thing) = self.phrases[self.slot(hash)];
            if phrase != hash {
                break;
            }
            if thing != NONE {
                found = Some((thing, n + 1));
            }
        }
        found
    }
}

/// Tells each mark that a part of a plain text bears, as often as it does: below [`PLACES`] what it says word for word,
/// from there on of which things it speaks.
pub fn read(things: &Things, part: &str, touch: &mut impl FnMut(usize)) {
    let units = units(part);
    read_words(&units, touch);
    read_letters(&units, touch);
    read_things(&things.all(&units), &units, &mut |place| {
        touch(PLACES + place)
    });
}

/// One, two and three units in a row.
fn read_words(units: &[Unit], touch: &mut impl FnMut(usize)) {
    let at = |n: usize| match n.checked_sub(1) {
        None => EDGE,
        Some(n) => units.get(n).map_or(EDGE, |unit| unit.hash),
    };
    for n in 0..=units.len() {
        let two = join(join(2, at(n)), at(n + 1));
        touch(place(two));
        if n < units.len() {
            touch(place(join(1, at(n + 1))));
            touch(place(join(join(two, at(n + 2)), 3)));
        }
    }
}

/// Three to five letters of a word, its edges among them.
fn read_letters(units: &[Unit], touch: &mut impl FnMut(usize)) {
    let long = |unit: &&Unit| unit.text.len() > 2 && unit.text.is_ascii();
    for word in units.iter().filter(long).map(|unit| unit.text.as_bytes()) {
        let letter = |n: usize| match n.checked_sub(1) {
            None => 0,
            Some(n) => word.get(n).map_or(0, |byte| u32::from(*byte)),
        };
        for start in 0..word.len() {
            let mut hash = join(join(4, letter(start)), letter(start + 1));
            for end in start + 2..(start + 5).min(word.len() + 2) {
                hash = join(hash, letter(end));
                touch(place(hash));
            }
        }
    }
}

/// Up to four things in a row, two that are not far apart, and one with the units beside it.
fn read_things(seen: &[Seen], units: &[Unit], touch: &mut impl FnMut(usize)) {
    for (n, seen_here) in seen.iter().enumerate() {
        let thing = seen_here.thing;
        for side in 1..=seen_here.sides {
            let before = seen_here
                .from
                .checked_sub(side)
                .and_then(|at| units.get(at));
            let after = units.get(seen_here.to + side - 1);
            for (salt, unit) in [(20, before), (30, after)] {
                if let Some(unit) = unit {
                    touch(place(join(join(salt + side as u32, thing), unit.hash)));
                }
            }
        }
        let mut row = join(10, thing);
        touch(place(row));
        for (far, next) in seen[n + 1..].iter().take(3).enumerate() {
            row = join(row, next.thing);
            touch(place(row));
            if far == 0 {
                touch(place(join(join(row, 11), next.gap)));
            }
        }
        let far = seen[n + 1..].iter().take(APART).skip(1);
        for far in far.take_while(|far| far.thing != END) {
            touch(place(join(join(12, thing), far.thing)));
        }
    }
}

/// Where a thing is spoken of.
struct Seen {
    thing: u32,
    /// From this unit to before that one.
    from: usize,
    to: usize,
    /// Units since the thing before, up to two.
    gap: u32,
    /// So many units to each side belong to it.
    sides: usize,
}

/// A word in ASCII, or one other character, or all that is masked.
struct Unit<'a> {
    text: &'a str,
    hash: u32,
}

fn units(text: &str) -> Vec<Unit<'_>> {
    let mut units = Vec::with_capacity(text.len() / 3);
    let mut rest = text.char_indices().peekable();
    while let Some((start, c)) = rest.next() {
        let mut end = start + c.len_utf8();
        if c.is_ascii_alphanumeric() {
            while rest.next_if(|(_, c)| c.is_ascii_alphanumeric()).is_some() {
                end += 1;
            }
        } else if c == MASKED {
            while rest.next_if(|(_, c)| *c == MASKED).is_some() {
                end += 1;
            }
        } else if c != '\n' && (c.is_whitespace() || c == '\u{fe0f}') {
            continue;
        }
        let text = &text[start..end];
        let hash = unit_hash(text.as_bytes());
        units.push(Unit { text, hash });
    }
    units
}

/// Whole sentences as long as they fit, one after another; a longer one is cut.
pub fn parts(text: &str) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let rest = &text[from..];
        if rest.len() <= LONGEST {
            parts.push(from..text.len());
            break;
        }
        let mut most = LONGEST;
        while !rest.is_char_boundary(most) {
            most -= 1;
        }
        let ends = rest[..most].rfind(['.', '!', '?', '\n']);
        let cut = ends.or_else(|| rest[..most].rfind([',', ' ']));
        let long = cut.map_or(most, |cut| cut + 1);
        parts.push(from..from + long);
        from += long;
    }
    parts
}

/// What was put aside reads so.
const MASKED: char = '\u{1}';
const SALT: u32 = 0x811c_9dc5;
const EDGE: u32 = 7;
const END: u32 = 5;
/// No thing.
const NONE: u32 = 0;

fn unit_hash(bytes: &[u8]) -> u32 {
    let hash = bytes.iter().fold(SALT, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    hash ^ (hash >> 15)
}

fn join(hash: u32, next: u32) -> u32 {
    let joined = (hash.rotate_left(5) ^ next).wrapping_mul(0x9E37_79B1);
    joined ^ (joined >> 15)
}

fn place(hash: u32) -> usize {
    (hash.wrapping_mul(0x85EB_CA6B) >> (32 - PLACES.trailing_zeros())) as usize
}
