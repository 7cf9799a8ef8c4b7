//! A text as the words that topics are made of: stems of Latin words, Han characters and pairs of them. Also how rare
//! each is in ordinary writing, from the embedded lists of `data/rules`.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

/// One word of a text.
#[derive(Clone, Debug)]
pub(super) struct Term {
    /// The same for all forms of a word.
    pub key: u64,
    /// Where it stands.
    pub span: Range<usize>,
    /// One Han character: part of a word.
    pub is_part: bool,
    /// A Han character or pair.
    pub is_han: bool,
    chars: [char; 2],
}

impl Term {
    /// The character of a Han term.
    pub fn first(&self) -> char {
        self.chars[0]
    }
}

/// The key of a pair of Han characters.
pub(super) fn pair_key(first: char, second: char) -> u64 {
    hash(&[first, second])
}

/// Whether a pair of Han characters is an everyday word, or stands in one.
pub(super) fn is_ordinary(first: char, second: char) -> bool {
    RANKS.pairs.contains_key(&(first, second))
}

/// Longer words are told apart by their first letters only.
const LONGEST_WORD: usize = 20;
/// Letters of a stem that count: `medicine`, `medical` and `medication` are one.
const STEM: usize = 6;

/// Calls back for each word: of Han text first the pair that a character ends, then the character.
pub(super) fn terms(text: &str, mut each: impl FnMut(Term)) {
    let mut word = ['\0'; LONGEST_WORD];
    let (mut length, mut start) = (0_usize, 0);
    let mut before: Option<(usize, char)> = None;
    for (at, c) in text.char_indices() {
        if is_han(c) {
            latin(&word, &mut length, start..at, &mut each);
            let end = at + c.len_utf8();
            if let Some((from, first)) = before {
                each(han([first, c], from..end));
            }
            each(han([c, '\0'], at..end));
            before = Some((at, c));
            continue;
        }
        before = None;
        if c.is_alphanumeric() {
            if length == 0 {
                start = at;
            }
            if length < LONGEST_WORD {
                word[length] = if c.is_ascii() {
                    c.to_ascii_lowercase()
                } else {
                    c.to_lowercase().next().unwrap_or(c)
                };
                length += 1;
            }
        } else if c == '\'' || c == '’' {
            // "don't", "it's": what follows belongs to it and says nothing.
            continue;
        } else {
            latin(&word, &mut length, start..at, &mut each);
        }
    }
    latin(&word, &mut length, start..text.len(), &mut each);
}

fn latin(
    word: &[char; LONGEST_WORD],
    length: &mut usize,
    span: Range<usize>,
    each: &mut impl FnMut(Term),
) {
    let taken = std::mem::take(length);
    if taken < 2 || word[..taken].iter().all(char::is_ascii_digit) {
        return;
    }
    each(Term {
        key: hash(&word[..stem(&word[..taken])]),
        span,
        is_part: false,
        is_han: false,
        chars: ['\0'; 2],
    });
}

fn han(chars: [char; 2], span: Range<usize>) -> Term {
    let is_part = chars[1] == '\0';
    Term {
        key: hash(if is_part { &chars[..1] } else { &chars }),
        span,
        is_part,
        is_han: true,
        chars,
    }
}

pub(super) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Their singular is another word.
const PLURAL_ONLY: [&str; 6] = ["odds", "goods", "arms", "news", "customs", "savings"];

/// How many letters of a lower-case word are its stem.
fn stem(word: &[char]) -> usize {
    let ends = |n: usize, end: &str| {
        n >= end.len()
            && word[..n]
                .iter()
                .rev()
                .zip(end.chars().rev())
                .all(|(a, b)| *a == b)
    };
    let mut n = word.len();
    if n > 3 && word[n - 1] == 's' && !matches!(word[n - 2], 's' | 'u') {
        if PLURAL_ONLY
            .iter()
            .any(|plural| plural.len() == n && ends(n, plural))
        {
            return n;
        }
        n -= 1;
    }
    let doubled =
        |n: usize| n > 2 && word[n - 1] == word[n - 2] && !matches!(word[n - 1], 'l' | 's');
    if n >= 6 && word[n - 1] == 'g' && ends(n, "ing") {
        n -= 3;
        n -= usize::from(doubled(n));
    } else if n >= 5 && word[n - 1] == 'd' && word[n - 2] == 'e' {
        n -= 2;
        n -= usize::from(doubled(n));
    } else if n >= 6 && word[n - 1] == 'r' && matches!(word[n - 2], 'e' | 'o') && !doubled(n - 2) {
        n -= 2;
    }
    if n > 4 && matches!(word[n - 1], 'e' | 'y') {
        n -= 1;
    }
    n.min(STEM)
}

/// FNV-1a over the characters, mixed once more so that low bits are fair.
fn hash(chars: &[char]) -> u64 {
    let mut key = 0xcbf2_9ce4_8422_2325_u64;
    for c in chars {
        key = (key ^ u64::from(u32::from(*c))).wrapping_mul(0x0000_0100_0000_01b3);
    }
    key ^ (key >> 29)
}

/// 0 for a word that stands everywhere, 1 for one outside the lists.
pub(super) fn rarity(term: &Term) -> f32 {
    if !term.is_han {
        return scale(RANKS.latin.get(&term.key), 150.0, 8_000.0);
    }
    let char_rarity = |c: char| scale(RANKS.han.get(&c), 120.0, 2_500.0);
    if term.is_part {
        return char_rarity(term.chars[0]);
    }
    let [first, second] = term.chars;
    match RANKS.pairs.get(&(first, second)) {
        Some(rank) => scale(Some(rank), 60.0, 6_000.0),
        // Two characters that happen to meet.
        None => {
            let (a, b) = (char_rarity(first), char_rarity(second));
            if a == 0.0 || b == 0.0 {
                // One of them is grammar: 能赢 says what 赢 says, a little more firmly.
                a.max(b) * 0.5
            } else {
                0.4 + (a + b) * 0.3
            }
        }
    }
}

fn scale(rank: Option<&u32>, common: f32, rare: f32) -> f32 {
    rank.map_or(1.0, |rank| {
        ((*rank as f32 / common).ln() / (rare / common).ln()).clamp(0.0, 1.0)
    })
}

/// A word of a class.
pub(super) struct Relative {
    pub key: u64,
    pub rare: f32,
}

/// Kinds of things, as lists of the English words for them.
pub(super) fn classes() -> &'static [Vec<Relative>] {
    static CLASSES: LazyLock<Vec<Vec<Relative>>> = LazyLock::new(|| {
        let mut classes = Vec::new();
        for line in include_str!("../../../../../data/rules/word-classes.txt").lines() {
            let mut class: Vec<Relative> = Vec::new();
            terms(line, |term| {
                if class.iter().all(|word| word.key != term.key) {
                    class.push(Relative {
                        key: term.key,
                        rare: rarity(&term),
                    });
                }
            });
            classes.push(class);
        }
        classes
    });
    &CLASSES
}

struct Ranks {
    latin: HashMap<u64, u32>,
    pairs: HashMap<(char, char), u32>,
    han: HashMap<char, u32>,
}

static RANKS: LazyLock<Ranks> = LazyLock::new(|| {
    let ranked = |list: &'static str| list.lines().zip(1_u32..);
    let mut latin = HashMap::new();
    // The commonest form speaks for all forms of a word.
    for (word, rank) in ranked(include_str!("../../../../../data/rules/common-en.txt")) {
        let word: Vec<char> = word.chars().collect();
        latin.entry(hash(&word[..stem(&word)])).or_insert(rank);
    }
    for word in CHATTED.split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        latin.insert(hash(&word[..stem(&word)]), 1);
    }
    let mut pairs = HashMap::new();
    for (pair, rank) in ranked(include_str!("../../../../../data/rules/common-zh.txt")) {
        let mut chars = pair.chars();
        if let (Some(first), Some(second)) = (chars.next(), chars.next()) {
            pairs.insert((first, second), rank);
        }
    }
    for pair in CHATTED_HAN.split_whitespace() {
        let mut chars = pair.chars();
        if let (Some(first), Some(second)) = (chars.next(), chars.next()) {
            pairs.insert((first, second), 1);
        }
    }
    let mut han: HashMap<char, u32> =
        ranked(include_str!("../../../../../data/rules/common-han.txt"))
            .filter_map(|(char, rank)| Some((char.chars().next()?, rank)))
            .collect();
    for char in FUNCTION_HAN.chars() {
        han.insert(char, 1);
    }
    Ranks { latin, pairs, han }
});

/// Books count these as rarer than chats do.
const CHATTED: &str = "else somebody anybody everybody nobody elsewhere somewhere anywhere whatever without being am is are was were be been being do does did doing done have has had having can could will would \
    shall should may might must not no yes ok okay please thanks thank hi hello hey lol yeah yep nope who whom whose \
    what which when where why how this that these those there here then than too very much many more most some any \
    all both each few other another such only own same so just about above after again against because before below \
    between during from into through under until up down out off over with without it he she they we you me him her \
    them us my your his its our their mine yours get got getting give gave tell told say said ask asked know knew \
    think thought want wanted need needed like liked make made making take took go going went gone come came see saw \
    seen look looked find found use used try tried good bad best better well new old big small one two three first \
    last next now today tonight tomorrow yesterday morning evening night day week month year time thing things way \
    really maybe sure right still even ever never always often anyone someone everyone anything something nothing \
    people guy guys man friend don doesn didn isn aren wasn can't won ll ve re im dont buy bought put let mean help \
    show talk keep work start stop play feel lot long little much great nice love hope wait call sorry word words \
    english chinese learn question answer explain recommend tip tips advice idea reason kind sort site online";

/// The same for Chinese.
const CHATTED_HAN: &str = "今天 明天 昨天 今晚 现在 什么 怎么 怎样 为什 哪里 哪个 哪些 哪儿 多少 几个 有没 没有 可以 能不 不能 \
    是不 不是 要不 不要 会不 不会 应该 觉得 知道 想要 需要 我们 你们 他们 大家 自己 一个 这个 那个 这些 那些 这样 那样 \
    一下 一点 有点 时候 请问 谢谢 推荐 求推 告诉 帮我 帮忙 问题 东西 事情 好吗 好不 吗我 了吗 的吗 吃什 做什 买什 看看 \
    有人 谁有 谁能 怎么办 么办 么样 么买 么做 么用 如何 比较 最好 还是 或者 但是 因为 所以 如果 已经 正在 一直 真的 \
    朋友 老师 同学 英语 中文 英文 学习 单词 下个 个月 这次 下次 每天 最近 以后 之前 技巧 方法 建议 靠谱 好用 那里 这里";

/// Characters that make sentences rather than words.
const FUNCTION_HAN: &str = "的了是我你他她它们这那哪个不在有没和就都也还很太吗呢吧啊呀哦嗯么什怎样得地着过把被给让对从向到与及或\
    能会可要想去来上下里外前后说看做用好多少大小一二三两几些次天年月日时点分人家今明昨晚早";
