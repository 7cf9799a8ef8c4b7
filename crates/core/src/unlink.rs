//! Text with its links made unclickable, for platforms that swallow messages because of one: dots stand in brackets
//! and the scheme is gone. A person still reads where it leads. Judges no link and knows no list.

/// The same text without anything that a platform would take for a link.
pub fn without_links(text: &str) -> String {
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
            let scheme = before.len()
                - before
                    .trim_end_matches(|c: char| c.is_ascii_alphabetic())
                    .len();
            out.push_str(&before[..before.len() - scheme]);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_click_on_and_all_of_it_to_read() {
        for (text, expected) in [
            (
                "see https://tea.example/a.html?b=1.",
                "see tea[.]example/a[.]html?b=1.",
            ),
            ("看https://tea.example/红，不错", "看tea[.]example/红，不错"),
            ("(www.tea.example)", "(www[.]tea[.]example)"),
            (
                "tea.example:8080, or 茶.中国",
                "tea[.]example:8080, or 茶.中国",
            ),
            ("mail lin@tea.example", "mail lin@tea[.]example"),
            ("[AI] http://1.2.3.4/x", "[AI] 1[.]2[.]3[.]4/x"),
            (
                "Pi is 3.14. e.g. tea... Yes.",
                "Pi is 3.14. e.g. tea... Yes.",
            ),
            ("", ""),
        ] {
            assert_eq!(without_links(text), expected, "{text}");
            assert_eq!(without_links(expected), expected, "a second time");
        }
    }
}
