//! The rule `language`: which language a text is in, whether that breaks a room's rule, and whether an answer of the
//! house does. Looks at scripts first, then lets a small model judge Latin letters; romanised Chinese is Chinese.
//! Code, links, names, quoted words, emoji and tiny utterances do not count. In doubt it says nothing.

mod grams;
mod model;
mod recent;
mod scan;
#[cfg(test)]
mod tests;
mod word;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Hit;
use crate::notice::Language;
use model::Class;
use scan::{Reading, Script};

/// A language that can be told, by its ISO 639-1 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[expect(missing_docs, reason = "their names say all")]
pub enum Tongue {
    English,
    Chinese,
    Japanese,
    Korean,
    Russian,
    Ukrainian,
    Greek,
    Hebrew,
    Arabic,
    Persian,
    Hindi,
    Thai,
    French,
    German,
    Spanish,
    Portuguese,
    Italian,
    Dutch,
    Indonesian,
    Malay,
    Tagalog,
    Vietnamese,
    Swedish,
    Danish,
    Norwegian,
    Finnish,
    Polish,
    Turkish,
    Romanian,
    Czech,
    Hungarian,
}

const TONGUES: [(Tongue, &str, &str); 31] = [
    (Tongue::English, "en", "English"),
    (Tongue::Chinese, "zh", "Chinese"),
    (Tongue::Japanese, "ja", "Japanese"),
    (Tongue::Korean, "ko", "Korean"),
    (Tongue::Russian, "ru", "Russian"),
    (Tongue::Ukrainian, "uk", "Ukrainian"),
    (Tongue::Greek, "el", "Greek"),
    (Tongue::Hebrew, "he", "Hebrew"),
    (Tongue::Arabic, "ar", "Arabic"),
    (Tongue::Persian, "fa", "Persian"),
    (Tongue::Hindi, "hi", "Hindi"),
    (Tongue::Thai, "th", "Thai"),
    (Tongue::French, "fr", "French"),
    (Tongue::German, "de", "German"),
    (Tongue::Spanish, "es", "Spanish"),
    (Tongue::Portuguese, "pt", "Portuguese"),
    (Tongue::Italian, "it", "Italian"),
    (Tongue::Dutch, "nl", "Dutch"),
    (Tongue::Indonesian, "id", "Indonesian"),
    (Tongue::Malay, "ms", "Malay"),
    (Tongue::Tagalog, "tl", "Tagalog"),
    (Tongue::Vietnamese, "vi", "Vietnamese"),
    (Tongue::Swedish, "sv", "Swedish"),
    (Tongue::Danish, "da", "Danish"),
    (Tongue::Norwegian, "no", "Norwegian"),
    (Tongue::Finnish, "fi", "Finnish"),
    (Tongue::Polish, "pl", "Polish"),
    (Tongue::Turkish, "tr", "Turkish"),
    (Tongue::Romanian, "ro", "Romanian"),
    (Tongue::Czech, "cs", "Czech"),
    (Tongue::Hungarian, "hu", "Hungarian"),
];

/// In the order of [`Tongue`].
const IN_CHINESE: [&str; 31] = [
    "英语",
    "中文",
    "日语",
    "韩语",
    "俄语",
    "乌克兰语",
    "希腊语",
    "希伯来语",
    "阿拉伯语",
    "波斯语",
    "印地语",
    "泰语",
    "法语",
    "德语",
    "西班牙语",
    "葡萄牙语",
    "意大利语",
    "荷兰语",
    "印尼语",
    "马来语",
    "他加禄语",
    "越南语",
    "瑞典语",
    "丹麦语",
    "挪威语",
    "芬兰语",
    "波兰语",
    "土耳其语",
    "罗马尼亚语",
    "捷克语",
    "匈牙利语",
];

impl Tongue {
    /// The language that people mean by a name of it in English or Chinese, or by its code.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        let is_meant = |(at, (_, code, english)): &(usize, &(Tongue, &str, &str))| {
            name == *code || name == english.to_lowercase() || name == IN_CHINESE[*at]
        };
        let found = TONGUES.iter().enumerate().find(is_meant);
        let found = found.map(|(_, (tongue, ..))| *tongue);
        found.or(match name.as_str() {
            "英文" => Some(Tongue::English),
            "汉语" | "普通话" | "国语" => Some(Tongue::Chinese),
            "日文" => Some(Tongue::Japanese),
            "韩文" => Some(Tongue::Korean),
            _ => None,
        })
    }

    /// Its Chinese name.
    pub fn chinese_name(self) -> &'static str {
        IN_CHINESE[self as usize]
    }

    /// Its ISO 639-1 code.
    pub fn code(self) -> &'static str {
        TONGUES[self as usize].1
    }

    /// Its English name.
    pub fn name(self) -> &'static str {
        TONGUES[self as usize].2
    }
}

impl From<Tongue> for &'static str {
    fn from(tongue: Tongue) -> Self {
        tongue.code()
    }
}

impl TryFrom<String> for Tongue {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        let known = TONGUES.iter().find(|(_, known, _)| *known == code);
        known.map(|(tongue, ..)| *tongue).ok_or_else(|| {
            format!(
                "\"{code}\" is no language that can be told; write a code like \"en\" or \"zh\""
            )
        })
    }
}

/// What a text is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// English.
    English,
    /// Chinese in its own characters.
    Chinese,
    /// Chinese in Latin letters.
    Pinyin,
    /// Two languages in real use; a name or a technical term is no use.
    Mixed,
    /// Another language; its name if that is clear.
    Other(Option<Tongue>),
    /// Nothing to judge, or too little to say.
    None,
}

impl Tag {
    /// The word of the contract: `en`, `zh`, `pinyin`, `mixed`, a code, `other` or `none`.
    pub fn as_str(self) -> &'static str {
        match self {
            Tag::English => "en",
            Tag::Chinese => "zh",
            Tag::Pinyin => "pinyin",
            Tag::Mixed => "mixed",
            Tag::Other(Some(tongue)) => tongue.code(),
            Tag::Other(None) => "other",
            Tag::None => "none",
        }
    }
}

/// Which language a text is in. What English quotes stays English; a Chinese line with English in quotes is mixed.
pub fn identify(text: &str) -> Tag {
    Look::at(text).tag
}

/// A text that was read once, for all that is asked about its language.
#[derive(Debug)]
pub struct Look {
    /// Which language it is in.
    pub tag: Tag,
    /// What it is outside of quotes; all of it, if all stands in quotes.
    reading: Reading,
    judged: Judged,
}

impl Look {
    /// Reads a text.
    pub fn at(text: &str) -> Look {
        let quotes = text.bytes().any(|byte| MAY_QUOTE[usize::from(byte)]) && text.contains(QUOTES);
        let mut reading = Reading::of(text, false);
        let plain = Judged::of(&reading).tag;
        if quotes && reading.span.is_none() && text.len() > 8 {
            // All of it stands in quotes: then nobody else is quoted.
            reading = Reading::of(text, true);
        }
        let judged = Judged::of(&reading);
        let tag = match quotes {
            false => judged.tag,
            true => match (Judged::of(&Reading::of(text, true)).tag, plain) {
                (Tag::Chinese | Tag::Mixed | Tag::Other(_) | Tag::Pinyin, Tag::English) => {
                    Tag::English
                }
                (whole, _) => whole,
            },
        };
        Look {
            tag,
            reading,
            judged,
        }
    }

    /// Whether a member's message breaks a room's rule that only `allowed` languages are spoken. In doubt, and for what
    /// is too little to scold for, it does not.
    pub fn breaks(&self, allowed: &[Tongue]) -> Option<Hit> {
        let judged = &self.judged;
        // Beside an English quotation stands who said it, and names are in no language.
        let beside = self.tag == Tag::English && judged.is_latin && self.reading.words < 3;
        if judged.is_tiny || !judged.is_clear || beside {
            return None;
        }
        let has = |tongue| allowed.contains(&tongue);
        let why = match judged.tag {
            Tag::English if !has(Tongue::English) => "English",
            Tag::Chinese if !has(Tongue::Chinese) => "Chinese",
            Tag::Pinyin if !has(Tongue::Chinese) => "Chinese in Latin letters",
            Tag::Mixed if !has(Tongue::Chinese) && judged.has_chinese => "partly Chinese",
            Tag::Mixed if !has(Tongue::English) && !judged.has_chinese => "partly another language",
            Tag::Other(Some(tongue)) if !has(tongue) && !judged.is_near(allowed) => tongue.name(),
            Tag::Other(None) if !allowed.iter().any(|tongue| judged.may_be(*tongue)) => {
                "another language"
            }
            Tag::English | Tag::Chinese | Tag::Pinyin | Tag::Mixed | Tag::Other(_) | Tag::None => {
                return None;
            }
        };
        let span = self.reading.span.clone()?;
        Some(if judged.is_sure {
            Hit::sure(span, judged.tag.as_str(), why)
        } else {
            Hit::likely(span, judged.tag.as_str(), why)
        })
    }
}

/// What opens a quotation.
const QUOTES: [char; 8] = ['"', '“', '‘', '「', '『', '《', '«', '>'];

/// First bytes of what opens a quotation.
const MAY_QUOTE: [bool; 256] = {
    let mut may = [false; 256];
    let (first, mut n) = ([b'"', b'>', 0xC2, 0xE2, 0xE3], 0);
    while n < first.len() {
        may[first[n] as usize] = true;
        n += 1;
    }
    may
};

/// Whether a member's message breaks a room's rule that only `allowed` languages are spoken.
pub fn find(text: &str, allowed: &[Tongue]) -> Option<Hit> {
    Look::at(text).breaks(allowed)
}

/// Whether an answer of the house leaves the house's language: a whole sentence in another one does, quoted words and
/// code do not.
pub fn breaks_answer(text: &str, house: Language) -> Option<Hit> {
    let mut rest = 0..text.len();
    while let Some(sentence) = next_sentence(text, &mut rest) {
        let reading = Reading::of(&text[sentence.clone()], false);
        let judged = Judged::of(&reading);
        let breaks = match (house, judged.tag) {
            (Language::English, Tag::Chinese) => reading.han >= 4,
            (Language::English, Tag::Mixed) => reading.han >= 10 && reading.han > 2 * reading.words,
            (Language::English, Tag::Pinyin) | (_, Tag::Other(_)) => {
                judged.is_sure && (reading.words >= 4 || reading.foreign() >= 4)
            }
            (Language::Chinese, Tag::English | Tag::Pinyin) => judged.is_sure && reading.words >= 4,
            (Language::Chinese, Tag::Mixed) => {
                reading.words >= 8 && 2 * reading.words > reading.han
            }
            (Language::English, Tag::English)
            | (Language::Chinese, Tag::Chinese)
            | (_, Tag::None) => false,
        };
        if breaks {
            let span = reading.span.unwrap_or(0..sentence.len());
            let span = sentence.start + span.start..sentence.start + span.end;
            return Some(Hit::sure(
                span,
                judged.tag.as_str(),
                "a sentence in another language",
            ));
        }
    }
    None
}

/// The next sentence or line; a block of code stays whole.
fn next_sentence(text: &str, rest: &mut Range<usize>) -> Option<Range<usize>> {
    let start = rest.start;
    let left = &text[start..];
    if left.is_empty() {
        return None;
    }
    let mut end = text.len();
    for (at, c) in left.char_indices() {
        if left[at..].starts_with("```") && at > 0 {
            end = start + at;
            break;
        }
        if at == 0 && left.starts_with("```") {
            end = left[3..]
                .find("```")
                .map_or(text.len(), |close| start + close + 6);
            break;
        }
        let after = at + c.len_utf8();
        let stops = match c {
            '\n' | '。' | '！' | '？' | '；' => true,
            '.' | '!' | '?' | ';' => left[after..].starts_with([' ', '\n', '\r']),
            _ => false,
        };
        if stops {
            end = start + after;
            break;
        }
    }
    rest.start = end;
    Some(start..end)
}

/// How far ahead of English another language must be in words, to be named; by how many words there are.
const MARGIN: [f32; 5] = [2.0, 0.6, 0.8, 0.8, 0.8];
/// How much a word of the list speaks for English, and one that is not there against it.
const LIST: f32 = 0.5;
/// How far it must be ahead in one word, in two, in three, to be held against anybody.
const CLEAR: [f32; 3] = [2.0, 1.5, 1.2];
/// The same, to act on it.
const SURE: f32 = 1.2;
const SURE_OF_THREE: f32 = 2.5;

/// A reading, judged.
#[derive(Debug)]
struct Judged {
    tag: Tag,
    /// Too little to scold for.
    is_tiny: bool,
    /// Not so few words that their letters may deceive.
    is_clear: bool,
    is_sure: bool,
    /// Of a mixed text.
    has_chinese: bool,
    /// Letters were Latin.
    is_latin: bool,
}

impl Judged {
    fn of(reading: &Reading) -> Judged {
        let (han, foreign) = (reading.han, reading.foreign());
        if han == 0 && foreign == 0 {
            return Judged::latin(reading);
        }
        let kana = reading.scripts[Script::Kana as usize];
        let is_tiny = han + foreign < 3 || (han + foreign < 4 && reading.words == 0);
        let (tag, has_chinese) =
            if (foreign > 1 || han + reading.words == 0) && kana * 5 >= han && foreign * 5 >= han {
                let foreign_words = (foreign / 4).max(1);
                if reading.english >= 3 && reading.english >= foreign_words {
                    (Tag::Mixed, false)
                } else {
                    (Tag::Other(tongue(reading)), false)
                }
            } else if han == 0 {
                return Judged::latin(reading);
            } else if is_term_in_english(reading) {
                (Tag::English, false)
            } else if is_mixed(reading) {
                (Tag::Mixed, true)
            } else {
                (Tag::Chinese, true)
            };
        Judged {
            tag,
            is_tiny,
            is_clear: true,
            is_sure: han + foreign >= 4,
            has_chinese,
            is_latin: false,
        }
    }

    fn latin(reading: &Reading) -> Judged {
        let words = reading.words;
        let scores = reading.latin();
        let mut judged = Judged {
            tag: Tag::None,
            is_tiny: reading.letters < if words < 2 { 12 } else { 6 },
            is_clear: false,
            is_sure: false,
            has_chinese: false,
            is_latin: true,
        };
        if words == 0 || scores.is_empty() || is_code(reading) {
            return judged;
        }
        let best = scores.best();
        let needed = MARGIN[(words as usize).min(MARGIN.len()) - 1];
        let margin = best.margin + said_by_words(reading);
        judged.is_clear = CLEAR
            .get((words as usize).saturating_sub(1))
            .is_none_or(|clear| margin >= *clear + reading.english as f32);
        let factor = if words == 3 { SURE_OF_THREE } else { SURE };
        judged.is_sure = words >= 3 && margin >= needed * factor;
        let mostly_english = reading.english * 2 > words;
        judged.tag = match best.class {
            Class::Pinyin if is_english_with_names(reading) => {
                judged.is_sure = words >= 3;
                Tag::English
            }
            Class::Pinyin if margin >= needed => Tag::Pinyin,
            Class::Foreign(tongue) if margin >= needed => {
                Tag::Other(tongue.filter(|_| best.lead >= 0.3))
            }
            Class::Pinyin | Class::Foreign(_) if margin <= 0.0 || mostly_english => {
                judged.is_sure = words >= 3 && mostly_english;
                Tag::English
            }
            Class::Pinyin | Class::Foreign(_) => Tag::None,
        };
        judged
    }

    /// Whether an unnamed language could be this one.
    fn may_be(&self, tongue: Tongue) -> bool {
        let latin = tongue as usize >= Tongue::French as usize;
        latin == self.is_latin && !matches!(tongue, Tongue::English | Tongue::Chinese)
    }

    /// Whether a sister of the named language is allowed: they are easily taken for each other.
    fn is_near(&self, allowed: &[Tongue]) -> bool {
        const SISTERS: [&[Tongue]; 5] = [
            &[Tongue::Indonesian, Tongue::Malay],
            &[Tongue::Danish, Tongue::Norwegian, Tongue::Swedish],
            &[Tongue::Spanish, Tongue::Portuguese],
            &[Tongue::Russian, Tongue::Ukrainian],
            &[Tongue::Arabic, Tongue::Persian],
        ];
        let Tag::Other(Some(own)) = self.tag else {
            return false;
        };
        let near = SISTERS.iter().filter(|sisters| sisters.contains(&own));
        near.copied()
            .flatten()
            .any(|sister| allowed.contains(sister))
    }
}

/// What the list of English words says of a few words: letters alone do not tell *notre* from *notary*.
fn said_by_words(reading: &Reading) -> f32 {
    if reading.words > 4 {
        return 0.0;
    }
    let words = reading.words as f32;
    LIST * (words - 2.0 * reading.known as f32) / words.sqrt()
}

/// *xiao liu slept*, *Wang Jie said hi*: all but the names is English, or nearly all.
fn is_english_with_names(reading: &Reading) -> bool {
    reading.firm >= 1 && reading.firm >= 2 * reading.foreign_words && reading.words >= 3
}

/// `let x = y;` is no language, and neither is `a && b`.
fn is_code(reading: &Reading) -> bool {
    reading.code >= 2 && reading.code * 3 >= reading.words
}

/// A dish or a name in Chinese inside an English sentence.
fn is_term_in_english(reading: &Reading) -> bool {
    reading.han <= 4 && reading.english >= 3 && reading.english + 1 >= reading.han
}

/// Whether the Latin words of a Chinese text are English in real use.
fn is_mixed(reading: &Reading) -> bool {
    let in_row = reading.row >= 2 && reading.plain >= 1;
    let among = reading.tokens >= 3 && (reading.plain >= 1 || reading.known >= 2);
    let enough = reading.plain >= 2 || among || in_row;
    enough && (reading.code < 4 || reading.code <= 2 * reading.plain)
}

/// The language of a script that is neither Han nor Latin.
fn tongue(reading: &Reading) -> Option<Tongue> {
    let count = |script: Script| reading.scripts[script as usize];
    let most = *reading.scripts.iter().max()?;
    let [ukrainian, persian] = reading.marks.map(|marks| marks > 0);
    [
        (Script::Kana, Tongue::Japanese),
        (Script::Hangul, Tongue::Korean),
        (
            Script::Cyrillic,
            if ukrainian {
                Tongue::Ukrainian
            } else {
                Tongue::Russian
            },
        ),
        (Script::Greek, Tongue::Greek),
        (Script::Hebrew, Tongue::Hebrew),
        (
            Script::Arabic,
            if persian {
                Tongue::Persian
            } else {
                Tongue::Arabic
            },
        ),
        (Script::Devanagari, Tongue::Hindi),
        (Script::Thai, Tongue::Thai),
    ]
    .into_iter()
    .find_map(|(script, tongue)| (count(script) == most).then_some(tongue))
}
