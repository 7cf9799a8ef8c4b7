//! Need g: is a sentence of an answer worth checking? Macro-F1 over "yes" and all else.

use std::path::Path;

use teahouse_core::rules::facts::claims;

use super::figures::{Bar, Figure};
use super::rows;

/// F1 is a share of two sums; a mean of two is told in ten thousandths.
const PARTS: usize = 10_000;

pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    // [is a claim][is told to be one]
    let mut counts = [[0_usize; 2]; 2];
    for row in rows(&folder.join("g-facts/factcheck-gpt-sentence-checkworthy.jsonl"))? {
        let told = !claims(row["text"].as_str().unwrap_or_default()).is_empty();
        counts[usize::from(row["label"] == "yes")][usize::from(told)] += 1;
    }
    let [[right_no, wrong_yes], [wrong_no, right_yes]] = counts;
    let wrong = wrong_yes + wrong_no;
    let f1 = |right: usize| 2.0 * right as f64 / (2 * right + wrong).max(1) as f64;
    let mean = (f1(right_no) + f1(right_yes)) / 2.0;
    let others = right_no + wrong_yes;
    Ok(vec![
        Figure::new(
            'g',
            "claims found",
            right_yes,
            right_yes + wrong_no,
            Bar::None,
        ),
        Figure::new(
            'g',
            "other sentences left alone",
            right_no,
            others,
            Bar::None,
        ),
        Figure::new(
            'g',
            "macro-F1",
            (mean * PARTS as f64) as usize,
            PARTS,
            Bar::AtLeast(0.75),
        ),
    ])
}
