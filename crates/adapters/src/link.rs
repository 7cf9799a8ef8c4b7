//! The loop that WebSocket adapters share: read, write, ping, notice death, close with a reason. Reading and writing
//! never wait for each other. Knows no protocol; what a frame means is its caller's.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

/// How often we ping.
const PING_EVERY: Duration = Duration::from_secs(20);
/// A link on which nothing was heard for so long, three pings in a row, is dead.
const SILENCE: Duration = Duration::from_secs(60);
/// A write that takes longer found nobody at the other end.
const WRITE_LIMIT: Duration = Duration::from_secs(10);
/// How long the other end gets to say goodbye.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);
/// Frames that could not be read, in a minute, that end a link.
const MOST_NOISE: usize = 20;
/// Pings of the other end, in a minute, that end a link.
const MOST_PINGS: usize = 600;
/// Frames that wait to be written.
pub(crate) const QUEUE: usize = 64;

/// A frame that waits to be written.
pub(crate) struct Outbound {
    pub text: String,
    pub claim: Arc<Claim>,
}

/// Settles who has a waiting frame: the writer, or the caller who gave up. Tells "nothing left us" from "who knows".
#[derive(Debug, Default)]
pub(crate) struct Claim(AtomicU8);

impl Claim {
    const WAITING: u8 = 0;
    const WRITTEN: u8 = 1;
    const CANCELLED: u8 = 2;

    fn take(&self, state: u8) -> bool {
        let taken =
            self.0
                .compare_exchange(Self::WAITING, state, Ordering::AcqRel, Ordering::Acquire);
        taken.is_ok()
    }

    /// Whether the frame may be written; from then on its bytes may be anywhere.
    pub fn write(&self) -> bool {
        self.take(Self::WRITTEN)
    }

    /// Whether it was called back before its first byte was written.
    pub fn cancel(&self) -> bool {
        self.take(Self::CANCELLED) || self.0.load(Ordering::Acquire) == Self::CANCELLED
    }
}

/// What came in.
pub(crate) enum Received<'a> {
    Text(&'a str),
    Binary,
}

/// What its reader says of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It meant something, or could have.
    Fine,
    /// It was noise: a minute full of it ends the link.
    Noise,
    /// The other end does not want us: nothing more will come.
    Refused,
}

/// Why a link ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The other end closed it, perhaps with a code.
    Left(Option<u16>),
    /// The other end said that it does not want us.
    Refused,
    /// The house closes.
    Stopped,
    /// Too much noise.
    Noisy,
    /// Too many pings.
    PingFlood,
    /// Nothing was heard, or nothing could be written, for too long.
    Dead,
    /// A frame beyond the cap.
    TooLong,
    /// A text frame that is not UTF-8.
    NotUtf8,
    /// The connection broke.
    Broken(String),
}

impl Ended {
    /// The closing code and reason of the WebSocket protocol, where there is anybody left to hear it.
    fn goodbye(&self) -> Option<(u16, &'static str)> {
        match self {
            Ended::Stopped => Some((1001, "the house closes")),
            Ended::Noisy => Some((1008, "20 frames in a minute could not be read")),
            Ended::PingFlood => Some((1008, "too many pings")),
            Ended::Dead => Some((1011, "nothing was heard for a minute")),
            Ended::TooLong => Some((1009, "the frame is too long")),
            Ended::NotUtf8 => Some((1007, "the text is not UTF-8")),
            Ended::Left(_) | Ended::Refused | Ended::Broken(_) => None,
        }
    }
}

/// Runs a link until it ends; says goodbye where it can. Every frame goes to `hear`, which must not block.
pub(crate) async fn drive<S>(
    socket: S,
    queue: mpsc::Receiver<Outbound>,
    hear: impl FnMut(Received<'_>) -> Heard,
    stop: &CancellationToken,
) -> Ended
where
    S: Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error>,
{
    let (mut sink, stream) = socket.split();
    let mut stream = std::pin::pin!(stream);
    let ended = tokio::select! {
        ended = read(&mut stream, hear) => ended,
        ended = write(&mut sink, queue) => ended,
        () = stop.cancelled() => Ended::Stopped,
    };
    if let Some((code, reason)) = ended.goodbye() {
        let close = Message::Close(Some(CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        }));
        // Whoever does not answer is gone anyway.
        let _ = timeout(GOODBYE_LIMIT, async {
            sink.send(close).await?;
            while let Some(Ok(_)) = stream.next().await {}
            Ok::<(), axum::Error>(())
        })
        .await;
    } else {
        let _ = timeout(GOODBYE_LIMIT, sink.close()).await;
    }
    ended
}

async fn read<S>(stream: &mut S, mut hear: impl FnMut(Received<'_>) -> Heard) -> Ended
where
    S: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let mut noise = Minute::of(MOST_NOISE);
    let mut pings = Minute::of(MOST_PINGS);
    loop {
        let message = match timeout_at(Instant::now() + SILENCE, stream.next()).await {
            Err(_) => return Ended::Dead,
            Ok(None) => return Ended::Left(None),
            Ok(Some(Err(error))) => return broken(error),
            Ok(Some(Ok(message))) => message,
        };
        let heard = match message {
            Message::Text(text) => hear(Received::Text(text.as_str())),
            Message::Binary(_) => hear(Received::Binary),
            Message::Ping(_) if pings.is_full_with(Instant::now()) => return Ended::PingFlood,
            Message::Ping(_) | Message::Pong(_) => Heard::Fine,
            Message::Close(close) => return Ended::Left(close.map(|close| close.code)),
        };
        match heard {
            Heard::Fine => {}
            Heard::Noise if noise.is_full_with(Instant::now()) => return Ended::Noisy,
            Heard::Noise => {}
            Heard::Refused => return Ended::Refused,
        }
    }
}

async fn write<S>(sink: &mut S, mut queue: mpsc::Receiver<Outbound>) -> Ended
where
    S: Sink<Message, Error = axum::Error> + Unpin,
{
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            outbound = queue.recv() => match outbound {
                None => return Ended::Stopped,
                Some(outbound) if outbound.claim.write() => Message::Text(outbound.text.into()),
                Some(_) => continue,
            },
            _ = ping.tick() => Message::Ping(Default::default()),
        };
        match timeout(WRITE_LIMIT, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return broken(error),
            Err(_) => return Ended::Dead,
        }
    }
}

fn broken(error: axum::Error) -> Ended {
    use tungstenite::Error;
    let error = match error.into_inner().downcast::<Error>() {
        Ok(error) => *error,
        Err(other) => return Ended::Broken(other.to_string()),
    };
    match error {
        Error::Capacity(_) => Ended::TooLong,
        Error::Utf8(_) => Ended::NotUtf8,
        Error::ConnectionClosed | Error::AlreadyClosed => Ended::Left(None),
        other => Ended::Broken(other.to_string()),
    }
}

/// Counts what happened in the last minute, up to a limit.
struct Minute {
    most: usize,
    times: VecDeque<Instant>,
}

impl Minute {
    fn of(most: usize) -> Self {
        Minute {
            most,
            times: VecDeque::new(),
        }
    }

    /// Adds one; whether the limit is reached.
    fn is_full_with(&mut self, now: Instant) -> bool {
        while self
            .times
            .front()
            .is_some_and(|&first| now.duration_since(first) >= Duration::from_secs(60))
        {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.times.len() >= self.most
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    /// Both ends of a link in one process.
    struct Wire {
        coming: mpsc::UnboundedReceiver<Message>,
        going: mpsc::UnboundedSender<Message>,
    }

    impl Stream for Wire {
        type Item = Result<Message, axum::Error>;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.coming.poll_recv(cx).map(|next| next.map(Ok))
        }
    }

    impl Sink<Message> for Wire {
        type Error = axum::Error;

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
            Poll::Ready(Ok(()))
        }
        fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), axum::Error> {
            self.going.send(message).map_err(axum::Error::new)
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
            Poll::Ready(Ok(()))
        }
    }

    struct Far {
        says: mpsc::UnboundedSender<Message>,
        hears: mpsc::UnboundedReceiver<Message>,
        queue: mpsc::Sender<Outbound>,
    }

    fn wire() -> (Wire, mpsc::Receiver<Outbound>, Far) {
        let (says, coming) = mpsc::unbounded_channel();
        let (going, hears) = mpsc::unbounded_channel();
        let (queue, outbound) = mpsc::channel(QUEUE);
        let far = Far { says, hears, queue };
        (Wire { coming, going }, outbound, far)
    }

    fn noise(received: Received<'_>) -> Heard {
        match received {
            Received::Text("fine") => Heard::Fine,
            Received::Text(_) | Received::Binary => Heard::Noise,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bad_006_a_dead_link_is_found_within_a_minute() {
        let (wire, outbound, mut far) = wire();
        let start = Instant::now();
        let stop = CancellationToken::new();
        let ended = drive(wire, outbound, noise, &stop).await;
        assert_eq!(ended, Ended::Dead);
        assert!(start.elapsed() <= SILENCE + GOODBYE_LIMIT);
        let mut pings = 0;
        while let Ok(message) = far.hears.try_recv() {
            pings += usize::from(matches!(message, Message::Ping(_)));
        }
        assert!(pings >= 2, "{pings}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_that_answers_pings_lives() {
        let (wire, outbound, mut far) = wire();
        let stop = CancellationToken::new();
        let answers = async {
            for _ in 0..30 {
                assert!(matches!(far.hears.recv().await, Some(Message::Ping(_))));
                far.says.send(Message::Pong(Default::default())).unwrap();
            }
            far.says.send(Message::Close(None)).unwrap();
        };
        let (ended, ()) = tokio::join!(drive(wire, outbound, noise, &stop), answers);
        assert_eq!(ended, Ended::Left(None));
    }

    #[tokio::test(start_paused = true)]
    async fn bad_006_a_ping_flood_ends_its_link() {
        let (wire, outbound, far) = wire();
        for _ in 0..MOST_PINGS {
            far.says.send(Message::Ping(Default::default())).unwrap();
        }
        let stop = CancellationToken::new();
        assert_eq!(drive(wire, outbound, noise, &stop).await, Ended::PingFlood);
    }

    #[tokio::test(start_paused = true)]
    async fn noise_is_forgiven_after_a_minute() {
        let (wire, outbound, far) = wire();
        let stop = CancellationToken::new();
        let talk = async {
            for _ in 0..3 {
                for _ in 0..MOST_NOISE - 1 {
                    far.says.send(Message::Text("noise".into())).unwrap();
                }
                tokio::time::sleep(Duration::from_secs(30)).await;
                far.says.send(Message::Text("fine".into())).unwrap();
                tokio::time::sleep(Duration::from_secs(31)).await;
            }
            for _ in 0..MOST_NOISE {
                far.says.send(Message::Binary(Default::default())).unwrap();
            }
        };
        let (ended, ()) = tokio::join!(drive(wire, outbound, noise, &stop), talk);
        assert_eq!(ended, Ended::Noisy);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_taken_back_is_never_written() {
        let (wire, outbound, mut far) = wire();
        let claims: Vec<Arc<Claim>> = (0..3).map(|_| Arc::default()).collect();
        for (claim, text) in claims.iter().zip(["one", "two", "three"]) {
            let claim = Arc::clone(claim);
            let text = text.to_owned();
            far.queue.try_send(Outbound { text, claim }).ok().unwrap();
        }
        assert!(claims[1].cancel());
        drop(far.queue);
        let stop = CancellationToken::new();
        drive(wire, outbound, noise, &stop).await;
        assert!(!claims[0].cancel(), "it is too late");
        let mut written = Vec::new();
        while let Ok(message) = far.hears.try_recv() {
            if let Message::Text(text) = message {
                written.push(text.to_string());
            }
        }
        assert_eq!(written, ["one", "three"]);
    }
}
