//! What is known of a word, kept for the short words that came last: much of what people say is said in a few hundred
//! words. A word is always told the same, kept or not.

use std::cell::RefCell;

use super::model::{Scores, Weights};
use super::word::Word;
use crate::normalise::lexicon::mix;

/// A word as it was weighed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    weights: Weights,
    /// English fits best.
    pub leans_english: bool,
    /// It stands in the list of English words and is no term.
    pub is_known: bool,
    /// It is the name of a thing.
    pub is_term: bool,
    /// It is English and cannot be a syllable of Chinese: *said*, and not *can*.
    pub is_firm: bool,
    /// It leans to another language and is no English word either, but for those that Chinese syllables spell.
    pub is_foreign: bool,
    /// Names of people begin like this: *Zhang*, *Xiao*.
    pub is_surname: bool,
}

impl Weighed {
    fn of(word: &Word) -> Weighed {
        let weights = Weights::of_word(word.telling());
        let scores = Scores::from(weights);
        let (lead, is_known) = (scores.lead_of_english(), word.is_known());
        let leans_english = lead >= 0.0;
        let no_pinyin = scores.before_pinyin() >= FIRM;
        Weighed {
            weights,
            leans_english,
            is_known,
            is_term: word.is_term(),
            is_foreign: !(leans_english || is_known && no_pinyin),
            is_firm: leans_english && no_pinyin && (is_known || lead >= FIRM),
            is_surname: !leans_english && word.is_surname(),
        }
    }

    pub fn scores(&self) -> Scores {
        self.weights.into()
    }
}

/// How far a word is ahead of Chinese that can be none.
const FIRM: f32 = 3.0;

/// So many words are kept, a power of two.
const KEPT: usize = 1 << 12;
/// Of so many letters at most: a byte each.
const LONGEST: usize = 16;

/// The letters, none at first, and what they were.
type Slot = (u128, Weighed);

thread_local! {
    static RECENT: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
}

/// Weighs a word, or remembers how it was.
pub fn weigh(word: &Word) -> Weighed {
    let Some(letters) = packed(word.letters()) else {
        return Weighed::of(word);
    };
    RECENT.with_borrow_mut(|recent| {
        if recent.is_empty() {
            recent.resize(KEPT, (0, Weighed::default()));
        }
        let hash = mix(letters as u64 ^ mix((letters >> 64) as u64));
        let slot = &mut recent[hash as usize % KEPT];
        if slot.0 != letters {
            *slot = (letters, Weighed::of(word));
        }
        slot.1
    })
}

/// A short word of ASCII as a number.
fn packed(letters: &[char]) -> Option<u128> {
    if letters.len() > LONGEST {
        return None;
    }
    letters.iter().try_fold(0, |all, letter| {
        letter.is_ascii().then(|| all << 8 | u128::from(*letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_told_the_same_when_it_is_kept_and_when_others_have_taken_its_place() {
        let letters = "aehinst";
        let of_two = || {
            letters
                .chars()
                .flat_map(|a| letters.chars().map(move |b| [a, b]))
        };
        let many = of_two().flat_map(|[a, b]| of_two().map(move |[c, d]| format!("{a}{b}{c}{d}")));
        let longer = [
            "python",
            "the",
            "éa",
            "eclairs",
            "absolute",
            "absolutely",
            "straightforwardly",
            "incomprehensible",
            "incomprehensibly",
            "i",
            "don't",
        ];
        let words: Vec<String> = many.chain(longer.map(str::to_owned)).collect();
        for word in words.iter().chain(&words) {
            let (word, _) = Word::at(word);
            let told = Weighed::of(&word);
            assert_eq!(weigh(&word), told);
            assert_eq!(weigh(&word), told);
        }
    }
}
