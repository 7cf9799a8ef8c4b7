//! `teahouse check`: every error of every file, before it matters.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use teahouse_core::Language;

use crate::config::{self, ConfigError};
use crate::logs;

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

fn check(file: &Path) -> (Vec<ConfigError>, Vec<String>) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let found = if config::is_settings(&text) {
        let settings = config::load(file, &|name| std::env::var(name).ok());
        settings.map(|settings| settings.warnings)
    } else {
        config::load_ruled(file, Language::English).map(|ruled| ruled.warnings)
    };
    match found {
        Ok(warnings) => (vec![], warnings),
        Err(errors) => (errors, vec![]),
    }
}
