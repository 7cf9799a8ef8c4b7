//! Lists of words beside their rules: made once of the same words and shared, however many rooms have them. What a
//! charter allows in its own lines lies apart, so that a long list is not made again for one word more.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Kind, Rules};
use crate::charter::WordsRule;
use crate::rules::words::{Read, WordList};
use crate::rules::{Certainty, Hit, words_report};

/// A rule's list, with what is never a hit.
pub(super) struct Listed {
    list: Arc<Made>,
    allowed: Option<Box<WordList>>,
}

/// A list, and of which words it was made.
struct Made {
    list: WordList,
    of: [u8; 32],
    /// Lines of its file that no list takes, each with why.
    left_out: Vec<(usize, String)>,
}

impl Made {
    /// A list without the lines that it does not take; the first lines are not the file's. A file most of whose lines
    /// it does not take is no list.
    fn of(text: String, allow: &str, written: usize, of: [u8; 32]) -> Result<Self, String> {
        let (list, left_out) = match WordList::compile(&text, allow) {
            Ok(list) => (list, Vec::new()),
            Err(error) => {
                let (taken, left_out) = words_report::without_unusable(&text);
                if taken.lines().filter(|line| !line.is_empty()).count() <= left_out.len() {
                    return Err(error.to_string());
                }
                let list = WordList::compile(&taken, allow);
                (list.map_err(|error| error.to_string())?, left_out)
            }
        };
        let left_out = left_out.into_iter();
        Ok(Made {
            list,
            of,
            left_out: left_out.map(|(line, why)| (line - written, why)).collect(),
        })
    }
}

impl Listed {
    /// The list of this rule; one of the others' if that was made of the same words.
    pub fn of(
        rule: &WordsRule,
        read: &dyn Fn(&str) -> Result<String, String>,
        others: &[&Rules],
    ) -> Result<Self, String> {
        let mut text = rule.words.join("\n");
        // What is written in the charter itself is held to every word.
        WordList::compile(&text, "").map_err(|error| format!("words: {error}"))?;
        let written = text.lines().count();
        if let Some(list) = &rule.list {
            if written > 0 {
                text.push('\n');
            }
            text.push_str(&read(list)?);
        }
        let allow = match &rule.allow {
            Some(list) => read(list)?,
            None => String::new(),
        };
        let of = hash(&text, &allow);
        let list = match others.iter().find_map(|rules| rules.list_made_of(&of)) {
            Some(list) => list,
            None => Arc::new(Made::of(text, &allow, written, of)?),
        };
        let allowed = match rule.allowed.is_empty() {
            true => None,
            false => {
                let allowed = WordList::compile(&rule.allowed.join("\n"), "");
                Some(Box::new(
                    allowed.map_err(|error| format!("allowed: {error}"))?,
                ))
            }
        };
        Ok(Listed { list, allowed })
    }

    /// Every place where an entry is written, but where it is part of what is allowed.
    pub fn find(&self, read: &Read<'_>) -> Vec<Hit> {
        let mut hits = self.list.list.find_in(read);
        if let (Some(allowed), false) = (&self.allowed, hits.is_empty()) {
            let allowed = allowed.find_in(read);
            let covers = |hit: &Hit| {
                let mut sure = allowed.iter().filter(|by| by.certainty == Certainty::Sure);
                sure.any(|by| by.span.start <= hit.span.start && hit.span.end <= by.span.end)
            };
            hits.retain(|hit| !covers(hit));
        }
        hits
    }

    /// Lines of its file that it does not take, each with why.
    pub fn left_out(&self) -> &[(usize, String)] {
        &self.list.left_out
    }

    /// Whether both look at the very same list.
    #[cfg(test)]
    pub fn is_shared_with(&self, other: &Listed) -> bool {
        Arc::ptr_eq(&self.list, &other.list)
    }
}

impl Rules {
    /// Lines of files that no list takes, by the rules' full names.
    pub(in crate::rules) fn left_out(&self) -> impl Iterator<Item = (String, &[(usize, String)])> {
        self.parts.iter().filter_map(|part| {
            let Kind::Words(listed, _) = &part.kind else {
                return None;
            };
            let name = part.name.clone().unwrap_or_default();
            (!listed.left_out().is_empty()).then(|| (name, listed.left_out()))
        })
    }

    fn list_made_of(&self, words: &[u8; 32]) -> Option<Arc<Made>> {
        self.parts.iter().find_map(|part| {
            let Kind::Words(listed, _) = &part.kind else {
                return None;
            };
            (listed.list.of == *words).then(|| listed.list.clone())
        })
    }
}

fn hash(text: &str, allow: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [text, allow] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}
