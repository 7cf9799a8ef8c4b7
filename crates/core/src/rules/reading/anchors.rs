//! Words of which a text must hold one, or the patterns of a finder are not tried. Says where they stand, in one pass;
//! what stands around them is for others to read.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// A few short words, in either case.
pub(super) struct Anchors {
    automaton: AhoCorasick,
    place: Place,
}

/// Where the words can be at all.
enum Place {
    Anywhere,
    /// In ASCII of this many bytes or more.
    Ascii(usize),
    Starts(Box<Starts>),
}

impl Anchors {
    pub(super) fn new(words: &[&str]) -> Anchors {
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words)
            .expect("a short list of words makes an automaton");
        let shortest = words.iter().map(|word| word.len()).min().unwrap_or(0);
        let place = if words.iter().all(|word| word.is_ascii()) {
            Place::Ascii(shortest)
        } else if words
            .iter()
            .all(|word| !word.starts_with(|c: char| c.is_ascii()))
        {
            Place::Starts(Box::new(Starts::of(words)))
        } else {
            Place::Anywhere
        };
        Anchors { automaton, place }
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        match &self.place {
            Place::Anywhere => self.automaton.is_match(text),
            Place::Ascii(shortest) => {
                let mut runs = ascii_runs(text.as_bytes(), *shortest);
                runs.any(|run| self.automaton.is_match(&text.as_bytes()[run]))
            }
            Place::Starts(starts) => {
                let mut parts = starts.parts(text);
                parts.any(|part| self.automaton.is_match(&text.as_bytes()[part]))
            }
        }
    }

    /// Each place of one, from left to right; of those that overlap the one that ends first.
    pub(super) fn find<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> {
        let (whole, ascii, starts) = match &self.place {
            Place::Anywhere => (Some(0..text.len()), None, None),
            Place::Ascii(shortest) => (None, Some(ascii_runs(text.as_bytes(), *shortest)), None),
            Place::Starts(starts) => (None, None, Some(starts.parts(text))),
        };
        let ascii = ascii.into_iter().flatten();
        let starts = starts.into_iter().flatten();
        whole
            .into_iter()
            .chain(ascii)
            .chain(starts)
            .flat_map(|part| {
                let found = self.automaton.find_iter(&text.as_bytes()[part.clone()]);
                found.map(move |found| part.start + found.start()..part.start + found.end())
            })
    }
}

/// The longest parts that are all in ASCII.
fn ascii_runs(text: &[u8], shortest: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + first(&text[at..], true)?;
            let length = first(&text[start..], false);
            at = length.map_or(text.len(), |length| start + length);
            if at - start >= shortest {
                return Some(start..at);
            }
        }
    })
}

/// Where the first byte of ASCII, or beyond it, stands; eight at a time.
fn first(text: &[u8], is_ascii: bool) -> Option<usize> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let wanted = if is_ascii { HIGH } else { 0 };
    let (eights, rest) = text.as_chunks::<8>();
    let of_eight = |eight: &[u8; 8]| (u64::from_le_bytes(*eight) & HIGH) ^ wanted;
    match eights.iter().position(|eight| of_eight(eight) != 0) {
        Some(n) => Some(8 * n + of_eight(&eights[n]).trailing_zeros() as usize / 8),
        None => {
            let found = rest.iter().position(|byte| byte.is_ascii() == is_ascii);
            found.map(|at| 8 * eights.len() + at)
        }
    }
}

/// How words begin.
struct Starts {
    /// A bit for each character that is a word, or is too rare to be told.
    alone: Vec<u64>,
    /// Bits for the first two characters of the others.
    pairs: [u64; PAIRS / 64],
    /// So many bytes the longest has.
    longest: usize,
}

/// A power of two, far more than there are words.
const PAIRS: usize = 1 << 14;
/// Characters beyond these are too rare.
const KNOWN: usize = 1 << 16;

impl Starts {
    fn of(words: &[&str]) -> Starts {
        let mut starts = Starts {
            alone: vec![0; KNOWN / 64],
            pairs: [0; PAIRS / 64],
            longest: words.iter().map(|word| word.len()).max().unwrap_or(0),
        };
        for word in words {
            let mut chars = word.chars().map(|c| c.to_ascii_lowercase());
            match (chars.next(), chars.next()) {
                (Some(first), Some(second)) => {
                    let pair = pair(first, second);
                    starts.pairs[pair / 64] |= 1 << (pair % 64);
                }
                (Some(only), None) => {
                    if let Some(bits) = starts.alone.get_mut(only as usize / 64) {
                        *bits |= 1 << (only as usize % 64);
                    }
                }
                (None, _) => {}
            }
        }
        starts
    }

    /// The parts of a text in which all words are that it holds.
    fn parts(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        // None of them begins in ASCII.
        let skipped = first(text.as_bytes(), false).unwrap_or(text.len());
        let mut chars = text[skipped..].char_indices();
        let mut before = (0, '\0');
        let mut part: Option<Range<usize>> = None;
        std::iter::from_fn(move || {
            for (at, c) in chars.by_ref() {
                let at = skipped + at;
                if c.is_ascii() && before.1.is_ascii() {
                    continue;
                }
                let c = c.to_ascii_lowercase();
                let pair = pair(before.1, c);
                let begins = self.pairs[pair / 64] >> (pair % 64) & 1 == 1;
                let alone = self.alone.get(c as usize / 64).unwrap_or(&u64::MAX);
                let start = if begins { before.0 } else { at };
                before = (at, c);
                if !(begins | (alone >> (c as usize % 64) & 1 == 1)) {
                    continue;
                }
                let end = (at + self.longest).min(text.len());
                match &mut part {
                    Some(part) if start <= part.end => part.end = end,
                    part => {
                        if let Some(done) = part.replace(start..end) {
                            return Some(done);
                        }
                    }
                }
            }
            part.take()
        })
    }
}

/// The bit of two characters.
fn pair(first: char, second: char) -> usize {
    let both = (first as u64) << 21 | second as u64;
    (both.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - PAIRS.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_found_wherever_they_stand() {
        let ascii = ["kms", " Die", "a\nb"];
        let han = ["不想活", "想活", "死", "活着", "自Sha", "着 不"];
        let check = |words: &[&str], text: &str| {
            let some = Anchors::new(words);
            // Looked for everywhere: one in ASCII, one in none.
            let all = Anchors::new(&[words, &["\0", "\u{1}茶"]].concat());
            assert!(matches!(all.place, Place::Anywhere));
            assert!(!matches!(some.place, Place::Anywhere));
            let places = |anchors: &Anchors| anchors.find(text).collect::<Vec<_>>();
            assert_eq!(places(&some), places(&all), "{words:?} in {text:?}");
            assert_eq!(some.is_in(text), all.is_in(text), "{words:?} in {text:?}");
        };
        for text in [
            "",
            "kms",
            "我kms",
            "kms我",
            "k我ms",
            "我 dIe我 di",
            "a\nb\u{e9}KMS",
            "我 k 我 m 我 s",
            "kkmskms 我kms km",
            "不想活着",
            "不不想活活着 不想活死",
            "死",
            "我死",
            "自sha自SH自 sha 自sHA",
            "活活着着 不\u{20000}死\u{20000}",
            "不",
            "自sh",
        ] {
            let long = format!("{}{text}{}", "我想 ".repeat(9), "不 tea".repeat(9));
            for text in [text, &long, &text.repeat(3)] {
                check(&ascii, text);
                check(&han, text);
            }
        }
    }
}
