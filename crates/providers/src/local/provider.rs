//! The local model as a provider like any other: starts it when somebody asks, then speaks chat completions to its
//! socket. How long a question waits while it loads or is being fetched is not decided here.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use teahouse_core::{ChatRequest, FailureKind};

use tokio::time::Instant;

use super::child::{LocalError, LocalModel, LocalState};
use crate::openai::{self, OpenAi, SetupError};
use crate::{ChatStream, Presence, Provider, ProviderError};

/// The model on this machine, under the name its settings give it.
pub struct LocalProvider {
    name: String,
    model: LocalModel,
    inner: OpenAi,
    first_token: Duration,
    /// When somebody who had to wait for it was told that it is here.
    came: Mutex<Option<Instant>>,
}

impl LocalProvider {
    pub fn new(name: &str, model: LocalModel, first_token: Duration) -> Result<Self, SetupError> {
        let mut config = openai::Config::new(name, "http://localhost/v1");
        config.unix_socket = Some(model.socket().to_owned());
        config.first_token = first_token;
        // The likeliest words: a small model that tries others makes things up.
        config.extra.insert("temperature".to_owned(), 0.into());
        Ok(LocalProvider {
            name: name.to_owned(),
            inner: OpenAi::new(config)?,
            model,
            first_token,
            came: Mutex::new(None),
        })
    }

    pub fn model(&self) -> &LocalModel {
        &self.model
    }
}

#[async_trait]
impl Provider for LocalProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn first_token(&self) -> Duration {
        self.first_token
    }

    fn presence(&self) -> Presence {
        let state = self.model.state();
        let state = state.borrow();
        match &*state {
            LocalState::Ready => {
                let came = *self.came.lock().unwrap_or_else(PoisonError::into_inner);
                came.map_or(Presence::Always, Presence::Since)
            }
            // A failure is told at once, or mended by the next try.
            LocalState::Loading | LocalState::Stopped | LocalState::Failed { .. } => Presence::Near,
            LocalState::Missing | LocalState::Fetching { .. } => Presence::Far,
        }
    }

    async fn arrive(&self) -> Result<(), ProviderError> {
        let waits = *self.model.state().borrow() != LocalState::Ready;
        self.model
            .ready()
            .await
            .map_err(|error| self.not_ready(&error))?;
        if waits {
            *self.came.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        Ok(())
    }

    fn wake(&self) {
        self.model.wake();
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatStream, ProviderError> {
        let busy = self.model.busy();
        self.model
            .ready()
            .await
            .map_err(|error| self.not_ready(&error))?;
        let chunks = self.inner.chat(request).await?;
        // As long as the answer is read, the model is not let go.
        Ok(chunks
            .map(move |chunk| {
                let _ = &busy;
                chunk
            })
            .boxed())
    }
}

impl LocalProvider {
    fn not_ready(&self, error: &LocalError) -> ProviderError {
        ProviderError {
            provider: self.name.clone(),
            kind: FailureKind::BadModel,
            wait: None,
            blameless: false,
            detail: error.to_string().chars().take(200).collect(),
        }
    }
}
