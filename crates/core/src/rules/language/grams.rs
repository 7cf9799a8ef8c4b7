//! Letters → features: runs of two to four letters of a word with its edges, and the word itself, as places in a table.
//! The trainer in `training/language` includes this very file, so that both see the same. Knows no weights.

/// Places in the table, a power of two.
pub const BUCKETS: usize = 1 << 14;
/// Scores a place holds, one a class.
pub const WIDTH: usize = 24;

const FACTOR: u32 = 0x9E37_79B1;
/// The edge of a word.
const EDGE: u32 = 1;

/// Walks over the letters of one word.
pub struct Walk {
    before: [u32; 3],
    whole: u32,
    letters: u32,
}

impl Walk {
    /// At the start of a word.
    pub fn new() -> Self {
        Walk {
            before: [EDGE, 0, 0],
            whole: 0x811C_9DC5,
            letters: 0,
        }
    }

    /// The next letter, in lower case: tells the places that it touches.
    pub fn letter(&mut self, letter: char, touch: &mut impl FnMut(usize)) {
        let code = u32::from(letter);
        self.whole = (self.whole ^ code).wrapping_mul(FACTOR).rotate_left(7);
        self.letters += 1;
        self.step(code, touch);
    }

    /// The word is over.
    pub fn end(&mut self, touch: &mut impl FnMut(usize)) {
        self.step(EDGE, touch);
        if self.letters <= 24 {
            touch(place(self.whole.wrapping_mul(FACTOR)));
        }
    }

    fn step(&mut self, code: u32, touch: &mut impl FnMut(usize)) {
        let [first, second, third] = self.before;
        let two = mix(mix(0x51, code), first);
        touch(place(two));
        if second != 0 {
            let three = mix(two, second);
            touch(place(three));
            if third != 0 {
                touch(place(mix(three, third)));
            }
        }
        self.before = [code, first, second];
    }
}

fn mix(hash: u32, code: u32) -> u32 {
    let mixed = (hash ^ code).wrapping_mul(FACTOR);
    mixed ^ (mixed >> 15)
}

fn place(hash: u32) -> usize {
    (hash.wrapping_mul(0x85EB_CA6B) >> (32 - BUCKETS.trailing_zeros())) as usize
}
