//! A vendor's words → what an operator may see: one short line, without control characters and without the key.

/// No excerpt is longer, in bytes.
const LONGEST_DETAIL: usize = 200;

/// One line, without control characters and without the key, at most [`LONGEST_DETAIL`] bytes.
pub(super) fn clean(detail: &str, key: &str) -> String {
    // A page of a vendor's words is read no further than it can be shown.
    let head = &detail[..detail.floor_char_boundary(4 * LONGEST_DETAIL)];
    let hidden = without_key(head, key);
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let blanked: String = hidden
        .chars()
        .map(|c| if unseen(c) { ' ' } else { c })
        .collect();
    let mut line = blanked.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() > LONGEST_DETAIL {
        line.truncate(line.floor_char_boundary(LONGEST_DETAIL - '…'.len_utf8()));
        line.push('…');
    }
    line
}

/// Every run of twelve bytes or more that the text shares with the key is hidden: vendors like to quote the
/// beginning or the end of it.
fn without_key(text: &str, key: &str) -> String {
    let shortest = key.len().min(12);
    if shortest == 0 {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let shared = key
            .char_indices()
            .map(|(at, _)| shared_start(rest, &key[at..]))
            .max()
            .unwrap_or(0);
        if shared >= shortest {
            out.push_str("[key]");
            rest = &rest[shared..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

fn shared_start(a: &str, b: &str) -> usize {
    a.chars()
        .zip(b.chars())
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use secrecy::{ExposeSecret, SecretString};

    use super::*;
    use crate::errors::Failure;

    #[test]
    fn no_excerpt_holds_the_key_or_more_than_two_hundred_bytes() {
        let key = SecretString::from("sk-proj-Zm9vYmFyYmF6cXV4");
        let of = |body: &str| {
            Failure::answer(401, &HeaderMap::new(), body.as_bytes())
                .by("main", Some(&key))
                .detail
        };
        assert_eq!(
            of(r#"{"error":"no sk-proj-Zm9vYmFyYmF6cXV4, nor sk-proj-Zm9vYm…, nor mFyYmF6cXV4"}"#),
            "401: no [key], nor [key]…, nor mFyYmF6cXV4"
        );
        assert_eq!(of("\"a\\r\\n\\u001b[31mb\\u202ec\""), "401: a [31mb c");
        let long = of(&format!("{}{}", "茶".repeat(60), key.expose_secret()).repeat(40));
        assert!(
            long.len() <= LONGEST_DETAIL && long.ends_with('…'),
            "{long}"
        );
        assert!(!long.contains("sk-proj"), "{long}");
        let at_the_edge = of(&format!("{}{}", "x".repeat(790), key.expose_secret()));
        assert!(!at_the_edge.contains("sk-proj"), "{at_the_edge}");
    }
}
