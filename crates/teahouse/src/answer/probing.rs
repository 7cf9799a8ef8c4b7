//! A call to somebody who was ill a moment ago, made while somebody well could answer. It is listened to for a second;
//! then the question goes on to the other, and the call finds out alone whether it is over. Books no money.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use teahouse_core::{ChatRequest, Chunk, FailureKind, RouteModel};
use teahouse_providers::{ChatStream, ProviderError};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tracing::info;

use super::Answer;
use super::asking::Called;
use super::choosing::leave_failed;
use crate::breakers::Leave;

/// A question with somebody well to turn to waits no longer for somebody who was ill.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// What became of a probe as far as its question waited for it.
pub(super) enum Probed {
    /// It speaks: the rest is an answer like any other.
    Speaks(ChatStream, Leave),
    /// It failed, it was not waited for, or the question was stopped. Without leave it goes on alone.
    Ended(Called, Option<Leave>),
}

/// The beginning of an answer, or its failure, with the leave to tell of it.
type Began = (Result<ChatStream, ProviderError>, Leave);

impl Answer {
    pub(super) async fn probe(
        &self,
        model: &RouteModel,
        request: &ChatRequest,
        deadline: Instant,
        leave: Leave,
    ) -> Probed {
        let (tell, began) = oneshot::channel();
        self.find_out(model.clone(), request.clone(), deadline, (leave, tell));
        let began = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Probed::Ended(Called::Cancelled, None),
            began = timeout(PROBE_PATIENCE, began) => began,
        };
        match began {
            Ok(Ok((Ok(chunks), leave))) => Probed::Speaks(chunks, leave),
            Ok(Ok((Err(error), leave))) => self.failed(error, Some(leave)),
            Ok(Err(_)) | Err(_) => {
                let slow = ProviderError {
                    provider: model.provider.clone(),
                    kind: FailureKind::Timeout,
                    wait: None,
                    blameless: true,
                    detail: "it was ill, and said nothing within a second: others are well".into(),
                };
                self.failed(slow, None)
            }
        }
    }

    fn failed(&self, error: ProviderError, leave: Option<Leave>) -> Probed {
        let nothing = self.host.parts_for(&self.lane);
        Probed::Ended(Called::Failed(error, nothing), leave)
    }

    /// Makes the call beside the question. Who waits for it takes it over at its first word; if nobody does, its first
    /// word or its failure is all that is wanted of it.
    fn find_out(
        &self,
        model: RouteModel,
        request: ChatRequest,
        deadline: Instant,
        (leave, tell): (Leave, oneshot::Sender<Began>),
    ) {
        let (host, cancel) = (self.host.clone(), self.cancel.clone());
        self.host.tasks.spawn(async move {
            // Taken back before it began: its words are told to nobody.
            if cancel.is_cancelled() {
                return;
            }
            let began = tokio::select! {
                biased;
                () = host.stop.cancelled() => return,
                began = first_word(host.gateway.chat(&model.provider, &request, deadline)) => began,
            };
            let Err((began, leave)) = tell.send((began, leave)) else {
                return;
            };
            match began {
                Ok(_) => {
                    if leave.succeeded() {
                        info!(provider = %model.provider, "{} answers again", model.provider);
                    }
                }
                Err(error) if error.blameless => {}
                Err(error) => leave_failed(&model, &error, leave, host.steady()),
            }
        });
    }
}

/// Waits until an answer has begun with a word or a thought; nothing of it is lost.
async fn first_word(
    call: impl Future<Output = Result<ChatStream, ProviderError>>,
) -> Result<ChatStream, ProviderError> {
    let mut chunks = call.await?;
    let mut heard = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        let begins = matches!(chunk, Chunk::Text(_) | Chunk::Thinking | Chunk::Finish(_));
        if begins || heard.is_empty() {
            heard.push(Ok(chunk));
        }
        if begins {
            break;
        }
    }
    Ok(stream::iter(heard).chain(chunks).boxed())
}
