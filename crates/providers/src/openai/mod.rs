//! Chat Completions, the form that OpenAI made and most vendors and local servers speak: one POST, one answer.
//! What it sends is in `wire`, how it is understood in `answer`, how its failures are read in `errors`.
//! Never asks twice for one answer; a request that was refused for one field is put once more without it.

mod answer;
mod wire;

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use teahouse_core::{Callee, ChatRequest, Chunk, FailureKind, PromptLine};
use tokio::time::{Instant, timeout, timeout_at};

pub(crate) use self::answer::Reading;
use crate::errors::{Failure, Said};
use crate::{ChatStream, Provider, ProviderError};

/// An address that is not found, takes no connection or proves nothing in this time is taken for dead.
const CONNECT: Duration = Duration::from_secs(5);

/// An error's body is not waited for longer; what came until then is read.
const ERROR_BODY: Duration = Duration::from_secs(3);

/// No error's body is read further, in bytes.
const MOST_ERROR_BODY: usize = 64 * 1024;

/// After the model has stopped, the usage may still come for so long; then the answer is whole without it.
const AFTER_FINISH: Duration = Duration::from_secs(2);

/// After `[DONE]` the body's own end is waited for so long: only then the connection serves the next question.
const AFTER_DONE: Duration = Duration::from_millis(50);

/// How a server is reached. Printing it shows no key.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name in the settings.
    pub name: String,
    /// All before `/chat/completions`; with a version in it where the vendor wants one.
    pub base_url: String,
    /// Sent as a bearer token; local servers need none.
    pub key: Option<SecretString>,
    /// Speak to this socket instead of the host in `base_url`.
    pub unix_socket: Option<PathBuf>,
    /// How long its address may take to be looked up, to take the connection and to prove itself.
    pub connect: Duration,
    /// How long it may think before its first word.
    pub first_token: Duration,
    /// The field for the longest answer.
    pub max_tokens_field: MaxTokensField,
    /// Further fields of every request, such as a vendor's switch for thinking.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Config {
    /// A server with the defaults that suit nearly all.
    pub fn new(name: impl Into<String>, base_url: impl Into<String>) -> Self {
        Config {
            name: name.into(),
            base_url: base_url.into(),
            key: None,
            unix_socket: None,
            connect: CONNECT,
            first_token: Duration::from_secs(15),
            max_tokens_field: MaxTokensField::MaxTokens,
            extra: serde_json::Map::new(),
        }
    }
}

/// Most compatible servers know only `max_tokens`; OpenAI's reasoning models refuse it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxTokensField {
    /// `max_tokens`, and `max_completion_tokens` from the first refusal on.
    #[default]
    MaxTokens,
    /// `max_completion_tokens` from the start.
    MaxCompletionTokens,
}

/// Why a provider cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address cannot be used.
    #[error(
        "provider \"{name}\": \"{base_url}\" is no address of an API; write one like \"https://api.example.com/v1\", without a key in it"
    )]
    BaseUrl {
        /// Which provider.
        name: String,
        /// What was given, without a password.
        base_url: String,
    },
    /// The key cannot be sent.
    #[error(
        "provider \"{name}\": its key holds characters that cannot be sent; look for a line break or a quotation mark in it"
    )]
    Key {
        /// Which provider.
        name: String,
    },
    /// The HTTP client cannot be made.
    #[error(
        "provider \"{name}\": cannot prepare the connection; are the system's certificates installed (ca-certificates)?"
    )]
    Client {
        /// Which provider.
        name: String,
        /// What the client says.
        source: reqwest::Error,
    },
}

/// One server, or one vendor's account, that speaks Chat Completions.
pub struct OpenAi {
    name: String,
    /// Where it lives: one scheme, host and port, or one socket.
    base: String,
    key: Option<SecretString>,
    url: Url,
    headers: HeaderMap,
    first_token: Duration,
    extra: serde_json::Map<String, serde_json::Value>,
    client: Client,
    /// What refusals have taught us, kept until a restart.
    completion_field: AtomicBool,
    no_stream_options: AtomicBool,
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl OpenAi {
    /// Prepares the calls; connects nowhere yet.
    pub fn new(config: Config) -> Result<Self, SetupError> {
        let name = config.name;
        let url = chat_url(&config.base_url).ok_or_else(|| SetupError::BaseUrl {
            name: name.clone(),
            base_url: without_userinfo(&config.base_url),
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Nothing packed can blow up when it is unpacked, and streams of small chunks gain nothing.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(key) = &config.key {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()))
                .map_err(|_| SetupError::Key { name: name.clone() })?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let base = match &config.unix_socket {
            Some(path) => format!("unix:{}", path.display()),
            None => url.origin().ascii_serialization(),
        };
        let client = builder(&url, config.unix_socket, config.connect)
            .build()
            .map_err(|source| SetupError::Client {
                name: name.clone(),
                source,
            })?;
        Ok(OpenAi {
            name,
            base,
            key: config.key,
            url,
            headers,
            first_token: config.first_token,
            extra: config.extra,
            client,
            completion_field: (config.max_tokens_field == MaxTokensField::MaxCompletionTokens)
                .into(),
            no_stream_options: false.into(),
        })
    }

    /// Posts the question; again only if one field was refused that we can do without. The answer has not begun yet.
    async fn post(&self, request: &ChatRequest) -> Result<Response, Failure> {
        loop {
            let sent = Sent {
                completion_field: self.completion_field.load(Ordering::Relaxed),
                no_stream_options: self.no_stream_options.load(Ordering::Relaxed),
            };
            let response = self
                .client
                .post(self.url.clone())
                .headers(self.headers.clone())
                .body(self.body(request, &sent))
                .send()
                .await
                .map_err(|error| Failure::transport(&error))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let headers = response.headers().clone();
            let body = error_body(response).await;
            let failure = Failure::answer(status.as_u16(), &headers, &body);
            if failure.kind != FailureKind::BadRequest || !self.learn(&Said::read(&body), &sent) {
                return Err(failure);
            }
            tracing::info!(
                provider = %self.name,
                "provider {} refused a field of ours; asking it without from now on", self.name
            );
        }
    }

    fn body(&self, request: &ChatRequest, sent: &Sent) -> Vec<u8> {
        let most = Some(request.max_tokens);
        let body = Body {
            model: &request.model,
            messages: &request.lines,
            stream: true,
            stream_options: (!sent.no_stream_options).then_some(StreamOptions {
                include_usage: true,
            }),
            max_tokens: most.filter(|_| !sent.completion_field),
            max_completion_tokens: most.filter(|_| sent.completion_field),
            extra: &self.extra,
        };
        serde_json::to_vec(&body).expect("a request has no map keys but texts")
    }

    /// Whether a refusal names a field that was sent and that we can do without.
    fn learn(&self, said: &Said, sent: &Sent) -> bool {
        let names = |field: &str| said.param == field || said.message.contains(field);
        if !sent.no_stream_options && names("stream_options") {
            self.no_stream_options.store(true, Ordering::Relaxed);
            return true;
        }
        // "max_tokens is too large" names the field as well, and another name would not help.
        let is_refused = ["max_completion_tokens", "upported", "nrecognized", "nknown"]
            .iter()
            .any(|word| said.message.contains(word));
        if !sent.completion_field && names("max_tokens") && is_refused {
            self.completion_field.store(true, Ordering::Relaxed);
            return true;
        }
        false
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    fn first_token(&self) -> Duration {
        self.first_token
    }

    fn callee(&self, model: &str) -> Callee {
        Callee {
            base: self.base.clone(),
            provider: self.name.clone(),
            key: 0,
            model: model.to_owned(),
        }
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatStream, ProviderError> {
        let by_me = |failure: Failure| failure.by(&self.name, self.key.as_ref());
        let response = self.post(request).await.map_err(by_me)?;
        let packed = response
            .headers()
            .get(CONTENT_ENCODING)
            .filter(|how| *how != "identity");
        if let Some(how) = packed {
            let detail = format!("an answer packed with {how:?}, which we did not ask for");
            return Err(by_me(Failure::new(FailureKind::Server, detail)));
        }
        let (name, key) = (self.name.clone(), self.key.clone());
        Ok(answer_stream(response.bytes_stream())
            .map(move |chunk| chunk.map_err(|failure| failure.by(&name, key.as_ref())))
            .boxed())
    }
}

/// Which fields one request carried.
struct Sent {
    completion_field: bool,
    no_stream_options: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: &'a [PromptLine],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(flatten)]
    extra: &'a serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

fn chat_url(base_url: &str) -> Option<Url> {
    let url = format!("{}/chat/completions", base_url.trim().trim_end_matches('/'));
    let url = Url::parse(&url).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then_some(url)
}

fn without_userinfo(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => url.split('?').next().unwrap_or_default().to_owned(),
    }
}

/// One pool of connections for one provider. No total timeout: the gateway's clocks decide.
fn builder(url: &Url, unix_socket: Option<PathBuf>, connect: Duration) -> ClientBuilder {
    // reqwest panics without a process-wide choice; whoever chose before us is right.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let is_local = unix_socket.is_some()
        || match url.host_str() {
            Some(host) => ["localhost", "127.0.0.1", "[::1]"].contains(&host),
            None => false,
        };
    let mut builder = Client::builder()
        // A redirect would carry members' words, and perhaps the key, to an address nobody chose.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .gzip(false)
        .tcp_nodelay(true)
        .connect_timeout(connect)
        .pool_idle_timeout(Duration::from_secs(30));
    if is_local {
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        // No certificates are read that are not needed: small images have none.
        builder = builder.tls_certs_only([]);
    }
    #[cfg(unix)]
    if let Some(path) = unix_socket {
        builder = builder.unix_socket(path);
    }
    builder
}

/// As much of an error's body as comes in a short time.
async fn error_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(bytes)) = response.chunk().await {
            let room = MOST_ERROR_BODY - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if body.len() == MOST_ERROR_BODY {
                break;
            }
        }
    };
    // Out of time or not, what came is what we know.
    let _ = timeout(ERROR_BODY, read).await;
    body
}

/// A body on its way.
struct Live<S> {
    body: S,
    reading: Reading,
    out: VecDeque<Chunk>,
    /// Comes after the last chunk of `out`.
    failed: Option<Failure>,
    ended: bool,
    /// When the rest is no longer waited for.
    finished_at: Option<Instant>,
}

/// Chunks of an answer. Bytes that say nothing come out as [`Chunk::KeepAlive`].
fn answer_stream<S>(body: S) -> impl Stream<Item = Result<Chunk, Failure>>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    let live = Live {
        body,
        reading: Reading::default(),
        out: VecDeque::new(),
        failed: None,
        ended: false,
        finished_at: None,
    };
    stream::unfold(live, |mut live| async move {
        let chunk = live.next().await?;
        Some((chunk, live))
    })
}

impl<S: Stream<Item = reqwest::Result<Bytes>> + Unpin> Live<S> {
    async fn next(&mut self) -> Option<Result<Chunk, Failure>> {
        if self.out.is_empty() && self.failed.is_none() && !self.ended {
            self.read().await;
            if self.out.is_empty() && self.failed.is_none() && !self.ended {
                return Some(Ok(Chunk::KeepAlive));
            }
        }
        match self.out.pop_front() {
            Some(chunk) => Some(Ok(chunk)),
            None => self.failed.take().map(Err),
        }
    }

    /// Takes what comes next from the network.
    async fn read(&mut self) {
        let came = match self.finished_at {
            None => self.body.next().await,
            Some(at) => timeout_at(at + AFTER_FINISH, self.body.next())
                .await
                .unwrap_or(None),
        };
        let read = match came {
            Some(Ok(bytes)) => self.reading.push(&bytes, &mut self.out),
            Some(Err(_)) if self.reading.is_finished() => self.end(),
            Some(Err(error)) => {
                let mut failure = Failure::transport(&error);
                if self.reading.has_begun() && failure.kind == FailureKind::Network {
                    failure.kind = FailureKind::Interrupted;
                }
                Err(failure)
            }
            None => self.end(),
        };
        let read = match read {
            Ok(()) if self.reading.is_done() && !self.ended => {
                let rest = async { while let Some(Ok(_)) = self.body.next().await {} };
                // Without the end in time, the connection is closed instead.
                let _ = timeout(AFTER_DONE, rest).await;
                self.end()
            }
            read => read,
        };
        if let Err(failure) = read {
            self.failed = Some(failure);
            self.ended = true;
        }
        if self.reading.is_finished() && self.finished_at.is_none() {
            self.finished_at = Some(Instant::now());
        }
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.ended = true;
        self.reading.end(&mut self.out)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn provider(config: Config) -> OpenAi {
        OpenAi::new(config).unwrap()
    }

    #[test]
    fn a_provider_that_cannot_work_says_what_to_mend_without_its_secrets() {
        let key = |key: &str| Config {
            key: Some(SecretString::from(key)),
            ..Config::new("main", "http://127.0.0.1/v1")
        };
        for (config, expected) in [
            (
                Config::new("main", "api.example.com/v1"),
                "no address of an API",
            ),
            (Config::new("main", "ftp://x/v1"), "no address of an API"),
            (Config::new("main", ""), "no address of an API"),
            (Config::new("main", "https://me:hush@x/v1"), "…@x/v1"),
            (
                Config::new("main", "https://x/v1?key=hush"),
                "without a key",
            ),
            (key("hush\n"), "line break"),
        ] {
            let error = OpenAi::new(config).unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("hush"),
                "{error}"
            );
        }
        let shown = format!("{:?} {:?}", key("hush"), provider(key("hush")));
        assert!(!shown.contains("hush"), "{shown}");
    }

    #[test]
    fn a_request_holds_what_was_asked_and_the_settings_extras() {
        let mut config = Config::new("main", "http://127.0.0.1/v1/");
        config.extra.insert("enable_thinking".into(), false.into());
        let provider = provider(config);
        assert_eq!(
            provider.url.as_str(),
            "http://127.0.0.1/v1/chat/completions"
        );
        let request = ChatRequest {
            model: "m".into(),
            lines: vec![PromptLine {
                role: teahouse_core::Speaker::User,
                content: "茶?".into(),
            }],
            max_tokens: 800,
        };
        let body = |completion_field, no_stream_options| {
            let sent = Sent {
                completion_field,
                no_stream_options,
            };
            String::from_utf8(provider.body(&request, &sent)).unwrap()
        };
        assert_eq!(
            body(false, false),
            r#"{"model":"m","messages":[{"role":"user","content":"茶?"}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":800,"enable_thinking":false}"#
        );
        assert_eq!(
            body(true, true),
            r#"{"model":"m","messages":[{"role":"user","content":"茶?"}],"stream":true,"max_completion_tokens":800,"enable_thinking":false}"#
        );
    }

    #[test]
    fn only_a_refusal_of_the_field_itself_teaches_anything() {
        let sent = Sent {
            completion_field: false,
            no_stream_options: false,
        };
        for (param, message, learnt) in [
            (
                "max_tokens",
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                true,
            ),
            (
                "",
                "Unrecognized request argument supplied: max_tokens",
                true,
            ),
            ("stream_options", "no", true),
            (
                "",
                r#"[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]"#,
                true,
            ),
            ("max_tokens", "max_tokens is too large: 800 > 512", false),
            ("temperature", "Unsupported value", false),
            ("", "", false),
        ] {
            let said = format!("{{\"error\":{{\"param\":{param:?},\"message\":{message:?}}}}}");
            let provider = provider(Config::new("main", "http://127.0.0.1/v1"));
            let said = Said::read(said.as_bytes());
            assert_eq!(provider.learn(&said, &sent), learnt, "{param} {message}");
        }
    }

    /// Looks up for ever.
    struct Slow;

    impl reqwest::dns::Resolve for Slow {
        fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_is_not_found_in_five_seconds_is_given_up() {
        let url = Url::parse("https://slow.example/v1/chat/completions").unwrap();
        let client = builder(&url, None, CONNECT).no_proxy();
        let client = client.dns_resolver(Arc::new(Slow)).build().unwrap();
        let started = Instant::now();
        let error = client.post(url).send().await.unwrap_err();
        assert_eq!(Failure::transport(&error).kind, FailureKind::Timeout);
        assert_eq!(started.elapsed().as_secs(), 5);
    }

    #[test]
    fn what_one_address_serves_fails_together() {
        let base = |url: &str| provider(Config::new("main", url)).callee("m").base;
        assert_eq!(
            base("https://api.example.com/v1"),
            base("https://API.example.com:443/v2/")
        );
        assert_ne!(
            base("https://api.example.com/v1"),
            base("https://api.example.org/v1")
        );
        assert_ne!(base("http://127.0.0.1:1/v1"), base("http://127.0.0.1:2/v1"));
        let mut socket = Config::new("main", "http://localhost/v1");
        socket.unix_socket = Some("/run/model.sock".into());
        assert_eq!(provider(socket).callee("m").base, "unix:/run/model.sock");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_has_finished_is_not_lost_with_its_connection() {
        let stop = "data: {\"choices\":[{\"delta\":{\"content\":\"tea\"},\"finish_reason\":\"stop\"}]}\n\n";
        let started = Instant::now();
        let body = stream::iter([Ok(Bytes::from(stop))]).chain(stream::pending());
        let chunks: Vec<_> = answer_stream(body).collect().await;
        let finish = Chunk::Finish(teahouse_core::Finish::Stop);
        assert_eq!(chunks, [Ok(Chunk::Text("tea".into())), Ok(finish)]);
        assert_eq!(started.elapsed(), AFTER_FINISH);
    }
}
