//! `teahouse audit verify`: looks through the whole audit log and names every row that was edited, taken out or cut
//! off. Beside a running house it asks that one; else it opens the data folder itself.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use teahouse_store::{AuditReport, EmbeddedStore, Store};

use super::Data;
use crate::clock::{Clock as _, SystemClock};
use crate::control::{self, Reply, Request};
use crate::logs;

#[derive(Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Look through the whole log and name every row that is not as it was written
    #[command(after_help = "Example: teahouse audit verify --data teahouse-data")]
    Verify {
        #[command(flatten)]
        data: Data,
    },
}

impl Audit {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let What::Verify { data } = self.what;
        let folder = data.folder();
        let report = match control::ask(&folder, &Request::AuditVerify).await {
            Some(reply) => match reply.context("the running house did not answer")? {
                Reply::Audit { rows, faults } => AuditReport { rows, faults },
                Reply::Refused(why) => bail!("the running house cannot say: {why}"),
                Reply::Said(_) | Reply::Link(_) | Reply::Health { .. } | Reply::Reloaded(_) => {
                    bail!(
                        "the running house gave another answer than asked; is it of this release?"
                    )
                }
            },
            None if !folder.is_dir() => {
                bail!(
                    "there is no data folder \"{}\"; name it with --data",
                    folder.display()
                )
            }
            None => {
                let store = EmbeddedStore::open(&folder, SystemClock.now())
                    .with_context(|| format!("cannot open \"{}\"", folder.display()))?;
                store.audit_verify().await.context("cannot read the log")?
            }
        };
        tell(&report)
    }
}

fn tell(report: &AuditReport) -> anyhow::Result<ExitCode> {
    for (row, fault) in &report.faults {
        logs::tell(&format!("row {row}: {fault}"));
    }
    let rows = match report.rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    match report.faults.len() {
        0 => {
            super::decode::print(&format!("{rows}, each as it was written\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        faults => {
            logs::tell(&format!(
                "{rows}, {faults} of them not as they were written"
            ));
            Ok(ExitCode::from(1))
        }
    }
}
