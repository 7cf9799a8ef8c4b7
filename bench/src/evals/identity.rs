//! (l) Who asks the house what it is. Rows of which even people disagree (`ambiguous`) are told apart.

use std::path::Path;

use teahouse_core::rules::identity;

use super::figures::{Bar, Figure};
use super::rows;

pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let (mut found, mut asked, mut wrong, mut unsure, mut of_unsure) = (0, 0, 0, 0, 0);
    for row in rows(&folder.join("l-identity/rua-robot-val.jsonl"))? {
        let hit = usize::from(identity::asks(row["text"].as_str().unwrap_or_default()).is_some());
        match row["label"].as_str() {
            Some("asks-if-robot") => (found, asked) = (found + hit, asked + 1),
            Some("ambiguous") => (unsure, of_unsure) = (unsure + hit, of_unsure + 1),
            _ => wrong += hit,
        }
    }
    Ok(vec![
        Figure::new(
            'l',
            "asks what the house is: recall",
            found,
            asked,
            Bar::AtLeast(0.95),
        ),
        Figure::new(
            'l',
            "precision, ambiguous rows apart",
            found,
            found + wrong,
            Bar::AtLeast(0.95),
        ),
        Figure::new(
            'l',
            "precision, ambiguous rows counted as not asking",
            found,
            found + wrong + unsure,
            Bar::AtLeast(0.95),
        ),
        Figure::new(
            'l',
            "ambiguous rows taken for asking",
            unsure,
            of_unsure,
            Bar::None,
        ),
    ])
}
