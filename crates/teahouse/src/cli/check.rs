//! `teahouse check`: every error of every file, before it matters.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use teahouse_core::rules::words_report::ListReport;
use teahouse_core::{Charter, Language};

use crate::config::{self, ConfigError, lists};
use crate::logs;

/// Of each list so many lines of a kind are told.
const LINES_TOLD: usize = 5;

#[derive(Args)]
pub(super) struct Check {
    /// Configurations and charters
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        let mut wrong = 0;
        for file in &self.files {
            let (errors, warnings) = check(file);
            for warning in &warnings {
                logs::tell(&format!("look at this: {warning}"));
            }
            for error in &errors {
                logs::tell(&error.to_string());
            }
            if errors.is_empty() {
                logs::tell(&format!("{}: fine", file.display()));
            }
            wrong += errors.len();
        }
        if wrong == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(1)
        }
    }
}

/// Errors, and what an admin should look at.
fn check(file: &Path) -> (Vec<ConfigError>, Vec<String>) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let found = if config::is_settings(&text) {
        let settings = config::load(file, &|name| std::env::var(name).ok());
        settings.map(|settings| {
            let houses = settings.houses.iter();
            let charters: Vec<_> = houses.map(|house| house.charter.clone()).collect();
            (charters, settings.warnings)
        })
    } else {
        let ruled = config::load_ruled(file, Language::English);
        ruled.map(|ruled| (vec![ruled.charter], ruled.warnings))
    };
    match found {
        Ok((charters, mut warnings)) => {
            warnings.extend(lists_of(&charters));
            (vec![], warnings)
        }
        Err(errors) => (errors, vec![]),
    }
}

/// Tells of every list of these charters what is in it, and gives back what is to be looked at.
fn lists_of(charters: &[Arc<Charter>]) -> Vec<String> {
    let rules = charters.iter().flat_map(|charter| &charter.words);
    let files: BTreeSet<&str> = rules
        .flat_map(|rule| [&rule.list, &rule.allow])
        .flatten()
        .map(String::as_str)
        .collect();
    let mut warnings = Vec::new();
    for file in files {
        let Ok(list) = lists::read(file) else {
            continue;
        };
        let report = ListReport::of(&list.text);
        logs::tell(&format!(
            "{file}: {}, {}, {}, {}",
            counted(report.entries, "entry", "entries"),
            counted(report.duplicates.len(), "duplicate", "duplicates"),
            counted(report.left_out.len(), "line left out", "lines left out"),
            list.encoding
        ));
        let told = report
            .duplicates
            .iter()
            .map(|(line, first)| format!("{file}:{line}: the same as line {first}"));
        tell_some(told);
        let told = report
            .left_out
            .iter()
            .map(|(line, why)| format!("{file}:{line}: left out: {why}"));
        tell_some(told);
        let broad = report.broad.into_iter().map(|broad| {
            format!(
                "{file}:{}: {:?} is found in everyday words, {} of the commonest, such as {:?}; it would be found all day",
                broad.line, broad.entry, broad.words, broad.in_word
            )
        });
        warnings.extend(broad);
    }
    warnings
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The first few, and how many more there are.
fn tell_some(lines: impl ExactSizeIterator<Item = String>) {
    let more = lines.len().saturating_sub(LINES_TOLD);
    lines.take(LINES_TOLD).for_each(|line| logs::tell(&line));
    if more > 0 {
        logs::tell(&format!("… and {more} more like these"));
    }
}
