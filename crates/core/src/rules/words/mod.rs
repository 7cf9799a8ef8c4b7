//! The rule `words`: lists of words that a house does not want, found however they are disguised. Texts and entries
//! are read the same way; a list is compiled once, and looking through a text takes time in proportion to the text.
//! What a list may hold is the admin's: none is shipped, and no entry is ever taken for a pattern of any language.

mod alike;
mod disguise;
mod han;
mod heads;
mod index;
mod latin;
mod line;
mod masked;
mod parts;
mod pieces;
mod read;
mod signs;
mod sound;
mod spelt;
mod starred;
mod token;
mod units;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::{Certainty, Hit};
use crate::normalise::lexicon::mix;
use alike::Alike;
use index::{Entries, Index, Want};
use masked::Guess;
pub use read::Read;
use signs::{Drawings, is_drawing};
use starred::Starred;
use units::{Gap, Kind, Unit, units_into};

/// What follows a word with a hidden letter is no longer.
const LONGEST_ENDING: usize = 3;
/// What every hit is called.
const KIND: &str = "listed";

/// A list that was read, with what it allows.
#[derive(Debug)]
pub struct WordList {
    /// The entries as they were written, one after the other.
    written: String,
    ends: Vec<u32>,
    /// So many of them are forbidden; those after them are allowed.
    forbidden: u32,
    index: Index,
    alike: Alike,
    /// Entries of signs alone, such as `(╯°□°)`: looked for as they are.
    signs: Drawings,
    starred: Starred,
}

/// Why a list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A single letter or digit is in every text.
    #[error(
        "line {line}: {entry:?} is too short, it would be found in nearly every message; write a whole word"
    )]
    TooShort {
        /// Counted from 1.
        line: usize,
        /// As it was written.
        entry: String,
    },
    /// More than anybody says in one go.
    #[error(
        "line {line}: {start:?}… is too long, an entry has at most {LONGEST_ENTRY} letters or characters; write the part that matters"
    )]
    TooLong {
        /// Counted from 1.
        line: usize,
        /// How it begins.
        start: String,
    },
    /// Entries without a letter are looked for one by one.
    #[error(
        "line {line}: {entry:?} has no letter or character, and {MOST_SIGNS} such entries are the most; take some out"
    )]
    TooManySigns {
        /// Counted from 1.
        line: usize,
        /// As it was written.
        entry: String,
    },
}

/// An entry has at most so many letters, digits and characters.
pub const LONGEST_ENTRY: usize = 64;
/// So many entries may be without any letter.
pub const MOST_SIGNS: usize = 256;

impl WordList {
    /// Reads a list and what it allows: an entry a line, blank lines and those that begin with `#` left out. Entries
    /// that are the same are taken once. Where an allowed entry covers what was found, nothing was found.
    pub fn compile(forbidden: &str, allowed: &str) -> Result<WordList, ListError> {
        let mut list = WordList {
            written: String::new(),
            ends: Vec::new(),
            forbidden: 0,
            index: Index::default(),
            alike: Alike::default(),
            signs: Drawings::default(),
            starred: Starred::default(),
        };
        let mut entries = Entries::default();
        list.read(forbidden, &mut entries, true)?;
        list.forbidden = index::count(entries.len());
        list.alike = Alike::build(&entries);
        list.read(allowed, &mut entries, false)?;
        list.index = Index::build(entries);
        list.written.shrink_to_fit();
        list.ends.shrink_to_fit();
        Ok(list)
    }

    fn read(&mut self, text: &str, entries: &mut Entries, forbids: bool) -> Result<(), ListError> {
        let mut known = Known::default();
        let (mut units, mut made_of) = (Vec::new(), Vec::new());
        let text = text.trim_start_matches('\u{feff}');
        for (line, entry) in text
            .lines()
            .enumerate()
            .map(|(n, entry)| (n + 1, entry.trim()))
        {
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            units_into(entry, &mut units);
            let plain = units.iter().filter(|unit| unit.kind != Kind::Leet).count();
            let one = entry.chars().count() > 1 && units.len() == 1 && is_single(&units);
            if plain == 0 || one || is_drawing(entry) {
                if self.signs.len() >= MOST_SIGNS {
                    return Err(ListError::TooManySigns {
                        line,
                        entry: entry.into(),
                    });
                }
                if forbids {
                    self.signs.add(entry);
                }
                continue;
            }
            if is_single(&units) {
                return Err(ListError::TooShort {
                    line,
                    entry: entry.into(),
                });
            }
            if units.len() > LONGEST_ENTRY {
                let start = entry.chars().take(12).collect();
                return Err(ListError::TooLong { line, start });
            }
            made_of.clear();
            made_of.extend(units.iter().map(want));
            if known.insert(&made_of, entries) {
                let mut forms = latin::forms(&made_of);
                if forbids {
                    self.starred.add(index::count(entries.len()), &made_of);
                    forms.extend(sound::forms(&made_of));
                }
                for made_of in [&made_of].into_iter().chain(&forms) {
                    self.written.push_str(entry);
                    self.ends.push(index::count(self.written.len()));
                    entries.add(made_of);
                }
            }
        }
        Ok(())
    }

    /// An entry as it was written.
    fn entry(&self, n: u32) -> &str {
        let n = n as usize;
        let start = n.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.written[start as usize..self.ends[n] as usize]
    }

    /// Every place where an entry is written, in order.
    pub fn find(&self, text: &str) -> Vec<Hit> {
        self.find_in(&Read::of(text))
    }

    /// The same in a text that other lists look at, too.
    pub fn find_in(&self, read: &Read<'_>) -> Vec<Hit> {
        let mut found = Found::default();
        if self.signs.len() > 0 {
            self.signs.find(read.text, |span| found.signs.push(span));
        }
        self.starred.find(read.text, &self.index, |entry, span| {
            found.add(self, entry, span, starred::STARRED, Certainty::Likely);
        });
        self.find_disguised(read, &mut found);
        found.into_hits(self)
    }

    fn find_disguised(&self, read: &Read<'_>, found: &mut Found) {
        let units = &read.units[..];
        self.find_spelt(units, found);
        if let Some(joined) = read.joined() {
            self.find_joined(joined, found);
        }
        if read.shape.hides {
            masked::unmasked(units, |guess| self.find_masked(units, guess, found));
        }
        self.alike.find(read, &mut |seen| {
            let span = units[seen.start].to(&units[seen.end - 1]);
            found.add(self, seen.entry, span, seen.why, seen.certainty);
        });
    }

    /// Entries that a word is, once hidden letters were guessed.
    fn find_masked(&self, units: &[Unit], guess: &Guess<'_>, found: &mut Found) {
        let word = guess.word;
        self.index.at(word, 0, |entry, length| {
            let wants = self.index.wants(entry);
            let rest = &word[length..];
            if wants.len() < 3 || wants[0].by_ear.is_some() || rest.len() > LONGEST_ENDING {
                return;
            }
            // Much may be hidden, but of what is no ordinary word only little.
            let loose = guess.broken || guess.letters > 1;
            let closes =
                guess.broken && guess.letters == 1 || latin::is_close(rest, &word[..length]);
            let meant = closes && !(loose && latin::is_ordinary(wants));
            if meant && latin::judge(word, 0, wants).is_some() {
                let start = units[guess.from].start as usize;
                let end = word[word.len() - 1].end as usize;
                let certainty = match guess.letters {
                    1 => Certainty::Sure,
                    _ => Certainty::Likely,
                };
                let why = "written with a letter hidden";
                found.add(self, entry, start..end, why, certainty);
            }
        });
    }

    /// Entries letter by letter.
    fn find_spelt(&self, units: &[Unit], found: &mut Found) {
        for start in 0..units.len() {
            self.spelt_at(units, start, false, found);
        }
    }

    /// The same where some are put together of parts: only entries that are written with one of those.
    fn find_joined(&self, units: &[Unit], found: &mut Found) {
        let mut next = 0;
        for start in 0..units.len() {
            let is_next = |n: &usize| *n >= start && units[*n].joined;
            let Some(joined) = (next..units.len()).find(is_next) else {
                return;
            };
            next = joined;
            if joined - start < self.index.longest {
                self.spelt_at(units, start, true, found);
            }
        }
    }

    #[inline]
    fn spelt_at(&self, units: &[Unit], start: usize, joined: bool, found: &mut Found) {
        self.index.at(units, start, |entry, length| {
            let wants = self.index.wants(entry);
            let there = &units[start..start + length];
            let han = there
                .iter()
                .any(|unit| matches!(unit.kind, Kind::Han | Kind::Emoji));
            if joined && !there.iter().any(|unit| unit.joined) {
                return;
            }
            let why = if han {
                han::judge(units, start, wants)
            } else if let Some(heard) = wants[0].by_ear {
                sound::judge(units, start, wants, heard)
            } else {
                latin::judge(units, start, wants)
            };
            if let Some(why) = why {
                let span = there[0].to(&there[length - 1]);
                let chance = [latin::AS_WORDS, latin::IN_A_WORD, sound::BY_EAR].contains(&why);
                let certainty = if chance {
                    Certainty::Likely
                } else {
                    Certainty::Sure
                };
                found.add(self, entry, span, why, certainty);
            }
        });
    }
}

/// Which entries there are already, by hash: the first with each, and those whose hash another one had before.
#[derive(Default)]
struct Known {
    first: HashMap<u64, u32>,
    others: HashMap<u64, Vec<u32>>,
}

impl Known {
    /// Whether an entry that comes next in the list is new.
    fn insert(&mut self, made_of: &[Want], entries: &Entries) -> bool {
        let step = |hash, want: &Want| {
            let looks = u64::from(want.run) << 1 | u64::from(want.apart);
            mix(hash ^ (u64::from(want.plain as u32) << 9 | looks))
        };
        let hash = made_of.iter().fold(0, step);
        let same = |n: u32| entries.get(n) == made_of;
        let number = index::count(entries.len());
        match self.first.entry(hash) {
            Entry::Vacant(place) => {
                place.insert(number);
                true
            }
            Entry::Occupied(first) => {
                let others = self.others.entry(hash).or_default();
                let known = same(*first.get()) || others.iter().any(|n| same(*n));
                if !known {
                    others.push(number);
                }
                !known
            }
        }
    }
}

fn want(unit: &Unit) -> Want {
    Want {
        plain: unit.plain,
        class: unit.class,
        run: unit.run,
        apart: unit.gap != Gap::None,
        clitic: unit.clitic,
        by_ear: None,
    }
}

/// One letter or digit, once.
fn is_single(units: &[Unit]) -> bool {
    matches!(units, [only] if only.run == 1 && only.is_wordy() && only.plain.is_ascii())
}

/// What was found so far.
#[derive(Default)]
struct Found {
    spelt: Vec<Spelt>,
    allowed: Vec<Range<usize>>,
    signs: Vec<Range<usize>>,
}

struct Spelt {
    entry: u32,
    span: Range<usize>,
    why: &'static str,
    certainty: Certainty,
}

impl Found {
    fn add(
        &mut self,
        list: &WordList,
        entry: u32,
        span: Range<usize>,
        why: &'static str,
        certainty: Certainty,
    ) {
        if entry < list.forbidden {
            self.spelt.push(Spelt {
                entry,
                span,
                why,
                certainty,
            });
        } else if certainty == Certainty::Sure {
            self.allowed.push(span);
        }
    }

    fn into_hits(mut self, list: &WordList) -> Vec<Hit> {
        let allowed = Cover::of(std::mem::take(&mut self.allowed));
        let mut spelt = self.spelt;
        spelt.retain(|spelt| !allowed.holds(&spelt.span));
        // The surest and longest first; what lies within another one is not told again.
        spelt.sort_by(|a, b| {
            (a.span.start, b.certainty, b.span.end, a.entry).cmp(&(
                b.span.start,
                a.certainty,
                a.span.end,
                b.entry,
            ))
        });
        let mut hits: Vec<Hit> = Vec::new();
        let mut reach = [0; 2];
        for Spelt {
            entry,
            span,
            why,
            certainty,
        } in spelt
        {
            let sure = usize::from(certainty == Certainty::Sure);
            if span.end <= reach[sure] || span.end <= reach[1] {
                continue;
            }
            reach[sure] = span.end;
            let hit = Hit {
                certainty,
                ..Hit::sure(span, KIND, why)
            };
            hits.push(hit.of_entry(list.entry(entry)));
        }
        for (span, sign) in self.signs.into_iter().map(|span| (span, "on the list")) {
            let at = hits.partition_point(|hit| hit.span.start <= span.start);
            hits.insert(at, Hit::sure(span, KIND, sign));
        }
        hits
    }
}

/// Places, to ask whether one of them covers another place.
struct Cover {
    /// By where they begin.
    starts: Vec<usize>,
    /// The farthest that these and all before them reach.
    reach: Vec<usize>,
}

impl Cover {
    fn of(mut spans: Vec<Range<usize>>) -> Cover {
        spans.sort_by_key(|span| span.start);
        let mut farthest = 0;
        let reach = |span: &Range<usize>| {
            farthest = span.end.max(farthest);
            farthest
        };
        Cover {
            starts: spans.iter().map(|span| span.start).collect(),
            reach: spans.iter().map(reach).collect(),
        }
    }

    fn holds(&self, span: &Range<usize>) -> bool {
        let before = self.starts.partition_point(|start| *start <= span.start);
        before
            .checked_sub(1)
            .is_some_and(|last| self.reach[last] >= span.end)
    }
}

#[cfg(test)]
mod tests;
