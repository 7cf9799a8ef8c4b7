//! How the rules about people read a text: a plain form of it (one case, one width, one set of signs), patterns over
//! that form, and the way back to the bytes of the original. It decides nothing; `crisis`, `identity` and
//! `ghostwriting` say what they look for.

mod anchors;
mod needles;

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use anchors::Anchors;
use needles::{Gathered, Needles, Seen, Ways};

/// Up to here a text is read whole.
const WHOLE: usize = 4_096;
/// Of a longer one, this much before and after each word that a pattern cannot do without …
const AROUND: usize = 320;
/// … and so many such places.
const PLACES: usize = 48;

/// A text as patterns read it: lower case, half width, simplified, without apostrophes, doubled letters and blanks
/// between Han characters.
pub(super) struct Plain<'a> {
    original: &'a str,
    window: Range<usize>,
    text: Vec<u8>,
}

impl Plain<'_> {
    pub(super) fn of(original: &str, window: Range<usize>) -> Plain<'_> {
        // No character is read as a longer one.
        let mut text = Vec::with_capacity(window.len());
        for (_, c) in read_all(original, window.clone()) {
            if c.is_ascii() {
                text.push(c as u8);
            } else {
                text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        Plain {
            original,
            window,
            text,
        }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The bytes of the original that a part of the plain form came from.
    pub(super) fn original(&self, part: Range<usize>) -> Range<usize> {
        let start = self.at(part.start);
        // Up to where the next character starts: what was dropped in between belongs to this one.
        start..self.at(part.end).max(start)
    }

    /// Where a byte's character stands in the original. Few texts are asked this, so it is not kept.
    fn at(&self, byte: usize) -> usize {
        let mut read = 0;
        read_all(self.original, self.window.clone())
            .find(|(_, c)| {
                read += c.len_utf8();
                read > byte
            })
            .map_or(self.window.end, |(at, _)| at)
    }

    /// The sentence around a part.
    pub(super) fn sentence(&self, part: Range<usize>) -> &[u8] {
        let ends = |byte: &u8| matches!(byte, b'.' | b'!' | b'?' | b'\n');
        let start = self.text[..part.start]
            .iter()
            .rposition(ends)
            .map_or(0, |at| at + 1);
        let end = self.text[part.end..]
            .iter()
            .position(ends)
            .map_or(self.text.len(), |at| part.end + at);
        &self.text[start..end]
    }
}

/// The characters of a plain form, each with its place in the original.
fn read_all(original: &str, window: Range<usize>) -> impl Iterator<Item = (usize, char)> {
    let simplified = &**SIMPLIFIED;
    let mut rest = original[window.clone()].char_indices();
    let mut blank = None;
    let mut waiting: Option<(usize, char)> = None;
    let (mut last, mut run) = (' ', 0);
    std::iter::from_fn(move || {
        if let Some(next) = waiting.take() {
            return Some(next);
        }
        loop {
            let (at, c) = rest.next()?;
            let at = window.start + at;
            let Some(c) = read(c, simplified) else {
                continue;
            };
            if c == ' ' {
                blank = blank.or(Some(at));
                continue;
            }
            run = if c == last { run + 1 } else { 1 };
            // "sooo", "你你你": said longer, not otherwise.
            if run > 2 && c.is_alphabetic() {
                continue;
            }
            let before = std::mem::replace(&mut last, c);
            if let Some(blank) = blank.take()
                && !before.is_whitespace()
                && c != '\n'
                && !is_han(before)
                && !is_han(c)
            {
                waiting = Some((at, c));
                return Some((blank, ' '));
            }
            return Some((at, c));
        }
    })
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

/// One character as it is read; `None` is not read at all.
fn read(c: char, simplified: &[char]) -> Option<char> {
    Some(match c {
        'a'..='z' => c,
        '\u{4e00}'..='\u{9fff}' => simplified[c as usize - FIRST_HAN],
        '\'' | '’' | '‘' | '`' | '´' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}' => {
            return None;
        }
        '-' | '_' | '–' | '—' | '·' | '\r' | '\t' | '\u{3000}' => ' ',
        '，' | '、' => ',',
        '。' | '．' | '…' => '.',
        '！' => '!',
        '？' => '?',
        '；' => ';',
        '：' => ':',
        '“' | '”' | '「' | '」' | '『' | '』' => '"',
        '《' | '〈' => '<',
        '》' | '〉' => '>',
        '～' => '~',
        // The full-width row stands this far above ASCII.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0)?.to_ascii_lowercase(),
        c if c.is_ascii() => c.to_ascii_lowercase(),
        c => c,
    })
}

const FIRST_HAN: usize = 0x4e00;

/// Each Han character as it is read.
static SIMPLIFIED: LazyLock<Vec<char>> = LazyLock::new(|| {
    let mut table: Vec<char> = ('\u{4e00}'..='\u{9fff}').collect();
    for pair in PAIRS.split_whitespace() {
        let mut chars = pair.chars();
        if let Some((from, to)) = chars.next().zip(chars.next()) {
            table[from as usize - FIRST_HAN] = to;
        }
    }
    table
});

/// The traditional characters that occur in our patterns.
const PAIRS: &str = "殺杀 說说 話话 沒没 個个 們们 這这 還还 來来 過过 時时 開开 關关 離离 開开 結结 斷断 輕轻 遺遗 書书 藥药 \
    殘残 傷伤 樓楼 橋桥 繩绳 買买 準准 備备 決决 係系 覺觉 負负 擔担 義义 難难 撐撑 堅坚 對对 請请 誰谁 媽妈 爺爷 \
    閨闺 蜜蜜 學学 兒儿 親亲 聯联 絡络 寫写 業业 論论 題题 幫帮 為为 與与 從从 種种 機机 實实 讓让 應应 該该 會会 \
    嗎吗 麼么 妳你 您您 喫吃 裡里 裏里 長长 點点 現现 發发 見见 愛爱 電电 腦脑 導导 詞词 課课 報报 導导 嘗尝 試试 \
    經经 無无 總总 給给 飲饮 讀读 歲岁 鄉乡 國国 灣湾 廣广 東东 賓宾 記记 億亿 憶忆 隻只 條条 錢钱 雙双 萬万 \
    戰战 勝胜 顆颗 塊块 隊队 車车 遠远 圖图 號号 選选 擇择 項项 數数 積积 圓圆 邊边 體体 幾几 約约 參参 節节 區区";

/// Words without which there is nothing to find, what is put aside, and what is looked for.
pub(super) struct Finder {
    anchors: Anchors,
    needles: Needles,
    masks: Vec<Pattern>,
    /// In groups, each looked for by itself.
    hits: Vec<Vec<Pattern>>,
}

/// One pattern, with what a text must hold for it.
struct Pattern {
    ways: Ways,
    regex: Regex,
}

impl Finder {
    /// `words` are named lists that patterns use as `{name}`; the order matters, a later one may use an earlier one.
    pub(super) fn new(
        anchors: &[&str],
        words: &[(&str, &str)],
        masks: &[&str],
        hits: &[&[&str]],
    ) -> Finder {
        let mut gathered = Gathered::default();
        // One automaton for all would have more states than its cache holds.
        let mut each = |patterns: &[&str]| -> Vec<Pattern> {
            let pattern = |one: &&str| Pattern {
                ways: gathered.add(&expand(words, one)),
                regex: compile(words, &[one]),
            };
            patterns.iter().map(pattern).collect()
        };
        let masks = each(masks);
        let hits = hits.iter().map(|group| each(group)).collect();
        Finder {
            anchors: Anchors::new(anchors),
            needles: gathered.build(),
            masks,
            hits,
        }
    }

    /// The first hit, as a part of the plain form, which comes with it.
    pub(super) fn find<'a>(&self, text: &'a str) -> Option<(Plain<'a>, Range<usize>)> {
        self.windows(text).into_iter().find_map(|window| {
            let plain = Plain::of(text, window);
            let part = self.find_in(0, &plain, &self.seen(&plain))?;
            Some((plain, part))
        })
    }

    /// What a text holds of what the patterns need.
    pub(super) fn seen(&self, plain: &Plain) -> Seen {
        self.needles.seen(plain.text())
    }

    /// The first hit of a group.
    pub(super) fn find_in(&self, group: usize, plain: &Plain, seen: &Seen) -> Option<Range<usize>> {
        let text = plain.text();
        let mut hits = self.hits[group].iter().filter(|hit| seen.may(&hit.ways));
        // Most lines end here, before the masks.
        let first = hits.find(|hit| hit.regex.is_match(text))?;
        let mut masked = text.to_vec();
        self.mask(plain, seen, &mut masked);
        // What did not match the whole will not match what is left of it.
        let hit = std::iter::once(first)
            .chain(hits)
            .find_map(|hit| hit.regex.find(&masked))?;
        // A hit may stand on the sign before it.
        Some(trim(text, hit.range()))
    }

    /// Blots out what is to be put aside.
    pub(super) fn mask(&self, plain: &Plain, seen: &Seen, masked: &mut [u8]) {
        for mask in self.masks.iter().filter(|mask| seen.may(&mask.ways)) {
            for found in mask.regex.find_iter(plain.text()) {
                masked[found.range()].fill(MASKED);
            }
        }
    }

    /// May there be anything? One pass, no allocation.
    pub(super) fn may(&self, text: &str) -> bool {
        self.anchors.is_in(text)
    }

    pub(super) fn windows(&self, text: &str) -> Vec<Range<usize>> {
        if text.len() > WHOLE {
            return around(text, self.anchors.find(text));
        }
        Vec::from_iter(self.may(text).then_some(0..text.len()))
    }
}

/// Of a short text all, of a long one what stands around some places; nothing where there are none.
pub(super) fn around(
    text: &str,
    mut places: impl Iterator<Item = Range<usize>>,
) -> Vec<Range<usize>> {
    if text.len() <= WHOLE {
        return Vec::from_iter(places.next().map(|_| 0..text.len()));
    }
    let mut windows: Vec<Range<usize>> = Vec::new();
    for place in places {
        let many = windows.len();
        let start = floor(text, place.start.saturating_sub(AROUND));
        let end = floor(text, (place.end + AROUND).min(text.len()));
        match windows.last_mut() {
            Some(last) if start <= last.end && end - last.start <= WHOLE => last.end = end,
            _ if many == PLACES => break,
            _ => windows.push(start..end),
        }
    }
    windows
}

/// What a masked byte reads as: no pattern knows it.
pub(super) const MASKED: u8 = 1;

fn trim(text: &[u8], mut part: Range<usize>) -> Range<usize> {
    let sign = |byte: u8| byte.is_ascii_punctuation() || byte.is_ascii_whitespace();
    while part.start < part.end && sign(text[part.start]) {
        part.start += 1;
    }
    while part.start < part.end && sign(text[part.end - 1]) {
        part.end -= 1;
    }
    part
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// One pattern of many; see [`expand`].
pub(super) fn compile(words: &[(&str, &str)], patterns: &[&str]) -> Regex {
    let all: Vec<String> = patterns
        .iter()
        .map(|pattern| format!("(?:{})", expand(words, pattern)))
        .collect();
    RegexBuilder::new(&all.join("|"))
        .unicode(false)
        .size_limit(1 << 24)
        .build()
        .expect("our own patterns are well formed")
}

/// `{name}` becomes the list of that name, `[是为]` one of these characters, `%4` up to four characters of the same
/// clause, `@4` up to four words.
fn expand(words: &[(&str, &str)], pattern: &str) -> String {
    let mut pattern = pattern.to_owned();
    for (name, list) in words.iter().rev() {
        let slot = format!("{{{name}}}");
        if pattern.contains(&slot) {
            pattern = pattern.replace(&slot, &format!("(?:{list})"));
        }
    }
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '[' if rest.peek().is_some_and(|next| !next.is_ascii()) => {
                let one: Vec<String> = rest
                    .by_ref()
                    .take_while(|c| *c != ']')
                    .map(String::from)
                    .collect();
                out.push_str(&format!("(?:{})", one.join("|")));
            }
            '%' | '@' => {
                let mut most = 0;
                while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
                    most = most * 10 + digit;
                    rest.next();
                }
                out.push_str(&if c == '%' {
                    format!("[^.,!?;:\\n\\x01]{{0,{}}}", most * 3)
                } else {
                    format!("(?: [a-z0-9]+){{0,{most}}}")
                });
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_plain_and_found_again_in_the_original() {
        let check = |text: &str, plain: &str| {
            let read = Plain::of(text, 0..text.len());
            assert_eq!(String::from_utf8_lossy(read.text()), plain, "{text:?}");
            assert_eq!(read.original(0..plain.len()).end, text.len(), "{text:?}");
        };
        check("I’m  SOOOO tired", "im soo tired");
        check("我 不 想 說", "我不想说");
        check("ＡＩ，是吗？", "ai,是吗?");
        check("self-harm\n ok", "self harm\nok");
        check("《书》“话”", "<书>\"话\"");
    }

    #[test]
    fn a_part_of_the_plain_form_stands_on_characters_of_the_original() {
        let text = "😀 她 說 ＡＢＣ";
        let plain = Plain::of(text, 0..text.len());
        let all = plain.text().len();
        for (start, _) in String::from_utf8_lossy(plain.text()).char_indices() {
            let span = plain.original(start..all);
            assert!(text.is_char_boundary(span.start), "{span:?}");
        }
    }

    #[test]
    fn patterns_are_written_short() {
        assert_eq!(
            expand(&[("who", "我|他")], "{who}[是为]x"),
            "(?:我|他)(?:是|为)x"
        );
        assert_eq!(expand(&[], "a@2"), "a(?: [a-z0-9]+){0,2}");
    }
}
