//! `teahouse completions`: what a shell needs to complete our commands, made from the commands themselves.

use std::process::ExitCode;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};

use super::Arguments;
use super::decode::print;

#[derive(Args)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut command = Arguments::command();
        let mut out = Vec::new();
        match self.shell {
            Shell::Bash => generate(Bash, &mut command, "teahouse", &mut out),
            Shell::Zsh => generate(Zsh, &mut command, "teahouse", &mut out),
            Shell::Fish => generate(Fish, &mut command, "teahouse", &mut out),
        }
        print(&String::from_utf8(out)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
