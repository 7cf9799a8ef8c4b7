//! Topics: is a line about what an admin described? A sentence and a few examples become weighted words; a line is as
//! near to the topic as the rare words it shares with them. Deterministic, Chinese and English, no model.
//! The sentence that declines belongs to the charter; nothing here speaks.

mod terms;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::Hit;
use terms::{Term, classes, is_ordinary, pair_key, rarity, terms};

/// From here on a line is about the topic.
pub const NEAR: f32 = 0.5;
/// What a line's shared words must weigh together.
const ENOUGH: f32 = 0.58;
/// Two words that have nothing else in common than the topic: less is needed of each.
const TOGETHER: f32 = 0.3;
/// A key word of the description is at least this rare, or it counts for less.
const KEY: f32 = 0.35;
/// A lighter word is no second sign.
const ALONE: f32 = 0.25;
/// What each word that is not shared takes away.
const OFF_TOPIC: f32 = 0.012;
/// A sentence without an end is cut into pieces this long, in words or Han characters.
const LONGEST: usize = 60;
/// More words than this say nothing new about a topic.
const MOST_WORDS: usize = 8_192;
/// A class of words belongs to a topic if this share of it stands in the description and the examples.
const SHARE: f32 = 0.03;

/// What an admin does not want talked about, ready to be compared with lines.
#[derive(Clone, Debug)]
pub struct Topic {
    name: String,
    /// Sorted by key.
    words: Vec<Weighed>,
    /// A bit for each key, so that most words of a line cost one look.
    seen: Box<[u64; 256]>,
}

#[derive(Clone, Copy, Debug)]
struct Weighed {
    key: u64,
    weight: f32,
}

impl Topic {
    /// Reads the description and the examples. Words shared by several examples count more, everyday words hardly.
    pub fn compile<S: AsRef<str>>(name: &str, about: &str, examples: &[S]) -> Topic {
        let mut met: BTreeMap<u64, Met> = BTreeMap::new();
        let points = about.split(['、', '，', '；', '。', ',', ';', ':', '：']);
        let described = points.chain([name]).map(|text| (text, true));
        let told = examples.iter().map(|text| (text.as_ref(), false));
        for (n, (text, is_key)) in described.chain(told).enumerate() {
            terms(text, |term| {
                let met = met.entry(term.key).or_insert_with(|| Met::new(&term));
                met.take(n, is_key);
            });
        }
        let mut weights: BTreeMap<u64, f32> = relatives(&met);
        weights.extend(met.into_iter().map(|(key, met)| (key, met.weight())));
        let mut words: Vec<Weighed> = weights
            .into_iter()
            .filter(|(_, weight)| *weight > 0.0)
            .map(|(key, weight)| Weighed { key, weight })
            .collect();
        words.truncate(MOST_WORDS);
        let mut seen = Box::new([0_u64; 256]);
        for word in &words {
            let (at, bit) = place(word.key);
            seen[at] |= bit;
        }
        Topic {
            name: name.to_owned(),
            words,
            seen,
        }
    }

    /// What the charter calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How near a line is, from 0 to 1; [`NEAR`] and more is about the topic.
    pub fn score(&self, text: &str) -> f32 {
        let sum = self.best(text).map_or(0.0, |best| best.sum).max(0.0);
        sum / (sum + ENOUGH)
    }

    /// Where the line speaks about the topic: from the first to the last word it shares.
    pub fn find(&self, text: &str) -> Option<Hit> {
        let best = self.best(text).filter(|best| best.sum >= ENOUGH)?;
        let mut shared: Vec<&str> = Vec::new();
        terms(&text[best.from..best.to], |term| {
            if self.index(term.key).is_some() && shared.len() < 6 {
                let word = &text[best.from..][term.span.clone()];
                if !shared.contains(&word) {
                    shared.push(word);
                }
            }
        });
        let why = format!("near the topic \"{}\" by: {}", self.name, shared.join(", "));
        Some(Hit::sure(best.from..best.to, "topic", why).of_entry(self.name.as_str()))
    }

    fn index(&self, key: u64) -> Option<usize> {
        let (at, bit) = place(key);
        if self.seen[at] & bit == 0 {
            return None;
        }
        self.words.binary_search_by_key(&key, |word| word.key).ok()
    }

    /// The two neighbouring sentences that share most with the topic.
    fn best(&self, text: &str) -> Option<Best> {
        let mut best: Option<Best> = None;
        let (mut before, mut now) = (Sentence::default(), Sentence::default());
        let mut keep = |before: &Sentence, now: &Sentence| {
            let found = self.weigh(before, now);
            if let Some(found) = found
                && best.as_ref().is_none_or(|best| found.sum > best.sum)
            {
                best = Some(found);
            }
        };
        let mut last = 0;
        terms(text, |term| {
            if now.length >= LONGEST || ends_between(text, last, term.span.start) {
                keep(&before, &now);
                before = std::mem::take(&mut now);
            }
            last = last.max(term.span.end);
            let index = self
                .index(term.key)
                .filter(|_| !self.is_in_another_word(text, &term));
            now.take(
                &term,
                index,
                index.map_or(0.0, |index| self.words[index].weight),
            );
        });
        keep(&before, &now);
        best
    }

    /// Whether a character stands in an ordinary word that the topic does not have: 彩色 is not about 彩票.
    fn is_in_another_word(&self, text: &str, term: &Term) -> bool {
        if !term.is_part {
            return false;
        }
        let before = text[..term.span.start].chars().next_back();
        let after = text[term.span.end..].chars().next();
        [(before, Some(term.first())), (Some(term.first()), after)]
            .into_iter()
            .any(|pair| match pair {
                (Some(first), Some(second)) => {
                    is_ordinary(first, second) && self.index(pair_key(first, second)).is_none()
                }
                (None, _) | (_, None) => false,
            })
    }

    fn weigh(&self, before: &Sentence, now: &Sentence) -> Option<Best> {
        if now.shared.is_empty() {
            return None;
        }
        let mut sum: f32 = now.shared.iter().map(|(_, weight)| weight).sum();
        let mut from = now.from;
        for (index, weight) in &before.shared {
            if !now.shared.iter().any(|(other, _)| other == index) {
                sum += weight * 0.6;
                from = before.from;
            }
        }
        if now.groups > 1 || from < now.from {
            sum += TOGETHER;
        }
        sum -= now.others as f32 * OFF_TOPIC;
        Some(Best {
            sum,
            from,
            to: now.to,
        })
    }
}

/// How often the description and the examples use a word.
struct Met {
    rare: f32,
    is_part: bool,
    is_key: bool,
    times: usize,
    last: usize,
}

impl Met {
    fn new(term: &Term) -> Self {
        Met {
            rare: rarity(term),
            is_part: term.is_part,
            is_key: false,
            times: 0,
            last: usize::MAX,
        }
    }

    fn take(&mut self, n: usize, is_key: bool) {
        self.times += usize::from(self.last != n);
        self.last = n;
        self.is_key |= is_key;
    }

    /// A word of the description is a key word; a character stands for the topic only if many of its words have it.
    fn weight(&self) -> f32 {
        if self.rare <= 0.0 {
            return 0.0;
        }
        let again = match self.times {
            0 | 1 => 0,
            2 => 1,
            _ => 2,
        };
        if self.is_part {
            return [0.3 * self.rare, 0.6 * self.rare, 0.3 + 0.65 * self.rare][again];
        }
        if self.is_key {
            0.6 * (self.rare / KEY).min(1.0) + self.rare * [0.4, 0.45, 0.5][again]
        } else {
            self.rare * [0.8, 1.0, 1.1][again]
        }
    }
}

/// Words of the classes that several of the topic's words belong to: who names headache and fever means migraine too.
fn relatives(met: &BTreeMap<u64, Met>) -> BTreeMap<u64, f32> {
    let mut weights = BTreeMap::new();
    for class in classes() {
        let shared = class
            .iter()
            .filter(|word| met.get(&word.key).is_some_and(|met| met.rare > 0.25))
            .count();
        let share = shared as f32 / class.len() as f32;
        if shared < 2 || share < SHARE {
            continue;
        }
        let near = (0.3 + 1.5 * share).min(0.7);
        for word in class {
            let weight = weights.entry(word.key).or_insert(0.0_f32);
            *weight = weight.max(near * word.rare);
        }
    }
    weights
}

struct Best {
    sum: f32,
    from: usize,
    to: usize,
}

/// What one sentence shares with the topic.
#[derive(Default)]
struct Sentence {
    /// The topic's words in it, each once, with what they weigh here.
    shared: Vec<(usize, f32)>,
    /// Places that do not overlap.
    groups: usize,
    length: usize,
    others: usize,
    from: usize,
    to: usize,
    /// Where the last shared pair of Han characters ends, and what it weighs: the next one shares a character.
    pair: (usize, f32),
}

impl Sentence {
    fn take(&mut self, term: &Term, index: Option<usize>, weight: f32) {
        self.length += 1;
        let Some(index) = index else {
            // A Han character was counted with its pair.
            self.others += usize::from(!term.is_part);
            return;
        };
        let overlaps = term.is_han && term.span.start < self.pair.0;
        // Pairs and their characters overlap: together they weigh what the heaviest of them does, not the sum.
        let more = if overlaps {
            // Two pairs that overlap are a word of three characters: it says a little more than one of two.
            let third = if term.is_part {
                0.0
            } else {
                weight.min(self.pair.1) * 0.35
            };
            (weight - self.pair.1).max(0.0) + third
        } else {
            weight
        };
        let heaviest = if overlaps {
            weight.max(self.pair.1)
        } else {
            weight
        };
        self.pair = (term.span.end.max(self.pair.0), heaviest);
        if self.shared.iter().any(|(other, _)| *other == index) {
            return;
        }
        self.groups += usize::from(!overlaps && weight >= ALONE);
        self.shared.push((index, more));
        if self.shared.len() == 1 {
            self.from = term.span.start;
        }
        self.from = self.from.min(term.span.start);
        self.to = self.to.max(term.span.end);
    }
}

fn place(key: u64) -> (usize, u64) {
    ((key >> 6) as usize & 255, 1 << (key & 63))
}

fn ends_between(text: &str, from: usize, to: usize) -> bool {
    from < to
        && text[from..to]
            .chars()
            .any(|c| matches!(c, '.' | '!' | '?' | '\n' | '。' | '！' | '？' | ';' | '；'))
}
