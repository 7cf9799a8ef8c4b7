//! Need c: listed words in disguise. The disguises are made here, from a seed, of words that none of the clean lines
//! holds; so whatever is found in a clean line is a false alarm.

mod disguise;

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use teahouse_core::rules::Certainty;
use teahouse_core::rules::words::WordList;

use super::figures::{Bar, Figure};
use super::rows;
use crate::talk::Seed;
use disguise::Kind;

/// So many words are on the made list.
const WORDS: usize = 600;
const SEED: u64 = 20_261_129;

/// Every figure of the need that the words rule answers for.
pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let mut figures = disguised(folder)?;
    figures.push(houbb(folder)?);
    figures.extend(rustrict(folder)?);
    Ok(figures)
}

fn compile(list: &str) -> anyhow::Result<WordList> {
    WordList::compile(list, "").context("the list cannot be used")
}

fn text(row: &Value) -> &str {
    row["text"].as_str().unwrap_or_default()
}

fn disguised(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let mut clean = Vec::new();
    for file in [
        "j-groupchat/cped-valid",
        "j-groupchat/irc-dev",
        "a-langid/lingua-zh-en",
    ] {
        let rows = rows(&folder.join(format!("{file}.jsonl")))?;
        clean.extend(rows.iter().map(|row| text(row).to_owned()));
    }
    let mut seed = Seed(SEED);
    let words = words(folder, &clean.join("\n"), &mut seed)?;
    let list = compile(&words.join("\n"))?;
    let mut figures = Vec::new();
    for kind in Kind::ALL {
        let (mut of, mut caught) = (0, 0);
        for word in &words {
            if let Some(said) = disguise::said(word, kind, &mut seed) {
                of += 1;
                caught += usize::from(!list.find(&said).is_empty());
            }
        }
        let what = format!("a listed word in disguise: {}", kind.name());
        figures.push(Figure::new('c', what, caught, of, Bar::AtLeast(kind.bar())));
    }
    let alarms = clean
        .iter()
        .filter(|line| !list.find(line).is_empty())
        .count();
    let what = "clean lines in which a word of the made list was seen";
    figures.push(Figure::new(
        'c',
        what,
        alarms,
        clean.len(),
        Bar::AtMost(0.03),
    ));
    let acts = |line: &&String| {
        let hits = list.find(line);
        hits.iter().any(|hit| hit.certainty == Certainty::Sure)
    };
    let acted = clean.iter().filter(acts).count();
    let what = "of the clean lines: those that would be acted on";
    figures.push(Figure::new('c', what, acted, clean.len(), Bar::None));
    Ok(figures)
}

/// Words of two to four characters that no clean line holds.
fn words(folder: &Path, clean: &str, seed: &mut Seed) -> anyhow::Result<Vec<String>> {
    let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let mut words: Vec<String> = rows(&folder.join("f-cefr/hsk30-words.jsonl"))?
        .iter()
        .filter_map(|row| row["w"].as_str().map(str::to_owned))
        .filter(|word| (2..=4).contains(&word.chars().count()) && word.chars().all(han))
        .filter(|word| !clean.contains(word.as_str()))
        .collect();
    let mut taken = Vec::new();
    while taken.len() < WORDS && !words.is_empty() {
        taken.push(words.swap_remove(seed.below(words.len())));
    }
    Ok(taken)
}

/// Rows whose text is asked for once, with the words of all of them as the list.
fn houbb(folder: &Path) -> anyhow::Result<Figure> {
    let rows = rows(&folder.join("c-safety/houbb-evasion.jsonl"))?;
    let labels = |row: &Value| -> Vec<String> {
        let labels = row["label"].as_array().into_iter().flatten();
        labels
            .filter_map(|label| label.as_str().map(str::to_owned))
            .collect()
    };
    // One test prints objects instead of words.
    let words: Vec<String> = rows
        .iter()
        .flat_map(labels)
        .filter(|word| !word.contains('='))
        .collect();
    let list = compile(&words.join("\n"))?;
    let once = |row: &&Value| {
        let others = rows.iter().filter(|other| text(other) == text(row));
        let asked = labels(row);
        !asked.is_empty()
            && asked.iter().all(|word| words.contains(word))
            && others
                .filter(|other| labels(other).iter().all(|word| words.contains(word)))
                .all(|other| labels(other) == asked)
    };
    let (mut of, mut all_found) = (0, 0);
    for row in rows.iter().filter(once) {
        let hits = list.find(text(row));
        let found = |word: &String| {
            hits.iter()
                .any(|hit| text(row)[hit.span.clone()].contains(word.as_str()))
        };
        of += 1;
        all_found += usize::from(labels(row).iter().all(found));
    }
    let what = "houbb rows, asked for one way, with all their words found";
    Ok(Figure::new('c', what, all_found, of, Bar::AtLeast(1.0)))
}

fn rustrict(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let path = folder.join("c-safety/rustrict-roots.txt");
    let roots = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let list = compile(&roots)?;
    let rows = rows(&folder.join("c-safety/rustrict-tests.jsonl"))?;
    let figure = |label: &str, caught: bool, bar: f64| {
        let rows: Vec<&Value> = rows.iter().filter(|row| row["label"] == label).collect();
        let right = rows
            .iter()
            .filter(|row| list.find(text(row)).is_empty() != caught)
            .count();
        let what = format!(
            "rustrict {label} {}",
            if caught { "caught" } else { "let through" }
        );
        Figure::new('c', what, right, rows.len(), Bar::AtLeast(bar))
    };
    Ok(vec![
        figure("profane", true, 0.95),
        figure("clean", false, 0.97),
        figure("clean-word", false, 0.97),
    ])
}
