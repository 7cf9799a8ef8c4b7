//! The bare echo bot: what the runtime, the sockets and the JSON cost when a bot keeps no promise at all.
//! The same crates as the house's, the same path, the same streamed call; every figure of the house is read beside its figures.
//! It has no rules, no store, no retry, no order, and never will: it is the ceiling.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use axum::extract::ws::{Message, WebSocket};
use axum::extract::{State, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

#[derive(Parser)]
struct Args {
    /// Where the bridge dials.
    #[arg(long)]
    listen: SocketAddr,
    /// The model's base URL, with /v1.
    #[arg(long)]
    model: String,
}

#[derive(Clone)]
struct Bot {
    client: reqwest::Client,
    url: String,
    tasks: TaskTracker,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bot = Bot {
        client: reqwest::Client::builder().no_proxy().build()?,
        url: format!("{}/chat/completions", args.model),
        tasks: TaskTracker::new(),
    };
    let routes = Router::new()
        .route("/onebot/v11/ws", get(upgrade))
        .route("/readyz", get(|| async { "ready" }))
        .with_state(bot);
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    eprintln!("ready on {}", args.listen);
    axum::serve(listener, routes).await?;
    Ok(())
}

async fn upgrade(State(bot): State<Bot>, socket: WebSocketUpgrade) -> Response {
    socket.on_upgrade(move |socket| bot.serve(socket))
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    post_type: String,
    #[serde(default)]
    group_id: i64,
    #[serde(default)]
    message_id: i64,
    #[serde(default)]
    message: Vec<Segment>,
}

#[derive(Deserialize)]
struct Segment {
    r#type: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    text: String,
}

impl Bot {
    async fn serve(self, socket: WebSocket) {
        let (mut sink, mut stream) = socket.split();
        let (out, mut answers) = mpsc::unbounded_channel::<String>();
        self.tasks.spawn(async move {
            while let Some(answer) = answers.recv().await {
                if sink.send(Message::text(answer)).await.is_err() {
                    return;
                }
            }
        });
        while let Some(Ok(frame)) = stream.next().await {
            let Message::Text(frame) = frame else {
                continue;
            };
            let Ok(event) = serde_json::from_str::<Event>(&frame) else {
                continue;
            };
            let Some(first) = event.message.first() else {
                continue;
            };
            if event.post_type != "message"
                || first.r#type != "text"
                || !first.data.text.starts_with("ai ")
            {
                continue;
            }
            let (bot, out, question) = (self.clone(), out.clone(), first.data.text[3..].to_owned());
            self.tasks.spawn(async move {
                let text = match bot.ask(&question).await {
                    Ok(text) => text,
                    Err(error) => error.to_string(),
                };
                let answer = json!({
                    "action": "send_group_msg",
                    "params": {
                        "group_id": event.group_id.to_string(),
                        "message": [
                            {"type": "reply", "data": {"id": event.message_id.to_string()}},
                            {"type": "text", "data": {"text": text}},
                        ],
                    },
                    "echo": event.message_id.to_string(),
                });
                let _ = out.send(answer.to_string());
            });
        }
    }

    async fn ask(&self, question: &str) -> anyhow::Result<String> {
        let body = json!({
            "model": "fake-model", "stream": true, "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": question}],
        });
        let mut response = self
            .client
            .post(&self.url)
            .bearer_auth("key")
            .json(&body)
            .send()
            .await?;
        let (mut text, mut line) = (String::new(), Vec::new());
        while let Some(bytes) = response.chunk().await? {
            for byte in bytes {
                if byte != b'\n' {
                    line.push(byte);
                    continue;
                }
                if let Some(payload) = line.strip_prefix(b"data: ")
                    && let Ok(chunk) = serde_json::from_slice::<Chunk>(payload)
                {
                    text.extend(
                        chunk
                            .choices
                            .into_iter()
                            .filter_map(|choice| choice.delta.content),
                    );
                }
                line.clear();
            }
        }
        Ok(text)
    }
}

#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}
