//! What an admin should know of a list of words before it is used: how many entries, which are there twice, which
//! lines no list takes, and which entries are so ordinary that they would be found all day. It changes no list.

use std::collections::{BTreeMap, HashMap};

use super::Certainty;
use super::words::{ListError, WordList};
use crate::normalise;

/// So many of the commonest words and characters of each language are held against an entry.
const COMMON_WORDS: usize = 1_000;
const COMMON_HAN: usize = 300;
/// What people write all day in chats and seldom in books.
const CHAT: &str = "ok okay lol haha hi hello hey yes no yeah thanks thx bye 哈哈 好的 谢谢 你好 早安 晚安 嗯嗯 好吧 可以";
/// Lines that are looked at together; of a bad one only these are looked at again.
const TOGETHER: usize = 256;

/// What there is to know of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListReport {
    /// So many different entries.
    pub entries: usize,
    /// Lines that say the same as an earlier one, with that one.
    pub duplicates: Vec<(usize, usize)>,
    /// Lines that no list takes, each with why.
    pub left_out: Vec<(usize, String)>,
    /// Lines whose entry is found in everyday words, with one of them and how many there are.
    pub broad: Vec<Broad>,
}

/// An entry that would be found all day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broad {
    /// Where it stands.
    pub line: usize,
    /// As it is written.
    pub entry: String,
    /// The commonest word in which it is found.
    pub in_word: String,
    /// … and in how many of the common ones.
    pub words: usize,
}

impl ListReport {
    /// Of a list, one entry a line.
    pub fn of(text: &str) -> Self {
        let (taken, left_out) = without_unusable(text);
        let mut report = ListReport {
            left_out,
            ..ListReport::default()
        };
        let mut lines: HashMap<String, usize> = HashMap::new();
        let mut written: HashMap<&str, usize> = HashMap::new();
        for (line, entry) in entries(&taken) {
            match lines.get(&normalise::plain(entry).text) {
                Some(first) => report.duplicates.push((line, *first)),
                None => {
                    lines.insert(normalise::plain(entry).text, line);
                    written.insert(entry, line);
                }
            }
        }
        report.entries = written.len();
        if let Ok(list) = WordList::compile(&taken, "") {
            report.broad = broad(&list, &written);
        }
        report
    }
}

fn broad(list: &WordList, written: &HashMap<&str, usize>) -> Vec<Broad> {
    let mut found: BTreeMap<usize, Broad> = BTreeMap::new();
    for word in common() {
        for hit in list.find(word) {
            let Some(entry) = hit.entry.filter(|_| hit.certainty == Certainty::Sure) else {
                continue;
            };
            if let Some(&line) = written.get(entry.as_str()) {
                let broad = found.entry(line).or_insert_with(|| Broad {
                    line,
                    entry,
                    in_word: word.to_owned(),
                    words: 0,
                });
                broad.words += 1;
            }
        }
    }
    found.into_values().collect()
}

/// What everybody writes all day.
fn common() -> impl Iterator<Item = &'static str> {
    let han = include_str!("../../../../data/rules/common-han.txt").lines();
    let chinese = include_str!("../../../../data/rules/common-zh.txt").lines();
    let english = include_str!("../../../../data/rules/common-en.txt").lines();
    CHAT.split(' ')
        .chain(han.take(COMMON_HAN))
        .chain(chinese.take(COMMON_WORDS))
        .chain(english.take(COMMON_WORDS))
}

fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines.filter(|(_, entry)| !entry.is_empty() && !entry.starts_with('#'))
}

/// A list with blanks in place of the lines that no list takes, and these lines with why.
pub(super) fn without_unusable(text: &str) -> (String, Vec<(usize, String)>) {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut left_out = Vec::new();
    for (n, together) in lines.chunks_mut(TOGETHER).enumerate() {
        while let Err(error) = WordList::compile(&together.join("\n"), "") {
            let (ListError::TooShort { line, .. }
            | ListError::TooLong { line, .. }
            | ListError::TooManySigns { line, .. }) = error;
            let told = error.to_string();
            let why = told.split_once(": ").map_or(&*told, |(_, why)| why);
            left_out.push((n * TOGETHER + line, why.to_owned()));
            together[line - 1] = "";
        }
    }
    (lines.join("\n"), left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_what_is_there_twice_what_it_does_not_take_and_what_is_everywhere() {
        let long: String = ('一'..).take(65).collect();
        let text =
            format!("# spam\n加微信\nx\nfree crypto\n\nＦＲＥＥ Crypto\n的\n{long}\nok\n刷单");
        let report = ListReport::of(&text);
        assert_eq!(report.entries, 5);
        assert_eq!(report.duplicates, [(6, 4)]);
        let lines: Vec<usize> = report.left_out.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 8]);
        assert_eq!(
            report.left_out[0].1,
            "\"x\" is too short, it would be found in nearly every message; write a whole word"
        );
        let broad: Vec<(usize, &str)> = report
            .broad
            .iter()
            .map(|broad| (broad.line, broad.entry.as_str()))
            .collect();
        assert_eq!(broad, [(7, "的"), (9, "ok")]);
        assert!(report.broad[0].words > 1, "{:?}", report.broad);
    }

    #[test]
    fn a_long_list_with_bad_lines_is_cleaned_line_by_line() {
        let lines: Vec<String> = (0..1_000)
            .map(|n| match n % 100 {
                7 => "x".to_owned(),
                _ => format!("entry number {n}"),
            })
            .collect();
        let (taken, left_out) = without_unusable(&lines.join("\n"));
        assert_eq!(left_out.len(), 10);
        assert_eq!(left_out[3].0, 308);
        assert_eq!(taken.lines().nth(307), Some(""));
        assert_eq!(ListReport::of(&taken).entries, 990);
    }
}
