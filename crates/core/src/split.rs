//! One streamed answer → messages that come early and do not flood. The first part leaves at a sentence end after
//! sixty characters, later ones after four hundred or five seconds, three at most; the rest comes as one. Where a
//! platform shows all parts as one message, each sentence leaves as soon as the next one begins.
//! Decides where to cut; never sends, never waits.

use std::time::Duration;

use jiff::Timestamp;
use unicode_segmentation::GraphemeCursor;

/// No first part is shorter; a stream that dies before shows nothing.
pub const FIRST_PART: usize = 60;
/// Later parts are at least this long, unless time presses.
pub(crate) const LATER_PART: usize = 400;
/// A finished sentence waits so long for the rest of a short answer, so that it comes whole.
const FIRST_WAIT: Duration = Duration::from_millis(900);
/// A later sentence waits so long for company.
const LATER_WAIT: Duration = Duration::from_secs(5);
/// Parts that leave while the answer is still being made.
pub(crate) const MOST_PARTS: usize = 3;
/// No part that leaves while the answer is being made is longer; it is cut even without a sentence end.
pub(crate) const LONGEST_PART: usize = 1_500;
/// Sentences that leave on their own where the platform joins them.
const MOST_JOINED: usize = 200;
/// A code block shorter than this is never cut.
const WHOLE_FENCE: usize = 400;

/// Cuts a growing answer into parts.
#[derive(Debug, Default)]
pub struct Parts {
    joined: bool,
    held: String,
    released: usize,
    /// When the last part left; before the first, when its first sentence was complete.
    since: Option<Timestamp>,
}

impl Parts {
    /// Parts that the platform joins to one message: nothing is trimmed between them, put together they are the answer.
    pub fn joined() -> Self {
        Parts {
            joined: true,
            ..Parts::default()
        }
    }

    /// How many parts have left.
    pub fn released(&self) -> usize {
        self.released
    }

    /// Adds text.
    pub fn push(&mut self, text: &str) {
        self.held.push_str(text);
    }

    /// Whether a part may leave now: asked after each piece and when [`Parts::wakes_at`] has come.
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        self.due_cut(now).is_some()
    }

    fn due_cut(&mut self, now: Timestamp) -> Option<Cut> {
        if self.joined {
            return self.joined_cut();
        }
        let first = self.released == 0;
        // Nothing is looked for while it could not leave anyway.
        let too_short = first && self.held.len() < FIRST_PART;
        let wait = if first { FIRST_WAIT } else { LATER_WAIT };
        let too_early = |since: Timestamp| now < since + wait && self.held.len() < LATER_PART;
        if self.released >= MOST_PARTS || too_short || self.since.is_some_and(too_early) {
            return None;
        }
        let cut = last_cut(
            first_chars(&self.held, LONGEST_PART),
            if first { FIRST_PART } else { 1 },
        )?;
        let since = *self.since.get_or_insert(now);
        (cut.chars >= LATER_PART || now >= since + wait).then_some(cut)
    }

    /// Behind the last whole sentence and the blanks after it, once something follows them.
    fn joined_cut(&self) -> Option<Cut> {
        if self.released >= MOST_JOINED {
            return None;
        }
        let whole = self.held.trim_end();
        let cut = last_cut(whole, 1).filter(|cut| cut.fence.is_none())?;
        let blanks = self.held.len() - cut.at - self.held[cut.at..].trim_start().len();
        let at = cut.at + blanks;
        (at < whole.len() && is_whole(whole, at)).then_some(Cut { at, ..cut })
    }

    /// The next part, if one may leave now.
    pub fn due(&mut self, now: Timestamp) -> Option<String> {
        let cut = self.due_cut(now)?;
        let rest = self.held.split_off(cut.at);
        let mut part = std::mem::replace(&mut self.held, rest);
        if let Some(opening) = cut.fence {
            part.push_str("```");
            self.held.insert_str(0, &format!("{opening}\n"));
        }
        self.released += 1;
        self.since = Some(now);
        Some(match self.joined {
            true if self.released == 1 => part.trim_start().to_owned(),
            true => part,
            false => part.trim().to_owned(),
        })
    }

    /// When to ask [`Parts::due`] again, if nothing comes before.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        if self.joined {
            return None;
        }
        let wait = match self.released {
            0 => FIRST_WAIT,
            n if n < MOST_PARTS => LATER_WAIT,
            _ => return None,
        };
        self.since
            .filter(|_| !self.held.is_empty())
            .map(|since| since + wait)
    }

    /// The answer is complete: what has not left yet, as one last part.
    pub fn finish(self) -> Option<String> {
        let rest = match self.joined && self.released > 0 {
            true => self.held.trim_end(),
            false => self.held.trim(),
        };
        (!rest.is_empty()).then(|| rest.to_owned())
    }
}

/// A text no longer than a platform takes: cut at its last sentence that fits, with `mark` behind it.
pub fn fit(text: String, longest: usize, mark: &str) -> String {
    if text.chars().count() <= longest {
        return text;
    }
    // A code block that is cut is closed again.
    let room = longest.saturating_sub(mark.chars().count() + 4);
    let mut end = text
        .char_indices()
        .nth(room)
        .map_or(text.len(), |(at, _)| at);
    while !is_whole(&text, end) {
        end = text.floor_char_boundary(end - 1);
    }
    let head = &text[..end];
    match last_cut(head, room / 2) {
        Some(Cut {
            at, fence: None, ..
        }) => format!("{}{mark}", head[..at].trim_end()),
        Some(Cut {
            at, fence: Some(_), ..
        }) => format!("{}\n```{mark}", head[..at].trim_end()),
        None => format!("{}{mark}", head.trim_end()),
    }
}

/// The text, or so many characters of it.
fn first_chars(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = text
        .char_indices()
        .nth(most)
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// A place where a text may be cut.
pub(crate) struct Cut {
    /// In bytes.
    pub(crate) at: usize,
    /// Characters before it.
    chars: usize,
    /// The opening line of the code block it stands in, if it cuts one.
    pub(crate) fence: Option<String>,
}

/// The last place to cut with at least so many characters before it.
pub(crate) fn last_cut(text: &str, shortest: usize) -> Option<Cut> {
    let mut best = None;
    let mut fence: Option<(String, usize)> = None;
    let mut chars = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let complete = line.ends_with('\n');
        let trimmed = line.trim();
        if trimmed.starts_with("```") && complete {
            match fence.take() {
                None => {
                    // A block starts: the text before it may leave alone.
                    if chars >= shortest {
                        best = Some(Cut {
                            at,
                            chars,
                            fence: None,
                        });
                    }
                    fence = Some((trimmed.to_owned(), chars));
                }
                Some(_) if chars + line.chars().count() >= shortest => {
                    best = Some(Cut {
                        at: at + line.len(),
                        chars: chars + line.chars().count(),
                        fence: None,
                    });
                }
                Some(_) => {}
            }
        } else if let Some((opening, start)) = &fence {
            let after = chars + line.chars().count();
            if complete && after - start >= WHOLE_FENCE && after >= shortest {
                best = Some(Cut {
                    at: at + line.len(),
                    chars: after,
                    fence: Some(opening.clone()),
                });
            }
        } else {
            for end in sentence_ends(line) {
                let so_far = chars + line[..end].chars().count();
                if so_far >= shortest {
                    best = Some(Cut {
                        at: at + end,
                        chars: so_far,
                        fence: None,
                    });
                }
            }
        }
        chars += line.chars().count();
        at += line.len();
    }
    if best.is_none() && fence.is_none() && chars >= LONGEST_PART {
        // A blank may be longer than a byte: 　.
        let blank = text.char_indices().rfind(|(_, c)| c.is_whitespace());
        let at = blank.map_or(text.len(), |(at, blank)| at + blank.len_utf8());
        best = Some(Cut {
            at,
            chars: text[..at].chars().count(),
            fence: None,
        });
    }
    best
}

/// Where sentences end in a line, in bytes: behind the mark and any closing quotes and brackets.
fn sentence_ends(line: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut before = None;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let wide = matches!(c, '。' | '！' | '？' | '…' | '；');
        let narrow = matches!(c, '.' | '!' | '?') && !is_short_form(&line[..at], before);
        if c == '\n' {
            ends.push(at + 1);
        } else if wide || narrow {
            let mut end = at + c.len_utf8();
            while let Some((next, closing)) = chars.next_if(|(_, next)| is_closing(*next)) {
                end = next + closing.len_utf8();
            }
            // A Latin full stop ends a sentence only before a blank: `3.14`, `tea.example`.
            let blank_follows = chars.peek().is_some_and(|(_, next)| next.is_whitespace());
            let mark_follows = chars.peek().is_some_and(|(_, next)| {
                matches!(next, '。' | '！' | '？' | '…' | '.' | '!' | '?')
            });
            if !mark_follows && (wide || blank_follows) && is_whole(line, end) {
                ends.push(end);
            }
        }
        before = Some(c);
    }
    ends
}

/// Whether no character as people see it is cut in two here.
fn is_whole(text: &str, at: usize) -> bool {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    // Asked with the whole text at hand, it always knows.
    cursor.is_boundary(text, 0).unwrap_or(true)
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '”' | '’' | '」' | '』' | '）' | ')' | '"' | '\'' | '】' | '》' | '*' | '`'
    )
}

/// `1.` of a list, `e.g.`, `Mr.`: a dot that ends nothing.
fn is_short_form(before: &str, last: Option<char>) -> bool {
    if last.is_some_and(|c| c.is_ascii_digit()) && before.trim().chars().all(|c| c.is_ascii_digit())
    {
        return true;
    }
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    matches!(
        word,
        "e.g" | "i.e" | "Mr" | "Mrs" | "Ms" | "Dr" | "St" | "vs" | "etc" | "No"
    ) || (word.len() == 1 && word.chars().all(|c| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    /// Feeds the text one character each so many milliseconds.
    fn parts(text: &str, millis: i64) -> Vec<String> {
        let mut parts = Parts::default();
        let mut out = Vec::new();
        for (n, c) in text.chars().enumerate() {
            parts.push(c.encode_utf8(&mut [0; 4]));
            out.extend(parts.due(at(n as i64 * millis)));
        }
        out.extend(parts.finish());
        out
    }

    const SENTENCE: &str = "Red tea is red because its leaves are rolled and left to oxidise. ";

    #[test]
    fn a_short_answer_comes_whole() {
        assert_eq!(parts("Tea.", 0), ["Tea."]);
        assert_eq!(
            parts(&SENTENCE.repeat(3), 1),
            [SENTENCE.repeat(3).trim_end()]
        );
    }

    #[test]
    fn a_slow_answer_starts_at_its_first_long_enough_sentence() {
        let out = parts(&format!("Yes. {}More comes later on.", SENTENCE), 50);
        assert_eq!(out[0], format!("Yes. {}", SENTENCE.trim_end()));
        assert_eq!(out[1], "More comes later on.");
    }

    #[test]
    fn a_long_answer_is_three_parts_and_a_rest_and_loses_nothing() {
        for (text, millis) in [
            (SENTENCE.repeat(60), 0),
            (SENTENCE.repeat(60), 40),
            ("红茶之所以红，是因为茶叶经过揉捻和氧化。".repeat(90), 30),
        ] {
            let out = parts(&text, millis);
            assert_eq!(out.len(), 4, "{millis}");
            assert!(out[0].chars().count() >= FIRST_PART);
            let words = |t: &str| t.split_whitespace().map(str::to_owned).collect::<String>();
            assert_eq!(words(&out.concat()), words(&text));
            for part in &out[..3] {
                assert!(part.ends_with(['.', '。']), "{part}");
            }
        }
    }

    /// The same for a platform that joins parts.
    fn joined(text: &str) -> Vec<String> {
        let mut parts = Parts::joined();
        let mut out = Vec::new();
        for c in text.chars() {
            parts.push(c.encode_utf8(&mut [0; 4]));
            out.extend(parts.due(at(0)));
        }
        out.extend(parts.finish());
        out
    }

    #[test]
    fn joined_parts_leave_a_sentence_each_and_together_are_the_answer() {
        assert_eq!(
            joined("Yes. It is red.\n\nWhy? Its leaves oxidise."),
            ["Yes. ", "It is red.\n\n", "Why? ", "Its leaves oxidise."]
        );
        assert_eq!(joined("是的。它是红的！"), ["是的。", "它是红的！"]);
        assert_eq!(joined("Pi is 3.14"), ["Pi is 3.14"]);
        for text in [
            SENTENCE.repeat(60),
            format!("{SENTENCE}\n- one\n- two\n\n{SENTENCE}"),
            "红茶之所以红，是因为茶叶经过揉捻和氧化。".repeat(400),
        ] {
            let out = joined(&text);
            assert_eq!(out.concat(), text.trim());
            assert!(out.len() <= MOST_JOINED + 1, "{}", out.len());
        }
    }

    #[test]
    fn a_joined_answer_never_leaves_in_the_middle_of_a_code_block() {
        let code = format!("```rust\n{}```\n", "let tea = pour();\n".repeat(90));
        let text = format!("{SENTENCE}\n{code}{SENTENCE}");
        let out = joined(&text);
        assert_eq!(out.concat(), text.trim());
        for part in &out {
            assert_eq!(part.matches("```").count() % 2, 0, "{part}");
        }
    }

    #[test]
    fn a_part_that_leaves_early_is_no_wall_of_text() {
        let mut parts = Parts::default();
        parts.push(&SENTENCE.repeat(100));
        for _ in 0..3 {
            let part = parts.due(at(0)).unwrap();
            assert!(part.chars().count() <= LONGEST_PART && part.ends_with("oxidise."));
        }
        assert_eq!(parts.due(at(0)), None);
        assert!(parts.finish().unwrap().chars().count() > 2_000);
    }

    #[test]
    fn a_code_block_stays_in_one_piece() {
        let code = format!("```rust\n{}```\n", "let tea = pour();\n".repeat(15));
        let text = format!("{SENTENCE}\n{code}{}", SENTENCE.repeat(9));
        for millis in [0, 20, 80] {
            for part in parts(&text, millis) {
                assert_eq!(part.matches("```").count() % 2, 0, "{part}");
            }
        }
    }

    #[test]
    fn an_endless_code_block_is_closed_and_opened_again() {
        let text = format!("```python\n{}```\nDone.", "print('tea')\n".repeat(200));
        let out = parts(&text, 10);
        assert!(out.len() > 1);
        for part in &out {
            assert_eq!(part.matches("```").count() % 2, 0, "{part}");
        }
        assert!(out[1].starts_with("```python\n"));
    }

    #[test]
    fn a_dot_that_ends_nothing_is_no_end() {
        for line in [
            "1. ",
            "pi is 3.14159",
            "see tea.example/a",
            "e.g. tea",
            "Mr. Lin",
            "J. Lin",
            "wait.. ",
        ] {
            let ends = sentence_ends(line);
            assert!(
                ends.is_empty() || line.starts_with("wait"),
                "{line} {ends:?}"
            );
        }
        assert_eq!(sentence_ends("他说：“好。”然后走了。"), [21, 36]);
        assert_eq!(sentence_ends("Really?! Yes. "), [8, 13]);
    }

    #[test]
    fn what_is_longer_than_a_platform_takes_is_cut_and_says_so() {
        assert_eq!(fit(SENTENCE.into(), 80, "… (cut short)"), SENTENCE);
        let long = SENTENCE.repeat(90);
        let fitted = fit(long, 1_000, "… (cut short)");
        assert!(fitted.chars().count() <= 1_000, "{fitted}");
        assert!(fitted.ends_with("oxidise.… (cut short)"), "{fitted}");
        assert!(fit("茶".repeat(50), 10, "…").chars().count() <= 10);
    }

    #[test]
    fn a_word_without_end_is_cut_all_the_same() {
        let out = parts(&"茶".repeat(4_000), 1);
        assert_eq!(out.iter().map(|p| p.chars().count()).sum::<usize>(), 4_000);
        assert!(out.len() >= 2);
    }
}
