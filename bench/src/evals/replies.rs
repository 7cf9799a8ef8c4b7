//! Need j: are the links between the lines of five hours of group chat found? F1 of the links, told as precision,
//! recall and the whole.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;
use teahouse_core::{Heard, Replies};

use super::figures::{Bar, Figure};
use super::rows;

/// Lines before this one are there to be remembered; nobody has labelled them.
const FIRST_LABELLED: u64 = 1_000;

pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let mut rooms: HashMap<String, Replies> = HashMap::new();
    let (mut right, mut told, mut expected) = (0, 0, 0);
    for row in rows(&folder.join("j-groupchat/irc-dev.jsonl"))? {
        let Some(links) = row["label"].as_array() else {
            continue;
        };
        let word = |key: &str| row[key].as_str().unwrap_or_default();
        let room = rooms.entry(word("log").to_owned()).or_default();
        let answers = room.hear(&Heard {
            id: &row["i"].to_string(),
            member: word("user"),
            name: word("user"),
            text: word("text"),
            at: minute(word("time")),
            ..Heard::default()
        });
        if row["i"].as_u64().unwrap_or(0) < FIRST_LABELLED {
            continue;
        }
        let links: Vec<String> = links.iter().map(Value::to_string).collect();
        right += answers.iter().filter(|id| links.contains(id)).count();
        told += usize::from(answers.is_some());
        expected += links.len();
    }
    Ok(vec![
        Figure::new('j', "links told that are right", right, told, Bar::None),
        Figure::new('j', "links found", right, expected, Bar::None),
        Figure::new(
            'j',
            "links: F1",
            2 * right,
            told + expected,
            Bar::AtLeast(0.60),
        ),
    ])
}

fn minute(time: &str) -> Option<Timestamp> {
    let (hour, minute) = time.split_once(':')?;
    let seconds = (hour.parse::<i64>().ok()? * 60 + minute.parse::<i64>().ok()?) * 60;
    Timestamp::from_second(1_800_000_000 + seconds).ok()
}
