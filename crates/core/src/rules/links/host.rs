//! Names with dots between them, plain and disguised, in a folded text: where each part stands, and what stands
//! between. Whether a name is one of the web is `belief.rs`.

use std::ops::Range;

use super::fold::{Glyph, is_cjk, is_dot, is_odd_dot};
use super::tables::{is_a_file, is_plain_web, is_strong};

/// How a dot is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Dot {
    /// `.`
    Plain,
    /// Another that browsers read the same: `．`, `｡`, `%2e`.
    Wide,
    /// `。`, which ends sentences as well.
    Stop,
    /// `·`, `,` and their like.
    Odd,
    /// `点`
    Han,
    /// `dot`
    Word,
    /// `"."`, `\.`, `[.`: code has these as well.
    Quoted,
    /// `[.]`, `(dot)`, `【点】`
    Bracket,
}

/// What stands between two parts of a name.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) struct Separator {
    pub dot: Dot,
    /// Blanks before it.
    pub left: bool,
    /// Blanks after it.
    pub right: bool,
    end: usize,
}

impl Separator {
    pub fn is_plain(&self) -> bool {
        self.dot == Dot::Plain && !self.left && !self.right
    }
}

/// Parts of a name, as places in the folded text, and what stands between them.
#[derive(Debug, Default)]
pub(in crate::rules) struct Host {
    pub labels: Vec<Range<usize>>,
    pub separators: Vec<Separator>,
}

const MOST_LABELS: usize = 64;
/// Parts with disguised dots between them: nobody goes on for longer.
const MOST_DISGUISED: usize = 8;
const LONGEST_LABEL: usize = 63;
const MOST_BLANKS: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    /// Letters with blanks between words, digits, `-` and `_`.
    Spaced,
    Cjk,
    /// ✪ and the like: names of their own, or marks before a name.
    Symbol,
}

fn script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | '0'..='9' | '-' | '_' => Some(Script::Spaced),
        // Han behind the last of them that is a dot; what others are takes longer to tell.
        '\u{4e37}'..='\u{9fff}' => Some(Script::Cjk),
        _ if c.is_ascii() || is_odd_dot(c) || is_dot(c) => None,
        _ if is_cjk(c) => Some(Script::Cjk),
        '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' => Some(Script::Symbol),
        // Marks that letters of India and its like carry are no letters to `char`.
        '\u{300}'..='\u{36f}' | '\u{900}'..='\u{109f}' => Some(Script::Spaced),
        _ if c.is_alphanumeric() => Some(Script::Spaced),
        _ => None,
    }
}

/// Where the blanks from here on end.
pub(in crate::rules) fn after_blanks(glyphs: &[Glyph], at: usize, most: usize) -> usize {
    let blanks = glyphs[at.min(glyphs.len())..]
        .iter()
        .take(most)
        .take_while(|glyph| glyph.c == ' ' || glyph.c == '\t');
    at + blanks.count()
}

/// Where the part of a name that ends before a dot at `dot` begins and ends. Nothing before `floor` belongs to it.
pub(in crate::rules) fn label_before(
    glyphs: &[Glyph],
    dot: usize,
    floor: usize,
) -> Option<Range<usize>> {
    let mut end = dot;
    while end > floor && dot - end < MOST_BLANKS && matches!(glyphs[end - 1].c, ' ' | '\t') {
        end -= 1;
    }
    let last = glyphs[floor..end].last()?.c;
    let kind = script(last)?;
    let run = glyphs[floor..end]
        .iter()
        .rev()
        .take(LONGEST_LABEL + 1)
        .take_while(|glyph| script(glyph.c) == Some(kind));
    let start = end - run.count();
    let tight = (start..end).find(|at| !is_dotted_dash(glyphs, *at))?;
    Some(tight..end)
}

/// Reads a name from its first part on. With `after_scheme` a part may mix scripts: nobody writes `http://` by chance.
pub(in crate::rules) fn read(glyphs: &[Glyph], start: usize, after_scheme: bool) -> Host {
    let mut host = Host::default();
    let mut at = start;
    while host.labels.len() < MOST_LABELS {
        let Some(label) = label_at(glyphs, at, host.labels.is_empty(), after_scheme) else {
            host.separators.pop();
            break;
        };
        let end = label.end;
        host.labels.push(label);
        let Some(separator) = separator_at(glyphs, end) else {
            break;
        };
        if !after_scheme && is_punctuation(glyphs, end, &separator)
            || ends_a_name(glyphs, &host, &separator)
            || !may_follow(glyphs, &host, &separator)
        {
            break;
        }
        if !separator.is_plain() && host.labels.len() > MOST_DISGUISED {
            break;
        }
        at = separator.end;
        host.separators.push(separator);
    }
    host.separators
        .truncate(host.labels.len().saturating_sub(1));
    host
}

/// `。`, `，` and `点` beside Han or kana are what they are everywhere else.
fn is_punctuation(glyphs: &[Glyph], label_end: usize, separator: &Separator) -> bool {
    let beside = |at: usize| glyphs.get(at).is_some_and(|glyph| is_cjk(glyph.c));
    match separator.dot {
        Dot::Stop | Dot::Odd | Dot::Han => beside(label_end - 1) || beside(separator.end),
        Dot::Plain | Dot::Wide | Dot::Word | Dot::Quoted | Dot::Bracket => false,
    }
}

/// `https://tea.com。` and whatever comes then; `8点` and what happens at eight.
fn ends_a_name(glyphs: &[Glyph], host: &Host, separator: &Separator) -> bool {
    let last = host.labels.last().map_or(0..0, Clone::clone);
    match separator.dot {
        Dot::Stop => {
            !host.separators.is_empty()
                && host.separators.iter().all(Separator::is_plain)
                && is_known(&word(glyphs, &last))
                && !is_lone_ending(glyphs, separator.end)
        }
        Dot::Han => last.len() < 3 && glyphs[last].iter().all(|glyph| glyph.c.is_ascii_digit()),
        Dot::Plain | Dot::Wide | Dot::Odd | Dot::Word | Dot::Quoted | Dot::Bracket => false,
    }
}

/// `com` with no more of a name behind it.
fn is_lone_ending(glyphs: &[Glyph], at: usize) -> bool {
    label_at(glyphs, at, false, false).is_some_and(|next| {
        is_plain_web(&word(glyphs, &next)) && glyphs.get(next.end).is_none_or(|g| g.c != '.')
    })
}

/// A dot that ends sentences joins names only where the next word can be nothing but an ending.
fn may_follow(glyphs: &[Glyph], host: &Host, separator: &Separator) -> bool {
    let ends_sentences = match separator.dot {
        Dot::Plain | Dot::Wide | Dot::Stop => separator.right && !separator.left,
        Dot::Odd => true,
        Dot::Han | Dot::Word | Dot::Quoted | Dot::Bracket => false,
    };
    if !ends_sentences {
        return true;
    }
    let first = host.labels.first().map_or(0..0, Clone::clone);
    word(glyphs, &first) == "www"
        || label_at(glyphs, separator.end, false, false).is_some_and(|next| {
            let marked = host.labels.last().is_some_and(|last| {
                glyphs[last.clone()]
                    .iter()
                    .any(|g| g.c.is_ascii_digit() || g.c == '-')
            });
            let next = word(glyphs, &next);
            is_plain_web(&next) || marked && is_strong(&next)
        })
}

/// The letters of a part.
pub(in crate::rules) fn word(glyphs: &[Glyph], label: &Range<usize>) -> String {
    glyphs[label.clone()].iter().map(|glyph| glyph.c).collect()
}

fn label_at(
    glyphs: &[Glyph],
    start: usize,
    first: bool,
    after_scheme: bool,
) -> Option<Range<usize>> {
    let kind = script(glyphs.get(start)?.c)?;
    if kind == Script::Symbol && !after_scheme && !first {
        return None;
    }
    let mut end = run_end(glyphs, start, kind);
    if after_scheme {
        let whole = word(glyphs, &(start..end));
        if first || !is_known(&whole) {
            end = mixed_end(glyphs, start, end);
        }
    } else if kind == Script::Cjk && !first {
        end = start + known_beginning(glyphs, start, end);
    }
    // A dash or underline that no name goes on after belongs to the text around.
    if glyphs.get(end).is_none_or(|glyph| !is_dot(glyph.c)) {
        while end > start + 1 && matches!(glyphs[end - 1].c, '-' | '_') {
            end -= 1;
        }
    }
    Some(start..end)
}

fn run_end(glyphs: &[Glyph], start: usize, kind: Script) -> usize {
    let mut end = start;
    while end < glyphs.len()
        && end - start <= LONGEST_LABEL
        && script(glyphs[end].c) == Some(kind)
        && !is_dotted_dash(glyphs, end)
    {
        end += 1;
    }
    end
}

/// Where a part in several scripts ends, if a dot comes after it; else the end it had.
fn mixed_end(glyphs: &[Glyph], start: usize, end: usize) -> usize {
    let run = glyphs[start..]
        .iter()
        .take(LONGEST_LABEL + 1)
        .take_while(|glyph| script(glyph.c).is_some());
    let mixed = start + run.count();
    let goes_on = glyphs.get(mixed).is_some_and(|glyph| glyph.c == '.')
        && glyphs
            .get(mixed + 1)
            .is_some_and(|glyph| script(glyph.c).is_some());
    if goes_on { mixed } else { end }
}

/// How much of a run of Han or kana is an ending that exists; all of it if none of it is.
fn known_beginning(glyphs: &[Glyph], start: usize, end: usize) -> usize {
    let whole = end - start;
    (1..=whole.min(8))
        .rev()
        .find(|length| is_known(&word(glyphs, &(start..start + length))))
        .unwrap_or(whole)
}

/// An ending that exists.
pub(in crate::rules) fn is_known(ending: &str) -> bool {
    psl::suffix(ending.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// `-dot-` and `_dot_` inside a run of letters.
fn is_dotted_dash(glyphs: &[Glyph], at: usize) -> bool {
    matches!(glyphs[at].c, '-' | '_')
        && glyphs
            .get(at + 4)
            .is_some_and(|glyph| glyph.c == glyphs[at].c)
        && spells(glyphs, at + 1, "dot")
}

fn spells(glyphs: &[Glyph], at: usize, expected: &str) -> bool {
    expected
        .chars()
        .enumerate()
        .all(|(n, c)| glyphs.get(at + n).is_some_and(|glyph| glyph.c == c))
}

/// May a dot, however it is written, begin here?
pub(in crate::rules) fn may_be_dot(c: char) -> bool {
    is_dot(c)
        || is_odd_dot(c)
        || matches!(
            c,
            'd' | '点' | '點' | '句' | '%' | '-' | '_' | '\\' | '^' | ']' | '}'
        )
        || closing(c).is_some()
}

fn closing(open: char) -> Option<char> {
    Some(match open {
        '[' => ']',
        '(' => ')',
        '{' => '}',
        '<' => '>',
        '【' => '】',
        '「' => '」',
        '『' => '』',
        '〔' => '〕',
        '《' => '》',
        '〈' => '〉',
        '“' => '”',
        '‘' => '’',
        '"' | '\'' | '*' | '~' => open,
        _ => return None,
    })
}

/// The dot that comes next, with the blanks around it.
fn separator_at(glyphs: &[Glyph], label_end: usize) -> Option<Separator> {
    let start = after_blanks(glyphs, label_end, MOST_BLANKS);
    let left = start > label_end;
    let glyph = glyphs.get(start)?;
    let (dot, core) = dot_at(glyphs, start, left)?;
    let end = after_blanks(glyphs, core, MOST_BLANKS);
    let right = end > core;
    // What stands alone as a word has blanks on both sides; a comma never has.
    let lone = match dot {
        Dot::Word => glyph.c == 'd' && !(left && right),
        Dot::Odd => left || right,
        Dot::Han => left != right,
        Dot::Plain | Dot::Wide | Dot::Stop | Dot::Quoted | Dot::Bracket => false,
    };
    (!lone).then_some(Separator {
        dot,
        left,
        right,
        end,
    })
}

fn dot_at(glyphs: &[Glyph], at: usize, after_blank: bool) -> Option<(Dot, usize)> {
    let glyph = glyphs.get(at)?;
    let next = glyphs.get(at + 1).map(|glyph| glyph.c);
    match glyph.c {
        '.' if next == Some('.') => None,
        '.' if next == Some(']') && !after_blank && is_of_a_name(glyphs, at + 2) => {
            Some((Dot::Quoted, at + 2))
        }
        '\\' | '^' if next == Some('.') => Some((Dot::Quoted, at + 2)),
        '句' if matches!(next, Some('号' | '点')) => Some((Dot::Han, at + 2)),
        '.' if glyph.odd => Some((Dot::Wide, at + 1)),
        '.' => Some((Dot::Plain, at + 1)),
        '。' if glyph.odd => Some((Dot::Wide, at + 1)),
        '。' => Some((Dot::Stop, at + 1)),
        '点' | '點' => Some((Dot::Han, at + 1)),
        '%' if spells(glyphs, at + 1, "2e") => Some((Dot::Wide, at + 3)),
        'd' if after_blank && (spells(glyphs, at, "dot") || spells(glyphs, at, "d0t")) => {
            Some((Dot::Word, at + 3))
        }
        '-' | '_' if is_dotted_dash(glyphs, at) => Some((Dot::Word, at + 5)),
        c if is_odd_dot(c) => Some((Dot::Odd, at + 1)),
        // `evil[.[com`, `evil].[com`
        '[' | ']' | '{' | '}'
            if next == Some('.')
                && glyphs.get(at + 2).is_some_and(|g| "[]{}".contains(g.c))
                && is_of_a_name(glyphs, at + 3) =>
        {
            Some((Dot::Bracket, at + 3))
        }
        c => {
            let close = closing(c)?;
            let inner = after_blanks(glyphs, at + 1, MOST_BLANKS);
            let quoted = c == close;
            let end = match glyphs.get(inner)?.c {
                '点' | '點' => inner + 1,
                // `"en", "ru"` is a list.
                c if is_dot(c) || is_odd_dot(c) && !quoted => inner + 1,
                'd' if spells(glyphs, inner, "dot") || spells(glyphs, inner, "d0t") => inner + 3,
                'p' if spells(glyphs, inner, "point") => inner + 5,
                'p' if spells(glyphs, inner, "period") => inner + 6,
                _ => return None,
            };
            // `evil[.com`
            if c == '[' && end == at + 2 && is_of_a_name(glyphs, end) && is_dot(glyphs[at + 1].c) {
                return Some((Dot::Quoted, end));
            }
            let dot = if quoted { Dot::Quoted } else { Dot::Bracket };
            let end = after_blanks(glyphs, end, MOST_BLANKS);
            (glyphs.get(end)?.c == close).then_some((dot, end + 1))
        }
    }
}

fn is_of_a_name(glyphs: &[Glyph], at: usize) -> bool {
    glyphs
        .get(at)
        .is_some_and(|glyph| script(glyph.c).is_some())
}

/// A part that no name may have.
pub(in crate::rules) fn is_misshapen(
    glyphs: &[Glyph],
    label: &Range<usize>,
    near_the_end: bool,
) -> bool {
    let at_edge = |at: usize| matches!(glyphs[at].c, '-' | '_');
    label.len() > LONGEST_LABEL
        || label.is_empty()
        || at_edge(label.start)
        || at_edge(label.end - 1)
        || near_the_end && glyphs[label.clone()].iter().any(|glyph| glyph.c == '_')
}

/// All strong endings end a word with Latin letters.
pub(in crate::rules) fn ends_strongly(glyphs: &[Glyph], label: &Range<usize>) -> bool {
    is_strong(&word(glyphs, label))
}

/// `README.md`
pub(in crate::rules) fn ends_in_a_file(glyphs: &[Glyph], host: &Host, count: usize) -> bool {
    let last = host.labels.get(count - 1);
    last.is_some_and(|label| is_a_file(&word(glyphs, label)))
}
