//! What a text must hold so that a pattern can match it, read off the pattern itself: sets of short strings, of each of
//! which one must occur. One pass over a text tells which occurred, and most patterns need not be run. It finds
//! nothing itself, and never passes over a pattern that would match.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex_syntax::hir::{Class, Hir, HirKind};

/// A set with a shorter string occurs everywhere …
const SHORTEST: usize = 3;
/// … and of a longer string the beginning says enough: three Han characters.
const LONGEST: usize = 9;
/// So many strings are kept joined to what follows them …
const JOINED: usize = 64;
/// … and so many are a set at all.
const MOST: usize = 256;

/// A class of more characters may be anything.
const CHARS: usize = 32;

/// Strings of which one must occur.
type Set = Vec<Vec<u8>>;

/// The ways a pattern can match: in one of them every set, by its number, must have occurred.
#[derive(Debug)]
pub(super) struct Ways(Vec<Vec<usize>>);

/// Which sets occurred in a text.
pub(in crate::rules) struct Seen(Vec<u64>);

impl Seen {
    pub(super) fn may(&self, ways: &Ways) -> bool {
        let occurred = |set: &usize| self.0[set / 64] >> (set % 64) & 1 == 1;
        ways.0.iter().any(|sets| sets.iter().all(occurred))
    }
}

/// Gathers the sets of many patterns.
#[derive(Default)]
pub(super) struct Gathered(HashMap<Set, usize>);

impl Gathered {
    /// Of a pattern as `regex` is given it.
    pub(super) fn add(&mut self, pattern: &str) -> Ways {
        let hir = regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .build()
            .parse(pattern)
            .expect("our own patterns are well formed");
        let ways = if let HirKind::Alternation(each) = hir.kind() {
            each
        } else {
            std::slice::from_ref(&hir)
        };
        Ways(ways.iter().map(|way| self.number(way)).collect())
    }

    fn number(&mut self, way: &Hir) -> Vec<usize> {
        let mut numbers: Vec<usize> = Need::of(way)
            .sets()
            .into_iter()
            .map(|set| {
                let number = self.0.len();
                *self.0.entry(set).or_insert(number)
            })
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    pub(super) fn build(self) -> Needles {
        let sets = self.0.len();
        let mut of: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
        for (set, number) in self.0 {
            for needle in set {
                of.entry(needle).or_default().push(number);
            }
        }
        let (needles, sets_of): (Vec<_>, Vec<_>) = of.into_iter().unzip();
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(needles)
            .expect("short strings make an automaton");
        Needles {
            automaton,
            sets_of,
            words: sets.div_ceil(64),
        }
    }
}

/// The strings of many patterns.
pub(super) struct Needles {
    automaton: AhoCorasick,
    /// Of each string, the sets it is in.
    sets_of: Vec<Vec<usize>>,
    words: usize,
}

impl Needles {
    pub(super) fn seen(&self, text: &[u8]) -> Seen {
        let mut seen = vec![0; self.words];
        for found in self.automaton.find_overlapping_iter(text) {
            for set in &self.sets_of[found.pattern()] {
                seen[set / 64] |= 1 << (set % 64);
            }
        }
        Seen(seen)
    }
}

/// What a part of a pattern needs.
struct Need {
    /// All it can match, where that is few.
    exact: Option<Set>,
    /// Otherwise sets that must occur.
    sets: Vec<Set>,
}

impl Need {
    fn exactly(exact: Set) -> Need {
        Need {
            exact: Some(exact),
            sets: Vec::new(),
        }
    }

    fn all(sets: Vec<Set>) -> Need {
        Need { exact: None, sets }
    }

    fn sets(self) -> Vec<Set> {
        self.exact
            .and_then(useful)
            .into_iter()
            .chain(self.sets)
            .collect()
    }

    fn of(hir: &Hir) -> Need {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Need::exactly(vec![Vec::new()]),
            HirKind::Literal(literal) => Need::exactly(vec![literal.0.to_vec()]),
            HirKind::Class(Class::Bytes(class)) => {
                let bytes: Vec<u8> = class
                    .iter()
                    .flat_map(|range| range.start()..=range.end())
                    .collect();
                match bytes.len() {
                    0..=8 => Need::exactly(bytes.into_iter().map(|byte| vec![byte]).collect()),
                    _ => Need::all(Vec::new()),
                }
            }
            // What is written as one character or another arrives as this.
            HirKind::Class(Class::Unicode(class)) => {
                let chars = class.iter().flat_map(|range| range.start()..=range.end());
                let few: Set = chars
                    .take(CHARS + 1)
                    .map(|c| c.to_string().into())
                    .collect();
                match few.len() {
                    0..=CHARS => Need::exactly(few),
                    _ => Need::all(Vec::new()),
                }
            }
            HirKind::Capture(capture) => Need::of(&capture.sub),
            HirKind::Repetition(many) => match (many.min, many.max, Need::of(&many.sub)) {
                (1, Some(1), one) => one,
                (
                    0,
                    Some(1),
                    Need {
                        exact: Some(mut exact),
                        ..
                    },
                ) => {
                    exact.push(Vec::new());
                    Need::exactly(exact)
                }
                (0, ..) => Need::all(Vec::new()),
                (_, _, one) => Need::all(one.sets()),
            },
            HirKind::Concat(parts) => Need::joined(parts),
            HirKind::Alternation(each) => Need::either(each),
        }
    }

    /// One part after another.
    fn joined(parts: &[Hir]) -> Need {
        let mut run: Set = vec![Vec::new()];
        let mut sets = Vec::new();
        let mut whole = true;
        for part in parts {
            let need = Need::of(part);
            match need.exact {
                Some(next)
                    if run.len() * next.len() <= JOINED || run.len() == 1 && run[0].is_empty() =>
                {
                    run = run
                        .iter()
                        .flat_map(|start| next.iter().map(move |end| [&start[..], end].concat()))
                        .collect();
                }
                next => {
                    whole = false;
                    sets.extend(useful(std::mem::replace(
                        &mut run,
                        next.unwrap_or_else(|| vec![Vec::new()]),
                    )));
                    sets.extend(need.sets);
                }
            }
        }
        if whole {
            return Need::exactly(run);
        }
        sets.extend(useful(run));
        Need::all(sets)
    }

    /// One of them: each gives the set that occurs least, as far as one can tell.
    fn either(each: &[Hir]) -> Need {
        let needs: Vec<Need> = each.iter().map(Need::of).collect();
        let exact: Option<Vec<&Set>> = needs.iter().map(|need| need.exact.as_ref()).collect();
        if let Some(exact) = exact
            && exact.iter().map(|set| set.len()).sum::<usize>() <= MOST
        {
            return Need::exactly(exact.into_iter().flatten().cloned().collect());
        }
        let rarest = |need: Need| {
            let shortest = |set: &Set| set.iter().map(Vec::len).min();
            need.sets()
                .into_iter()
                .max_by_key(|set| (shortest(set), usize::MAX - set.len()))
        };
        let sets: Option<Vec<Set>> = needs.into_iter().map(rarest).collect();
        let joined = sets.and_then(|sets| useful(sets.concat()));
        Need::all(joined.into_iter().collect())
    }
}

/// The set as it is looked for, if it is of use.
fn useful(mut set: Set) -> Option<Set> {
    if set.len() > MOST || set.iter().any(|needle| needle.len() < SHORTEST) {
        return None;
    }
    for needle in &mut set {
        needle.truncate(LONGEST);
    }
    set.sort_by_key(Vec::len);
    let mut least: Set = Vec::new();
    for needle in set {
        // Where the longer one occurs the shorter one does.
        let has = |short: &Vec<u8>| needle.windows(short.len()).any(|part| part == short);
        if !least.iter().any(has) {
            least.push(needle);
        }
    }
    least.sort();
    Some(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_run_only_where_it_may_match() {
        let check = |pattern: &str, text: &str, may: bool| {
            let mut gathered = Gathered::default();
            let ways = gathered.add(pattern);
            let seen = gathered.build().seen(text.as_bytes());
            assert_eq!(seen.may(&ways), may, "{pattern} in {text}: {ways:?}");
        };
        check("kill", "kilt", false);
        check("kill", "skill", true);
        check(r"\b(?:kill|hurt)(?:ing)? my ?self", "kill my self", true);
        check(r"\b(?:kill|hurt)(?:ing)? my ?self", "kill yourself", false);
        check("want[^.]{0,9}(?:die|dead)", "want to live", false);
        check("want[^.]{0,9}(?:die|dead)", "dead is what I want", true);
        check("(?:want)+ (?:die)*", "i want nothing", true);
        check("(?:want)+ (?:die)*", "i wish", false);
        check("one[0-9]+|two[0-9]+three", "two and", false);
        check("one[0-9]+|two[0-9]+three", "two and three", true);
        check("one[0-9]+|two[0-9]+three", "one", true);
        check("(?:one[0-9]+|two[0-9]+three) end", "one or two end", true);
        check("(?:one[0-9]+|[0-9]+) ending", "5 ending", true);
        check("我(?:想|要)?死", "我想死", true);
        check("我(?:想|要)?死", "我死", true);
        check("我(?:想|要)?死", "我想活", false);
        check("i", "anything", true);
        check("(?:食|吞)了[^.]{0,6}(?:药|毒)", "吃了药", false);
        check("(?:食|吞)了[^.]{0,6}(?:药|毒)", "吞了毒", true);
    }
}
