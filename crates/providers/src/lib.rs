//! Chat request ⇄ model. A provider makes one call and says what came; which one is asked next, and what it costs,
//! is decided in core. No words of a vendor leave here but for the operator's eyes.

pub mod decode;
mod errors;
#[cfg(test)]
mod fuzz;
mod gateway;
pub mod local;
pub mod openai;
pub mod parrot;
mod sse;

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::Stream;
use teahouse_core::{Callee, ChatRequest, Chunk, FailureKind};
use tokio::time::Instant;

pub use gateway::{BETWEEN_TOKENS, BYTE_IDLE, Gateway, SLOTS, WHOLE_ANSWER};
pub use openai::OpenAi;
pub use parrot::{PARROT, Parrot};

/// One answer as it is made.
pub type ChatStream = Pin<Box<dyn Stream<Item = Result<Chunk, ProviderError>> + Send>>;

/// Somebody who can be asked.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name in the settings.
    fn name(&self) -> &str;

    /// Makes one call. The stream ends after the last chunk or the first error; dropping it ends the call.
    /// Never retries by itself.
    async fn chat(&self, request: &ChatRequest) -> Result<ChatStream, ProviderError>;

    /// Whom a call for a model goes to: what fails together with it, and what does not.
    fn callee(&self, model: &str) -> Callee {
        Callee {
            base: self.name().to_owned(),
            provider: self.name().to_owned(),
            key: 0,
            model: model.to_owned(),
        }
    }

    /// How soon a call can be made.
    fn presence(&self) -> Presence {
        Presence::Always
    }

    /// Waits until a call can be made, which for a model that has to be fetched takes minutes: put a limit on it.
    /// Fails where it will not come.
    async fn arrive(&self) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Sets it on its way, without waiting.
    fn wake(&self) {}

    /// How long it may think before its first word.
    fn first_token(&self) -> Duration {
        Duration::from_secs(15)
    }
}

/// How soon a provider can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// At once, and so it was ever.
    Always,
    /// At once, since then.
    Since(Instant),
    /// A moment after somebody asks: it is starting, or would.
    Near,
    /// Not for minutes: it is being fetched, or would have to be.
    Far,
}

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("provider \"{provider}\" failed ({kind:?}): {detail}")]
pub struct ProviderError {
    /// Who was asked.
    pub provider: String,
    /// What the caller does about it.
    pub kind: FailureKind,
    /// How long the vendor asks us to wait.
    pub wait: Option<Duration>,
    /// It was a limit of our own, and nothing is held against the provider.
    pub blameless: bool,
    /// The cause in short, at most 200 bytes, for the operator; never for a room.
    pub detail: String,
}
