//! Files of words as people have them: a text with an entry a line, or a table whose first column holds the entries;
//! in UTF-8, UTF-16 or GB18030, which GBK is part of. What comes out is one entry a line, in the file's own lines.
//! What an entry may be is not decided here.

use std::path::Path;

use encoding_rs::{Encoding, GB18030, UTF_16BE, UTF_16LE};

/// A list of some hundred thousand words is smaller.
const LARGEST: u64 = 16 << 20;
/// What the first column of a table is called, where it has a head.
const HEADS: [&str; 20] = [
    "word",
    "words",
    "keyword",
    "keywords",
    "entry",
    "entries",
    "term",
    "terms",
    "text",
    "name",
    "词",
    "词语",
    "词条",
    "关键词",
    "关键字",
    "敏感词",
    "违禁词",
    "屏蔽词",
    "内容",
    "文本",
];

/// A file of words, read.
#[derive(Debug)]
pub struct ListFile {
    /// One entry a line, in the file's own lines.
    pub text: String,
    /// How its letters are written.
    pub encoding: &'static str,
}

/// Reads a file of words.
pub fn read(path: &str) -> Result<ListFile, String> {
    let cannot = |error: std::io::Error| format!("cannot read the list \"{path}\": {error}");
    let size = std::fs::metadata(path).map_err(cannot)?.len();
    if size > LARGEST {
        return Err(format!(
            "the list \"{path}\" has {size} bytes, at most {LARGEST} are read; split it or make it shorter"
        ));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    let (text, encoding) = decode(&bytes).ok_or_else(|| {
        format!(
            "the list \"{path}\" is neither UTF-8 nor UTF-16 nor GB18030 text; save it as UTF-8"
        )
    })?;
    let extension = Path::new(path).extension().and_then(|end| end.to_str());
    let is_table = extension.is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    Ok(ListFile {
        text: if is_table { first_column(&text) } else { text },
        encoding,
    })
}

/// The text, and how it was written.
fn decode(bytes: &[u8]) -> Option<(String, &'static str)> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..])?;
        return is_text(&text).then(|| (text.into_owned(), encoding.name()));
    }
    if let Some(encoding) = wide(bytes) {
        let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
        return is_text(&text).then(|| (text.into_owned(), encoding.name()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return is_text(text).then(|| (text.to_owned(), "UTF-8"));
    }
    let text = GB18030.decode_without_bom_handling_and_without_replacement(bytes)?;
    is_text(&text).then(|| (text.into_owned(), "GB18030"))
}

/// UTF-16 without a mark: its line ends have an empty byte on the same side.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let (pairs, _) = bytes.as_chunks::<2>();
    let ends = |end: &[u8; 2]| pairs.iter().filter(|pair| *pair == end).count();
    match ends(b"\n\0").cmp(&ends(b"\0\n")) {
        std::cmp::Ordering::Greater => Some(UTF_16LE),
        std::cmp::Ordering::Less => Some(UTF_16BE),
        std::cmp::Ordering::Equal => None,
    }
}

/// A list holds no bytes that no person types.
fn is_text(text: &str) -> bool {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    !text.chars().any(odd)
}

/// The first cell of every row; a head is no entry.
fn first_column(text: &str) -> String {
    let between = match text.lines().next() {
        Some(first) if first.contains('\t') && !first.contains(',') => '\t',
        Some(first) if first.contains(';') && !first.contains(',') => ';',
        Some(_) | None => ',',
    };
    let mut column = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (cell, behind) = first_cell(rest, between);
        let is_head = column.is_empty() && HEADS.contains(&cell.trim().to_lowercase().as_str());
        if !is_head {
            // What is broken over lines inside quotes is one entry.
            let words: Vec<&str> = cell.split_whitespace().collect();
            column.push_str(&words.join(" "));
        }
        let row = &rest[..rest.len() - behind.len()];
        for _ in 0..row.matches('\n').count().max(1) {
            column.push('\n');
        }
        rest = behind;
    }
    column
}

/// The first cell of the first row, and what stands behind that row.
fn first_cell(text: &str, between: char) -> (String, &str) {
    let (mut cell, mut is_first, mut is_quoted) = (String::new(), true, false);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                if is_first {
                    cell.push('"');
                }
            }
            '"' if is_quoted || cell.is_empty() || !is_first => is_quoted = !is_quoted,
            '\n' if !is_quoted => return (cell, &text[at + 1..]),
            c if c == between && !is_quoted => is_first = false,
            c if is_first => cell.push(c),
            _ => {}
        }
    }
    (cell, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "加微信\nfree crypto\n裸聊\n";

    fn wide_bytes(text: &str, big: bool) -> Vec<u8> {
        let units = text.encode_utf16();
        let bytes = units.flat_map(|unit| match big {
            true => unit.to_be_bytes(),
            false => unit.to_le_bytes(),
        });
        bytes.collect()
    }

    #[test]
    fn a_list_is_read_however_its_letters_are_written() {
        let gbk = GB18030.encode(WORDS).0.into_owned();
        let marked = |mark: &[u8], bytes: Vec<u8>| [mark.to_vec(), bytes].concat();
        for (bytes, encoding) in [
            (WORDS.as_bytes().to_vec(), "UTF-8"),
            (marked(b"\xef\xbb\xbf", WORDS.into()), "UTF-8"),
            (gbk, "GB18030"),
            (wide_bytes(WORDS, false), "UTF-16LE"),
            (wide_bytes(WORDS, true), "UTF-16BE"),
            (marked(b"\xff\xfe", wide_bytes(WORDS, false)), "UTF-16LE"),
            (marked(b"\xfe\xff", wide_bytes(WORDS, true)), "UTF-16BE"),
            (Vec::new(), "UTF-8"),
        ] {
            let (text, found) = decode(&bytes).unwrap_or_else(|| panic!("{encoding}"));
            assert_eq!(found, encoding);
            assert!(bytes.is_empty() || text == WORDS, "{encoding}: {text}");
        }
    }

    #[test]
    fn what_is_no_text_is_no_list() {
        for bytes in [
            &b"\xff\xff\xff"[..],
            b"PK\x03\x04\x00\x00\x08\x00",
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR",
            b"\xff\xfe\x00\xd8",
            b"abc\x00def\x1b",
        ] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn of_a_table_the_first_column_counts_and_a_head_does_not() {
        for (table, column) in [
            ("词,类别\n赌场,1\n", "\n赌场\n"),
            ("Keyword\tclass\nfree crypto\t2", "\nfree crypto\n"),
            ("赌场;1\n博彩;2\n", "赌场\n博彩\n"),
            ("casino\r\n\r\nbet\r\n", "casino\n\nbet\n"),
            (
                "\"one, two\",x\n\"say \"\"hi\"\" now\",y\n",
                "one, two\nsay \"hi\" now\n",
            ),
            ("\"over\nlines\",x\nnext,y\n", "over lines\n\nnext\n"),
            ("a,\"other\ncell\"\nb\n", "a\n\nb\n"),
            (",empty\nword,1\n", "\nword\n"),
            ("5\" disk,1\nnext", "5\" disk\nnext\n"),
            ("", ""),
        ] {
            assert_eq!(first_column(table), column, "{table:?}");
        }
    }
}
