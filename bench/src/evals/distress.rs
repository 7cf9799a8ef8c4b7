//! (h) Who is shown the crisis card, among people who grieve and worry, in ordinary talk and in lines that say it.

use std::path::Path;

use teahouse_core::rules::crisis;

use super::figures::{Bar, Figure};
use super::rows;

/// Titles and bodies of counsel-chat, by row, that say of now that somebody wants to die or is hurting themselves:
/// read and labelled by hand, since the public labels are topics.
const SAID_IN_TITLES: [usize; 1] = [124];
const SAID_IN_BODIES: [usize; 5] = [88, 124, 133, 186, 206];

/// Lines of our own, those of the detector's tests.
const EXPLICIT: &str = include_str!("../../../crates/core/src/rules/crisis/explicit.txt");
const HARMLESS: &str = include_str!("../../../crates/core/src/rules/crisis/harmless.txt");

pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let said = |text: &str| crisis::find(text).is_some();
    let own = |file: &'static str| -> Vec<&str> {
        file.lines().filter(|line| !line.starts_with('#')).collect()
    };
    let (explicit, harmless) = (own(EXPLICIT), own(HARMLESS));
    let counted = |lines: &[&str]| lines.iter().filter(|line| said(line)).count();
    let mut figures = vec![
        Figure::new(
            'h',
            "said in plain words (own lines)",
            counted(&explicit),
            explicit.len(),
            Bar::AtLeast(0.95),
        ),
        Figure::new(
            'h',
            "idioms and songs (own lines)",
            counted(&harmless),
            harmless.len(),
            Bar::AtMost(0.01),
        ),
    ];

    let (mut worry, mut of_worry, mut plain, mut of_plain) = (0, 0, 0, 0);
    for (n, row) in rows(&folder.join("h-distress/counsel-chat-sample.jsonl"))?
        .iter()
        .enumerate()
    {
        for (field, explicit) in [("text", &SAID_IN_TITLES[..]), ("body", &SAID_IN_BODIES[..])] {
            let hit = usize::from(said(row[field].as_str().unwrap_or_default()));
            if explicit.contains(&n) {
                (plain, of_plain) = (plain + hit, of_plain + 1);
            } else {
                (worry, of_worry) = (worry + hit, of_worry + 1);
            }
        }
    }
    for row in rows(&folder.join("h-distress/cvalues-psych-zh.jsonl"))? {
        worry += usize::from(said(row["text"].as_str().unwrap_or_default()));
        of_worry += 1;
    }
    figures.push(Figure::new(
        'h',
        "grief and worry (counsel-chat, cvalues)",
        worry,
        of_worry,
        Bar::AtMost(0.10),
    ));
    figures.push(Figure::new(
        'h',
        "said among grief and worry, by hand",
        plain,
        of_plain,
        Bar::None,
    ));

    let (mut talk, mut of_talk) = (0, 0);
    for file in [
        "j-groupchat/irc-dev",
        "j-groupchat/cped-valid",
        "c-safety/cold-dev-sample",
    ] {
        for row in rows(&folder.join(format!("{file}.jsonl")))? {
            talk += usize::from(said(row["text"].as_str().unwrap_or_default()));
            of_talk += 1;
        }
    }
    figures.push(Figure::new(
        'h',
        "ordinary talk (irc, cped, cold)",
        talk,
        of_talk,
        Bar::AtMost(0.001),
    ));
    Ok(figures)
}
