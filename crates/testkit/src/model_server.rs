//! A scripted OpenAI-compatible server: chat completions, streamed or not, and every way in which one can go wrong.
//! It speaks HTTP/1.1 by hand over a bare socket, because it must be able to break HTTP. It stands where the provider stands;
//! it never looks at the house and never decides by itself to fail.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The server. Clones share it; it stops when the last one is dropped.
#[derive(Clone)]
pub struct FakeModel {
    inner: Arc<Inner>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Counted from 1 over the server's life.
    pub n: u64,
    /// `POST`.
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The JSON body; null where it is none.
    pub body: Value,
    /// When its last byte was here.
    pub at: Instant,
}

impl Request {
    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The model asked for.
    pub fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    /// Whether a stream is asked for.
    pub fn streams(&self) -> bool {
        self.body["stream"].as_bool().unwrap_or(false)
    }

    /// The text of the last user message.
    pub fn last_user(&self) -> String {
        let messages = self.body["messages"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        messages
            .iter()
            .rev()
            .find(|message| message["role"] == "user")
            .map(words_of)
            .unwrap_or_default()
    }

    /// All system (or developer) messages, joined by newlines.
    pub fn system(&self) -> String {
        let messages = self.body["messages"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let system = messages
            .iter()
            .filter(|message| message["role"] == "system" || message["role"] == "developer");
        system.map(words_of).collect::<Vec<_>>().join("\n")
    }
}

/// A message's content, be it a string or parts.
fn words_of(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

/// One thing that the server does on the connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Writes bytes as they are, status line and all, and flushes.
    Bytes(Vec<u8>),
    /// Waits, or until the client has gone.
    Wait(Duration),
    /// Waits for ever, or until the client has gone.
    Hang,
    /// Writes the bytes again and again with a pause between, until the client has gone.
    Forever(Vec<u8>, Duration),
    /// Closes politely (FIN); without it the connection is kept for the next request.
    Close,
    /// Resets the connection (RST).
    Reset,
}

/// What the server does with one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An ordinary answer, with its habits and its faults.
    Answer(Box<Answer>),
    /// Any status, headers and body, with a correct length.
    Http {
        /// The status.
        status: u16,
        /// More headers.
        headers: Vec<(String, String)>,
        /// The body's type.
        content_type: String,
        /// The body.
        body: Vec<u8>,
    },
    /// Anything at all.
    Steps(Vec<Step>),
}

impl Reply {
    /// An ordinary answer that says this.
    pub fn text(words: impl Into<String>) -> Reply {
        Answer::new(words).into()
    }

    /// A failed one with the vendors' usual body and headers for its status (401, 402, 403, 404, 429, 500, 503, 529 …).
    pub fn error(status: u16) -> Reply {
        let (kind, code, message) = match status {
            400 => ("invalid_request_error", "bad_request", "Bad request."),
            401 => (
                "invalid_request_error",
                "invalid_api_key",
                "Incorrect API key provided: sk-wrong.",
            ),
            402 => (
                "billing_error",
                "insufficient_balance",
                "Insufficient Balance",
            ),
            403 => (
                "permission_error",
                "permission_denied",
                "Your key may not use this model.",
            ),
            404 => (
                "invalid_request_error",
                "model_not_found",
                "The model `fake-model` does not exist.",
            ),
            429 => (
                "requests",
                "rate_limit_exceeded",
                "Rate limit reached for requests.",
            ),
            503 => (
                "server_error",
                "server_is_overloaded",
                "The server is overloaded.",
            ),
            529 => ("overloaded_error", "overloaded", "Overloaded"),
            _ => (
                "server_error",
                "internal_error",
                "The server had an error while processing your request.",
            ),
        };
        Reply::json(
            status,
            &json!({"error": {"message": message, "type": kind, "param": null, "code": code}}),
        )
    }

    /// Any status with a JSON body.
    pub fn json(status: u16, body: &Value) -> Reply {
        Reply::Http {
            status,
            headers: Vec::new(),
            content_type: "application/json".into(),
            body: body.to_string().into_bytes(),
        }
    }

    /// 200 and an event stream of exactly these bytes.
    pub fn sse(body: impl Into<Vec<u8>>) -> Reply {
        Reply::Http {
            status: 200,
            headers: Vec::new(),
            content_type: "text/event-stream".into(),
            body: body.into(),
        }
    }

    /// 200 and a proxy's page.
    pub fn html() -> Reply {
        Reply::Http {
            status: 200,
            headers: Vec::new(),
            content_type: "text/html; charset=utf-8".into(),
            body: b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>".to_vec(),
        }
    }

    /// 200 and nothing.
    pub fn empty() -> Reply {
        Reply::Http {
            status: 200,
            headers: Vec::new(),
            content_type: "application/json".into(),
            body: Vec::new(),
        }
    }

    /// 200 and `choices: []`.
    pub fn no_choices() -> Reply {
        Reply::json(
            200,
            &json!({"id": "c1", "object": "chat.completion", "model": "fake-model", "choices": []}),
        )
    }

    /// Takes the request and says nothing, ever.
    pub fn hang() -> Reply {
        Reply::Steps(vec![Step::Hang])
    }

    /// Good headers, then nothing, ever.
    pub fn hang_after_headers() -> Reply {
        Reply::Steps(vec![Step::Bytes(stream_head().into_bytes()), Step::Hang])
    }

    /// Good headers, then comments for ever and never a token.
    pub fn keep_alive_for_ever(every: Duration) -> Reply {
        let comment = chunked(b": keep-alive\n\n");
        Reply::Steps(vec![
            Step::Bytes(stream_head().into_bytes()),
            Step::Forever(comment, every),
        ])
    }

    /// The connection is reset before any header.
    pub fn reset() -> Reply {
        Reply::Steps(vec![Step::Reset])
    }

    /// The connection is closed before any header.
    pub fn close() -> Reply {
        Reply::Steps(vec![Step::Close])
    }

    /// With one more header; only an `Http` reply has any.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        if let Reply::Http { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// With other body bytes; only an `Http` reply has any.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Reply {
        if let Reply::Http { body, .. } = &mut self {
            *body = bytes.into();
        }
        self
    }

    fn steps(self, streams: bool) -> Vec<Step> {
        match self {
            Reply::Answer(answer) => answer.steps(streams),
            Reply::Http {
                status,
                headers,
                content_type,
                body,
            } => {
                vec![Step::Bytes(whole(status, &headers, &content_type, &body))]
            }
            Reply::Steps(steps) => steps,
        }
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Reply {
        Reply::Answer(Box::new(answer))
    }
}

/// Where the tokens were counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Usage {
    /// A believable count, in the last chunk with empty choices.
    Counted,
    /// The same on the chunk that has the finish reason.
    OnFinish,
    /// Cumulative on every chunk.
    OnEvery,
    /// None.
    Missing,
    /// Whatever this is.
    Odd(Value),
}

/// How an answer ends too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// After so many body bytes the connection is closed in the middle of HTTP.
    Broken(usize),
    /// After so many body bytes the body ends as if that were all.
    Clean(usize),
    /// After so many body bytes nothing more comes.
    Stalled(usize),
    /// Broken inside the answer's first character of more than one byte.
    InsideCharacter,
}

/// An ordinary answer and its habits.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What it says.
    pub text: String,
    /// Characters to a chunk.
    pub chunk: usize,
    /// Before the first byte of the answer.
    pub first_after: Duration,
    /// Headers are sent at once even when `first_after` is set.
    pub headers_first: bool,
    /// Between chunks.
    pub between: Duration,
    /// Its count of tokens.
    pub usage: Usage,
    /// Sent before the text in its own field.
    pub reasoning: Option<String>,
    /// That field's name: `reasoning_content`, or `reasoning`.
    pub reasoning_field: &'static str,
    /// Put before the text in `<think>` tags.
    pub think: Option<String>,
    /// Null where none.
    pub finish: Option<String>,
    /// How many `[DONE]` it ends with.
    pub done: usize,
    /// How lines end: `\n`, `\r\n`, or `\r`.
    pub newline: &'static str,
    /// Comments between chunks.
    pub comments: bool,
    /// `data:` without a space.
    pub tight: bool,
    /// Frames written after the text, before the finish: an error event, a tool call, rubbish.
    pub extra: Vec<String>,
    /// Whether and how it breaks off.
    pub cut: Option<Cut>,
    /// Written in pieces of so many bytes.
    pub pieces: Option<usize>,
    /// The model's name in the answer.
    pub model: String,
}

impl Answer {
    /// A good one: eight characters a chunk, no delay, usage in the last chunk, one `[DONE]`.
    pub fn new(text: impl Into<String>) -> Answer {
        Answer {
            text: text.into(),
            chunk: 8,
            first_after: Duration::ZERO,
            headers_first: false,
            between: Duration::ZERO,
            usage: Usage::Counted,
            reasoning: None,
            reasoning_field: "reasoning_content",
            think: None,
            finish: Some("stop".into()),
            done: 1,
            newline: "\n",
            comments: false,
            tight: false,
            extra: Vec::new(),
            cut: None,
            pieces: None,
            model: "fake-model".into(),
        }
    }

    /// Whole characters to a chunk, and the pause between chunks.
    #[must_use]
    pub fn paced(mut self, chunk: usize, between: Duration) -> Answer {
        self.chunk = chunk.max(1);
        self.between = between;
        self
    }

    /// The pause before the first byte.
    #[must_use]
    pub fn after(mut self, first_after: Duration) -> Answer {
        self.first_after = first_after;
        self
    }

    /// Its usage.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Answer {
        self.usage = usage;
        self
    }

    /// How it breaks off.
    #[must_use]
    pub fn cut(mut self, cut: Cut) -> Answer {
        self.cut = Some(cut);
        self
    }

    /// The event stream's bytes, without any HTTP around them.
    pub fn stream(&self) -> Vec<u8> {
        self.frames().concat()
    }

    fn steps(&self, streams: bool) -> Vec<Step> {
        let (head, frames) = if streams {
            (stream_head(), self.frames())
        } else {
            let body = self.whole_body().to_string().into_bytes();
            (
                head(200, &[], "application/json", Some(body.len())),
                vec![body],
            )
        };
        let mut steps = Vec::new();
        let mut buffer = head.into_bytes();
        if !self.first_after.is_zero() {
            if self.headers_first {
                steps.push(Step::Bytes(std::mem::take(&mut buffer)));
            }
            steps.push(Step::Wait(self.first_after));
        }
        let limit = self.cut.and_then(|_| self.cut_at(&frames.concat()));
        let mut written = 0;
        for (n, frame) in frames.iter().enumerate() {
            let left = limit.unwrap_or(usize::MAX) - written;
            let part = &frame[..frame.len().min(left)];
            written += part.len();
            if n > 0 && !self.between.is_zero() {
                steps.push(Step::Bytes(std::mem::take(&mut buffer)));
                steps.push(Step::Wait(self.between));
            }
            if streams {
                buffer.extend(chunked(part));
            } else {
                buffer.extend_from_slice(part);
            }
            if part.len() < frame.len() {
                break;
            }
        }
        let ending = match self.cut {
            Some(Cut::Stalled(_)) => Some(Step::Hang),
            Some(Cut::Broken(_) | Cut::InsideCharacter) => Some(Step::Close),
            Some(Cut::Clean(_)) | None => {
                if streams {
                    buffer.extend_from_slice(b"0\r\n\r\n");
                }
                None
            }
        };
        steps.push(Step::Bytes(buffer));
        if let Some(pieces) = self.pieces {
            steps = steps
                .into_iter()
                .flat_map(|step| in_pieces(step, pieces.max(1)))
                .collect();
        }
        steps.extend(ending);
        steps
    }

    fn cut_at(&self, body: &[u8]) -> Option<usize> {
        match self.cut? {
            Cut::Broken(at) | Cut::Clean(at) | Cut::Stalled(at) => Some(at),
            Cut::InsideCharacter => body.iter().position(|byte| *byte >= 0xc0).map(|at| at + 1),
        }
    }

    fn frames(&self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let data = |payload: &str| {
            let space = if self.tight { "" } else { " " };
            format!("data:{space}{payload}{0}{0}", self.newline)
        };
        let mut said = 0;
        let mut chunk = |delta: Value, finish: Option<&str>, usage: Option<Value>| {
            let mut chunk = json!({
                "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": self.model,
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            });
            if let Some(usage) = usage {
                chunk["usage"] = usage;
            }
            let comment = if self.comments {
                format!(": keep-alive{0}{0}", self.newline)
            } else {
                String::new()
            };
            frames.push(format!("{comment}{}", data(&chunk.to_string())).into_bytes());
        };
        chunk(json!({"role": "assistant", "content": ""}), None, None);
        for part in self
            .reasoning
            .iter()
            .flat_map(|text| split(text, self.chunk))
        {
            chunk(json!({self.reasoning_field: part}), None, None);
        }
        for part in split(&self.content(), self.chunk) {
            said += part.chars().count();
            let usage = (self.usage == Usage::OnEvery).then(|| usage_of(said));
            chunk(json!({"content": part}), None, usage);
        }
        let on_finish =
            matches!(self.usage, Usage::OnFinish | Usage::OnEvery).then(|| usage_of(said));
        if let Some(finish) = &self.finish {
            chunk(json!({}), Some(finish), on_finish);
        }
        // The last content frame may be followed by anything, but a finish reason ends the text.
        let place = frames.len() - usize::from(self.finish.is_some());
        for (n, extra) in self.extra.iter().enumerate() {
            frames.insert(place + n, data(extra).into_bytes());
        }
        let last = match &self.usage {
            Usage::Counted => Some(usage_of(said)),
            Usage::Odd(odd) => Some(odd.clone()),
            Usage::OnFinish | Usage::OnEvery | Usage::Missing => None,
        };
        if let Some(usage) = last {
            let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000,
                               "model": self.model, "choices": [], "usage": usage});
            frames.push(data(&chunk.to_string()).into_bytes());
        }
        frames.extend((0..self.done).map(|_| data("[DONE]").into_bytes()));
        frames
    }

    fn content(&self) -> String {
        match &self.think {
            Some(think) => format!("<think>\n{think}\n</think>\n\n{}", self.text),
            None => self.text.clone(),
        }
    }

    fn whole_body(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": self.content(), "refusal": null});
        if let Some(reasoning) = &self.reasoning {
            message[self.reasoning_field] = reasoning.as_str().into();
        }
        let mut body = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish}],
        });
        match &self.usage {
            Usage::Counted | Usage::OnFinish | Usage::OnEvery => {
                body["usage"] = usage_of(self.content().chars().count());
            }
            Usage::Odd(odd) => body["usage"] = odd.clone(),
            Usage::Missing => {}
        }
        body
    }
}

fn usage_of(characters: usize) -> Value {
    let completion = characters / 4 + 1;
    json!({
        "prompt_tokens": 19, "completion_tokens": completion, "total_tokens": 19 + completion,
        "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0},
    })
}

fn split(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters
        .chunks(size.max(1))
        .map(|part| part.iter().collect())
        .collect()
}

fn in_pieces(step: Step, size: usize) -> Vec<Step> {
    match step {
        Step::Bytes(bytes) => {
            // A tick between pieces, so that each is a read of its own.
            let piece = |piece: &[u8]| {
                [
                    Step::Bytes(piece.to_vec()),
                    Step::Wait(Duration::from_micros(50)),
                ]
            };
            bytes.chunks(size).flat_map(piece).collect()
        }
        Step::Wait(_) | Step::Hang | Step::Forever(..) | Step::Close | Step::Reset => vec![step],
    }
}

fn chunked(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        // An empty chunk would end the body.
        return Vec::new();
    }
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn stream_head() -> String {
    head(200, &[], "text/event-stream; charset=utf-8", None)
}

fn whole(status: u16, headers: &[(String, String)], content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(status, headers, content_type, Some(body.len())).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn head(
    status: u16,
    headers: &[(String, String)],
    content_type: &str,
    length: Option<usize>,
) -> String {
    use std::fmt::Write as _;
    let mut head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\nx-request-id: req-1\r\n"
    );
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    match length {
        Some(length) => {
            let _ = write!(head, "content-length: {length}\r\n\r\n");
        }
        None => head.push_str("cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"),
    }
    head
}

type Script = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

struct Inner {
    address: SocketAddr,
    state: Mutex<State>,
    version: watch::Sender<u64>,
    count: AtomicU64,
    in_flight: AtomicU64,
    abandoned: AtomicU64,
    recording: AtomicBool,
    tracker: TaskTracker,
}

struct State {
    queue: VecDeque<Reply>,
    script: Script,
    requests: Vec<Request>,
    /// Of the listener and all its connections; none while down.
    running: Option<CancellationToken>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(running) = self.lock().running.take() {
            running.cancel();
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

impl FakeModel {
    /// Listens on a free port of the loopback and answers "Answer to: …" until told otherwise.
    pub async fn start() -> FakeModel {
        FakeModel::start_on(0).await
    }

    /// The same on a port of your choice.
    pub async fn start_on(port: u16) -> FakeModel {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .expect("a port of the loopback is free");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let state = State {
            queue: VecDeque::new(),
            script: Arc::new(|request: &Request| {
                Reply::text(format!("Answer to: {}", request.last_user()))
            }),
            requests: Vec::new(),
            running: None,
        };
        let inner = Arc::new(Inner {
            address,
            state: Mutex::new(state),
            version: watch::Sender::new(0),
            count: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            recording: AtomicBool::new(true),
            tracker: TaskTracker::new(),
        });
        let model = FakeModel { inner };
        model.listen(listener);
        model
    }

    /// For a provider's `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.inner.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Decides for every request what comes back.
    pub fn script(&self, script: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.inner.lock().script = Arc::new(script);
    }

    /// The same reply for every request from now on.
    pub fn always(&self, reply: Reply) {
        self.script(move |_| reply.clone());
    }

    /// "Answer to: …" from now on.
    pub fn answers(&self) {
        self.script(|request| Reply::text(format!("Answer to: {}", request.last_user())));
    }

    /// What comes back for the next request; the queue is asked before the script.
    pub fn next(&self, reply: impl Into<Reply>) {
        self.inner.lock().queue.push_back(reply.into());
    }

    /// Whether requests are kept for [`FakeModel::requests`]; the counter always runs.
    pub fn records(&self, yes: bool) {
        self.inner.recording.store(yes, Ordering::Relaxed);
    }

    /// Every chat request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.inner.lock().requests.clone()
    }

    /// How many chat requests came, recorded or not.
    pub fn count(&self) -> u64 {
        self.inner.count.load(Ordering::Relaxed)
    }

    /// How many are being answered now.
    pub fn in_flight(&self) -> u64 {
        self.inner.in_flight.load(Ordering::Relaxed)
    }

    /// From how many the client went away before their end.
    pub fn abandoned(&self) -> u64 {
        self.inner.abandoned.load(Ordering::Relaxed)
    }

    /// Refuses connections, and drops those it has.
    pub fn goes_down(&self) {
        if let Some(running) = self.inner.lock().running.take() {
            running.cancel();
        }
    }

    /// Listens again on the same port.
    pub async fn comes_up(&self) {
        let mut last = None;
        // The old listener may take a moment to let the port go.
        for _ in 0..100 {
            match TcpListener::bind(self.inner.address).await {
                Ok(listener) => return self.listen(listener),
                Err(error) => last = Some(error),
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("cannot listen again on {}: {last:?}", self.inner.address);
    }

    /// Waits until something holds, looking again at every request's start and end.
    pub async fn wait_until(&self, holds: impl Fn(&FakeModel) -> bool, limit: Duration) -> bool {
        let mut version = self.inner.version.subscribe();
        let waiting = async {
            loop {
                version.borrow_and_update();
                if holds(self) || version.changed().await.is_err() {
                    return;
                }
            }
        };
        timeout(limit, waiting).await.is_ok() || holds(self)
    }

    fn listen(&self, listener: TcpListener) {
        let running = CancellationToken::new();
        self.inner.lock().running = Some(running.clone());
        // The task holds the server weakly, so that dropping the last clone ends it.
        let server = Arc::downgrade(&self.inner);
        self.inner.tracker.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = running.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Some(inner) = server.upgrade() else {
                    return;
                };
                let Ok((socket, _)) = accepted else { continue };
                let _ = socket.set_nodelay(true);
                let (server, running) = (server.clone(), running.clone());
                inner.tracker.spawn(async move {
                    tokio::select! {
                        () = running.cancelled() => {}
                        () = serve(&server, socket) => {}
                    }
                });
            }
        });
    }
}

type Server = std::sync::Weak<Inner>;

async fn serve(server: &Server, mut socket: TcpStream) {
    let mut buffer = Vec::new();
    loop {
        let Some((mut request, used)) = read_request(&mut socket, &mut buffer).await else {
            return;
        };
        buffer.drain(..used);
        let Some(inner) = server.upgrade() else {
            return;
        };
        let path = request.path.split('?').next().unwrap_or_default();
        let steps = if request.method == "GET" && path.ends_with("/models") {
            Reply::json(
                200,
                &json!({"object": "list", "data": [{"id": "fake-model", "object": "model"}]}),
            )
            .steps(false)
        } else if !path.ends_with("/chat/completions") {
            Reply::error(404).steps(false)
        } else {
            request.n = inner.count.fetch_add(1, Ordering::Relaxed) + 1;
            let (queued, script) = {
                let mut state = inner.lock();
                if inner.recording.load(Ordering::Relaxed) {
                    state.requests.push(request.clone());
                }
                (state.queue.pop_front(), state.script.clone())
            };
            // Outside the lock: a script may look at the server.
            queued
                .unwrap_or_else(|| script(&request))
                .steps(request.streams())
        };
        inner.in_flight.fetch_add(1, Ordering::Relaxed);
        inner.touch();
        let flight = Flight(server.clone());
        drop(inner);
        let end = perform(&mut socket, &mut buffer, steps).await;
        drop(flight);
        match end {
            End::Kept => {}
            End::Closed => return,
            End::ClientGone => {
                if let Some(inner) = server.upgrade() {
                    inner.abandoned.fetch_add(1, Ordering::Relaxed);
                    inner.touch();
                }
                return;
            }
        }
    }
}

/// Counts a request as in flight until dropped, also when its connection is killed.
struct Flight(Server);

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.in_flight.fetch_sub(1, Ordering::Relaxed);
            inner.touch();
        }
    }
}

enum End {
    Kept,
    Closed,
    ClientGone,
}

async fn perform(socket: &mut TcpStream, buffer: &mut Vec<u8>, steps: Vec<Step>) -> End {
    for step in steps {
        match step {
            Step::Bytes(bytes) => {
                if socket.write_all(&bytes).await.is_err() {
                    return End::ClientGone;
                }
            }
            Step::Wait(time) => {
                tokio::select! {
                    () = sleep(time) => {}
                    () = gone(socket, buffer) => return End::ClientGone,
                }
            }
            Step::Hang => {
                gone(socket, buffer).await;
                return End::ClientGone;
            }
            Step::Forever(bytes, pause) => loop {
                if socket.write_all(&bytes).await.is_err() {
                    return End::ClientGone;
                }
                tokio::select! {
                    () = sleep(pause) => {}
                    () = gone(socket, buffer) => return End::ClientGone,
                }
            },
            Step::Close => {
                let _ = socket.shutdown().await;
                return End::Closed;
            }
            Step::Reset => {
                let _ = socket.set_zero_linger();
                return End::Closed;
            }
        }
    }
    End::Kept
}

/// Returns when the client has closed; what it sends meanwhile is kept for the next request.
async fn gone(socket: &mut TcpStream, buffer: &mut Vec<u8>) {
    loop {
        match socket.read_buf(buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// One request, and how many bytes of the buffer it took; none at the connection's end or when it is no HTTP.
async fn read_request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(Request, usize)> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if socket.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let value = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let (body, used) =
        if value("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            read_chunked(socket, buffer, head_end).await?
        } else {
            let length: usize = value("content-length")
                .and_then(|length| length.parse().ok())
                .unwrap_or(0);
            while buffer.len() < head_end + length {
                if socket.read_buf(buffer).await.ok()? == 0 {
                    return None;
                }
            }
            (
                buffer[head_end..head_end + length].to_vec(),
                head_end + length,
            )
        };
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some((
        Request {
            n: 0,
            method,
            path,
            headers,
            body,
            at: Instant::now(),
        },
        used,
    ))
}

async fn read_chunked(
    socket: &mut TcpStream,
    buffer: &mut Vec<u8>,
    start: usize,
) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = start;
    loop {
        let line_end = loop {
            if let Some(end) = buffer[at..].windows(2).position(|window| window == b"\r\n") {
                break at + end;
            }
            if socket.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        };
        let size = std::str::from_utf8(&buffer[at..line_end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let end = line_end + 2 + size + 2;
        while buffer.len() < end {
            if socket.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        }
        body.extend_from_slice(&buffer[line_end + 2..line_end + 2 + size]);
        at = end;
        if size == 0 {
            return Some((body, at));
        }
    }
}
