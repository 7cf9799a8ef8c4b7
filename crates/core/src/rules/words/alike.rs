//! Entries in characters, written with other ones: such as sound or look the same, emoji, syllables and initials in
//! letters, or the same ones in another order. What reads as ordinary Chinese is taken for what it is, so each of
//! these needs two characters side by side that nobody would write.

use super::disguise::{Doubt, doubt};
use super::heads::{self, Head, Heads, Room};
use super::index::{Bits, Buckets, Entries, Want, count, pair};
use super::line::{INITIALS, LIKES, Like, Line, Looks, Part, verdict};
use super::read::Read;
use super::spelt;
use super::units::{Gap, Kind, Unit};
use crate::normalise::lexicon::{is_usual_pair, is_word_of_two, mix};
use crate::normalise::likeness::{self, Key};
use crate::rules::Certainty;

/// Entries by how they sound and look.
#[derive(Debug, Default)]
pub(super) struct Alike {
    /// The characters of each entry, and where they begin.
    chars: Vec<char>,
    starts: Vec<u32>,
    /// The number of each in the list.
    entries: Vec<u32>,
    longest: usize,
    /// By keys of the first two characters.
    heads: Heads,
    /// The same where one of them is the first letter of its syllable.
    lettered: Heads,
    /// By all characters in any order; which lengths there are.
    any_order: Table,
    lengths: u32,
    /// Which two characters an entry has, in whichever order and place.
    together: Bits,
    /// By syllables in letters, and by their first letters.
    pub(super) spelt: Table,
    pub(super) initials: Table,
}

/// Numbers of entries by hash, with a quick no.
#[derive(Debug, Default)]
pub(super) struct Table {
    bits: Bits,
    buckets: Buckets,
}

impl Table {
    fn build(hashes: &[(u64, u32)]) -> Table {
        let mut bits = Bits::for_many(hashes.len());
        hashes.iter().for_each(|(hash, _)| bits.set(*hash));
        Table {
            bits,
            buckets: Buckets::build(hashes.len(), || hashes.iter().copied()),
        }
    }

    /// Entries that may have this hash, and others.
    pub fn get(&self, hash: u64) -> &[u32] {
        if self.bits.has(hash) {
            self.buckets.get(hash)
        } else {
            &[]
        }
    }
}

/// Longer entries are found by their plain form only.
pub(super) const LONGEST: usize = 8;

/// What was found: the entry, its units and how they are written.
pub(super) struct Seen {
    pub entry: u32,
    pub start: usize,
    pub end: usize,
    pub why: &'static str,
    pub certainty: Certainty,
}

impl Alike {
    pub fn build(entries: &Entries) -> Alike {
        let mut alike = Alike {
            starts: vec![0],
            ..Alike::default()
        };
        let (mut heads, mut lettered) = (Vec::new(), Vec::new());
        let mut any_order = Vec::new();
        let (mut spelt, mut initials) = (Vec::new(), Vec::new());
        for (n, entry) in entries.iter().enumerate() {
            let number = count(alike.entries.len());
            let from = alike.chars.len();
            let expand = |want: &Want| std::iter::repeat_n(want.plain, usize::from(want.run));
            alike.chars.extend(entry.iter().flat_map(expand));
            let chars = &alike.chars[from..];
            let sounding = chars.iter().all(|c| likeness::keys(*c).sound.is_some());
            if !sounding || !(2..=LONGEST).contains(&chars.len()) || number >= heads::MOST {
                alike.chars.truncate(from);
                continue;
            }
            for first in keys_of(chars[0]) {
                for second in keys_of(chars[1]) {
                    let head = Head {
                        first,
                        second,
                        number,
                    };
                    match (first < INITIALS, second < INITIALS) {
                        (true, true) => heads.push(head),
                        (true, false) | (false, true) => lettered.push(head),
                        (false, false) => {}
                    }
                }
            }
            any_order.push((mix(sum(chars)), number));
            spelt::hashes(chars, |hash| spelt.push((hash, number)));
            initials.push((spelt::initials_hash(chars), number));
            alike.lengths |= 1 << chars.len();
            alike.longest = alike.longest.max(chars.len());
            alike.entries.push(count(n));
            alike.starts.push(count(alike.chars.len()));
        }
        alike.chars.shrink_to_fit();
        alike.starts.shrink_to_fit();
        alike.entries.shrink_to_fit();
        alike.heads = Heads::build(heads, |number| alike.chars(number));
        alike.lettered = Heads::build(lettered, |number| alike.chars(number));
        alike.any_order = Table::build(&any_order);
        alike.spelt = Table::build(&spelt);
        alike.initials = Table::build(&initials);
        alike.together = alike.all_together();
        alike
    }

    fn all_together(&self) -> Bits {
        let entries = || (0..count(self.entries.len())).map(|number| self.chars(number));
        let pairs = entries().map(|chars| chars.len() * (chars.len() - 1) / 2);
        let mut together = Bits::for_many(pairs.sum());
        for chars in entries() {
            for (n, c) in chars.iter().enumerate() {
                chars[..n]
                    .iter()
                    .for_each(|d| together.set(either_order(*c, *d)));
            }
        }
        together
    }

    /// The characters of an entry.
    pub(super) fn chars(&self, number: u32) -> &[char] {
        let n = number as usize;
        &self.chars[self.starts[n] as usize..self.starts[n + 1] as usize]
    }

    /// Its number in the list.
    pub(super) fn entry(&self, number: u32) -> u32 {
        self.entries[number as usize]
    }

    /// Everything in a text that may be an entry in disguise.
    pub fn find(&self, read: &Read<'_>, found: &mut impl FnMut(Seen)) {
        if self.entries.is_empty() {
            return;
        }
        let (units, shape) = (&read.units[..], &read.shape);
        if shape.letters {
            spelt::find(self, units, shape.han, found);
        }
        if shape.han {
            for start in 0..units.len() {
                self.any_order_at(units, start, found);
            }
        }
        if !(shape.han && (shape.odd || shape.letters) || shape.emoji) {
            return;
        }
        let line = read.line();
        let mut room = Room::new();
        for start in 0..line.parts.len().saturating_sub(1) {
            self.heads_at(line, start, &mut room, found);
        }
        if shape.emoji {
            self.named(&line.parts, found);
        }
    }

    /// `room` is only a place to write.
    fn heads_at(&self, line: &Line, start: usize, room: &mut Room, found: &mut impl FnMut(Seen)) {
        let parts = &line.parts[..];
        let (first, second) = (&parts[start], &parts[start + 1]);
        if !first.joins(second) {
            return;
        }
        let here_is_strange = line.is_strange(start, start + 2);
        // An entry is meant only where something about it belongs to no word.
        let may_look_alike = line.is_strange(start, start + self.longest);
        let is_odd = (may_look_alike || !here_is_strange) && line.is_odd(start);
        // Of two characters one belongs to no word, or nobody would write them side by side and they sound like it.
        let two_may_sound_alike = here_is_strange || is_odd;
        if !(may_look_alike || two_may_sound_alike) {
            return;
        }
        // A first letter has no other key.
        let is_letter = |part: &Part| part.kind == Kind::Digit;
        let heads = if is_letter(first) || is_letter(second) {
            &self.lettered
        } else {
            &self.heads
        };
        let Room {
            rows,
            said,
            seen,
            taken,
        } = room;
        let mut each = |rows: &[heads::Row], seconds: &[heads::Second], two: bool| {
            heads.each(rows, seconds, taken, &mut |item| {
                let length = item.length();
                // Three that sound like an entry are one.
                let may = match length {
                    2 => two,
                    _ => may_look_alike && ends_alike(parts.get(start + length - 1), item),
                };
                if may && let Some(seen) = self.compare(item.number(), line, start) {
                    found(seen);
                }
            });
        };
        rows.clear();
        first.keys(|key| heads.first(key, rows));
        let rows_said = rows.len();
        said.clear();
        second.keys(|key| heads.second(key, said));
        each(rows.all(), said.all(), two_may_sound_alike);
        if !may_look_alike {
            return;
        }
        // What stands in a word of its own was hardly put there for its looks.
        let looks = |at: usize| match (line.is_strange(at, at + 1), is_odd) {
            (true, true) => Looks::All,
            (true, false) => Looks::Near,
            (false, true) => Looks::Nearest,
            (false, false) => Looks::None,
        };
        let (first_looks, second_looks) = (looks(start), looks(start + 1));
        first.looks(first_looks.fewer(), |key| heads.first(key, rows));
        let rows_fewer = rows.len();
        first.more_looks(first_looks, |key| heads.first(key, rows));
        seen.clear();
        second.looks(second_looks.fewer(), |key| heads.second(key, seen));
        let seen_fewer = seen.len();
        second.more_looks(second_looks, |key| heads.second(key, seen));
        // One of the two may look like anything near, if the other one is what it is or sounds like it.
        let (rows, seen) = (rows.all(), seen.all());
        each(&rows[rows_said..], said.all(), here_is_strange);
        each(&rows[..rows_said], seen, here_is_strange);
        // Both do so only where nobody would write them.
        if is_odd {
            each(
                &rows[rows_said..rows_fewer],
                &seen[..seen_fewer],
                here_is_strange,
            );
        }
    }

    /// Whether an entry is written here, and how.
    fn compare(&self, number: u32, line: &Line, start: usize) -> Option<Seen> {
        let chars = self.chars(number);
        let there = line.parts.get(start..start + chars.len())?;
        let mut likeness = [false; LIKES];
        let mut hows = [Like::Same; LONGEST];
        // The first two are alike already, by a key.
        for (n, (part, c)) in there.iter().zip(chars).enumerate().rev() {
            if n > 0 && !there[n - 1].joins(part) {
                return None;
            }
            hows[n] = part.is_like(*c)?;
            likeness[hows[n] as usize] = true;
        }
        let (why, certainty) = verdict(likeness);
        let certainty = match doubt(chars, &hows[..chars.len()], line, start) {
            Doubt::None => certainty,
            Doubt::Some => Certainty::Likely,
            Doubt::Great => return None,
        };
        let (start, end) = (there[0].unit, there[there.len() - 1].unit + 1);
        Some(Seen {
            entry: self.entry(number),
            start,
            end,
            why,
            certainty,
        })
    }

    fn any_order_at(&self, units: &[Unit], start: usize, found: &mut impl FnMut(Seen)) {
        let Some([first, second]) = units.get(start..start + 2) else {
            return;
        };
        if second.kind != Kind::Han || !self.together.has(either_order(first.plain, second.plain)) {
            return;
        }
        let mut total = 0_u64;
        for (n, unit) in units[start..].iter().take(self.longest).enumerate() {
            if unit.kind != Kind::Han || unit.run > 1 || (n > 0 && unit.gap != Gap::None) {
                return;
            }
            total = total.wrapping_add(weight(unit.plain));
            let length = n + 1;
            if length < 2 || self.lengths >> length & 1 == 0 {
                continue;
            }
            let there = &units[start..start + length];
            for &number in self.any_order.get(mix(total)) {
                let chars = self.chars(number);
                let same_order = || there.iter().zip(chars).all(|(unit, c)| unit.plain == *c);
                let count = |c: char| there.iter().filter(|unit| unit.plain == c).count();
                let same = chars.len() == length
                    && chars
                        .iter()
                        .all(|c| count(*c) == chars.iter().filter(|d| *d == c).count());
                if same && !same_order() && !is_said(units, start, length) {
                    found(Seen {
                        entry: self.entry(number),
                        start,
                        end: start + length,
                        why: "written in another order",
                        certainty: Certainty::Sure,
                    });
                }
            }
        }
    }

    /// Emoji that stand for more than one character.
    fn named(&self, parts: &[Part], found: &mut impl FnMut(Seen)) {
        let emoji = parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.kind == Kind::Emoji);
        let mut room = Room::new();
        for (at, part) in emoji.take(MOST_EMOJI) {
            for name in likeness::names(part.c) {
                let chars: Vec<char> = name.chars().collect();
                if chars.len() < 2 {
                    continue;
                }
                let from = at.saturating_sub(LONGEST);
                let to = (at + 1 + LONGEST).min(parts.len());
                let mut spelt = parts[from..at].to_vec();
                let said = spelt.len();
                let say = |c: &char| Part {
                    said: true,
                    ..Part::new(*c, Kind::Han, part.gap, part.unit)
                };
                spelt.extend(chars.iter().map(say));
                spelt.extend(parts[at + 1..to].iter().cloned());
                let line = Line::all_strange(spelt);
                for start in said.saturating_sub(LONGEST)..=said {
                    if start + 1 < line.parts.len() {
                        self.heads_at(&line, start, &mut room, &mut |seen| {
                            let alone = seen.start + 1 == seen.end;
                            let here = seen.start <= part.unit && part.unit < seen.end;
                            if here && (!alone || is_amid(parts, at)) {
                                found(seen);
                            }
                        });
                    }
                }
            }
        }
    }
}

/// Whether the part where an entry would end is like its last character.
fn ends_alike(part: Option<&Part>, item: heads::Item) -> bool {
    part.zip(item.last())
        .is_some_and(|(part, last)| part.is_like(last).is_some())
}

/// Whether a part stands in the middle of characters. At their end emoji are mostly moods.
fn is_amid(parts: &[Part], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|n| parts.get(n));
    let joined = |part: &Part, gap: Gap| part.kind == Kind::Han && gap == Gap::None;
    let after = parts.get(at + 1);
    before.is_some_and(|before| joined(before, parts[at].gap))
        && after.is_some_and(|after| joined(after, after.gap))
}

/// So many emoji of a text are taken for words.
const MOST_EMOJI: usize = 16;

/// Whether characters are ordinary in this order: a word, or the ends of the words on either side.
fn is_said(units: &[Unit], start: usize, length: usize) -> bool {
    let there = &units[start..start + length];
    let usual = |a: Option<&Unit>, b: Option<&Unit>| match (a, b) {
        (Some(a), Some(b)) => b.gap == Gap::None && is_usual_pair(a.plain, b.plain),
        (_, None) | (None, _) => false,
    };
    if !there.windows(2).all(|two| usual(two.first(), two.last())) {
        return false;
    }
    let before = usual(
        start.checked_sub(1).and_then(|n| units.get(n)),
        units.get(start),
    );
    let after = usual(there.last(), units.get(start + length));
    let word = length == 2 && is_word_of_two(there[0].plain, there[1].plain);
    word || before && after
}

fn keys_of(c: char) -> impl Iterator<Item = Key> + Clone {
    let keys = likeness::keys(c);
    let letter = keys
        .sound
        .and_then(|sound| likeness::spelling(sound).bytes().next());
    let letter = letter.map(|letter| INITIALS + Key::from(letter));
    keys.sound
        .into_iter()
        .chain(keys.sounds.iter().copied())
        .chain(Key::try_from(c as u32).ok())
        .chain(letter)
}

/// The hash of two characters, whichever stands first.
fn either_order(c: char, d: char) -> u64 {
    pair(c.min(d), c.max(d))
}

fn weight(c: char) -> u64 {
    mix(c as u64 + 1)
}

fn sum(chars: &[char]) -> u64 {
    chars
        .iter()
        .fold(0, |total, c| total.wrapping_add(weight(*c)))
}
