//! How characters sound, what they look like, and what they are made of.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::lexicon::mix;

/// A syllable, or a character of the table.
pub(crate) type Key = u16;

/// The keys of one character: how it sounds first, then how else it may sound, then its shapes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys<'a> {
    /// Its first reading; nothing for a character without one.
    pub sound: Option<Key>,
    /// Its other readings.
    pub sounds: &'a [Key],
    /// The characters that look like it, the nearest first.
    pub shapes: &'a [Key],
    /// Those, and then the ones that it looks like without being told so itself.
    pub alike: &'a [Key],
    /// Characters that share a part with it and begin with the same letter when they are said, the commonest first.
    pub kin: &'a [Key],
}

/// The keys of a simplified character.
pub(crate) fn keys(c: char) -> Keys<'static> {
    let tables = &*TABLES;
    let place = (c as usize)
        .checked_sub(HAN)
        .and_then(|n| tables.places.get(n..n + 2));
    let Some([place, next]) = place else {
        return Keys {
            sound: None,
            sounds: &[],
            shapes: &[],
            alike: &[],
            kin: &[],
        };
    };
    let keys = &tables.keys[place.from as usize..next.from as usize];
    let (sounds, more) = keys.split_at(place.sounds.into());
    let (alike, kin) = more.split_at(place.alike.into());
    Keys {
        sound: (place.sound != 0).then_some(place.sound),
        sounds,
        shapes: &alike[..place.shapes.into()],
        alike,
        kin,
    }
}

/// The key of a toneless syllable.
pub(crate) fn syllable(letters: &[u8]) -> Option<Key> {
    let packed = packed(letters)?;
    let (code, key) = TABLES.syllables[slot(&TABLES.syllables, packed)];
    (code == packed).then_some(key)
}

/// The longest syllable, as in `zhuang`.
pub(crate) const LONGEST_SYLLABLE: usize = 6;

fn packed(letters: &[u8]) -> Option<u64> {
    let all = letters
        .iter()
        .fold(0, |packed, letter| packed << 8 | u64::from(*letter));
    (!letters.is_empty() && letters.len() <= LONGEST_SYLLABLE).then_some(all)
}

/// Where a syllable is kept, or would be; a quarter of the slots are in use.
fn slot(slots: &[(u64, Key)], packed: u64) -> usize {
    let mut at = mix(packed) as usize % SLOTS;
    while slots[at].0 != 0 && slots[at].0 != packed {
        at = (at + 1) % SLOTS;
    }
    at
}

/// How a syllable is written in letters, without its tone.
pub(crate) fn spelling(sound: Key) -> &'static str {
    TABLES
        .spellings
        .get(usize::from(sound))
        .copied()
        .unwrap_or_default()
}

/// The character that is made of these parts, side by side or on top of each other.
pub(crate) fn joined(parts: &[char]) -> Option<char> {
    if parts.len() < 2 || !may_join(parts[0], parts[1]) {
        return None;
    }
    let code = code_of(parts)?;
    let at = SPLIT
        .whole
        .binary_search_by_key(&code, |(code, _)| *code)
        .ok()?;
    Some(SPLIT.whole[at].1)
}

/// Whether a character may begin with these two parts.
pub(crate) fn may_join(first: char, second: char) -> bool {
    let (place, bits) = place_of_pair(first, second);
    SPLIT.pairs[place] & bits == bits
}

/// A pair has two bits of one of so many words, a power of two.
const PAIR_WORDS: usize = 1 << 12;

fn place_of_pair(first: char, second: char) -> (usize, u64) {
    let hash = mix((first as u64) << 32 | second as u64);
    let bits = 1 << (hash >> 12 & 63) | 1 << (hash >> 18 & 63);
    (hash as usize % PAIR_WORDS, bits)
}

/// Up to four characters of the basic plane as a number.
fn code_of(parts: &[char]) -> Option<u64> {
    let add = |code: u64, c: &char| Some(code << 16 | u64::from(u16::try_from(*c as u32).ok()?));
    if parts.len() > 4 {
        None
    } else {
        parts.iter().try_fold(0, add)
    }
}

/// What people call an emoji: words of one to three characters.
pub(crate) fn names(emoji: char) -> &'static [&'static str] {
    EMOJI.get(&emoji).map_or(&[], Vec::as_slice)
}

const HAN: usize = 0x3400;
const HAN_END: usize = 0xa000;

const SLOTS: usize = 2048;

#[derive(Clone, Copy, Default)]
struct Place {
    from: u32,
    sound: Key,
    sounds: u8,
    shapes: u8,
    alike: u16,
}

struct Tables {
    /// One for each character, and one more.
    places: Vec<Place>,
    keys: Vec<Key>,
    syllables: Vec<(u64, Key)>,
    spellings: Vec<&'static str>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut of_char: Vec<(Key, Vec<Key>, Vec<Key>)> = vec![Default::default(); HAN_END - HAN];
    let mut syllables = vec![(0, 0); SLOTS];
    let mut spellings = vec![""];
    let lines = include_str!("../../../../data/rules/pinyin.txt").lines();
    for (next, line) in (1..).zip(lines) {
        let mut fields = line.split('\t');
        let (said, first, more) = (fields.next(), fields.next(), fields.next());
        let said = said.unwrap_or_default();
        if let Some(packed) = packed(said.as_bytes()) {
            let at = slot(&syllables, packed);
            syllables[at] = (packed, next);
        }
        spellings.push(said);
        for n in first.unwrap_or_default().chars().filter_map(place) {
            of_char[n].0 = next;
        }
        for n in more.unwrap_or_default().chars().filter_map(place) {
            of_char[n].1.push(next);
        }
    }
    for line in include_str!("../../../../data/rules/shapes.txt").lines() {
        let mut chars = line.chars();
        if let Some(n) = chars.next().and_then(place) {
            let known = chars.filter(|c| place(*c).is_some());
            of_char[n]
                .2
                .extend(known.filter_map(|c| Key::try_from(c as u32).ok()));
        }
    }
    let mut looked_like = vec![Vec::new(); of_char.len()];
    for (n, (_, _, shapes)) in of_char.iter().enumerate() {
        let code = Key::try_from(HAN + n).unwrap_or(0);
        for like in shapes.iter().map(|key| usize::from(*key) - HAN) {
            if !of_char[like].2.contains(&code) {
                looked_like[like].push(code);
            }
        }
    }
    let kin = all_kin(&of_char, &spellings);
    let (mut places, mut keys) = (Vec::with_capacity(of_char.len() + 1), Vec::new());
    let from = |keys: &[Key]| u32::try_from(keys.len()).unwrap_or(0);
    let all = of_char.into_iter().zip(looked_like).zip(kin);
    for (((sound, sounds, shapes), others), kin) in all {
        let count = |keys: &[Key]| u8::try_from(keys.len()).unwrap_or(u8::MAX);
        places.push(Place {
            from: from(&keys),
            sound,
            sounds: count(&sounds),
            shapes: count(&shapes),
            alike: u16::try_from(shapes.len() + others.len()).unwrap_or(u16::MAX),
        });
        keys.extend(sounds);
        keys.extend(shapes);
        keys.extend(others);
        keys.extend(kin);
    }
    places.push(Place {
        from: from(&keys),
        ..Place::default()
    });
    keys.shrink_to_fit();
    Tables {
        places,
        keys,
        syllables,
        spellings,
    }
});

/// Of each character of the table, those that share a part with it and begin with the same letter.
fn all_kin(of_char: &[(Key, Vec<Key>, Vec<Key>)], spellings: &[&str]) -> Vec<Vec<Key>> {
    let mut kin = vec![Vec::new(); of_char.len()];
    let initial = |n: usize| spellings[usize::from(of_char[n].0)].bytes().next();
    for line in include_str!("../../../../data/rules/parts.txt").lines() {
        let mut group: Vec<(u8, usize)> = line
            .chars()
            .filter_map(place)
            .filter_map(|n| Some((initial(n)?, n)))
            .collect();
        group.sort_unstable();
        for same in group.chunk_by(|a, b| a.0 == b.0) {
            let known = same.iter().filter(|(_, n)| !of_char[*n].2.is_empty());
            for (_, like) in known {
                let code = Key::try_from(HAN + like).unwrap_or(0);
                let others = same.iter().filter(|(_, n)| n != like);
                others.for_each(|(_, n)| kin[*n].push(code));
            }
        }
    }
    let mut ranks = vec![Key::MAX; of_char.len()];
    let common = include_str!("../../../../data/rules/common-han.txt").lines();
    for (rank, n) in (0..).zip(common.filter_map(|line| line.chars().next().and_then(place))) {
        ranks[n] = rank;
    }
    let rank = |key: &Key| ranks[usize::from(*key) - HAN];
    for kin in &mut kin {
        kin.sort_unstable_by_key(|key| (rank(key), *key));
        kin.dedup();
    }
    kin
}

/// Where a character stands in tables.
fn place(c: char) -> Option<usize> {
    (c as usize).checked_sub(HAN).filter(|n| *n < HAN_END - HAN)
}

struct Split {
    /// By the code of the parts.
    whole: Vec<(u64, char)>,
    /// Bits for the first two parts.
    pairs: Vec<u64>,
}

static SPLIT: LazyLock<Split> = LazyLock::new(|| {
    let mut split = Split {
        whole: Vec::new(),
        pairs: vec![0; PAIR_WORDS],
    };
    for line in include_str!("../../../../data/rules/split.txt").lines() {
        let chars: Vec<char> = line.chars().collect();
        if let Some((whole, parts)) = chars.split_last()
            && let [first, second, ..] = parts
            && let Some(code) = code_of(parts)
        {
            split.whole.push((code, *whole));
            let (place, bits) = place_of_pair(*first, *second);
            split.pairs[place] |= bits;
        }
    }
    split.whole.sort_unstable();
    split.whole.dedup_by_key(|(code, _)| *code);
    split
});

static EMOJI: LazyLock<HashMap<char, Vec<&'static str>>> = LazyLock::new(|| {
    let mut names: HashMap<char, Vec<_>> = HashMap::new();
    for line in include_str!("../../../../data/rules/emoji.txt").lines() {
        let mut fields = line.split(' ');
        if let Some(emoji) = fields.next().and_then(|shape| shape.chars().next()) {
            names.entry(emoji).or_default().extend(fields);
        }
    }
    names
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_alike_by_sound_and_by_shape() {
        for (a, b, by_sound, by_shape) in [
            ('妈', '马', true, true),
            ('妈', '麻', true, false),
            ('抵', '底', true, true),
            ('拍', '白', false, true),
            ('清', '晴', true, true),
            ('己', '已', false, true),
            ('茶', '馆', false, false),
        ] {
            let (a_keys, b_keys) = (keys(a), keys(b));
            assert_eq!(a_keys.sound == b_keys.sound, by_sound, "{a}{b} by sound");
            let shared = a_keys.shapes.contains(&(b as Key));
            assert_eq!(shared, by_shape, "{a}{b} by shape");
        }
        for (a, b, kin) in [
            ('岦', '垃', true),
            ('情', '请', true),
            ('轰', '汉', true),
            ('情', '猜', false),
            ('茶', '馆', false),
        ] {
            assert_eq!(keys(a).kin.contains(&(b as Key)), kin, "{a} for {b}");
        }
        for c in '\u{3400}'..'\u{a000}' {
            for like in keys(c).shapes {
                let like = char::from_u32((*like).into()).unwrap();
                assert!(keys(like).alike.contains(&(c as Key)), "{like} and {c}");
                assert!(keys(c).alike.contains(&(like as Key)), "{c} and {like}");
            }
        }
        assert_eq!(keys('马').sound, syllable(b"ma"));
        assert_eq!(spelling(syllable(b"zhong").unwrap()), "zhong");
        assert_eq!(joined(&['女', '马']), Some('妈'));
        assert!(names('🐴').iter().any(|name| name.contains('马')));
    }
}
