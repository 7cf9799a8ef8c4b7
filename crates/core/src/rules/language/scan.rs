//! One pass over a text: which letters it is made of, and the scores of its Latin words. What does not count is
//! stepped over: code, links, mentions, codes of platforms, names of things, quoted words on demand.

use std::ops::Range;

use super::model::Scores;
use super::recent::{self, Weighed};
use super::word::{Shape, Word, is_neutral};

/// Latin words beyond this many are counted and no longer weighed.
const MOST_WEIGHED: u32 = 400;

/// Characters of a name after `@`.
const LONGEST_NAME: usize = 24;

/// Scripts that are neither Han nor Latin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    Kana,
    Hangul,
    Cyrillic,
    Greek,
    Hebrew,
    Arabic,
    Devanagari,
    Thai,
    Unknown,
}

/// How many kinds [`Script`] has.
pub const SCRIPTS: usize = 9;

/// What a text is made of.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub han: u32,
    /// Letters, by [`Script`].
    pub scripts: [u32; SCRIPTS],
    /// Letters that Ukrainian has and Russian has not; Persian and not Arabic.
    pub marks: [u32; 2],
    /// Latin words that count, and their letters.
    pub words: u32,
    pub letters: u32,
    /// Of those, words that begin small, or start a sentence.
    pub small: u32,
    /// Words that are most likely English, and the longest row of them.
    pub english: u32,
    pub row: u32,
    /// Words of the English list that are no terms of a trade, and of those the ones that begin small.
    pub known: u32,
    pub plain: u32,
    /// All in Latin letters that is no link, sounds and short names too.
    pub tokens: u32,
    pub in_small: Scores,
    pub in_names: Scores,
    /// Marks that only code has.
    pub code: u32,
    /// From the first letter that counts to the last.
    pub span: Option<Range<usize>>,
    /// Words that are English and no Chinese, and words of other languages that are no part of a Chinese name.
    pub firm: u32,
    pub foreign_words: u32,
    /// The last word that counted.
    last: Range<usize>,
    /// A Chinese name has begun, and more of it may come.
    in_name: bool,
    current_row: u32,
    starts_sentence: bool,
}

impl Reading {
    /// Reads a text; with `quotes`, quoted words count as well.
    pub fn of(text: &str, quotes: bool) -> Reading {
        let mut reading = Reading {
            starts_sentence: true,
            ..Reading::default()
        };
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            at = if byte.is_ascii_alphabetic() {
                reading.word(text, at)
            } else if byte < 0x80 {
                reading.sign(text, at, quotes)
            } else {
                reading.wide(text, at, quotes)
            };
        }
        reading
    }

    /// Letters of scripts other than Han and Latin.
    pub fn foreign(&self) -> u32 {
        self.scripts.iter().sum()
    }

    /// All that the Latin words say; names count only if there is little else.
    pub fn latin(&self) -> Scores {
        let mut all = self.in_small;
        if self.small < 3 {
            all.add(&self.in_names);
        }
        all
    }

    fn saw(&mut self, from: usize, to: usize) {
        self.span = Some(self.span.as_ref().map_or(from, |span| span.start)..to);
    }

    /// An ASCII character that is no letter.
    fn sign(&mut self, text: &str, at: usize, quotes: bool) -> usize {
        let bytes = text.as_bytes();
        let rest = &text[at..];
        match bytes[at] {
            b'`' if rest.starts_with("```") => {
                let inside = &rest[3..];
                return at + inside.find("```").map_or(rest.len(), |end| end + 6);
            }
            b'`' => return at + closing(rest, "`", 400).unwrap_or(1),
            b'[' => {
                let most = if rest.starts_with("[CQ:") { 300 } else { 40 };
                return at + closing(rest, "]", most).unwrap_or(1);
            }
            b'@' => {
                let name = |c: char| !c.is_whitespace() && (is_han(c) || !is_stop(c));
                return at + 1 + length_of(&rest[1..], LONGEST_NAME, name);
            }
            // /etc/hosts, #channel
            b'/' | b'#'
                if (at == 0 || bytes[at - 1].is_ascii_whitespace())
                    && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) =>
            {
                return at + link_length(rest);
            }
            b'"' if !quotes => return at + closing(rest, "\"", 240).unwrap_or(1),
            b'>' if at == 0 || bytes[at - 1] == b'\n' => {
                return at + if quotes { 1 } else { line(rest) };
            }
            b'{' | b'}' | b';' | b'=' | b'<' | b'>' | b'\\' | b'|' | b'$' | b'_' => self.code += 1,
            b'(' if rest.starts_with("()") => self.code += 2,
            b'.' | b'!' | b'?' | b'\n' => self.starts_sentence = true,
            b'0'..=b'9' => {
                // 2nd, 10km, 4K
                let digits = length_of(rest, 64, |c| c.is_ascii_digit());
                let letters = length_of(&rest[digits..], 4, |c| c.is_ascii_alphabetic());
                return at + digits + if letters <= 3 { letters } else { 0 };
            }
            _ => {}
        }
        at + 1
    }

    /// A character beyond ASCII.
    fn wide(&mut self, text: &str, at: usize, quotes: bool) -> usize {
        let rest = &text[at..];
        let Some(c) = rest.chars().next() else {
            return text.len();
        };
        let end = at + c.len_utf8();
        match u32::from(c) {
            // 哈 嘻 呵 嘿: laughter is nobody's language.
            0x54C8 | 0x563B | 0x5475 | 0x563F => {}
            0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x2_0000..=0x3_FFFF | 0xF900..=0xFAFF | 0x3005 => {
                self.han += 1;
                self.current_row = 0;
                self.saw(at, end);
            }
            0xAA | 0xBA | 0xD7 | 0xF7 => {}
            0xC0..=0x24F | 0x1E00..=0x1EFF => return self.word(text, at),
            0xFF21..=0xFF3A | 0xFF41..=0xFF5A => return self.word(text, at),
            0x201C | 0x2018 | 0x300C | 0x300E | 0x300A | 0x00AB if !quotes => {
                return at + closing(rest, closer(c), 240).unwrap_or(c.len_utf8());
            }
            0x3002 | 0xFF01 | 0xFF1F | 0x2026 => self.starts_sentence = true,
            0x3010 => return at + closing(rest, "】", 60).unwrap_or(3),
            0x3040..=0x30FA | 0x30FD..=0x30FF | 0x31F0..=0x31FF | 0xFF66..=0xFF9D => {
                self.letter(Script::Kana, at, end);
            }
            0x1100..=0x11FF | 0x3130..=0x318F | 0xAC00..=0xD7A3 => {
                self.letter(Script::Hangul, at, end)
            }
            0x400..=0x52F => {
                self.marks[0] += u32::from("іїєґІЇЄҐ".contains(c));
                self.letter(Script::Cyrillic, at, end);
            }
            0x370..=0x3FF | 0x1F00..=0x1FFF => self.letter(Script::Greek, at, end),
            0x5D0..=0x5EA => self.letter(Script::Hebrew, at, end),
            0x620..=0x64A | 0x66E..=0x6D3 => {
                self.marks[1] += u32::from("پچژگی".contains(c));
                self.letter(Script::Arabic, at, end);
            }
            0x904..=0x939 => self.letter(Script::Devanagari, at, end),
            0xE01..=0xE30 | 0xE40..=0xE46 => self.letter(Script::Thai, at, end),
            0x2000..=0x2BFF | 0x3000..=0x303F | 0xFE00..=0xFE0F | 0xFF00..=0xFF65 | 0x1_F000.. => {}
            _ if c.is_alphabetic() => self.letter(Script::Unknown, at, end),
            _ => {}
        }
        end
    }

    fn letter(&mut self, script: Script, from: usize, to: usize) {
        self.scripts[script as usize] += 1;
        self.current_row = 0;
        self.saw(from, to);
    }

    /// A word in Latin letters, or something that only looks like one; says where it ends.
    fn word(&mut self, text: &str, at: usize) -> usize {
        let (word, length) = Word::at(&text[at..]);
        let end = at + length;
        if let Some(end) = thing(text, at, end) {
            self.starts_sentence = false;
            return end;
        }
        let starts = std::mem::take(&mut self.starts_sentence);
        let shape = word.shape();
        self.tokens += 1;
        if matches!(shape, Shape::Sound | Shape::Joined) || is_neutral(word.letters()) {
            // A bare I is English, an i is nobody's.
            if word.count > 1 || word.capitals == 0 || word.letters() != ['i'] {
                return end;
            }
        }
        self.letters += word.count as u32;
        self.saw(at, end);
        // Who says it again says no more: la la la.
        let last = std::mem::replace(&mut self.last, at..end);
        let in_name = std::mem::take(&mut self.in_name) && at == last.end + 1;
        if last.len() == length
            && at <= last.end + 2
            && text[last].eq_ignore_ascii_case(&text[at..end])
        {
            return end;
        }
        self.words += 1;
        if self.words > MOST_WEIGHED {
            return end;
        }
        let weighed = recent::weigh(&word);
        // A handful is enough to know.
        let known = self.known < 8 && weighed.is_known;
        self.known += u32::from(known);
        let leans = weighed.leans_english;
        let coined = leans && word.count >= 4 && !weighed.is_term;
        self.plain += u32::from((known || coined) && !word.begins_large);
        let is_i = matches!(word.letters(), ['i']);
        self.firm += u32::from(weighed.is_firm || is_i);
        self.name(&weighed, in_name, word.begins_large, starts);
        if is_i || (leans && (known || shape != Shape::Capitals)) {
            self.english += 1;
            self.current_row += 1;
            self.row = self.row.max(self.current_row);
        } else {
            self.current_row = 0;
        }
        if starts || !word.begins_large || shape == Shape::Capitals {
            self.small += 1;
            self.in_small.add(&weighed.scores());
        } else {
            self.in_names.add(&weighed.scores());
        }
        end
    }

    /// A word that is a Chinese name, or goes on with one: *Zhang*, *Wei*; or one of another language.
    fn name(&mut self, weighed: &Weighed, in_name: bool, is_large: bool, starts: bool) {
        if !in_name && weighed.is_surname {
            self.in_name = true;
        } else if weighed.is_foreign {
            self.foreign_words += u32::from(!in_name && (starts || !is_large));
            self.in_name = in_name && is_large;
        }
    }
}

/// A link, an address, a file or a name in code: where it ends.
fn thing(text: &str, from: usize, to: usize) -> Option<usize> {
    let after = &text[to..];
    let token = |from: usize| from + link_length(&text[from..]);
    let next = after.as_bytes().first()?;
    match next {
        b':' if after.starts_with("://") => Some(token(to)),
        b'.' => {
            let name = &after[1..];
            let length = length_of(name, 8, |c| c.is_ascii_alphabetic());
            let known = text[from..to].eq_ignore_ascii_case("www") || is_ending(&name[..length]);
            (length > 0 && known).then(|| token(to))
        }
        b'@' if after
            .as_bytes()
            .get(1)
            .is_some_and(u8::is_ascii_alphanumeric) =>
        {
            Some(token(to))
        }
        b'_' => Some(to + length_of(after, 200, |c| c.is_ascii_alphanumeric() || c == '_')),
        b'0'..=b'9' => {
            let digits = length_of(after, 64, |c| c.is_ascii_digit());
            // ni3hao3 is a word with its tones, mp3 and h264 are things.
            let tone = digits == 1 && (b'1'..=b'5').contains(next) && to - from >= 2;
            (!tone).then(|| to + length_of(after, 64, |c| c.is_ascii_alphanumeric()))
        }
        b':' if after.starts_with("::") => Some(token(to)),
        // "lin: look" talks to lin.
        b':' if from == 0 && after.starts_with(": ") => Some(to + 1),
        b'(' if after.starts_with("()") => Some(to + 2),
        _ => None,
    }
}

/// The rest of a link. Han that follows it without a blank is talk again, unless it is a part of the path.
fn link_length(rest: &str) -> usize {
    let mut before = ' ';
    let inside = |c: char| {
        let in_path =
            is_han(c) && (matches!(before, '/' | '=' | '-' | '_' | '%') || is_han(before));
        before = c;
        !c.is_whitespace() && (in_path || !is_stop(c))
    };
    length_of(rest, 2_000, inside)
}

fn is_ending(name: &str) -> bool {
    const ENDINGS: [&str; 44] = [
        "com", "cn", "org", "net", "io", "py", "rs", "js", "ts", "md", "txt", "jpg", "png", "gif",
        "pdf", "exe", "html", "css", "json", "toml", "zip", "co", "uk", "edu", "gov", "app", "dev",
        "ai", "top", "xyz", "info", "tv", "cc", "java", "cpp", "doc", "docx", "xls", "xlsx", "mp",
        "sh", "yml", "yaml", "jp",
    ];
    ENDINGS.contains(&name)
}

/// Bytes from the start of `rest` to the end of the next `close`, if that is on the same line and near.
fn closing(rest: &str, close: &str, most: usize) -> Option<usize> {
    let first = rest.chars().next()?.len_utf8();
    let mut near = first;
    for c in rest[first..].chars() {
        if c == '\n' || near > most {
            return None;
        }
        if close.starts_with(c) {
            return Some(near + c.len_utf8());
        }
        near += c.len_utf8();
    }
    None
}

fn closer(open: char) -> &'static str {
    match open {
        '“' => "”",
        '‘' => "’",
        '「' => "」",
        '『' => "』",
        '《' => "》",
        _ => "»",
    }
}

fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// Bytes of the characters at the start for which `holds`, `most` characters at most.
fn length_of(rest: &str, most: usize, mut holds: impl FnMut(char) -> bool) -> usize {
    let mut length = 0;
    for c in rest.chars().take(most) {
        if !holds(c) {
            break;
        }
        length += c.len_utf8();
    }
    length
}

/// Where a link or a mention ends though no blank follows.
fn is_stop(c: char) -> bool {
    matches!(u32::from(c), 0x3000..=0x303F | 0x3400..=0x9FFF | 0xFF00..=0xFFEF | 0x2018..=0x201D | 0x2026)
}

fn is_han(c: char) -> bool {
    matches!(u32::from(c), 0x3400..=0x4DBF | 0x4E00..=0x9FFF)
}
