//! `teahouse serve` and `teahouse health`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use super::{Data, config_errors};
use crate::config::{self, Desk, Looks, Metrics, Settings};
use crate::control::{self, Reply, Request};
use crate::reload::Again;
use crate::script::Script;
use crate::{first_start, logs, serve};

/// The latest knocks that `teahouse health` tells of.
const KNOCKS_SHOWN: usize = 5;

#[derive(Args)]
pub(super) struct Serve {
    /// The configuration [default: teahouse.toml in the data folder, written at the first start]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
    /// Play a script in the parlour, print what came of it, and close: 0 if all went as expected, else 1
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Health {
    #[command(flatten)]
    data: Data,
}

/// The settings in force, and the data folder they are for.
pub(super) fn settings(
    config: Option<PathBuf>,
    data: &Data,
) -> anyhow::Result<(Settings, PathBuf)> {
    let (settings, folder, _) = load(&configuration(config, data)?, data)?;
    Ok((settings, folder))
}

/// The configuration's file; a first one is written where there is none.
fn configuration(config: Option<PathBuf>, data: &Data) -> anyhow::Result<PathBuf> {
    if let Some(file) = config {
        return Ok(file);
    }
    let folder = data.folder();
    let language = first_start::terminal_language(|name| std::env::var(name).ok());
    let (file, new) = first_start::settings(&folder, language).with_context(|| {
        format!(
            "cannot write the first configuration into \"{}\"",
            folder.display()
        )
    })?;
    if new {
        info!("wrote a first configuration: {}", file.display());
        info!(
            "the token for your bridge is in {}",
            folder.join("onebot.token").display()
        );
    }
    Ok(file)
}

fn load(file: &Path, data: &Data) -> anyhow::Result<(Settings, PathBuf, Looks)> {
    let desk = Desk::default();
    let settings = config::load_with(file, &|name| std::env::var(name).ok(), &desk)
        .map_err(|errors| config_errors(&errors))?;
    let folder = data
        .data
        .clone()
        .unwrap_or_else(|| settings.server.data.clone());
    Ok((settings, folder, desk.files.looks()))
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let configuration = configuration(self.config, &self.data)?;
        let (settings, data, looks) = load(&configuration, &self.data)?;
        if let Some(file) = &self.script {
            return rehearse(settings, data, file).await;
        }
        let numbers = match settings.server.metrics {
            Metrics::Off => None,
            Metrics::Open | Metrics::Token(_) => Some(
                PrometheusBuilder::new()
                    .install_recorder()
                    .context("cannot keep numbers for /metrics")?,
            ),
        };
        let stop = CancellationToken::new();
        let signals = TaskTracker::new();
        let (tell, told) = mpsc::channel(1);
        signals.spawn(listen_to_signals(stop.clone(), tell)?);
        let again = Again {
            file: configuration,
            looks,
            told,
        };
        serve::serve(settings, data, numbers, again, stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Plays a script on a house without a port.
async fn rehearse(settings: Settings, data: PathBuf, file: &Path) -> anyhow::Result<ExitCode> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read \"{shown}\""))?;
    let script: Script = text
        .parse()
        .with_context(|| format!("\"{shown}\" is no script"))?;
    let played = serve::rehearse(settings, data, &script).await?;
    super::decode::print(&played.to_string())?;
    for failed in &played.failed {
        logs::tell(&format!("{shown}: {failed}"));
    }
    Ok(ExitCode::from(u8::from(!played.is_well())))
}

/// The first SIGTERM or Ctrl-C drains, the second ends at once. SIGHUP has settings and charters read again.
fn listen_to_signals(
    stop: CancellationToken,
    tell: mpsc::Sender<()>,
) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hang_up.recv() => {
                    // One that waits already is enough: it will see everything that is there by then.
                    let _ = tell.try_send(());
                    continue;
                }
            }
            if stop.is_cancelled() {
                logs::tell(
                    "teahouse: stopped at once; what is unfinished goes on at the next start",
                );
                logs::finish();
                std::process::exit(1);
            }
            stop.cancel();
        }
    })
}

impl Health {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let data = self.data.folder();
        let Some(reply) = control::ask(&data, &Request::Health).await else {
            bail!(
                "no house runs on \"{}\"; start one with `teahouse serve --data {0}`",
                data.display()
            );
        };
        match reply.context("the running house did not answer")? {
            Reply::Health {
                pid,
                questions,
                open,
                waiting,
                accounts,
                out,
                knocks,
                alarms,
            } => {
                let mut text = format!(
                    "running as pid {pid}: {questions} questions so far, {open} being answered, {waiting} messages to send\n"
                );
                for (name, state) in &accounts {
                    text.push_str(&format!("account {name}: {state}\n"));
                }
                for one in &out {
                    let why = serde_json::to_value(one.why)?;
                    text.push_str(&format!(
                        "provider {} (model {}) is out: {} since {} s; others are asked first, and it is tried again {}\n",
                        one.provider,
                        one.model,
                        why.as_str().unwrap_or_default(),
                        one.since,
                        match one.again {
                            0 => "with the next question".to_owned(),
                            seconds => format!("in {seconds} s"),
                        }
                    ));
                }
                for alarm in &alarms {
                    text.push_str(&format!("look at this: {alarm}\n"));
                }
                for knock in knocks.iter().take(KNOCKS_SHOWN) {
                    text.push_str(&format!("{}\n", knock.line()));
                }
                super::decode::print(&text)?;
                Ok(ExitCode::SUCCESS)
            }
            Reply::Refused(why) => bail!("the running house cannot say: {why}"),
            Reply::Said(_) | Reply::Link(_) | Reply::Reloaded(_) | Reply::Audit { .. } => {
                bail!("the running house gave another answer than asked; is it of this release?")
            }
        }
    }
}
