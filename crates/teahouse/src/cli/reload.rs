//! `teahouse reload`: a running house reads its settings, charters and lists again, and says what came of it.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::Data;
use crate::control::{self, Reply, Request};
use crate::logs;

#[derive(Args)]
pub(super) struct Reload {
    #[command(flatten)]
    data: Data,
}

impl Reload {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let data = self.data.folder();
        let Some(reply) = control::ask(&data, &Request::Reload).await else {
            bail!(
                "no house runs on \"{}\"; start one with `teahouse serve --data {0}`",
                data.display()
            );
        };
        match reply.context("the running house did not answer")? {
            Reply::Reloaded(reloaded) if reloaded.done => {
                super::decode::print(&format!("{}\n", reloaded.lines.join("\n")))?;
                Ok(ExitCode::SUCCESS)
            }
            Reply::Reloaded(reloaded) => {
                logs::tell(&reloaded.lines.join("\n"));
                logs::tell("nothing was changed; what held before holds");
                Ok(ExitCode::from(1))
            }
            Reply::Refused(why) => bail!("the running house cannot say: {why}"),
            Reply::Said(_) | Reply::Link(_) | Reply::Health { .. } | Reply::Audit { .. } => {
                bail!("the running house gave another answer than asked; is it of this release?")
            }
        }
    }
}
