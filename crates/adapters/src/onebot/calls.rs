//! Calls and their answers: each goes out once, has a limit, and is taken back if its first byte was never written.
//! Repeats nothing, and gives no answer a meaning.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::decode::Response;
use super::encode::Call;
use super::{BYTES_A_SECOND, OneBot, wire};
use crate::AdapterError;
use crate::link::{Claim, Outbound};

pub(super) struct Pending {
    pub(super) link: u64,
    pub(super) answer: oneshot::Sender<Response>,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing left us.
    Offline,
    /// The link ended after the call was written.
    Lost,
    /// It was written; nothing came back.
    TimedOut,
}

impl OneBot {
    /// Makes one call on the newest link that takes calls; says on which, and what came back.
    pub(super) async fn call(
        &self,
        call: &Call,
        limit: Duration,
    ) -> Result<(u64, Response), NoAnswer> {
        let echo = format!("th-{:016x}-{}", self.run, self.number());
        let frame = wire::WireCall {
            action: call.action,
            params: &call.params,
            echo: &echo,
        };
        let text = serde_json::to_string(&frame).map_err(|_| NoAnswer::Offline)?;
        let limit = limit + Duration::from_secs((text.len() / BYTES_A_SECOND) as u64);
        let claim = Arc::new(Claim::default());
        let (answer, answered) = oneshot::channel();
        let link = {
            let mut state = self.state();
            let link = state.callable().ok_or(NoAnswer::Offline)?;
            let id = link.id;
            link.queue
                .try_send(Outbound {
                    text,
                    claim: Arc::clone(&claim),
                })
                .map_err(|_| NoAnswer::Offline)?;
            state
                .pending
                .insert(echo.clone(), Pending { link: id, answer });
            id
        };
        let waiting = Waiting {
            adapter: self,
            echo,
            claim,
        };
        let why = match timeout(limit, answered).await {
            Ok(Ok(response)) => return Ok((link, response)),
            Ok(Err(_)) => NoAnswer::Lost,
            Err(_) => NoAnswer::TimedOut,
        };
        if waiting.claim.cancel() {
            return Err(NoAnswer::Offline);
        }
        Err(why)
    }

    /// Asks for something, where no answer and a refusal are errors.
    pub(super) async fn ask(
        &self,
        call: &Call,
        limit: Duration,
    ) -> Result<Result<Box<RawValue>, String>, AdapterError> {
        let account = || self.name.clone();
        let (_, response) = self.call(call, limit).await.map_err(|why| match why {
            NoAnswer::Offline | NoAnswer::Lost => AdapterError::Offline { account: account() },
            NoAnswer::TimedOut => AdapterError::TimedOut {
                account: account(),
                action: call.action,
            },
        })?;
        Ok(match response.data {
            Some(data) if response.status != "failed" && response.retcode.unwrap_or(0) == 0 => {
                Ok(data)
            }
            _ => Err(response.words),
        })
    }

    pub(super) fn refused(&self, action: &'static str, why: impl Into<String>) -> AdapterError {
        AdapterError::Refused {
            account: self.name.clone(),
            action,
            why: why.into(),
        }
    }
}

/// A call on its way: whoever stops waiting takes it back, if its first byte is not yet written.
pub(super) struct Waiting<'a> {
    pub(super) adapter: &'a OneBot,
    pub(super) echo: String,
    pub(super) claim: Arc<Claim>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.claim.cancel();
        self.adapter.state().pending.remove(&self.echo);
    }
}
