//! `teahouse reset-password`: a new one-time link for whoever holds the data folder.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use teahouse_store::EmbeddedStore;

use super::Data;
use crate::clock::{Clock, SystemClock};
use crate::console::owner::Owner;
use crate::control::{self, Reply, Request};

#[derive(Args)]
pub(super) struct ResetPassword {
    /// The configuration [default: teahouse.toml in the data folder]
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    #[command(flatten)]
    data: Data,
}

impl ResetPassword {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (settings, data) = super::serve::settings(self.config, &self.data)?;
        let link = match control::ask(&data, &Request::NewLink).await {
            Some(reply) => match reply.context("the running house did not answer")? {
                Reply::Link(link) => link,
                Reply::Refused(why) => bail!("the running house makes no link: {why}"),
                Reply::Said(_)
                | Reply::Health { .. }
                | Reply::Reloaded(_)
                | Reply::Audit { .. } => {
                    bail!(
                        "the running house gave another answer than asked; is it of this release?"
                    )
                }
            },
            None => {
                let clock = Arc::new(SystemClock);
                let store = Arc::new(EmbeddedStore::open(&data, clock.now())?);
                let listen = &settings.server.listen;
                let address: SocketAddr = listen
                    .parse()
                    .with_context(|| format!("server.listen \"{listen}\" is no address"))?;
                Owner::new(store, clock, &data).new_link(address).await?
            }
        };
        super::decode::print(&format!("{link}\n"))?;
        crate::logs::tell(
            "teahouse: open this link once and choose a password; nobody stays logged in then",
        );
        Ok(ExitCode::SUCCESS)
    }
}
