//! `teahouse ask`: one question on the terminal. A running house is asked; without one, the house is opened for
//! this question, with the same store, rules, purse and models.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use teahouse_providers::local::LocalState;
use tokio::sync::watch;

use super::{Data, config_errors, decode, serve};
use teahouse_core::Charter;

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
            let ruled = config::load_ruled(file, settings.server.language)
                .map_err(|errors| config_errors(&errors))?;
            let charter = Charter::clone(&ruled.charter);
            if !settings.routes.contains_key(&charter.route) {
                bail!(
                    "charter \"{}\" asks route \"{}\", which is not set up",
                    charter.name,
                    charter.route
                );
            }
            settings
                .houses
                .insert(0, House::ruled("terminal", charter, ruled.rules));
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
                Reply::Health { .. }
                | Reply::Link(_)
                | Reply::Reloaded(_)
                | Reply::Audit { .. } => bail!(
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
        let said = telling(open.local.clone(), open.ask(&self.question)).await;
        open.close().await;
        tell(&said)
    }
}

/// Does something and says meanwhile how far the local model is: a first download takes minutes.
async fn telling<T>(
    local: Option<watch::Receiver<LocalState>>,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    let Some(mut local) = local else {
        return work.await;
    };
    let mut told = None;
    loop {
        tokio::select! {
            done = &mut work => return done,
            changed = local.changed() => if changed.is_err() {
                return work.await;
            },
        }
        let news = awaited(&local.borrow_and_update());
        if let Some(news) = news.as_ref().filter(|news| told.as_ref() != Some(*news)) {
            crate::logs::tell(&format!("teahouse: {news}"));
        }
        told = news.or(told);
    }
}

/// What a question waits for, in steps of ten percent.
fn awaited(state: &LocalState) -> Option<String> {
    match state {
        LocalState::Fetching { .. } => {
            let percent = state.percent().unwrap_or_default() / 10 * 10;
            Some(format!("the local model is on its way: {percent} %"))
        }
        LocalState::Loading => Some("the local model starts".to_owned()),
        LocalState::Missing
        | LocalState::Ready
        | LocalState::Stopped
        | LocalState::Failed { .. } => None,
    }
}

fn tell(said: &[String]) -> anyhow::Result<ExitCode> {
    if said.is_empty() {
        bail!("the house stayed silent; `RUST_LOG=info teahouse ask …` shows why");
    }
    decode::print(&format!("{}\n", said.join("\n\n")))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_hears_every_tenth_and_the_start() {
        let fetching = |done| awaited(&LocalState::Fetching { done, total: 1_000 });
        assert_eq!(
            fetching(419).as_deref(),
            Some("the local model is on its way: 40 %")
        );
        assert_eq!(fetching(401), fetching(419));
        assert_eq!(
            awaited(&LocalState::Loading).as_deref(),
            Some("the local model starts")
        );
        assert_eq!(awaited(&LocalState::Ready), None);
    }

    #[tokio::test]
    async fn what_is_done_meanwhile_is_not_held_up() {
        let (state, local) = watch::channel(LocalState::Missing);
        assert_eq!(telling(Some(local.clone()), async { 1 }).await, 1);
        let (go, gone) = tokio::sync::oneshot::channel();
        let told = telling(Some(local), gone);
        let tells = async {
            state.send_replace(LocalState::Loading);
            drop(state);
            tokio::task::yield_now().await;
            go.send(2).unwrap();
        };
        let (told, ()) = tokio::join!(told, tells);
        assert_eq!(told, Ok(2));
        assert_eq!(telling(None, async { 3 }).await, 3);
    }
}
