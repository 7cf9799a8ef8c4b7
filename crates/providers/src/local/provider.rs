//! The local model as a provider like any other: starts it when somebody asks, then speaks chat completions to its
//! socket. While it loads or is being fetched, the question waits.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use teahouse_core::{ChatRequest, FailureKind};

use super::child::{LocalError, LocalModel};
use crate::openai::{self, OpenAi, SetupError};
use crate::{ChatStream, Provider, ProviderError};

/// The model on this machine, under the name its settings give it.
pub struct LocalProvider {
    name: String,
    model: LocalModel,
    inner: OpenAi,
    first_token: Duration,
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
            detail: error.to_string().chars().take(200).collect(),
        }
    }
}
