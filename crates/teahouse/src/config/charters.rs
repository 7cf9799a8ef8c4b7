//! A charter with what it extends: a template of this release by name, or a file beside it. The own words stand over
//! the inherited ones, key by key; `[[words]]` and `[[topics]]` by their names. Judges nothing.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use teahouse_core::rules::judge::Rules;
use teahouse_core::rules::warnings::warnings;
use teahouse_core::{Charter, Language};
use toml::{Table, Value};

use super::files::Files;
use super::lists;
use super::source::{ConfigError, Source, nearest};
use super::{Desk, Ruled};

/// Charters that ship with the house.
const TEMPLATES: [(&str, &str); 4] = [
    (
        "open table",
        include_str!("../../../../data/charters/open-table.toml"),
    ),
    (
        "english corner",
        include_str!("../../../../data/charters/english-corner.toml"),
    ),
    (
        "study group",
        include_str!("../../../../data/charters/study-group.toml"),
    ),
    (
        "quiet house",
        include_str!("../../../../data/charters/quiet-house.toml"),
    ),
];
/// A charter that extends one that extends one … ends here.
const DEEPEST: usize = 4;
/// The lists of a section, which lie beside their charter.
const FILES: [&str; 2] = ["list", "allow"];

/// Reads a charter and all it extends.
pub(super) fn read(file: &Path, files: &Files) -> Result<Charter, ConfigError> {
    let source = Source::read(file, files)?;
    let own: Table = source.parse()?;
    if !own.contains_key("extends") {
        let mut charter: Charter = source.parse()?;
        for words in &mut charter.words {
            for list in [&mut words.list, &mut words.allow].into_iter().flatten() {
                *list = beside(&source, list);
            }
        }
        return Ok(charter);
    }
    let whole = inherit(&source, own, DEEPEST, files)?;
    Charter::deserialize(whole).map_err(|error| {
        // A mistake of the own words is shown where it stands; what is missing there may be inherited.
        match source.parse::<Charter>() {
            Err(own) if !own.message.contains("is missing here") => own,
            Ok(_) | Err(_) => {
                source.error(None, format!("with what it extends: {}", error.message()))
            }
        }
    })
}

/// Makes a charter's rules ready: reads its lists, and tells what its admin should look at.
pub(super) fn rule(
    file: &Path,
    charter: Charter,
    language: Language,
    desk: &Desk<'_>,
) -> Result<Ruled, Vec<ConfigError>> {
    let speaks = charter.speaks.unwrap_or(language);
    let hash = RefCell::new(Sha256::new_with_prefix(words_of(&charter)));
    let read = |path: &str| {
        desk.files.reads(Path::new(path));
        let text = lists::read(path)?.text;
        let mut hash = hash.borrow_mut();
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
        Ok(text)
    };
    let rules = Rules::compile_beside(&desk.others, &charter, speaks, 1, &read);
    let rules = rules.map_err(|errors| {
        let told = errors.into_iter();
        told.map(|error| ConfigError::whole_file(file, error))
            .collect::<Vec<_>>()
    })?;
    let warnings = warnings(&charter, &rules, speaks)
        .into_iter()
        .map(|warning| format!("{}: {warning}", file.display()))
        .collect();
    Ok(Ruled {
        charter: Arc::new(charter),
        rules: Arc::new(rules),
        hash: hash.into_inner().finalize().into(),
        warnings,
    })
}

/// All that a charter says itself, wherever its lists lie.
fn words_of(charter: &Charter) -> Vec<u8> {
    let mut charter = charter.clone();
    for words in &mut charter.words {
        for list in [&mut words.list, &mut words.allow].into_iter().flatten() {
            list.clear();
        }
    }
    serde_json::to_vec(&charter).expect("a charter is made of texts and numbers")
}

/// The table with what it extends under it, and its lists by their whole paths.
fn inherit(
    source: &Source,
    mut own: Table,
    depth: usize,
    files: &Files,
) -> Result<Table, ConfigError> {
    find_lists(source, &mut own);
    let Some(extends) = own.get("extends").cloned() else {
        return Ok(own);
    };
    let Some(name) = extends.as_str() else {
        return Err(source.error(
            None,
            "extends is a text in quotes, like \"open table\"".into(),
        ));
    };
    let Some(depth) = depth.checked_sub(1) else {
        return Err(source.error(
            None,
            format!(
                "\"{name}\": charters extend each other in a circle, or more than {DEEPEST} deep"
            ),
        ));
    };
    let base = match TEMPLATES.iter().find(|(template, _)| *template == name) {
        Some((_, text)) => text.parse::<Table>().map_err(|error| {
            source.error(None, format!("the template \"{name}\" is broken: {error}"))
        })?,
        None if name.ends_with(".toml") => {
            let source = Source::read(&source.beside(Path::new(name)), files)?;
            let table = source.parse()?;
            inherit(&source, table, depth, files)?
        }
        None => {
            let known = TEMPLATES.map(|(name, _)| name);
            let hint = match nearest(name, known.into_iter()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!(
                    "known are {}, or a file beside this one, like \"base.toml\"",
                    known.join(", ")
                ),
            };
            return Err(source.error(None, format!("extends = \"{name}\" is no template; {hint}")));
        }
    };
    Ok(laid_over(base, own))
}

fn find_lists(source: &Source, charter: &mut Table) {
    let Some(Value::Array(words)) = charter.get_mut("words") else {
        return;
    };
    for section in words.iter_mut().filter_map(Value::as_table_mut) {
        for key in FILES {
            if let Some(Value::String(file)) = section.get_mut(key) {
                *file = beside(source, file);
            }
        }
    }
}

fn beside(source: &Source, file: &str) -> String {
    source.beside(Path::new(file)).display().to_string()
}

fn laid_over(mut base: Table, own: Table) -> Table {
    for (key, value) in own {
        let merged = match (base.remove(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => {
                Value::Table(laid_over(below, above))
            }
            (Some(Value::Array(below)), Value::Array(above))
                if all_named(&below) && all_named(&above) =>
            {
                Value::Array(by_name(below, above))
            }
            (_, value) => value,
        };
        base.insert(key, merged);
    }
    base
}

fn name_of(value: &Value) -> Option<&str> {
    value.get("name").and_then(Value::as_str)
}

fn all_named(values: &[Value]) -> bool {
    values.iter().all(|value| name_of(value).is_some())
}

fn by_name(mut below: Vec<Value>, above: Vec<Value>) -> Vec<Value> {
    for value in above {
        let same = below.iter().position(|old| name_of(old) == name_of(&value));
        match (same, value) {
            (Some(at), Value::Table(own)) => {
                let old = std::mem::replace(&mut below[at], Value::Boolean(false));
                below[at] = match old {
                    Value::Table(old) => Value::Table(laid_over(old, own)),
                    _ => Value::Table(own),
                };
            }
            (_, value) => below.push(value),
        }
    }
    below
}
