//! Latin letters → how well each language fits: a linear model over runs of letters (`grams.rs`), trained in
//! `training/language`. Gives scores; what they mean is for `language.rs`.

use super::Tongue;
use super::grams::{BUCKETS, WIDTH, Walk};

static WEIGHTS: &[[u8; WIDTH]] = include_bytes!("../../../../../data/rules/language.bin")
    .as_chunks()
    .0;
/// Letters of a word that are weighed; they touch three places each, the edges three more.
const LONGEST: usize = 60;
/// So many times 127 fits an `i16`.
const MOST_PLACES: usize = 3 * LONGEST + 4;
const _: () =
    assert!(WEIGHTS.len() == BUCKETS && BUCKETS <= 1 << 16 && MOST_PLACES * 128 < 1 << 15);

/// What a place of the scores stands for, in the order of training; English is the first, and no class of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Chinese in Latin letters.
    Pinyin,
    /// Another one; the last class of all is a bag of many.
    Foreign(Option<Tongue>),
}

const ENGLISH: usize = 0;
const PINYIN: usize = 1;
const CLASSES: usize = 22;
const FOREIGN: [Tongue; 19] = [
    Tongue::French,
    Tongue::German,
    Tongue::Spanish,
    Tongue::Portuguese,
    Tongue::Italian,
    Tongue::Dutch,
    Tongue::Indonesian,
    Tongue::Malay,
    Tongue::Tagalog,
    Tongue::Vietnamese,
    Tongue::Swedish,
    Tongue::Danish,
    Tongue::Norwegian,
    Tongue::Finnish,
    Tongue::Polish,
    Tongue::Turkish,
    Tongue::Romanian,
    Tongue::Czech,
    Tongue::Hungarian,
];

/// The scores of a word or of many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scores {
    sums: [i32; WIDTH],
    places: u32,
}

/// Which language other than English fits best.
#[derive(Clone, Copy, Debug)]
pub struct Best {
    pub class: Class,
    /// How far it is ahead of English; below zero if English is ahead.
    pub margin: f32,
    /// How far the best other language is ahead of the next other one.
    pub lead: f32,
}

/// The scores of one word, in a small place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    sums: [i16; WIDTH],
    places: u16,
}

impl From<Weights> for Scores {
    fn from(weights: Weights) -> Scores {
        Scores {
            sums: weights.sums.map(i32::from),
            places: weights.places.into(),
        }
    }
}

impl Weights {
    /// Of a word in small letters; of a very long one, of its start.
    pub fn of_word(letters: &[char]) -> Weights {
        let mut places = [0u16; MOST_PLACES];
        let mut count = 0;
        let mut touch = |place: usize| {
            places[count] = place as u16;
            count += 1;
        };
        let mut walk = Walk::new();
        for letter in letters.iter().take(LONGEST) {
            walk.letter(*letter, &mut touch);
        }
        walk.end(&mut touch);
        let mut sums = [0i16; WIDTH];
        for place in &places[..count] {
            for (sum, weight) in sums.iter_mut().zip(&WEIGHTS[usize::from(*place)]) {
                *sum += i16::from(weight.cast_signed());
            }
        }
        Weights {
            sums,
            places: count as u16,
        }
    }
}

impl Scores {
    /// Of some hundred words at most: no sum of theirs is too large.
    pub fn add(&mut self, other: &Scores) {
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum += *more;
        }
        self.places += other.places;
    }

    pub fn is_empty(&self) -> bool {
        self.places == 0
    }

    /// How far English is ahead of all others, in the unit of [`Scores::best`]; below zero if another fits better.
    pub fn lead_of_english(&self) -> f32 {
        // All of them are compared: quicker than to stop early.
        let others = self.sums[1..CLASSES].iter();
        let most = others.fold(i32::MIN, |most, sum| most.max(*sum));
        (self.sums[ENGLISH] - most) as f32 * self.unit()
    }

    /// How far English is ahead of romanised Chinese, in the unit of [`Scores::best`].
    pub fn before_pinyin(&self) -> f32 {
        (self.sums[ENGLISH] - self.sums[PINYIN]) as f32 * self.unit()
    }

    fn unit(&self) -> f32 {
        2.0 / (24.0 * (self.places.max(1) as f32).sqrt())
    }

    /// Which but English fits best, and how clearly; the unit is a nat of the training's softened scores.
    pub fn best(&self) -> Best {
        let unit = self.unit();
        let (mut first, mut second) = (PINYIN, None);
        for class in PINYIN + 1..CLASSES {
            if self.sums[class] > self.sums[first] {
                second = Some(first);
                first = class;
            } else if second.is_none_or(|second| self.sums[class] > self.sums[second]) {
                second = Some(class);
            }
        }
        let ahead = |a: usize, b: usize| (self.sums[a] - self.sums[b]) as f32 * unit;
        let margin = ahead(first, ENGLISH);
        let class = if first == PINYIN {
            Class::Pinyin
        } else {
            Class::Foreign(FOREIGN.get(first - 2).copied())
        };
        Best {
            class,
            margin,
            lead: second.map_or(0.0, |second| ahead(first, second)),
        }
    }
}
