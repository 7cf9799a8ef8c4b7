//! (e) Work to hand in, honest help, pasted exercises, and talk that is none of them.

use std::path::Path;

use teahouse_core::rules::ghostwriting;

use super::figures::{Bar, Figure};
use super::rows;

pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let (mut found, mut asked, mut refused, mut honest, mut grey, mut of_grey) = (0, 0, 0, 0, 0, 0);
    for row in rows(&folder.join("e-academic/autoskill-phrases.jsonl"))? {
        let text = row["text"].as_str().unwrap_or_default();
        let hit = usize::from(ghostwriting::request(text).is_some());
        match row["label"].as_str() {
            Some("ghostwrite") => (found, asked) = (found + hit, asked + 1),
            Some("legit") => (refused, honest) = (refused + hit, honest + 1),
            _ => (grey, of_grey) = (grey + hit, of_grey + 1),
        }
    }
    let set = |text: &str| usize::from(ghostwriting::exercise(text).is_some());
    let items = rows(&folder.join("e-academic/belle-math.jsonl"))?;
    let known = items
        .iter()
        .map(|row| set(row["text"].as_str().unwrap_or_default()))
        .sum();
    let (mut talk, mut of_talk) = (0, 0);
    for file in [
        "j-groupchat/irc-dev",
        "j-groupchat/cped-valid",
        "c-safety/cold-dev-sample",
    ] {
        for row in rows(&folder.join(format!("{file}.jsonl")))? {
            talk += set(row["text"].as_str().unwrap_or_default());
            of_talk += 1;
        }
    }
    Ok(vec![
        Figure::new(
            'e',
            "work to hand in: recall",
            found,
            asked,
            Bar::AtLeast(0.92),
        ),
        Figure::new(
            'e',
            "work to hand in: precision",
            found,
            found + refused,
            Bar::AtLeast(0.92),
        ),
        Figure::new(
            'e',
            "honest help refused",
            refused,
            honest,
            Bar::AtMost(0.04),
        ),
        Figure::new('e', "grey rows taken for it", grey, of_grey, Bar::None),
        Figure::new(
            'e',
            "pasted exercises recognised",
            known,
            items.len(),
            Bar::AtLeast(0.90),
        ),
        Figure::new(
            'e',
            "ordinary talk called an exercise",
            talk,
            of_talk,
            Bar::AtMost(0.02),
        ),
    ])
}
