//! Links that can be read and not clicked: dots stand in brackets and the scheme is gone. Judges no link and knows no
//! list; what it has made once it leaves as it is.

use super::fold::is_dot;
use super::{Link, find};

/// The same text with every link that is not to be kept made unclickable: `example[.]com/tea`.
pub fn defuse(text: &str, keep: impl Fn(&Link) -> bool) -> String {
    settled(text, keep, dead)
}

/// The same text with other words in the place of every link that is not to be kept.
pub fn strip(text: &str, keep: impl Fn(&Link) -> bool, instead: &str) -> String {
    settled(text, keep, |_| instead.to_owned())
}

/// Only texts that were made to be hostile need more than one.
const MOST_ROUNDS: usize = 8;

/// Again while what stood around a link makes a new one of what is left.
fn settled(text: &str, keep: impl Fn(&Link) -> bool, put: impl Fn(&str) -> String) -> String {
    let mut out = text.to_owned();
    for _ in 0..MOST_ROUNDS {
        let next = replaced(&out, &keep, &put);
        if next == out {
            break;
        }
        out = next;
    }
    out
}

/// The same text without anything that a platform may take for a link, names of files that look like one included:
/// for platforms that swallow messages because of one.
pub fn without_links(text: &str) -> String {
    loosely(&defuse(text, |_| false))
}

fn replaced(text: &str, keep: &impl Fn(&Link) -> bool, put: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut done = 0;
    for link in find(text) {
        if keep(&link) {
            continue;
        }
        out.push_str(&text[done..link.span.start]);
        out.push_str(&put(&text[link.span.clone()]));
        done = link.span.end;
    }
    out.push_str(&text[done..]);
    out
}

/// Each dot that joins in brackets, each scheme away.
fn dead(raw: &str) -> String {
    let bare = match raw.find(['/', '\\', '／']) {
        Some(at) if is_scheme(&raw[..at]) => raw[at..].trim_start_matches(['/', '\\', '／']),
        _ => raw,
    };
    let mut out = String::with_capacity(bare.len() + 8);
    let mut last = ' ';
    let mut chars = bare.chars().peekable();
    while let Some(c) = chars.next() {
        let joins = (is_dot(c) || matches!(c, '．' | '｡'))
            && joins_to(last)
            && chars.peek().is_some_and(|next| joins_to(*next));
        match c {
            _ if joins => out.push_str("[.]"),
            ':' if chars.peek() == Some(&'/') => out.push_str("[:]"),
            _ => out.push(c),
        }
        last = c;
    }
    out
}

fn is_scheme(before: &str) -> bool {
    before.is_empty()
        || before
            .trim_end_matches([' ', ']', ')', '}'])
            .ends_with([':', '：'])
}

fn joins_to(c: char) -> bool {
    !c.is_whitespace() && !"[](){}<>【】.。．｡/\\".contains(c)
}

fn loosely(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(start) = rest.find(is_of_links) {
        out.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(|c| !is_of_links(c)).unwrap_or(word.len());
        push_word(&mut out, &word[..end]);
        rest = &word[end..];
    }
    out.push_str(rest);
    out
}

/// What addresses are written with.
fn is_of_links(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c)
}

fn push_word(out: &mut String, word: &str) {
    let (bare, had_scheme) = match word.split_once("://") {
        Some((before, after)) => {
            let bare = before.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            out.push_str(bare);
            (after, true)
        }
        None => (word, false),
    };
    let host_end = bare.find(['/', '?', '#']).unwrap_or(bare.len());
    if !had_scheme && !is_host(&bare[..host_end]) {
        return out.push_str(bare);
    }
    let mut chars = bare.chars().peekable();
    while let Some(c) = chars.next() {
        let joins = c == '.' && chars.peek().is_some_and(char::is_ascii_alphanumeric);
        out.push_str(if joins { "[.]" } else { "" });
        if !joins {
            out.push(c);
        }
    }
}

/// Names with dots between them, the last of letters: `tea.example`, not `3.14` and not `e.g`.
fn is_host(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let host = word.split(':').next().unwrap_or_default();
    let last = host.rsplit('.').next().unwrap_or_default();
    host.contains('.')
        && !host.contains("..")
        && last.len() >= 2
        && last.chars().all(|c| c.is_ascii_alphabetic())
}
