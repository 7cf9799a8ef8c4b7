//! A scripted model hub: one file over HTTP/1.1, whole or from a byte on, and every way in which a hub or what stands
//! before it can fail. Spoken by hand over a bare socket, because it must be able to break HTTP. It never looks at the
//! house, and fails only as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a hub does with one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What it was asked for; also what it does without a script.
    File,
    /// The whole file, whatever was asked for.
    Whole,
    /// What it was asked for, and after so many bytes the connection breaks.
    BreaksAfter(usize),
    /// What it was asked for, and after so many bytes nothing more.
    StallsAfter(usize),
    /// Nothing at all, not even a head.
    Silent,
    /// A status without a file.
    Status(u16),
    /// A signpost.
    PointsTo(String),
    /// Other bytes than those of the file, as if they were it.
    Other(Vec<u8>),
    /// Other bytes without a word of how many.
    Endless(Vec<u8>),
    /// A page, under 200.
    Page,
    /// The file, said to be packed.
    Packed,
    /// A part of the file other than the one asked for.
    OtherRange(usize),
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// With its query.
    pub path: String,
    /// The first byte asked for, if a range was.
    pub from: Option<usize>,
}

/// The hub. It stops when dropped.
pub struct FakeHub {
    address: String,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

struct State {
    file: Vec<u8>,
    script: VecDeque<Answer>,
    fetched: Vec<Fetched>,
    heads: Vec<String>,
}

impl FakeHub {
    /// A hub with one file, which it gives under every path.
    pub async fn start(file: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(Mutex::new(State {
            file: file.to_vec(),
            script: VecDeque::new(),
            fetched: Vec::new(),
            heads: Vec::new(),
        }));
        let mut tasks = JoinSet::new();
        let seen = state.clone();
        tasks.spawn(async move {
            // Calls in flight end with the listener's task.
            let mut calls = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let seen = seen.clone();
                calls.spawn(async move {
                    // The other side may hang up at any time.
                    let _ = serve(socket, &seen).await;
                });
            }
        });
        FakeHub {
            address,
            state,
            _tasks: tasks,
        }
    }

    /// Such as `http://127.0.0.1:4711`.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next requests without a script are answered so, one each.
    pub fn will<const N: usize>(&self, answers: [Answer; N]) {
        lock(&self.state).script.extend(answers);
    }

    /// All requests so far.
    pub fn fetched(&self) -> Vec<Fetched> {
        lock(&self.state).fetched.clone()
    }

    /// All requests so far as they were written, without their first line.
    pub fn heads(&self) -> Vec<String> {
        lock(&self.state).heads.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut socket: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if socket.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
    let range = rest.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let from = value.strip_prefix("bytes=")?.strip_suffix('-')?;
        name.eq_ignore_ascii_case("range")
            .then(|| from.parse().ok())?
    });
    let (answer, file) = {
        let mut state = lock(state);
        state.fetched.push(Fetched {
            path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
            from: range,
        });
        state.heads.push(rest.to_owned());
        let answer = state.script.pop_front().unwrap_or(Answer::File);
        (answer, state.file.clone())
    };
    let ranged = |from: usize| {
        let (end, total) = (file.len().saturating_sub(1), file.len());
        format!(
            "206 Partial Content\r\ncontent-range: bytes {from}-{end}/{total}\r\ncontent-length: {}",
            total - from
        )
    };
    let whole = |bytes: &[u8]| format!("200 OK\r\ncontent-length: {}", bytes.len());
    let (head, body, limit) = match (&answer, range) {
        (Answer::Silent, _) => return std::future::pending().await,
        (Answer::Status(status), _) => (format!("{status} So\r\ncontent-length: 0"), &[][..], None),
        (Answer::PointsTo(place), _) => (
            format!("302 Found\r\ncontent-length: 0\r\nlocation: {place}"),
            &[][..],
            None,
        ),
        (Answer::Other(bytes), _) => (whole(bytes), &bytes[..], None),
        (Answer::Endless(bytes), _) => ("200 OK".to_owned(), &bytes[..], None),
        (Answer::Page, _) => {
            let page = b"<html>Please log in</html>";
            let head = format!("{}\r\ncontent-type: text/html; charset=utf-8", whole(page));
            (head, &page[..], None)
        }
        (Answer::Packed, _) => (
            format!("{}\r\ncontent-encoding: gzip", whole(&file)),
            &file[..],
            None,
        ),
        (Answer::OtherRange(from), _) => (ranged(*from), &file[*from..], None),
        (_, Some(from)) if !matches!(answer, Answer::Whole) => {
            if from >= file.len() {
                let head = format!(
                    "416 Range Not Satisfiable\r\ncontent-range: bytes */{}\r\ncontent-length: 0",
                    file.len()
                );
                (head, &[][..], None)
            } else {
                (ranged(from), &file[from..], limit_of(&answer))
            }
        }
        (_, _) => (whole(&file), &file[..], limit_of(&answer)),
    };
    let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).await?;
    let shown = limit.map_or(body, |limit| &body[..limit.min(body.len())]);
    socket.write_all(shown).await?;
    socket.flush().await?;
    if let Answer::StallsAfter(_) = answer {
        std::future::pending::<()>().await;
    }
    socket.shutdown().await
}

fn limit_of(answer: &Answer) -> Option<usize> {
    match answer {
        Answer::BreaksAfter(limit) | Answer::StallsAfter(limit) => Some(*limit),
        _ => None,
    }
}
