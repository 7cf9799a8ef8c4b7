//! Messages as one string with CQ codes in it, `[CQ:type,key=value]`: go-cqhttp's default. What is not surely a code
//! is plain text. Only reads: we always send arrays, so that no answer can contain an order.

use serde_json::{Map, Value};
use teahouse_core::Segment;

use super::wire::{MOST_SEGMENTS, one_line_end, segment, too_long};

/// The segments of a message string.
pub(super) fn parse(source: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut dropped = 0;
    let mut keep = |segment| {
        if segments.len() < MOST_SEGMENTS {
            segments.push(segment);
        } else {
            dropped += 1;
        }
    };
    let mut text = String::new();
    for piece in pieces(source) {
        match piece {
            Piece::Text(plain) => unescape(plain, false, &mut text),
            Piece::Code(code) => {
                if !text.is_empty() {
                    keep(text_segment(std::mem::take(&mut text)));
                }
                keep(code.segment());
            }
        }
    }
    if !text.is_empty() {
        keep(text_segment(text));
    }
    if dropped > 0 {
        segments.push(too_long(dropped));
    }
    segments
}

/// Whether the words outside all codes differ from these, blanks aside (NapCat trims one and not the other).
pub(super) fn differs(source: &str, segments: &[Segment]) -> bool {
    let mut said = String::new();
    for piece in pieces(source) {
        if let Piece::Text(plain) = piece {
            unescape(plain, false, &mut said);
        }
    }
    let theirs = said.chars().filter(|c| !c.is_whitespace());
    let ours = segments
        .iter()
        .filter_map(|segment| {
            if let Segment::Text { text } = segment {
                Some(text.as_str())
            } else {
                None
            }
        })
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace());
    !theirs.eq(ours)
}

enum Piece<'a> {
    Text(&'a str),
    Code(Code<'a>),
}

struct Code<'a> {
    kind: &'a str,
    fields: &'a str,
}

impl<'a> Code<'a> {
    /// Reads one code at the start of `source`; also says how long it is.
    fn at_start(source: &'a str) -> Option<(Self, usize)> {
        let inside = source.strip_prefix("[CQ:")?;
        // Ending the search at the next bracket of either kind keeps a flood of open ones linear.
        let end = inside
            .find(['[', ']'])
            .filter(|&end| inside[end..].starts_with(']'))?;
        let inside = &inside[..end];
        let (kind, fields) = inside.split_once(',').unwrap_or((inside, ""));
        let fine = is_word(kind)
            && (fields.is_empty() && !inside.ends_with(',')
                || !fields.is_empty()
                    && fields
                        .split(',')
                        .all(|field| field.split_once('=').is_some_and(|(key, _)| is_word(key))));
        fine.then_some((Code { kind, fields }, "[CQ:".len() + inside.len() + 1))
    }

    fn segment(&self) -> Segment {
        let mut data = Map::new();
        for (key, value) in self.fields.split(',').filter_map(|f| f.split_once('=')) {
            let mut plain = String::with_capacity(value.len());
            unescape(value, true, &mut plain);
            data.insert(key.to_owned(), Value::String(plain));
        }
        segment(self.kind, data)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Texts and codes in their order; a text may come in several pieces.
fn pieces(source: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = source;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.find("[CQ:").unwrap_or(rest.len());
        if start > 0 {
            let (plain, after) = rest.split_at(start);
            rest = after;
            return Some(Piece::Text(plain));
        }
        if let Some((code, length)) = Code::at_start(rest) {
            rest = &rest[length..];
            return Some(Piece::Code(code));
        }
        // The bracket is text; what follows it is looked at again.
        let (plain, after) = rest.split_at("[CQ:".len());
        rest = after;
        Some(Piece::Text(plain))
    })
}

/// One pass, so that `&amp;#91;` stays the text `&#91;`.
fn unescape(escaped: &str, in_value: bool, into: &mut String) {
    let mut rest = escaped;
    while let Some(at) = rest.find('&') {
        into.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = [
            ("&amp;", '&'),
            ("&#91;", '['),
            ("&#93;", ']'),
            ("&#44;", ','),
        ];
        let found = known
            .iter()
            .find(|(escape, plain)| rest.starts_with(escape) && (in_value || *plain != ','));
        let (plain, length) = found.map_or(('&', 1), |(escape, plain)| (*plain, escape.len()));
        into.push(plain);
        rest = &rest[length..];
    }
    into.push_str(rest);
}

fn text_segment(text: String) -> Segment {
    Segment::Text {
        text: one_line_end(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str) {
        let shown: Vec<String> = parse(source)
            .iter()
            .map(|segment| match segment {
                Segment::Text { text } => format!("{text:?}"),
                other => serde_json::to_string(other).unwrap(),
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{source}");
    }

    #[test]
    fn a_code_becomes_a_segment_and_the_rest_stays_text() {
        check("plain", r#""plain""#);
        check("", "");
        check(
            "[CQ:at,qq=10001000] ai hi",
            r#"{"type":"mention","data":{"member":"10001000"}} " ai hi""#,
        );
        check(
            "[CQ:reply,id=-7][CQ:face,id=14]x",
            r#"{"type":"quote","data":{"message":"-7"}} {"type":"face","data":{"id":"14"}} "x""#,
        );
        check(
            "[CQ:shake]",
            r#"{"type":"unsupported","data":{"kind":"shake","fields":{}}}"#,
        );
    }

    #[test]
    fn what_is_not_surely_a_code_is_text() {
        check("[CQ:at,qq=", r#""[CQ:at,qq=""#);
        check("[CQ:image,summary=a,b]", r#""[CQ:image,summary=a,b]""#);
        check(
            "[CQ:,qq=1] [CQ:at,] [cq:at,qq=1]",
            r#""[CQ:,qq=1] [CQ:at,] [cq:at,qq=1]""#,
        );
        check(
            "[CQ:at,qq=[CQ:at,qq=5]",
            r#""[CQ:at,qq=" {"type":"mention","data":{"member":"5"}}"#,
        );
    }

    #[test]
    fn escapes_are_undone_once() {
        check(
            "&#91;CQ:at&#44;qq=all&#93; &amp;#91; &lt;",
            r#""[CQ:at&#44;qq=all] &#91; &lt;""#,
        );
        check(
            "[CQ:json,data={\"a\":&#91;1&#44;2&#93;&amp;amp;}]",
            r#"{"type":"unsupported","data":{"kind":"json","fields":{"data":"{\"a\":[1,2]&amp;}"}}}"#,
        );
        check("a\r\nb\rc", r#""a\nb\nc""#);
    }

    #[test]
    fn a_text_that_says_something_else_is_noticed() {
        let segments = parse("[CQ:at,qq=1] ai hello");
        assert!(!differs("[CQ:at,qq=1]ai  hello", &segments));
        assert!(differs("[CQ:at,qq=1]ai goodbye", &segments));
    }
}
