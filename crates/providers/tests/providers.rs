//! Providers over real sockets, against a server that breaks HTTP in the ways servers do.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod parrot;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use secrecy::SecretString;
use teahouse_core::{ChatRequest, Chunk, FailureKind, PromptLine, Speaker};
use teahouse_providers::openai::Config;
use teahouse_providers::{Gateway, OpenAi, Provider, ProviderError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio::time::Instant;

const KEY: &str = "sk-seeded-0123456789abcdef";

/// Answers each connection with the next script, then closes it.
struct Double {
    address: String,
    /// Requests as they came.
    asked: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Double {
    async fn new(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (mut task, seen) = (JoinSet::new(), asked.clone());
        task.spawn(async move {
            for answer in answers {
                let (socket, _) = listener.accept().await.unwrap();
                serve(socket, &answer, &seen).await;
            }
            // Later connections are taken and never answered.
            std::future::pending::<()>().await;
        });
        Double {
            address,
            asked,
            _task: task,
        }
    }

    fn provider(&self) -> OpenAi {
        provider(Config::new("main", &self.address))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    answer: &[u8],
    seen: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    // No body of ours is longer than one read or ends otherwise.
    while !request.ends_with(b"}") {
        if socket.read_buf(&mut request).await.unwrap() == 0 {
            break;
        }
    }
    seen.lock()
        .unwrap()
        .push(String::from_utf8(request).unwrap());
    // The other side may have hung up on us; that is its right.
    let _ = socket.write_all(answer).await;
    let _ = socket.shutdown().await;
}

fn provider(config: Config) -> OpenAi {
    OpenAi::new(Config {
        key: Some(SecretString::from(KEY)),
        ..config
    })
    .unwrap()
}

fn question() -> ChatRequest {
    ChatRequest {
        model: "fake-model".into(),
        lines: vec![PromptLine {
            role: Speaker::User,
            content: "why is tea red?".into(),
        }],
        max_tokens: 800,
    }
}

/// The whole text, or why there is none.
async fn ask(provider: impl Provider + 'static) -> Result<String, ProviderError> {
    let gateway = Gateway::new(vec![Arc::new(provider)]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut chunks = gateway.chat("main", &question(), deadline).await?;
    let mut text = String::new();
    while let Some(chunk) = chunks.next().await {
        if let Chunk::Text(more) = chunk? {
            text += &more;
        }
    }
    Ok(text)
}

fn answer(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{body}").into()
}

fn stream(body: &str) -> Vec<u8> {
    answer("200 OK\r\ncontent-type: text/event-stream", body)
}

/// Each piece is its own HTTP chunk.
fn chunked(pieces: &[&[u8]]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let mut out = head.as_bytes().to_vec();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

const TEA: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"茶馆\"},\"finish_reason\":null}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// What one answer leads to.
async fn outcome(bytes: Vec<u8>) -> Result<String, FailureKind> {
    let double = Double::new(vec![bytes]).await;
    let read = ask(double.provider()).await;
    assert_eq!(double.asked().len(), 1, "one call is one request");
    read.map_err(|error| {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(KEY), "{shown}");
        assert!(error.detail.len() <= 200, "{shown}");
        error.kind
    })
}

#[tokio::test]
async fn an_answer_comes_with_the_key_in_its_header_only() {
    let double = Double::new(vec![stream(TEA)]).await;
    assert_eq!(ask(double.provider()).await.unwrap(), "茶馆");
    let request = &double.asked()[0];
    assert!(
        request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("authorization: Bearer {KEY}\r\n")),
        "{request}"
    );
    assert!(
        request.contains(r#""stream_options":{"include_usage":true},"max_tokens":800"#),
        "{request}"
    );
}

#[tokio::test]
async fn a_connection_serves_one_question_after_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let mut task = JoinSet::new();
    task.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        loop {
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                if socket.read_buf(&mut request).await.unwrap() == 0 {
                    return;
                }
            }
            let answer = chunked(&[TEA.as_bytes()]);
            let answer = String::from_utf8(answer).unwrap();
            let stays_open = answer.replace("connection: close\r\n", "");
            socket.write_all(stays_open.as_bytes()).await.unwrap();
        }
    });
    let provider: Arc<dyn Provider> = Arc::new(provider(Config::new("main", address)));
    let gateway = Gateway::new(vec![provider]);
    for _ in 0..3 {
        let deadline = Instant::now() + Duration::from_secs(5);
        let chunks = gateway.chat("main", &question(), deadline).await.unwrap();
        assert!(chunks.all(|chunk| async move { chunk.is_ok() }).await);
    }
}

#[tokio::test]
async fn a_socket_file_serves_as_well_as_an_address() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        serve(socket, &stream(TEA), &Mutex::default()).await;
    });
    let mut config = Config::new("main", "http://localhost/v1");
    config.unix_socket = Some(path);
    assert_eq!(ask(provider(config)).await.unwrap(), "茶馆");
}

#[tokio::test]
async fn bad_051_a_connection_that_fails_says_how() {
    // Bound and let go: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/v1", free.local_addr().unwrap());
    drop(free);
    let refused = ask(provider(Config::new("main", address)))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, FailureKind::Network);
    assert!(refused.detail.contains("refused"), "{refused}");
    let nowhere = Config::new("main", "http://no-such-host.invalid/v1");
    assert_eq!(
        ask(provider(nowhere)).await.unwrap_err().kind,
        FailureKind::Network
    );
    assert_eq!(outcome(Vec::new()).await, Err(FailureKind::Network));
    assert_eq!(
        outcome(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()).await,
        Err(FailureKind::Network)
    );
    assert_eq!(
        outcome(b"SSH-2.0-tea\r\n\r\n".to_vec()).await,
        Err(FailureKind::Network)
    );
}

#[tokio::test]
async fn bad_051_a_server_that_takes_the_connection_and_proves_nothing_is_given_up() {
    // The system takes connections for it; nobody ever speaks TLS there.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}/v1", silent.local_addr().unwrap());
    let mut config = Config::new("main", address);
    config.connect = Duration::from_millis(50);
    let error = ask(provider(config)).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Timeout, "{error}");
    assert!(error.detail.starts_with("connecting"), "{error}");
}

#[tokio::test]
async fn bad_052_a_server_that_never_answers_is_given_up_by_the_first_token_clock() {
    for head in [Vec::new(), stream(""), stream(": waiting\n\n")] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = Config::new(
            "main",
            format!("http://{}/v1", listener.local_addr().unwrap()),
        );
        config.first_token = Duration::from_millis(50);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.read_u8().await.unwrap();
            socket.write_all(&head).await.unwrap();
            std::future::pending::<()>().await;
        });
        let error = ask(provider(config)).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Timeout, "{error}");
    }
}

#[tokio::test]
async fn bad_053_a_success_without_an_answer_is_a_failure() {
    let json = "200 OK\r\ncontent-type: application/json";
    for (bytes, kind) in [
        (
            answer(
                json,
                r#"{"error":{"message":"x","code":"insufficient_quota"}}"#,
            ),
            FailureKind::NoMoney,
        ),
        (
            answer(
                "200 OK\r\ncontent-type: text/html",
                "<html><title>Sign in</title></html>",
            ),
            FailureKind::Server,
        ),
        (answer(json, ""), FailureKind::Empty),
        (answer("204 No Content", ""), FailureKind::Empty),
        (answer(json, r#"{"choices":[]}"#), FailureKind::Empty),
        (stream(&TEA.replace("茶馆", " \\n ")), FailureKind::Empty),
        (
            stream(&TEA.replace("content", "reasoning_content")),
            FailureKind::Empty,
        ),
        (
            stream(r#"{"error":{"message":"x","code":429}}"#),
            FailureKind::Rate,
        ),
        (stream(""), FailureKind::Empty),
    ] {
        assert_eq!(
            outcome(bytes.clone()).await,
            Err(kind),
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
    let whole = r#"{"choices":[{"message":{"content":"Tea."},"finish_reason":"stop"}]}"#;
    assert_eq!(outcome(answer(json, whole)).await.unwrap(), "Tea.");
    assert_eq!(
        outcome(answer(json, TEA)).await.unwrap(),
        "茶馆",
        "a stream under a wrong label"
    );
}

#[tokio::test]
async fn bad_054_a_refused_key_is_a_bad_key_and_is_not_printed() {
    let echo = format!(
        r#"{{"error":{{"message":"Incorrect API key provided: {KEY}.","code":"invalid_api_key"}}}}"#
    );
    for (head, body, kind) in [
        ("401 Unauthorized", echo.as_str(), FailureKind::BadKey),
        ("400 Bad Request", &echo, FailureKind::BadKey),
        ("402 Payment Required", "", FailureKind::NoMoney),
        ("403 Forbidden", "", FailureKind::NoRight),
        (
            "404 Not Found",
            r#"{"error":{"code":"model_not_found"}}"#,
            FailureKind::BadModel,
        ),
        (
            "400 Bad Request",
            r#"{"error":{"code":"context_length_exceeded"}}"#,
            FailureKind::TooLong,
        ),
        ("529 Overloaded", KEY, FailureKind::Overloaded),
    ] {
        assert_eq!(
            outcome(answer(head, body)).await,
            Err(kind),
            "{head} {body}"
        );
    }
    let error = stream(&format!(
        "data: {{\"error\":{{\"message\":\"bad {KEY}\"}}}}\n\n"
    ));
    assert_eq!(outcome(error).await, Err(FailureKind::Interrupted));
}

#[tokio::test]
async fn bad_055_what_the_vendor_asks_us_to_wait_is_handed_on() {
    for (header, wait) in [
        ("retry-after: 1", Some(1)),
        ("retry-after: -5", None),
        ("retry-after: 1e9", Some(1_000_000_000)),
        ("retry-after: abc", None),
        (
            "retry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT",
            Some(30),
        ),
        ("x-nothing: 1", None),
    ] {
        let double = Double::new(vec![answer(&format!("429 Too Many\r\n{header}"), "{}")]).await;
        let error = ask(double.provider()).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::Rate);
        assert_eq!(error.wait, wait.map(Duration::from_secs), "{header}");
    }
}

#[tokio::test]
async fn bad_057_a_redirect_is_not_followed() {
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let other = Double::new(vec![stream(TEA)]).await;
        let head = format!("{status}\r\nlocation: {}/chat/completions", other.address);
        assert_eq!(outcome(answer(&head, "")).await, Err(FailureKind::Server));
        assert!(other.asked().is_empty(), "{status}");
    }
}

#[tokio::test]
async fn bad_058_a_body_that_lies_about_itself_is_a_failure() {
    let half = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";
    let length = |n: usize, body: &str| answer(&format!("200 OK\r\ncontent-length: {n}"), body);
    let chunk = |body: &str| answer("200 OK\r\ntransfer-encoding: chunked", body);
    let long = format!("{{\"x\":\"{}", "x".repeat(3 * 1024 * 1024));
    for (what, bytes, kind) in [
        (
            "too long a length",
            length(9_999, half),
            FailureKind::Interrupted,
        ),
        (
            "too short a length",
            length(20, half),
            FailureKind::Interrupted,
        ),
        (
            "no chunk size",
            chunk(&format!("zz\r\n{half}")),
            FailureKind::Network,
        ),
        (
            "packed",
            answer("200 OK\r\ncontent-encoding: br", half),
            FailureKind::Server,
        ),
        (
            "a bomb",
            answer("200 OK\r\ncontent-encoding: gzip", "\u{1f}\u{8b}"),
            FailureKind::Server,
        ),
        ("endless", answer("200 OK", &long), FailureKind::Server),
    ] {
        assert_eq!(outcome(bytes).await, Err(kind), "{what}");
    }
    assert_eq!(
        outcome(length(9_999, TEA)).await.unwrap(),
        "茶馆",
        "all was said before it broke"
    );
}

#[tokio::test]
async fn bad_059_an_answer_is_the_same_cut_at_every_byte() {
    let body = format!("\u{feff}: hi\r\n\r\n{}", TEA.replace("data: [", "data:["));
    let answers = (0..=body.len())
        .map(|cut| chunked(&[&body.as_bytes()[..cut], &body.as_bytes()[cut..]]))
        .collect();
    let double = Double::new(answers).await;
    for cut in 0..=body.len() {
        assert_eq!(
            ask(double.provider()).await.unwrap(),
            "茶馆",
            "cut at {cut}"
        );
    }
}

#[tokio::test]
async fn bad_060_a_stream_may_end_in_many_ways_and_half_of_it_is_none() {
    let (open, done) = (TEA.replace("data: [DONE]\n\n", ""), "data: [DONE]\n\n");
    let error = "data: {\"error\":{\"message\":\"boom\"}}\n\n";
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n";
    for body in [
        open.clone(),
        format!("{open}{done}{done}"),
        format!("{open}{done}{error}"),
        format!("{open}{usage}{done}"),
    ] {
        assert_eq!(outcome(stream(&body)).await.unwrap(), "茶馆", "{body}");
    }
    let half = TEA
        .split("data: {\"choices\":[{\"delta\":{},")
        .next()
        .unwrap();
    for body in [
        half.to_owned(),
        format!("{half}{error}"),
        format!("{open}{error}{done}"),
    ] {
        assert_eq!(
            outcome(stream(&body)).await,
            Err(FailureKind::Interrupted),
            "{body}"
        );
    }
}

#[tokio::test]
async fn bad_061_a_line_without_an_end_is_cut_off() {
    let endless = format!("data: {}", "x".repeat(10 * 1024 * 1024));
    assert_eq!(outcome(stream(&endless)).await, Err(FailureKind::Server));
}

#[tokio::test]
async fn bad_062_and_063_odd_json_loses_no_text_and_invents_no_number() {
    let body = "data: {\"choices\":[{\"index\":9,\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"茶\"}]},\"logprobs\":NaN}]}\n\n\
         data: {\"choices\":[{\"delta\":{\"content\":null}}]}\n\n\
         data: {\"choices\":[{\"delta\":{\"content\":\"x\",\"content\":\"馆\"},\"finish_reason\":\"banana\"}],\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":\"7\"}}\n\n";
    let double = Double::new(vec![stream(body)]).await;
    let chunks: Vec<Chunk> = double
        .provider()
        .chat(&question())
        .await
        .unwrap()
        .map(Result::unwrap)
        .collect()
        .await;
    let text: String = chunks
        .iter()
        .filter_map(|chunk| {
            if let Chunk::Text(text) = chunk {
                Some(text.as_str())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(text, "茶馆");
    assert!(
        chunks.contains(&Chunk::Usage(Default::default())),
        "{chunks:?}"
    );
}

#[tokio::test]
async fn a_field_that_is_refused_is_left_out_from_then_on() {
    let no_options = answer(
        "400 Bad Request",
        r#"{"error":{"message":"no","param":"stream_options"}}"#,
    );
    let no_max = answer(
        "400 Bad Request",
        r#"{"error":{"message":"Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#,
    );
    let double = Double::new(vec![no_options, no_max, stream(TEA), stream(TEA)]).await;
    let provider = double.provider();
    for _ in 0..2 {
        let mut chunks = provider.chat(&question()).await.unwrap();
        while let Some(chunk) = chunks.next().await {
            chunk.unwrap();
        }
    }
    let has = |field: &str| -> Vec<bool> {
        double
            .asked()
            .iter()
            .map(|request| request.contains(field))
            .collect()
    };
    assert_eq!(has("stream_options"), [true, false, false, false]);
    assert_eq!(has("\"max_tokens\""), [true, true, false, false]);
    assert_eq!(has("\"max_completion_tokens\""), [false, false, true, true]);
}
