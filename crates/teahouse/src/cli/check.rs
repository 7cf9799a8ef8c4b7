//! `teahouse check`: every error of every file, before it matters.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

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
            let errors = check(file);
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

fn check(file: &Path) -> Vec<ConfigError> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if config::is_settings(&text) {
        config::load(file, &|name| std::env::var(name).ok())
            .err()
            .unwrap_or_default()
    } else {
        config::load_charter(file).err().into_iter().collect()
    }
}
