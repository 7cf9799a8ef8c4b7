//! One word in Latin letters: how it is written, and whether it is said in English, is the name of a thing, or is only a
//! sound. Weighs no letters; that is `model.rs`.

use super::super::vocabulary;

/// Letters of a word that are looked at.
const LONGEST_WORD: usize = 60;
/// A bit for each of a, e, i, o, u and y.
const VOWELS: u32 = 0x0110_4111;

/// The longest term, `javascript`.
const LONGEST_TERM: usize = 10;

const LONGEST_SURNAME: usize = 5;
/// In the order of the alphabet.
const SURNAMES: [&str; 77] = [
    "ah", "bai", "cai", "cao", "chang", "chen", "cheng", "cui", "da", "dai", "deng", "ding",
    "dong", "du", "duan", "fang", "feng", "gao", "gong", "gu", "guo", "han", "hao", "he", "hong",
    "hou", "hu", "huang", "jiang", "jin", "kong", "lao", "lei", "li", "liang", "lin", "liu", "lu",
    "luo", "ma", "meng", "mo", "pan", "peng", "qian", "qin", "qiu", "ren", "shao", "shen", "song",
    "su", "sun", "tang", "tao", "tian", "wan", "wang", "wei", "wu", "xiang", "xiao", "xie",
    "xiong", "xu", "yang", "yao", "ye", "yu", "yuan", "zeng", "zhang", "zhao", "zheng", "zhou",
    "zhu", "zou",
];

/// A word as it is written.
pub struct Word {
    /// In small letters.
    letters: [char; LONGEST_WORD],
    pub count: usize,
    pub capitals: u32,
    pub begins_large: bool,
    /// Capitals after small letters.
    turns: u32,
    /// The longest run of one letter.
    longest: u32,
    kinds: u32,
    has_vowel: bool,
}

impl Word {
    /// The word at the start, and its bytes.
    pub fn at(rest: &str) -> (Word, usize) {
        let mut word = Word {
            letters: [' '; LONGEST_WORD],
            count: 0,
            capitals: 0,
            begins_large: false,
            turns: 0,
            longest: 0,
            kinds: 0,
            has_vowel: false,
        };
        let (mut run, mut seen, mut was_small, mut before) = (0, 0u32, false, ' ');
        let (mut length, mut end) = (0, 0);
        for c in rest.chars() {
            if c.is_ascii_lowercase() {
                // Most letters.
                length += 1;
                end = length;
                was_small = true;
                run = if c == before { run + 1 } else { 1 };
                before = c;
                word.longest = word.longest.max(run);
                seen |= 1 << (c as u32 - 97);
                if let Some(place) = word.letters.get_mut(word.count) {
                    *place = c;
                    word.count += 1;
                }
                continue;
            }
            let plain = c.is_ascii_alphabetic();
            let is_letter = plain || is_latin(c);
            if !is_letter && !matches!(c, '\'' | '’') && !is_joined_mark(c) {
                break;
            }
            length += c.len_utf8();
            if is_letter {
                end = length;
            }
            let small = if plain {
                c.to_ascii_lowercase()
            } else {
                small(c)
            };
            let large = small != c && is_letter && !matches!(c, 'ａ'..='ｚ');
            word.begins_large |= large && word.count == 0;
            word.capitals += u32::from(large);
            word.turns += u32::from(large && was_small);
            was_small = is_letter && !large;
            run = if small == before { run + 1 } else { 1 };
            before = small;
            word.longest = word.longest.max(run);
            word.has_vowel |= !small.is_ascii();
            seen |= 1u32
                .checked_shl(u32::from(small).wrapping_sub(97))
                .unwrap_or(1 << 31);
            if let Some(place) = word.letters.get_mut(word.count) {
                *place = small;
                word.count += 1;
            }
        }
        word.has_vowel |= seen & VOWELS != 0;
        word.kinds = seen.count_ones();
        while word.count > 1 && word.letters[word.count - 1] == '\'' {
            word.count -= 1;
        }
        (word, end.max(1))
    }

    pub fn letters(&self) -> &[char] {
        &self.letters[..self.count]
    }

    /// Whether it is the name of a thing that Chinese talk borrows.
    pub fn is_term(&self) -> bool {
        let mut small = [0; LONGEST_TERM];
        let letters = self.letters();
        let Some(small) = small.get_mut(..letters.len()) else {
            return false;
        };
        for (byte, letter) in small.iter_mut().zip(letters) {
            *byte = u8::try_from(*letter).unwrap_or(0);
        }
        matches!(
            &*small,
            b"python"
                | b"java"
                | b"javascript"
                | b"rust"
                | b"linux"
                | b"docker"
                | b"git"
                | b"github"
                | b"install"
                | b"push"
                | b"commit"
                | b"code"
                | b"bug"
                | b"api"
                | b"server"
                | b"windows"
                | b"google"
                | b"chrome"
                | b"android"
                | b"iphone"
                | b"excel"
                | b"word"
                | b"office"
                | b"wifi"
                | b"vlog"
                | b"logo"
                | b"dota"
                | b"live"
                | b"rap"
                | b"cosplay"
                | b"offer"
                | b"apple"
                | b"steam"
                | b"switch"
                | b"mac"
                | b"pro"
                | b"max"
                | b"plus"
                | b"mini"
                | b"import"
        )
    }

    /// Whether it stands in the list of English words and is no term.
    pub fn is_known(&self) -> bool {
        let stem = self.telling().iter().take_while(|c| **c != '\'');
        let hardness = vocabulary::hardness(stem.map(|c| u8::try_from(*c).unwrap_or(0)));
        self.count >= 2 && hardness.is_some() && !self.is_term()
    }

    /// Whether names of Chinese people begin like this.
    pub fn is_surname(&self) -> bool {
        let letters = self.letters();
        letters.len() <= LONGEST_SURNAME
            && SURNAMES
                .binary_search_by(|name| name.chars().cmp(letters.iter().copied()))
                .is_ok()
    }

    /// The letters that tell its language: of *you're* those of *you*. English alone joins its words in this way.
    pub fn telling(&self) -> &[char] {
        let letters = self.letters();
        let stem = match letters {
            [stem @ .., '\'', 's' | 'm' | 'd'] => stem,
            [stem @ .., '\'', 'r' | 'v', 'e'] | [stem @ .., '\'', 'l', 'l'] => stem,
            [stem @ .., 'n', '\'', 't'] => stem,
            _ => return letters,
        };
        let is_english = vocabulary::hardness(stem.iter().map(|c| u8::try_from(*c).unwrap_or(0)));
        if stem.len() >= 2 && is_english.is_some() {
            stem
        } else {
            letters
        }
    }

    pub fn shape(&self) -> Shape {
        if self.longest >= 3 || (self.count >= 4 && self.kinds <= 2) || !self.has_vowel {
            Shape::Sound
        } else if self.turns > 0 {
            Shape::Joined
        } else if self.count > 1 && self.capitals as usize == self.count {
            Shape::Capitals
        } else {
            Shape::Plain
        }
    }
}

/// How a word is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Plain,
    /// NBA.
    Capitals,
    /// iPhone, WeChat, fooBar.
    Joined,
    /// hhhh, emmm, hahaha, thx: nobody's language.
    Sound,
}

/// Sounds and signs that every language uses; in small letters.
pub fn is_neutral(word: &[char]) -> bool {
    const LONGEST: usize = 5;
    let mut small = [0; LONGEST];
    let Some(small) = small.get_mut(..word.len()) else {
        return false;
    };
    for (byte, letter) in small.iter_mut().zip(word) {
        *byte = u8::try_from(*letter).unwrap_or(0);
    }
    matches!(
        &*small,
        [_] | b"ai"
            | b"ok"
            | b"em"
            | b"hi"
            | b"yo"
            | b"ha"
            | b"oh"
            | b"ah"
            | b"eh"
            | b"uh"
            | b"um"
            | b"hm"
            | b"er"
            | b"gg"
            | b"ez"
            | b"op"
            | b"pk"
            | b"up"
            | b"cp"
            | b"okk"
            | b"oki"
            | b"lol"
            | b"omg"
            | b"wow"
            | b"emo"
            | b"emm"
            | b"hey"
            | b"bye"
            | b"vip"
            | b"ktv"
            | b"ppt"
            | b"app"
            | b"okay"
            | b"lmao"
            | b"haha"
            | b"hehe"
            | b"yyds"
            | b"xswl"
            | b"awsl"
            | b"ur"
            | b"ya"
            | b"hiya"
            | b"waa"
            | b"yay"
    )
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || (matches!(u32::from(c), 0xC0..=0x24F | 0x1E00..=0x1EFF | 0xFF21..=0xFF3A | 0xFF41..=0xFF5A)
            && !matches!(c, '×' | '÷'))
}

/// Marks that are typed after their letter.
fn is_joined_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36F)
}

/// A letter as the model knows it.
fn small(c: char) -> char {
    match c {
        'a'..='z' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        '’' => '\'',
        'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
            let plain = char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c);
            plain.to_ascii_lowercase()
        }
        _ => c.to_lowercase().next().unwrap_or(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_surname_is_found() {
        for name in SURNAMES {
            assert!(Word::at(name).0.is_surname(), "{name}");
        }
        for name in ["", "a", "zhangs", "tea"] {
            assert!(!Word::at(name).0.is_surname(), "{name}");
        }
    }
}
