//! Hostile bytes from a seed: what was recorded, with bits turned, pieces moved, ends cut, words of the format thrown
//! in, nests deepened and numbers blown up. The same seed gives the same bytes on every machine. Used by the tests of
//! each crate that reads what others wrote, and by the targets in `fuzz/`; it knows nothing of any format.

/// Makes case after case from a corpus.
pub struct Mutator<'c> {
    state: u64,
    corpus: &'c [Vec<u8>],
    words: &'c [&'c str],
}

/// No case is longer: what a reader does with more is another test's.
const LONGEST: usize = 64 * 1024;

const NUMBERS: [&str; 8] = [
    "-1",
    "0",
    "9223372036854775808",
    "18446744073709551616",
    "1e9",
    "-0.0",
    "1e400",
    "99999999999999999999999999999999999999",
];

impl<'c> Mutator<'c> {
    /// Cases from these recordings and words of their format.
    pub fn new(seed: u64, corpus: &'c [Vec<u8>], words: &'c [&'c str]) -> Self {
        assert!(!corpus.is_empty(), "nothing to begin with");
        Mutator {
            state: seed,
            corpus,
            words,
        }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((n ^ (n >> 31)) % (end.max(1) as u64)) as usize
    }

    /// The next case: one of the corpus, changed once or a few times.
    pub fn next_case(&mut self) -> Vec<u8> {
        let corpus = self.corpus;
        let mut bytes = corpus[self.below(corpus.len())].clone();
        // Often a single change: what is wrong in one place is read the farthest.
        let most = [1, 1, 2, 6][self.below(4)];
        for _ in 0..=self.below(most) {
            self.change(&mut bytes);
            bytes.truncate(LONGEST);
        }
        bytes
    }

    /// The same, as text: what is no text any more is shown as such.
    pub fn next_text(&mut self) -> String {
        String::from_utf8_lossy(&self.next_case()).into_owned()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        match self.below(10) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = self.below(256) as u8,
            2 => bytes.truncate(at),
            3 => {
                let end = (at + 1 + self.below(24)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            4 => {
                let end = (at + 1 + self.below(200)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = self.below(bytes.len() + 1);
                let times = 1 + self.below(4);
                insert(bytes, to, &piece.repeat(times));
            }
            5 => {
                let corpus = self.corpus;
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len() + 1);
                let end = (from + self.below(400)).min(other.len());
                insert(bytes, at, &other[from..end]);
            }
            6 => {
                let words = self.words;
                if !words.is_empty() {
                    insert(bytes, at, words[self.below(words.len())].as_bytes());
                }
            }
            7 => self.blow_up_a_number(bytes, at),
            8 => {
                let (open, close) =
                    [("[", "]"), ("{\"a\":", "}"), ("{", "}"), ("[[", "]]")][self.below(4)];
                let depth = [3, 33, 200, 2_000][self.below(4)];
                insert(
                    bytes,
                    at,
                    format!("{}{}", open.repeat(depth), close.repeat(depth)).as_bytes(),
                );
            }
            _ => {
                // Half of a character, or a whole one that is odd.
                let odd: [&[u8]; 8] = [
                    b"\xe8\x8c",
                    b"\xf0\x9f\x91",
                    b"\xff",
                    b"\xed\xa0\x80",
                    "\u{200d}\u{1f469}".as_bytes(),
                    "\u{301}\u{301}\u{301}".as_bytes(),
                    "\u{feff}\u{2028}\u{202e}".as_bytes(),
                    b"\0\x1b[31m\r",
                ];
                insert(bytes, at, odd[self.below(odd.len())]);
            }
        }
    }

    fn blow_up_a_number(&mut self, bytes: &mut Vec<u8>, from: usize) {
        let Some(start) = bytes[from.min(bytes.len())..]
            .iter()
            .position(u8::is_ascii_digit)
        else {
            return;
        };
        let start = from + start;
        let digits = bytes[start..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let number = NUMBERS[self.below(NUMBERS.len())];
        bytes.splice(start..start + digits, number.bytes());
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}
