//! Need a: which language a line is in. Counts what the rule `language` sees in an English-only house.

use std::path::Path;

use serde_json::Value;
use teahouse_core::rules::language::{Tag, Tongue, find, identify};

use super::figures::{Bar, Figure};
use super::rows;

pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let folder = folder.join("a-langid");
    let own = rows(&folder.join("lingua-zh-en.jsonl"))?;
    let other = rows(&folder.join("lingua-other.jsonl"))?;
    let mixed = rows(&folder.join("natural-mixed-cold.jsonl"))?;
    let pinyin = rows(&folder.join("pinyin-words.jsonl"))?;
    let mut figures = Vec::new();
    for (kind, most) in [
        ("sentences", 0.003),
        ("word-pairs", 0.006),
        ("single-words", 0.03),
    ] {
        let english = texts(&own, "en", kind);
        let chinese = texts(&own, "zh", kind);
        figures.push(count(
            format!("lingua-zh-en: English {kind} flagged"),
            &english,
            is_flagged,
            Bar::AtMost(most),
        ));
        figures.push(count(
            format!("lingua-zh-en: English {kind} called another language"),
            &english,
            |text| !matches!(identify(text), Tag::English | Tag::None),
            Bar::AtMost(most),
        ));
        figures.push(count(
            format!("lingua-zh-en: English {kind} called English"),
            &english,
            |text| identify(text) == Tag::English,
            Bar::None,
        ));
        figures.push(count(
            format!("lingua-zh-en: Chinese {kind} called Chinese"),
            &chinese,
            |text| identify(text) == Tag::Chinese,
            Bar::None,
        ));
    }
    for language in ["fr", "de", "es", "vi", "id", "ms", "tl", "ja", "ko", "ru"] {
        for kind in ["sentences", "word-pairs", "single-words"] {
            let texts = texts(&other, language, kind);
            if texts.is_empty() {
                continue;
            }
            figures.push(count(
                format!("lingua-other: {language} {kind} named rightly"),
                &texts,
                |text| identify(text).as_str() == language,
                Bar::None,
            ));
        }
    }
    for (kind, least) in [
        ("sentences", Bar::AtLeast(0.97)),
        ("word-pairs", Bar::AtLeast(0.80)),
        ("single-words", Bar::None),
    ] {
        let latin: Vec<&str> = ["fr", "de", "es", "vi", "id", "ms", "tl"]
            .iter()
            .flat_map(|language| texts(&other, language, kind))
            .collect();
        if latin.is_empty() {
            continue;
        }
        figures.push(count(
            format!("lingua-other: Latin-script {kind} recognised as not English"),
            &latin,
            |text| !matches!(identify(text), Tag::English | Tag::None),
            least,
        ));
        figures.push(count(
            format!("lingua-other: Latin-script {kind} flagged"),
            &latin,
            is_flagged,
            Bar::None,
        ));
    }
    let natural: Vec<&str> = mixed
        .iter()
        .filter_map(|row| row["text"].as_str())
        .collect();
    figures.push(count(
        "natural-mixed-cold: called mixed".into(),
        &natural,
        |text| identify(text) == Tag::Mixed,
        Bar::AtLeast(0.78),
    ));
    figures.push(count(
        "natural-mixed-cold: called mixed or Chinese".into(),
        &natural,
        |text| matches!(identify(text), Tag::Mixed | Tag::Chinese),
        Bar::AtLeast(0.99),
    ));
    for key in ["text", "toned"] {
        let words: Vec<&str> = pinyin.iter().filter_map(|row| row[key].as_str()).collect();
        figures.push(count(
            format!("pinyin-words: {key} called pinyin"),
            &words,
            |text| identify(text) == Tag::Pinyin,
            Bar::None,
        ));
        // A row of words stands in for a sentence that no public file has.
        let rows: Vec<String> = words.chunks_exact(4).map(|row| row.join(" ")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        figures.push(count(
            format!("pinyin-words: four in a row, {key}, flagged"),
            &rows,
            is_flagged,
            Bar::AtLeast(0.97),
        ));
    }
    Ok(figures)
}

fn is_flagged(text: &str) -> bool {
    find(text, &[Tongue::English]).is_some()
}

fn texts<'a>(rows: &'a [Value], language: &str, kind: &str) -> Vec<&'a str> {
    rows.iter()
        .filter(|row| row["lang"] == language && row["kind"] == kind)
        .filter_map(|row| row["text"].as_str())
        .collect()
}

fn count(what: String, texts: &[&str], holds: impl Fn(&str) -> bool, bar: Bar) -> Figure {
    let count = texts.iter().filter(|text| holds(text)).count();
    Figure::new('a', what, count, texts.len(), bar)
}
