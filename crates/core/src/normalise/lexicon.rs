//! What is ordinary: English words, and pairs of characters that stand side by side in ordinary Chinese. Both are
//! kept as hashes, so a word in a hundred or so that is none may be taken for one; never the other way round.

use std::sync::LazyLock;

/// Whether a word in small ASCII letters is English.
pub(crate) fn is_english(word: &[u8]) -> bool {
    holds(ENGLISH, word_hash(word), 5)
}

/// Whether it is one that means something else than what is inside of it, as `cockpit` does. Words that only newer
/// lists hold, and words that a dictionary calls coarse, are not such words.
pub(crate) fn is_settled(word: &[u8]) -> bool {
    let hash = word_hash(word);
    holds(ENGLISH, hash, 5) && !holds(COARSE, hash, 5)
}

/// Whether four small letters in a row are in any such word.
pub(crate) fn is_met(letters: &[u8]) -> bool {
    let place = letters.iter().fold(0, |place, letter| {
        place * 26 + usize::from(letter.wrapping_sub(b'a'))
    });
    FOURS
        .get(place / 8)
        .is_some_and(|bits| bits >> (place % 8) & 1 == 1)
}

fn word_hash(word: &[u8]) -> u64 {
    mix(word.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    }))
}

/// Whether two simplified characters stand side by side in ordinary Chinese.
pub(crate) fn is_ordinary_pair(first: char, second: char) -> bool {
    let hash = mix((first as u64) << 32 | second as u64);
    let half = (hash >> 47) as usize % 2;
    has(&PAIRS.0[(hash >> 48) as usize][1 + half], hash, 3)
}

/// Whether they do so often.
pub(crate) fn is_usual_pair(first: char, second: char) -> bool {
    let hash = mix((first as u64) << 32 | second as u64);
    has(&PAIRS.0[(hash >> 48) as usize][0], hash, 3)
}

/// Whether they are a word.
pub(crate) fn is_word_of_two(first: char, second: char) -> bool {
    holds(TWOS, mix((first as u64) << 32 | second as u64), 3)
}

/// Whether a character often stands by itself, as pronouns and particles do.
pub(crate) fn stands_alone(c: char) -> bool {
    let place = (c as usize).wrapping_sub(HAN);
    ALONE
        .get(place / 64)
        .is_some_and(|bits| bits >> (place % 64) & 1 == 1)
}

/// Where the most common characters begin, and how many there are.
const HAN: usize = 0x4e00;
const HANS: usize = 0x5200;

static ALONE: LazyLock<Vec<u64>> = LazyLock::new(|| {
    const ALONE: &str = "的了是我你他她它不在有就也都还要会能和与但被把让给说去来到上下里个吗呢吧啊呀哦嘛很太真好又再没对从\
        为以而之于所等着过得一二三四五六七八九十这那谁哪最更才只想看做人大小多少们";
    let mut bits = vec![0; HANS / 64];
    for place in ALONE.chars().map(|c| c as usize - HAN) {
        bits[place / 64] |= 1 << (place % 64);
    }
    bits
});

/// Spreads a number over all bits.
pub(crate) fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

const ENGLISH: &[u8; 8 << 17] = include_bytes!("../../../../data/rules/english.bin");
const COARSE: &[u8; 8 << 15] = include_bytes!("../../../../data/rules/coarse.bin");
const FOURS: &[u8; 57_122] = include_bytes!("../../../../data/rules/fours.bin");
const TWOS: &[u8; 8 << 14] = include_bytes!("../../../../data/rules/twos.bin");

/// Pairs whose hashes begin with the same sixteen bits: the usual ones, and the ordinary ones by the bit after those.
type Beginning = [[u8; 8]; 3];

/// Whoever asks whether a pair is ordinary has asked whether it is usual: the answers lie side by side.
static PAIRS: Aligned<[Beginning; 1 << 16]> = Aligned(pairs());

/// Begins where a line of the processor's cache begins.
#[repr(align(64))]
struct Aligned<T>(T);

const fn pairs() -> [Beginning; 1 << 16] {
    let (words, _) = include_bytes!("../../../../data/rules/pairs.bin").as_chunks();
    let (pairs, _) = words.as_chunks();
    *pairs.first_chunk().expect("the file has so many")
}

/// Whether a table has all bits of a hash, so many an item.
fn holds<const BYTES: usize>(table: &[u8; BYTES], hash: u64, bits: u32) -> bool {
    let (words, _) = table.as_chunks();
    has(
        &words[(hash >> (64 - (BYTES / 8).ilog2())) as usize],
        hash,
        bits,
    )
}

fn has(word: &[u8; 8], hash: u64, bits: u32) -> bool {
    let item = (0..bits).fold(0_u64, |item, n| item | 1 << (hash >> (6 * n) & 63));
    u64::from_le_bytes(*word) & item == item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_things_are_known_and_odd_ones_are_not() {
        for (word, known) in [("class", true), ("assassin", true), ("snowzzle", false)] {
            assert_eq!(is_english(word.as_bytes()), known, "{word}");
        }
        for (word, settled) in [
            ("cockpit", true),
            ("butterflies", true),
            ("nigeria", true),
            ("butthead", false),
            ("snowzzle", false),
        ] {
            assert_eq!(is_settled(word.as_bytes()), settled, "{word}");
        }
        for (four, met) in [("ther", true), ("hell", true), ("zzkw", false)] {
            assert_eq!(is_met(four.as_bytes()), met, "{four}");
        }
        for (pair, known) in [
            ("喝茶", true),
            ("天气", true),
            ("鞋云", false),
            ("艹茶", false),
        ] {
            let mut chars = pair.chars();
            let (first, second) = (chars.next().unwrap(), chars.next().unwrap());
            assert_eq!(is_ordinary_pair(first, second), known, "{pair}");
        }
    }
}
