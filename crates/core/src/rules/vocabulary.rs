//! English words that people know, and how hard each is. Made in `training/level`; knows no sentences.

use std::sync::LazyLock;

/// Keys in order (FNV-1a of the small letters), then a byte of hardness for each.
static TABLE: &[u8] = include_bytes!("../../../../data/rules/hardness.bin");
static KEYS: &[[u8; 4]] = TABLE.split_at(TABLE.len() / 5 * 4).0.as_chunks().0;
static HARDNESS: &[u8] = TABLE.split_at(TABLE.len() / 5 * 4).1;
/// Where the keys begin whose highest bits are each of these numbers, and where the last of them end.
static STARTS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let start = |high: u64| {
        KEYS.partition_point(|key| u64::from(u32::from_le_bytes(*key)) < high << LOW_BITS)
    };
    (0..=1 << (u32::BITS - LOW_BITS))
        .map(|high| u32::try_from(start(high)).unwrap_or(u32::MAX))
        .collect()
});
/// A dozen keys have the same bits above these.
const LOW_BITS: u32 = 20;
/// Bytes to a point of hardness.
const STEPS: f32 = 16.0;

/// How hard an English word is, from 0, the commonest, to 16; of a word that is in no list, nothing.
pub(super) fn hardness(small_letters: impl Iterator<Item = u8>) -> Option<f32> {
    let hash = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let key = small_letters.fold(0x811C_9DC5, hash);
    let high = (key >> LOW_BITS) as usize;
    let (start, end) = (STARTS[high] as usize, STARTS[high + 1] as usize);
    let key = key.to_le_bytes();
    let at = KEYS[start..end].iter().position(|known| *known == key)?;
    Some(f32::from(HARDNESS[start + at]) / STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: &str) -> Option<f32> {
        hardness(word.bytes())
    }

    #[test]
    fn the_table_is_whole_and_in_order() {
        assert!(KEYS.is_sorted_by_key(|key| u32::from_le_bytes(*key)));
        assert_eq!(KEYS.len(), HARDNESS.len());
    }

    #[test]
    fn a_rare_word_is_harder() {
        for (easy, hard) in [("the", "verdict"), ("dog", "hegemony"), ("eat", "devour")] {
            assert!(
                of(easy).is_some() && of(easy) < of(hard),
                "{easy} and {hard}"
            );
        }
    }

    #[test]
    fn what_is_no_word_has_no_hardness() {
        for word in ["", "qwzxk", "nihao", "bonjour", "茶"] {
            assert_eq!(of(word), None, "{word}");
        }
    }
}
