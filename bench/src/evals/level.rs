//! Need f: the level of a sentence, against two annotators of Wikipedia sentences.

use std::path::Path;

use teahouse_core::rules::level::level;

use super::figures::{Bar, Figure};
use super::rows;

pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let rows = rows(&folder.join("f-cefr/cefr-sp-wiki-dev.jsonl"))?;
    let (mut seen, mut wanted, mut near) = (Vec::new(), Vec::new(), 0);
    for row in &rows {
        let labels: Vec<f64> = row["label"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|label| number(label.as_str()?))
            .collect();
        let score = level(row["text"].as_str().unwrap_or_default()).map(|level| level.score);
        if let (Some(score), false) = (score, labels.is_empty()) {
            let mean = labels.iter().sum::<f64>() / labels.len() as f64;
            near += usize::from((mean - f64::from(score)).abs() <= 1.0);
            seen.push(f64::from(score));
            wanted.push(mean);
        }
    }
    let (mut right, mut pairs) = (0, 0);
    for (a, level) in wanted.iter().enumerate() {
        for (b, other) in wanted.iter().enumerate().skip(a + 1) {
            if (level - other).abs() >= 2.0 {
                pairs += 1;
                right += usize::from((seen[a] < seen[b]) == (level < other));
            }
        }
    }
    // A correlation told as a share of a thousand.
    let correlation = spearman(&seen, &wanted);
    let thousandths = (correlation.max(0.0) * 1_000.0).round() as usize;
    Ok(vec![
        Figure::new(
            'f',
            "cefr-sp-wiki-dev: Spearman with the annotators, in thousandths",
            thousandths,
            1_000,
            Bar::AtLeast(0.75),
        ),
        Figure::new(
            'f',
            "cefr-sp-wiki-dev: has a level",
            seen.len(),
            rows.len(),
            Bar::None,
        ),
        Figure::new(
            'f',
            "cefr-sp-wiki-dev: within one level of the annotators' mean",
            near,
            seen.len(),
            Bar::None,
        ),
        Figure::new(
            'f',
            "cefr-sp-wiki-dev: easier of a pair two levels apart",
            right,
            pairs,
            Bar::AtLeast(0.985),
        ),
    ])
}

fn number(level: &str) -> Option<f64> {
    let levels = ["A1", "A2", "B1", "B2", "C1", "C2"];
    let at = levels.iter().position(|known| *known == level)?;
    Some(at as f64 + 1.0)
}

fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let middle = (a.len() as f64 + 1.0) / 2.0;
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(&b) {
        both += (a - middle) * (b - middle);
        first += (a - middle).powi(2);
        second += (b - middle).powi(2);
    }
    both / (first * second).sqrt().max(f64::MIN_POSITIVE)
}

/// Equal values share their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let below = |value: f64| values.iter().filter(|other| **other < value).count() as f64;
    let same = |value: f64| values.iter().filter(|other| **other == value).count() as f64;
    values
        .iter()
        .map(|value| below(*value) + (same(*value) + 1.0) / 2.0)
        .collect()
}
