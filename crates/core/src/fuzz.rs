//! 20,000 hostile texts through the splitter and the cleaner (I-28): no panic, no lost word, no cut grapheme.

use jiff::Timestamp;
use unicode_segmentation::GraphemeCursor;

use crate::{Parts, clean_text, fit};
use mutate::Mutator;

#[path = "../../testkit/src/mutate.rs"]
mod mutate;

const CASES: usize = 20_000;
const WORDS: [&str; 12] = [
    "```",
    "```rust\n",
    "\n",
    ". ",
    "。",
    "！”",
    "… ",
    "1. ",
    "e.g. ",
    "👩‍👩‍👧‍👦",
    "\u{301}",
    "\u{3000}",
];

fn corpus() -> Vec<Vec<u8>> {
    let code = "Look:\n```rust\nlet tea = pour();\n```\nThat is all. ";
    let texts = [
        "Red tea is red because its leaves are rolled and left to oxidise. ".repeat(9),
        "红茶之所以红，是因为茶叶经过揉捻和氧化。".repeat(12),
        code.repeat(6),
        format!("```python\n{}```\nDone.", "print('tea')\n".repeat(60)),
        "Really?! 他说：“好。”然后走了。👩‍👩‍👧‍👦 1. Tea\n2. More tea\n".repeat(8),
        "茶".repeat(1_700),
    ];
    texts.map(String::into_bytes).into()
}

fn blind(text: &str) -> String {
    text.split_whitespace().collect()
}

fn is_boundary(text: &str, at: usize) -> bool {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    cursor.is_boundary(text, 0).unwrap()
}

#[test]
fn no_text_loses_a_word_or_has_a_character_cut_in_two() {
    let corpus = corpus();
    let mut mutator = Mutator::new(7, &corpus, &WORDS);
    for case in 0..CASES {
        // Now and then a long one: what is looked through again with each piece takes its time.
        let most = if case % 100 == 0 { 5_000 } else { 240 };
        let text: String = clean_text(&mutator.next_text())
            .chars()
            .take(most)
            .collect();
        let joined = case % 2 == 0;
        let mut parts = if joined {
            Parts::joined()
        } else {
            Parts::default()
        };
        let (mut out, mut millis) = (Vec::new(), 0);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let length = 1 + mutator.below(120);
            let end = rest
                .char_indices()
                .nth(length)
                .map_or(rest.len(), |(at, _)| at);
            parts.push(&rest[..end]);
            rest = &rest[end..];
            millis += mutator.below(400) as i64;
            let now = Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap();
            out.extend(parts.due(now));
        }
        out.extend(parts.finish());
        assert!(out.len() <= 202, "case {case}: {} parts", out.len());
        if joined {
            let whole = text.trim();
            assert_eq!(out.concat(), whole, "case {case}");
            let mut at = 0;
            for part in &out {
                assert!(
                    is_boundary(whole, at),
                    "case {case}: cut at {at} of {whole:?}"
                );
                at += part.len();
            }
        } else if !text.contains("```") {
            assert_eq!(blind(&out.concat()), blind(&text), "case {case}");
        }
        let longest = 16 + mutator.below(600);
        let fitted = fit(text.clone(), longest, "…");
        assert!(fitted.chars().count() <= longest, "case {case}: {longest}");
        if fitted != text && !text.contains("```") {
            let kept = fitted.strip_suffix('…').expect("it says that it was cut");
            assert!(text.starts_with(kept), "case {case}");
            assert!(
                is_boundary(&text, kept.len()),
                "case {case}: {kept:?} of {text:?}"
            );
        }
    }
}

#[test]
fn a_text_that_was_cleaned_is_clean() {
    let corpus = corpus();
    let mut mutator = Mutator::new(
        11,
        &corpus,
        &["\x1b[31m", "\x1b", "\r\n", "\u{2028}", "\u{202e}"],
    );
    for case in 0..CASES {
        let text: String = mutator.next_text().chars().take(200).collect();
        let clean = clean_text(&text);
        assert!(clean.len() <= text.len() + 3, "case {case}");
        let order = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        assert!(!clean.contains(order), "case {case}: {clean:?}");
        assert_eq!(clean_text(&clean), clean, "case {case}: {text:?}");
    }
}
