//! `teahouse ask`: one question on the terminal. A running house is asked; without one, the house is opened for
//! this question, with the same store, rules, purse and models.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::{Data, config_errors, decode, serve};
use crate::config::{self, House};
use crate::control::{self, Reply, Request};
use crate::serve::Founding;

#[derive(Args)]
pub(super) struct Ask {
    /// The configuration [default: teahouse.toml in the data folder, written at the first start]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer under this charter
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
    /// The question
    question: String,
}

impl Ask {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (mut settings, data) = serve::settings(self.config, &self.data)?;
        if let Some(file) = &self.charter {
            let charter = config::load_charter(file).map_err(|error| config_errors(&[error]))?;
            if !settings.routes.contains_key(&charter.route) {
                bail!(
                    "charter \"{}\" asks route \"{}\", which is not set up",
                    charter.name,
                    charter.route
                );
            }
            settings
                .houses
                .insert(0, House::of_account("terminal", charter));
        } else if let Some(reply) = control::ask(
            &data,
            &Request::Ask {
                question: self.question.clone(),
            },
        )
        .await
        {
            return match reply.context("the running house did not answer")? {
                Reply::Said(lines) => tell(&lines),
                Reply::Refused(why) => bail!("the running house cannot answer: {why}"),
                Reply::Health { .. } | Reply::Link(_) => bail!(
                    "the running house gave another answer than asked; is it of this release?"
                ),
            };
        }
        // Only the terminal speaks: the accounts of a running house are not touched.
        settings.accounts.clear();
        settings
            .houses
            .retain(|house| house.serves_terminal() || self.charter.is_none());
        let open = Founding::open(&settings, &data).await?.start().await?;
        let said = open.ask(&self.question).await;
        open.close().await;
        tell(&said)
    }
}

fn tell(said: &[String]) -> anyhow::Result<ExitCode> {
    if said.is_empty() {
        bail!("the house stayed silent; `RUST_LOG=info teahouse ask …` shows why");
    }
    decode::print(&format!("{}\n", said.join("\n\n")))?;
    Ok(ExitCode::SUCCESS)
}
