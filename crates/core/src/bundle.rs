//! What is left of a long answer → at most one plain message and one bundle, where the platform has bundles. Three
//! messages of an answer stand in the room; what would flood it is folded up. Decides where to cut; sends nothing.

use crate::gate::MOST_NODES;
use crate::split::{FIRST_PART, LATER_PART, LONGEST_PART, MOST_PARTS, fit, last_cut};

/// A message of a bundle is not longer; its mark is in it.
const LONGEST_NODE: usize = LONGEST_PART - 50;

/// How the end of an answer is said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// As a message of its own.
    pub plain: Option<String>,
    /// Folded up, in this order.
    pub nodes: Vec<String>,
}

impl Ending {
    /// Divides what is left after so many messages. Only what comes after the third, or fits in no message, is
    /// folded up; an answer never begins with a bundle, since a bundle quotes nothing.
    pub fn of(rest: String, released: usize, longest: usize, cut_short: &str) -> Ending {
        let length = rest.chars().count();
        let floods = released >= MOST_PARTS && length > LATER_PART;
        if rest.is_empty() {
            return Ending::default();
        }
        if !floods && length <= longest {
            return Ending {
                plain: Some(rest),
                nodes: vec![],
            };
        }
        let mut rest = rest;
        let plain = (released == 0).then(|| take(&mut rest, LATER_PART, FIRST_PART));
        Ending {
            plain,
            nodes: nodes(rest, cut_short),
        }
    }
}

fn nodes(mut rest: String, cut_short: &str) -> Vec<String> {
    let mut nodes = Vec::new();
    while rest.chars().count() > LONGEST_NODE && nodes.len() + 1 < MOST_NODES {
        nodes.push(take(&mut rest, LONGEST_NODE, LONGEST_NODE / 2));
    }
    nodes.push(fit(rest, LONGEST_NODE, cut_short));
    nodes
}

/// Takes at most so many characters from the start, to the end of a sentence where there is one. A code block that is
/// cut is closed and opened again.
fn take(rest: &mut String, longest: usize, shortest: usize) -> String {
    let room = longest - 4;
    let end = rest
        .char_indices()
        .nth(room)
        .map_or(rest.len(), |(at, _)| at);
    let (at, fence) = match last_cut(&rest[..end], shortest) {
        Some(cut) => (cut.at, cut.fence),
        None => {
            let blank = rest[..end].rfind(char::is_whitespace).filter(|at| *at > 0);
            (blank.unwrap_or(end), None)
        }
    };
    let tail = rest.split_off(at);
    let mut head = std::mem::replace(rest, tail).trim_end().to_owned();
    if let Some(opening) = fence {
        head.push_str("\n```");
        rest.insert_str(0, &format!("{opening}\n"));
    } else {
        *rest = rest.trim_start().to_owned();
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENTENCE: &str = "Red tea is red because its leaves are rolled and left to oxidise. ";

    fn words(text: &str) -> String {
        text.split_whitespace().collect()
    }

    #[test]
    fn only_what_would_flood_the_room_is_folded_up() {
        for (length, released, folded) in [
            (0, 3, false),
            (1, 3, false),
            (6, 3, false),
            (7, 3, true),
            (7, 2, false),
            (60, 0, false),
            (61, 0, true),
            (61, 2, true),
        ] {
            let text = SENTENCE.repeat(length);
            let ending = Ending::of(text.trim_end().to_owned(), released, 4_000, "…");
            assert_eq!(!ending.nodes.is_empty(), folded, "{length} {released}");
            let said = format!(
                "{} {}",
                ending.plain.unwrap_or_default(),
                ending.nodes.join(" ")
            );
            assert_eq!(words(&said), words(&text), "{length} {released}");
        }
    }

    #[test]
    fn an_answer_never_begins_with_a_bundle() {
        let ending = Ending::of(SENTENCE.repeat(100), 0, 4_000, "…");
        let plain = ending.plain.unwrap();
        assert!(plain.ends_with("oxidise.") && plain.chars().count() <= LATER_PART);
        assert!(
            Ending::of(SENTENCE.repeat(100), 1, 4_000, "…")
                .plain
                .is_none()
        );
    }

    #[test]
    fn a_bundle_has_at_most_thirty_messages_of_1500_characters_and_says_where_it_was_cut() {
        for text in [SENTENCE.repeat(2_000), "茶".repeat(100_000)] {
            let ending = Ending::of(text, 3, 4_000, "… (cut short)");
            assert_eq!(ending.nodes.len(), MOST_NODES);
            assert!(ending.nodes[MOST_NODES - 1].ends_with("… (cut short)"));
            for node in &ending.nodes {
                assert!(
                    node.chars().count() <= LONGEST_NODE,
                    "{}",
                    node.chars().count()
                );
            }
        }
    }

    #[test]
    fn a_code_block_that_is_cut_is_closed_and_opened_again() {
        let text = format!("```rust\n{}```\nDone.", "let tea = pour();\n".repeat(200));
        let ending = Ending::of(text, 3, 4_000, "…");
        assert!(ending.nodes.len() > 1);
        for node in &ending.nodes {
            assert_eq!(node.matches("```").count() % 2, 0, "{node}");
        }
        assert!(ending.nodes[1].starts_with("```rust\n"));
    }
}
