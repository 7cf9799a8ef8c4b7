//! A first glance at a text as it was written: its words and pairs of words, as places in a small table of weights, in
//! one pass over the bytes. So cheap that every line is glanced at, with an anchor or without; what sounds at all like
//! somebody who wants to die is then read plain and weighed (`weigh`). The trainer in `training/crisis` includes this
//! very file. Knows no weights.

/// Places of the table, a power of two.
pub const PLACES: usize = 1 << 15;

/// What stands in a text, one after another: of a word in ASCII and of any other character its own place and that of
/// the pair it makes with the one before; nothing at the end of a sentence. Signs and blanks are passed over.
pub struct Words<'t> {
    text: &'t [u8],
    /// Up to here it is read.
    pub at: usize,
    before: u64,
}

impl Words<'_> {
    pub fn of(text: &str) -> Words<'_> {
        let (text, at, before) = (text.as_bytes(), 0, EDGE);
        Words { text, at, before }
    }
}

impl Iterator for Words<'_> {
    type Item = Option<[usize; 2]>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (word, long) = loop {
            let rest = self.text.get(self.at..)?;
            let (read, long) = match rest {
                // A Han character, before all others.
                [first @ 0xe4..=0xe9, second, third, ..] => {
                    let c = u32::from_be_bytes([0, *first, *second, *third]);
                    (Read::Word(u64::from(c)), 3)
                }
                [0x80..=0xff, ..] => other(rest),
                [b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z', ..] => ascii(self.text, self.at),
                [b'.' | b'!' | b'?' | b'\n', ..] => (Read::End, 1),
                [_, ..] => (Read::Sign, 1),
                [] => return None,
            };
            match read {
                Read::Sign => self.at += long,
                Read::End => {
                    self.at += long;
                    self.before = EDGE;
                    return Some(None);
                }
                Read::Word(word) => break (word, long),
            }
        };
        self.at += long;
        let word = word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let pair = (self.before.rotate_left(11) ^ word).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        self.before = word;
        Some(Some([place(word), place(pair)]))
    }
}

enum Read {
    Word(u64),
    Sign,
    End,
}

/// The word in ASCII that stands here, in lower case, and how long it is with its blank; eight bytes at a time.
fn ascii(text: &[u8], at: usize) -> (Read, usize) {
    let (mut word, mut long) = (0_u64, 0);
    loop {
        let (eight, letters) = eight(text, at + long);
        word = (word.rotate_left(23) ^ eight).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        long += letters;
        if letters < 8 {
            // The blank after it is nothing to stop at.
            let blank = text.get(at + long) == Some(&b' ');
            return (Read::Word(word), long + usize::from(blank));
        }
    }
}

/// The letters and figures that stand here, eight at most, and how many they are.
fn eight(text: &[u8], at: usize) -> (u64, usize) {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    let eight = match (text[at..].first_chunk(), text.last_chunk()) {
        (Some(eight), _) => u64::from_le_bytes(*eight),
        // The last few bytes, and nothing after them.
        (None, Some(last)) if at < text.len() => {
            u64::from_le_bytes(*last) >> (8 * (8 + at - text.len()))
        }
        (None, _) => {
            let bytes = text[at..].iter().rev();
            bytes.fold(0, |eight, byte| eight << 8 | u64::from(*byte))
        }
    };
    let lower = eight | (0x20 * EACH);
    // The high bit of each byte tells whether it is this one or a later one.
    let from = |byte: u8| (lower & !HIGH) + u64::from(0x80 - byte) * EACH;
    let is_letter = from(b'a') & !from(b'z' + 1) | from(b'0') & !from(b'9' + 1);
    let others = !(is_letter & !eight) & HIGH;
    if others == 0 {
        return (lower, 8);
    }
    let letters = others.trailing_zeros() / 8;
    (lower & ((1 << (8 * letters)) - 1), letters as usize)
}

/// Any other character, and how many bytes it has.
fn other(rest: &[u8]) -> (Read, usize) {
    let long = match rest[0] {
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    };
    let bytes = rest.iter().take(long);
    match bytes.fold(0, |c, byte| c << 8 | u64::from(*byte)) {
        // The full stop, the exclamation and the question mark of full width.
        0xe3_8082 | 0xef_bc81 | 0xef_bc9f => (Read::End, long),
        0xe2_8080..=0xe2_81bf | 0xe3_8080..=0xe3_80bf | 0xef_bc80..=0xef_bc8f => (Read::Sign, long),
        c => (Read::Word(c), long),
    }
}

/// What stands before the first word of a sentence.
const EDGE: u64 = 7;

fn place(hash: u64) -> usize {
    (hash >> (64 - PLACES.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_alike_however_they_are_written() {
        let same = |one: &str, other: &str| {
            let all = |text| Words::of(text).collect::<Vec<_>>();
            assert_eq!(all(one), all(other), "{one:?} {other:?}");
        };
        same("Want  to, DIE", "want to die");
        same("想，死", "想死");
        same("想。死", "想!死");
        same("unforgettable me", "UNFORGETTABLE  me ");
        same("a\u{2014}b", "a b");
        let ends = |text| Words::of(text).filter(Option::is_none).count();
        assert_eq!(ends("one. two! 三？四\nfive"), 4);
        fn words(text: &str) -> Vec<[usize; 2]> {
            Words::of(text).flatten().collect()
        }
        assert_eq!(words("we two").len(), 2);
        assert_eq!(words("我们2个é\u{1f600}").len(), 6);
        // A word of eight letters, of more, and the last of a text.
        for word in ["anythin1", "anything else", "i"] {
            assert_eq!(words(word).len(), word.split(' ').count(), "{word}");
            let more = format!("{word} or not");
            assert_eq!(words(word)[0][0], words(&more)[0][0]);
        }
        assert_ne!(words("die not")[1], words("not die")[0], "another place");
    }
}
