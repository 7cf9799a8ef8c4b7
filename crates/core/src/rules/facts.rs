//! Claims in an answer: sentences that a source could confirm or refute. Numbers, names, dates, firsts and mosts, and
//! plain statements about the world; not advice, not opinions, not guesses that say so, not questions, not talk about
//! oneself. It marks where doubt may be; whether there is a source is for the one who fetched.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::Hit;

/// Sentences shorter than this say too little to be checked, in words or in Han characters.
const SHORTEST: usize = 4;
/// Bytes looked at before a full stop.
const LONGEST_WORD: usize = 32;
/// No answer has more claims than one would want to see.
const MOST: usize = 200;

/// The claims of an answer, in order.
pub fn claims(text: &str) -> Vec<Hit> {
    let mut found = Vec::new();
    let mut in_code = false;
    for span in sentences(text) {
        let sentence = &text[span.clone()];
        if sentence.starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code || found.len() >= MOST {
            continue;
        }
        if let Some(why) = claim(sentence) {
            found.push(Hit::sure(span, "claim", why));
        }
    }
    found
}

/// Why a sentence is a claim.
fn claim(sentence: &str) -> Option<&'static str> {
    let han = sentence.chars().filter(|c| is_han(*c)).count();
    let read = Read::of(sentence);
    if sentence.ends_with(['?', '？', ':', '：']) || read.words + han < SHORTEST {
        return None;
    }
    let against = if han * 2 > read.words {
        chinese(sentence)
    } else {
        read.against()
    };
    if against >= 4 || against >= 2 && !read.has_hard_fact(sentence) {
        return None;
    }
    Some(if read.digits {
        "a number or a date that a source could confirm"
    } else if read.names > 0 {
        "names and what is said of them could be looked up"
    } else {
        "a statement about the world that could be looked up"
    })
}

/// What stands in a sentence of Latin words.
#[derive(Default)]
struct Read {
    words: usize,
    names: usize,
    digits: bool,
    /// Signs that it is no claim.
    order: bool,
    advice: usize,
    guess: usize,
    hedge: usize,
    praise: usize,
    own: usize,
    asked: usize,
}

impl Read {
    fn of(sentence: &str) -> Read {
        let mut read = Read::default();
        let mut before = String::new();
        for (n, word) in sentence
            .split(|c: char| {
                c.is_whitespace()
                    || matches!(c, ',' | ';' | '(' | ')' | '"' | '“' | '”' | '—' | '*')
            })
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
            .filter(|word| !word.is_empty() && !word.starts_with(is_han))
            .enumerate()
        {
            read.words += 1;
            read.digits |= word.starts_with(|c: char| c.is_ascii_digit());
            read.names += usize::from(n > 0 && word.starts_with(char::is_uppercase) && word != "I");
            if word == "US" {
                continue;
            }
            let word = word.to_lowercase().replace('’', "'");
            read.take(n, &word, &before);
            before = word;
        }
        read
    }

    fn take(&mut self, n: usize, word: &str, before: &str) {
        let first = n == 0
            || n == 1
                && matches!(
                    before,
                    "please"
                        | "then"
                        | "also"
                        | "first"
                        | "finally"
                        | "next"
                        | "instead"
                        | "simply"
                        | "always"
                        | "never"
                        | "so"
                        | "and"
                );
        self.order |= first && ORDERS.contains(&word);
        self.advice += usize::from(ADVICE.contains(&word) && !matches!(before, "they" | "who"));
        self.advice += usize::from(matches!(
            (before, word),
            (
                "important"
                    | "best"
                    | "essential"
                    | "helpful"
                    | "necessary"
                    | "recommended"
                    | "advisable"
                    | "crucial"
                    | "worth"
                    | "good"
                    | "wise"
                    | "useful",
                "to"
            )
        ));
        self.guess += usize::from(GUESSES.contains(&word));
        self.praise += usize::from(PRAISE.contains(&word));
        self.hedge += usize::from(HEDGES.contains(&word));
        self.own += usize::from(OWN.contains(&word) && !(word == "i" && before == "war"));
        self.own += usize::from(n < 3 && matches!((before, word), ("here", "is" | "are")));
        self.asked += usize::from(matches!(word, "you" | "your" | "you're" | "you'll"));
    }

    /// In halves of a sign.
    fn against(&self) -> usize {
        let own = 4 * usize::from(self.own > 0);
        let order = 4 * usize::from(self.order);
        let signs = self.asked.min(2) + self.advice.min(2) + self.guess.min(2) + self.praise.min(2);
        own + order + 2 * signs + self.hedge.min(3)
    }

    /// A figure or names weigh more than one sign of opinion.
    fn has_hard_fact(&self, sentence: &str) -> bool {
        self.digits
            || self.names > 1 && self.praise == 0
            || sentence.chars().any(|c| c.is_ascii_digit())
    }
}

const ORDERS: [&str; 62] = [
    "add",
    "apply",
    "ask",
    "avoid",
    "bake",
    "be",
    "begin",
    "bring",
    "buy",
    "call",
    "check",
    "choose",
    "click",
    "compare",
    "consider",
    "consult",
    "cook",
    "create",
    "cut",
    "determine",
    "do",
    "don't",
    "draw",
    "eat",
    "enjoy",
    "ensure",
    "enter",
    "explore",
    "find",
    "follow",
    "gather",
    "get",
    "give",
    "go",
    "have",
    "identify",
    "keep",
    "learn",
    "let",
    "listen",
    "look",
    "make",
    "mix",
    "note",
    "open",
    "practice",
    "practise",
    "prepare",
    "put",
    "read",
    "remember",
    "research",
    "review",
    "select",
    "set",
    "shortlist",
    "speak",
    "start",
    "take",
    "try",
    "use",
    "write",
];
const ADVICE: [&str; 15] = [
    "should",
    "shouldn't",
    "recommend",
    "recommended",
    "suggest",
    "ought",
    "advisable",
    "must",
    "consider",
    "remember",
    "ensure",
    "better",
    "careful",
    "advice",
    "tip",
];
const GUESSES: [&str; 19] = [
    "might",
    "maybe",
    "perhaps",
    "possibly",
    "probably",
    "unlikely",
    "could",
    "would",
    "seems",
    "presumably",
    "potentially",
    "apparently",
    "supposedly",
    "if",
    "difficult",
    "unclear",
    "unknown",
    "imagine",
    "suppose",
];
/// Half a sign each: sound statements have one too.
const HEDGES: [&str; 12] = [
    "may",
    "likely",
    "generally",
    "potential",
    "seem",
    "appears",
    "if",
    "we",
    "our",
    "us",
    "future",
    "debate",
];
const OWN: [&str; 8] = ["i", "i'm", "i'd", "i'll", "i've", "my", "me", "let's"];
const PRAISE: [&str; 26] = [
    "beautiful",
    "wonderful",
    "amazing",
    "lovely",
    "great",
    "excellent",
    "interesting",
    "fascinating",
    "delicious",
    "fun",
    "terrible",
    "awful",
    "sad",
    "happy",
    "nice",
    "perfect",
    "impressive",
    "remarkable",
    "respected",
    "hope",
    "feel",
    "think",
    "believe",
    "opinion",
    "sorry",
    "sure",
];

/// Signs in a Chinese sentence that it is no claim.
fn chinese(sentence: &str) -> usize {
    const SIGNS: [(&str, usize); 44] = [
        ("你", 1),
        ("您", 1),
        ("我", 2),
        ("咱", 2),
        ("吗", 2),
        ("吧", 2),
        ("呢", 1),
        ("请", 2),
        ("建议", 1),
        ("应该", 1),
        ("最好", 1),
        ("不妨", 2),
        ("记得", 2),
        ("注意", 1),
        ("可以先", 2),
        ("试试", 2),
        ("可能", 1),
        ("也许", 2),
        ("大概", 1),
        ("或许", 2),
        ("似乎", 1),
        ("好像", 2),
        ("如果", 1),
        ("假如", 1),
        ("觉得", 2),
        ("认为", 1),
        ("希望", 2),
        ("祝", 2),
        ("谢谢", 2),
        ("抱歉", 2),
        ("对不起", 2),
        ("很美", 1),
        ("美丽", 1),
        ("有趣", 1),
        ("好吃", 1),
        ("精彩", 1),
        ("喜欢", 1),
        ("不要", 1),
        ("别忘", 2),
        ("例如：", 1),
        ("比如说", 1),
        ("总之", 1),
        ("加油", 2),
        ("需要", 1),
    ];
    SIGNS
        .iter()
        .filter(|(sign, _)| sentence.contains(sign))
        .map(|(_, weight)| 2 * weight)
        .sum()
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

/// The sentences of a text, trimmed; a line ends one too. Abbreviations, decimals and initials do not.
fn sentences(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while from < text.len() {
            let end = end_of_sentence(&text[from..]) + from;
            let raw = &text[from..end];
            let start = from + raw.len() - raw.trim_start().len();
            from = end;
            let sentence = raw.trim();
            if !sentence.is_empty() {
                return Some(start..start + sentence.len());
            }
        }
        None
    })
}

fn end_of_sentence(text: &str) -> usize {
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        match c {
            '\n' | '。' | '！' | '？' => return end + closing(&text[end..]),
            '!' | '?' if !text[end..].starts_with(|c: char| c.is_alphanumeric()) => {
                return end + closing(&text[end..]);
            }
            '.' if ends_here(&text[..at], &text[end..]) => return end + closing(&text[end..]),
            _ => {}
        }
    }
    text.len()
}

fn closing(after: &str) -> usize {
    after
        .chars()
        .take_while(|c| matches!(c, '"' | '”' | '」' | '』' | '）' | ')' | '’'))
        .map(char::len_utf8)
        .sum()
}

fn ends_here(before: &str, after: &str) -> bool {
    if !after.is_empty()
        && !after.starts_with(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '”' | ')' | '’') || is_han(c)
        })
    {
        return false;
    }
    // A longer word is no abbreviation, and is not read again and again.
    let tail = &before[before.floor_char_boundary(before.len().saturating_sub(LONGEST_WORD))..];
    let word = tail.rsplit(char::is_whitespace).next().unwrap_or_default();
    let letters = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let is_initial = letters.chars().count() == 1 || letters.contains('.');
    let is_number = !letters.is_empty()
        && letters.chars().all(|c| c.is_ascii_digit())
        && tail.len() == before.len()
        && before.trim_start().len() == letters.len();
    const SHORT: [&str; 16] = [
        "Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Jr", "Sr", "vs", "etc", "No", "Inc", "Ltd",
        "approx", "al", "Mt",
    ];
    !(is_initial || is_number || SHORT.contains(&letters))
}
