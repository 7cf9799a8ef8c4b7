//! Commands: each says in one line what it does, ends its help with an example, and exits 0 (done), 1 (found
//! problems) or 2 (wrong use). Results go to standard output, everything else to standard error.

mod ask;
mod audit;
mod check;
mod completions;
mod decode;
mod judge;
mod model;
mod owner;
mod reload;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{logs, port};

/// The default data folder.
const DATA: &str = "teahouse-data";

/// The host of a group chat: it answers when called and keeps the house's rules.
#[derive(Parser)]
#[command(
    name = "teahouse",
    version,
    after_help = "Example: teahouse serve --data teahouse-data"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Logs as JSON lines, for machines
    #[arg(long, global = true)]
    log_json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Open the house and answer until told to stop
    #[command(after_help = "Example: teahouse serve --config teahouse.toml --data teahouse-data")]
    Serve(serve::Serve),
    /// Check configurations and charters: every error with line, column and the nearest right key
    #[command(after_help = "Example: teahouse check teahouse.toml charter.toml")]
    Check(check::Check),
    /// One answer on the terminal, through the same journey as in a room
    #[command(after_help = "Example: teahouse ask \"why is tea red?\"")]
    Ask(ask::Ask),
    /// Read recorded frames or provider answers from standard input, one a line
    #[command(after_help = "Example: teahouse decode --protocol onebot-v11 < frames.jsonl")]
    Decode(decode::Decode),
    /// Judge lines of text by a charter, one object a line; no provider, no network
    #[command(
        after_help = "Example: teahouse judge --charter charter.toml --side member < lines.jsonl"
    )]
    Judge(judge::Judge),
    /// Fetch, list and verify models for this machine
    #[command(after_help = "Example: teahouse model pull auto")]
    Model(model::Model),
    /// Print a new one-time link with which the owner chooses a password
    #[command(after_help = "Example: teahouse reset-password --data teahouse-data")]
    ResetPassword(owner::ResetPassword),
    /// Print what your shell needs to complete these commands
    #[command(
        after_help = "Example: teahouse completions bash > ~/.local/share/bash-completion/completions/teahouse"
    )]
    Completions(completions::Completions),
    /// Have a running house read its settings, charters and lists again: all of it takes effect, or nothing
    #[command(after_help = "Example: teahouse reload --data teahouse-data")]
    Reload(reload::Reload),
    /// Look through the log of what was done to whom
    #[command(after_help = "Example: teahouse audit verify --data teahouse-data")]
    Audit(audit::Audit),
    /// Ask a running house how it is
    #[command(after_help = "Example: teahouse health --data teahouse-data")]
    Health(serve::Health),
}

/// Where a house keeps everything.
#[derive(clap::Args)]
struct Data {
    /// The data folder [default: what the configuration says, else teahouse-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Data {
    fn folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| DATA.into())
    }
}

/// Runs one command.
pub fn run(arguments: Arguments) -> ExitCode {
    // The first TLS call panics without a provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let serves = matches!(arguments.command, Command::Serve(_));
    log_to_stderr(arguments.log_json, !serves);
    let _until_written = serves.then(logs::never_wait);
    let done = perform(arguments.command);
    if let Err(error) = &done {
        logs::tell(&format!("teahouse: {error:#}"));
    }
    done.unwrap_or(ExitCode::from(1))
}

fn perform(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(check) => Ok(check.run()),
        Command::Decode(decode) => decode.run(),
        Command::Judge(judge) => judge.run(),
        Command::Completions(completions) => completions.run(),
        Command::Serve(serve) => {
            port::enough_descriptors()?;
            with_runtime(serve.run())
        }
        Command::Ask(ask) => with_runtime(ask.run()),
        Command::Model(model) => with_runtime(model.run()),
        Command::ResetPassword(reset) => with_runtime(reset.run()),
        Command::Reload(reload) => with_runtime(reload.run()),
        Command::Audit(audit) => with_runtime(audit.run()),
        Command::Health(health) => with_runtime(health.run()),
    }
}

fn with_runtime(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the program")?;
    let done = runtime.block_on(work);
    // A blocking read that hangs must not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done
}

fn log_to_stderr(json: bool, quiet: bool) {
    let default = if quiet { "warn" } else { "info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // At `trace` it writes down whole handshakes, and with them the token that we show to a bridge.
    let quiet_handshakes = "tungstenite=info".parse().expect("a directive");
    let filter = filter.add_directive(quiet_handshakes);
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(logs::Lines)
        .with_target(false);
    if json {
        log.json().init();
    } else {
        log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init();
    }
}

/// A configuration's errors, each as its own paragraph.
fn config_errors(errors: &[crate::config::ConfigError]) -> anyhow::Error {
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    anyhow::anyhow!(
        "the configuration has {} problem(s)\n{}",
        shown.len(),
        shown.join("\n")
    )
}
