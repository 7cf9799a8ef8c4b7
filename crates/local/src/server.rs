//! HTTP on the Unix socket: three routes, and the desk where requests wait for the engine.
//! A client that hangs up drops its end of the events, which is how the engine hears of it.
//! It never computes; all that takes long happens on the engine's thread.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::wire::{self, Envelope, Finish, Refusal, Reply, Request, Usage};

/// One answer is being written, one request waits; the house's floor is fair about the rest.
const QUEUE: usize = 1;
/// No answer has more events than its context has tokens, and contexts stay below this; the
/// channel grows as it is used, so that the engine never waits for a slow reader.
const EVENTS: usize = 1 << 20;

/// Where HTTP and engine meet.
pub struct Desk {
    name: String,
    jobs: mpsc::Sender<Job>,
    requests: AtomicU64,
    /// What the engine says once the model is loaded.
    pub loaded: watch::Sender<Option<Facts>>,
    pub stop: CancellationToken,
}

pub struct Job {
    pub request: Request,
    pub events: mpsc::Sender<Event>,
}

pub enum Event {
    Started,
    Text(String),
    Done { finish: Finish, usage: Usage },
    Refused(Refusal),
}

#[derive(Clone, Copy)]
pub struct Facts {
    pub n_ctx: usize,
    pub n_params: u64,
    pub size: u64,
}

impl Desk {
    pub fn new(name: &str) -> (Arc<Self>, mpsc::Receiver<Job>) {
        let (jobs, taken) = mpsc::channel(QUEUE);
        let desk = Self {
            name: name.into(),
            jobs,
            requests: AtomicU64::new(0),
            loaded: watch::Sender::new(None),
            stop: CancellationToken::new(),
        };
        (Arc::new(desk), taken)
    }

    fn enqueue(&self, request: Request) -> Result<mpsc::Receiver<Event>, Refusal> {
        if self.stop.is_cancelled() {
            return Err(Refusal::Stopping);
        }
        if self.loaded.borrow().is_none() {
            return Err(Refusal::Loading);
        }
        let (events, receiver) = mpsc::channel(EVENTS);
        self.jobs
            .try_send(Job { request, events })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Refusal::Busy,
                mpsc::error::TrySendError::Closed(_) => Refusal::Stopping,
            })?;
        Ok(receiver)
    }

    fn envelope(&self) -> Envelope {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        Envelope {
            id: format!("chatcmpl-{}-{number}", std::process::id()),
            created: unix_seconds(),
            model: self.name.clone(),
        }
    }
}

pub fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(chat))
        .with_state(desk)
}

async fn health(State(desk): State<Arc<Desk>>) -> Response {
    match *desk.loaded.borrow() {
        Some(_) => Json(json!({ "status": "ok" })).into_response(),
        None => Refusal::Loading.into_response(),
    }
}

async fn models(State(desk): State<Arc<Desk>>) -> Json<Value> {
    let facts = *desk.loaded.borrow();
    let meta = facts.map(
        |facts| json!({ "n_ctx": facts.n_ctx, "n_params": facts.n_params, "size": facts.size }),
    );
    Json(json!({
        "object": "list",
        "data": [{ "id": desk.name, "object": "model", "created": 0, "owned_by": "teahouse", "meta": meta }],
    }))
}

async fn chat(State(desk): State<Arc<Desk>>, body: Bytes) -> Result<Response, Refusal> {
    let request = wire::read(&body).map_err(Refusal::BadRequest)?;
    let reply = request.reply;
    let mut events = desk.enqueue(request)?;
    let envelope = desk.envelope();
    // A refusal still gets its own status; a stream opens only once the model has read the prompt.
    match events.recv().await {
        Some(Event::Refused(refusal)) => return Err(refusal),
        None => return Err(Refusal::Stopping),
        Some(Event::Started | Event::Text(_) | Event::Done { .. }) => {}
    }
    match reply {
        Reply::Whole => Ok(Json(whole(&envelope, events).await?).into_response()),
        Reply::Stream { usage } => Ok(Sse::new(chunks(envelope, events, usage)).into_response()),
    }
}

async fn whole(envelope: &Envelope, mut events: mpsc::Receiver<Event>) -> Result<Value, Refusal> {
    let mut answer = String::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Started => {}
            Event::Text(text) => answer.push_str(&text),
            Event::Done { finish, usage } => return Ok(envelope.whole(&answer, finish, usage)),
            Event::Refused(refusal) => return Err(refusal),
        }
    }
    Err(Refusal::Stopping)
}

/// The events as chunks. Only a complete answer ends with `[DONE]`.
fn chunks(
    envelope: Envelope,
    events: mpsc::Receiver<Event>,
    with_usage: bool,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let opening = stream::iter([envelope.opening().to_string()]);
    let rest = stream::unfold(Some(events), |events| async {
        let mut events = events?;
        let event = events
            .recv()
            .await
            .unwrap_or(Event::Refused(Refusal::Stopping));
        let over = matches!(event, Event::Done { .. } | Event::Refused(_));
        Some((event, (!over).then_some(events)))
    })
    .flat_map(move |event| {
        stream::iter(match event {
            Event::Started => vec![],
            Event::Text(text) => vec![envelope.text(&text).to_string()],
            Event::Done { finish, usage } => {
                let usage = with_usage.then(|| envelope.usage(usage).to_string());
                std::iter::once(envelope.closing(finish).to_string())
                    .chain(usage)
                    .chain(["[DONE]".to_string()])
                    .collect()
            }
            Event::Refused(refusal) => vec![refusal.json().to_string()],
        })
    });
    opening
        .chain(rest)
        .map(|data| Ok(sse::Event::default().data(data)))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).expect("our own statuses are valid");
        let mut response = (status, Json(self.json())).into_response();
        if self == Self::Busy {
            response
                .headers_mut()
                .insert("retry-after", axum::http::HeaderValue::from_static("2"));
        }
        response
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "OpenAI's `created`; nothing here is decided by it, and this process has no SystemClock"
)]
fn unix_seconds() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::time::timeout;
    use tokio_util::task::TaskTracker;

    const PATIENCE: Duration = Duration::from_secs(10);
    const QUESTION: &str = r#"{"messages":[{"role":"user","content":"tea?"}]}"#;
    const STREAMED: &str = r#"{"messages":[{"role":"user","content":"tea?"}],"stream":true,"stream_options":{"include_usage":true}}"#;

    /// A desk that is being served on a socket; the test plays the engine.
    struct Counter {
        desk: Arc<Desk>,
        jobs: mpsc::Receiver<Job>,
        socket: PathBuf,
        _folder: tempfile::TempDir,
        _tasks: TaskTracker,
    }

    impl Counter {
        fn open() -> Self {
            let (desk, jobs) = Desk::new("leaf");
            let folder = tempfile::tempdir().unwrap();
            let socket = folder.path().join("s");
            let listener = UnixListener::bind(&socket).unwrap();
            let tasks = TaskTracker::new();
            tasks.spawn(axum::serve(listener, routes(desk.clone())).into_future());
            Self {
                desk,
                jobs,
                socket,
                _folder: folder,
                _tasks: tasks,
            }
        }

        fn loaded(self) -> Self {
            self.desk.loaded.send_replace(Some(Facts {
                n_ctx: 64,
                n_params: 1,
                size: 1,
            }));
            self
        }

        async fn send(&self, request: &str, body: &str) -> UnixStream {
            let mut stream = UnixStream::connect(&self.socket).await.unwrap();
            let length = body.len();
            let text = format!(
                "{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            stream.write_all(text.as_bytes()).await.unwrap();
            stream
        }

        async fn ask(&self, body: &str) -> UnixStream {
            self.send("POST /v1/chat/completions", body).await
        }

        async fn next(&mut self) -> Job {
            timeout(PATIENCE, self.jobs.recv()).await.unwrap().unwrap()
        }
    }

    async fn all(mut stream: UnixStream) -> String {
        let mut text = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut text))
            .await
            .unwrap()
            .unwrap();
        text
    }

    fn say(job: &Job, events: Vec<Event>) {
        for event in events {
            assert!(job.events.try_send(event).is_ok());
        }
    }

    fn answer() -> Vec<Event> {
        let usage = Usage {
            prompt: 3,
            cached: 0,
            completion: 2,
        };
        vec![
            Event::Started,
            Event::Text("绿".into()),
            Event::Text("茶".into()),
            Event::Done {
                finish: Finish::Stop,
                usage,
            },
        ]
    }

    #[tokio::test]
    async fn while_loading_everything_says_503() {
        let counter = Counter::open();
        for stream in [
            counter.send("GET /health", "").await,
            counter.ask(QUESTION).await,
        ] {
            let reply = all(stream).await;
            assert!(
                reply.starts_with("HTTP/1.1 503 ") && reply.contains("Loading model"),
                "{reply}"
            );
        }
        let counter = counter.loaded();
        assert!(
            all(counter.send("GET /health", "").await)
                .await
                .starts_with("HTTP/1.1 200 ")
        );
        assert!(
            all(counter.send("GET /v1/models", "").await)
                .await
                .contains(r#""id":"leaf""#)
        );
    }

    #[tokio::test]
    async fn an_answer_comes_whole_or_in_chunks() {
        let mut counter = Counter::open().loaded();
        let stream = counter.ask(QUESTION).await;
        let job = counter.next().await;
        say(&job, answer());
        let reply = all(stream).await;
        assert!(
            reply.contains(r#""content":"绿茶""#) && reply.contains(r#""finish_reason":"stop""#),
            "{reply}"
        );

        let stream = counter.ask(STREAMED).await;
        let job = counter.next().await;
        say(&job, answer());
        let reply = all(stream).await;
        let mut from = 0;
        for expected in [
            r#""content":"绿""#,
            r#""content":"茶""#,
            r#""finish_reason":"stop""#,
            r#""total_tokens":5"#,
            "data: [DONE]",
        ] {
            let found = reply[from..]
                .find(expected)
                .unwrap_or_else(|| panic!("{expected} not in order in {reply}"));
            from += found + expected.len();
        }
    }

    #[tokio::test]
    async fn a_refusal_keeps_its_status_even_for_a_stream() {
        let mut counter = Counter::open().loaded();
        for (refusal, status) in [
            (
                Refusal::TooLong {
                    n_prompt_tokens: 99,
                    n_ctx: 64,
                },
                "HTTP/1.1 400 ",
            ),
            (Refusal::Engine("the pot is broken".into()), "HTTP/1.1 500 "),
        ] {
            let stream = counter.ask(STREAMED).await;
            let job = counter.next().await;
            say(&job, vec![Event::Refused(refusal)]);
            let reply = all(stream).await;
            assert!(reply.starts_with(status), "{reply}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_not_done() {
        let mut counter = Counter::open().loaded();
        let stream = counter.ask(STREAMED).await;
        let job = counter.next().await;
        say(
            &job,
            vec![
                Event::Started,
                Event::Text("half".into()),
                Event::Refused(Refusal::Engine("spilled".into())),
            ],
        );
        let reply = all(stream).await;
        assert!(
            reply.contains("half")
                && reply.contains(r#""message":"spilled""#)
                && !reply.contains("[DONE]"),
            "{reply}"
        );
    }

    #[tokio::test]
    async fn the_queue_is_short_and_says_when_it_is_full() {
        let mut counter = Counter::open().loaded();
        let first = counter.ask(QUESTION).await;
        let running = counter.next().await;
        let waiting = counter.ask(QUESTION).await;
        timeout(PATIENCE, async {
            while counter.desk.jobs.capacity() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        let reply = all(counter.ask(QUESTION).await).await;
        assert!(
            reply.starts_with("HTTP/1.1 429 ") && reply.contains("retry-after: 2"),
            "{reply}"
        );
        drop((first, waiting, running));
    }

    #[tokio::test]
    async fn a_client_that_hangs_up_is_noticed() {
        let mut counter = Counter::open().loaded();
        for body in [QUESTION, STREAMED] {
            let stream = counter.ask(body).await;
            let job = counter.next().await;
            assert!(!job.events.is_closed());
            drop(stream);
            timeout(PATIENCE, job.events.closed()).await.unwrap();

            // And in the middle of its answer.
            let mut stream = counter.ask(body).await;
            let job = counter.next().await;
            say(&job, vec![Event::Started, Event::Text("well,".into())]);
            if body == STREAMED {
                stream.read_u8().await.unwrap();
            }
            drop(stream);
            timeout(PATIENCE, job.events.closed()).await.unwrap();
        }
    }
}
