//! What follows a name: the port, the path, and where the text around begins again.

use super::fold::{is_cjk, is_invisible};

/// How far a bracket or quote may stand from its other half.
const FARTHEST: usize = 300;

/// Behind the dot that whole names may end in, if a path or a port shows that no sentence ends there.
pub(super) fn root_end(text: &str, at: usize) -> usize {
    match text.as_bytes()[at..] {
        [b'.', b'/', ..] => at + 1,
        [b'.', b':', digit, ..] if digit.is_ascii_digit() => at + 1,
        _ => at,
    }
}

/// The port that begins here: where it ends, or that there can be none like it.
pub(super) fn port_end(text: &str, at: usize) -> Result<usize, ()> {
    let rest = &text[at..];
    let Some(digits) = rest.strip_prefix(':') else {
        return Ok(at);
    };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    match digits[..count].parse::<u32>() {
        Ok(1..=65_535) => Ok(at + 1 + count),
        Ok(_) => Err(()),
        Err(_) if count > 0 => Err(()),
        Err(_) => Ok(at),
    }
}

/// Where the path, query and fragment that begin here end.
pub(super) fn tail_end(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    if !rest.starts_with(['/', '?', '#', '\\', '／']) {
        return at;
    }
    let mut open: Vec<char> = Vec::new();
    let mut last = '/';
    let mut end = 0;
    for (place, c) in rest.char_indices() {
        let after = &rest[place + c.len_utf8()..];
        let goes_on = match c {
            '(' | '[' | '{' => {
                let close = closing(c);
                let is_whole = find_close(after, close);
                if is_whole {
                    open.push(close);
                }
                is_whole
            }
            ')' | ']' | '}' if open.last() == Some(&c) => open.pop().is_some(),
            ')' | ']' | '}' | '<' | '>' | '`' => false,
            '"' => {
                let closes = open.last() == Some(&'"');
                if closes {
                    open.pop();
                } else if find_close(after, '"') {
                    open.push('"');
                } else {
                    break;
                }
                true
            }
            '\'' => {
                after.starts_with(|c: char| c.is_alphanumeric() || "[-_$=&%/(+~".contains(c))
                    || last.is_alphanumeric() && open.is_empty() && rest[..place].contains('\'')
            }
            // Another address begins; the two were only written close together.
            ',' | ';' | '|' if after.starts_with("http://") || after.starts_with("https://") => {
                false
            }
            _ if c.is_whitespace() || c.is_control() => false,
            _ if is_invisible(c) => {
                after.starts_with(|c: char| !c.is_whitespace() && !is_invisible(c))
            }
            _ if is_cjk(c) => is_cjk(last) || "/=_-(#?&%／".contains(last),
            _ if is_wide_punctuation(c) => place == 0,
            '\u{1f000}'..='\u{1faff}' => false,
            _ => true,
        };
        if !goes_on {
            break;
        }
        end = place + c.len_utf8();
        last = c;
    }
    at + rest[..end]
        .trim_end_matches(|c| ".,;:!?*~|".contains(c) || is_invisible(c))
        .len()
}

fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        _ => '}',
    }
}

fn find_close(after: &str, close: char) -> bool {
    after
        .chars()
        .take(FARTHEST)
        .take_while(|c| !c.is_whitespace() && *c != '<' && *c != '>')
        .any(|c| c == close)
}

/// Punctuation of Chinese and Japanese texts, quotes and dashes that are typeset: none is part of a path.
fn is_wide_punctuation(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{3004}' | '\u{3008}'..='\u{303f}' | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}'
        | '\u{ff3b}'..='\u{ff40}' | '\u{ff5b}'..='\u{ff65}' | '\u{2018}'..='\u{201f}' | '…' | '—' | '・')
}
