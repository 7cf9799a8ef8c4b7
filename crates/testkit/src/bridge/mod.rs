//! A scripted OneBot v11 bridge (NapCat, LLBot, Lagrange V1 or go-cqhttp) that dials the house's reverse WebSocket,
//! or lets the house dial it.
//! It stands where the QQ client stands: it pushes events, answers actions, redials when cut, and keeps nothing for later,
//! as the real ones do. [`FakeQq`] holds what members truly see. Never reads the house's types, only its frames.
//!
//! `mod.rs` the bridge and its sockets · `qq.rs` the world behind it · `qq/rights.rs` who may do what there ·
//! `actions.rs` calls and their answers · `wire.rs` the four flavours' JSON.

mod actions;
mod qq;
mod wire;

use std::collections::{HashMap, VecDeque};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server as handshake;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use qq::{Call, Chat, FakeQq, History, Member, Role, Said, Shown, Written};
pub use wire::{Flavour, image, mention, quote, text};

/// What a bridge is told before it starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// The house's socket, `ws://127.0.0.1:PORT/onebot/v11/ws`; a query is kept.
    pub url: String,
    /// Sent as the flavour sends it; empty: as the flavour sends an empty one.
    pub token: String,
    /// The account's QQ number.
    pub self_id: i64,
    /// The account's own name.
    pub nickname: String,
    /// Whose habits this bridge has.
    pub flavour: Flavour,
    /// Whether the account's own messages come back as events (off by default, as in NapCat and LLBot).
    pub report_self_message: bool,
    /// `message` as a CQ string (true) or segments (false); none: the flavour's default.
    pub string_format: Option<bool>,
    /// Two sockets, API and Event, as Lagrange and go-cqhttp may open.
    pub split_sockets: bool,
    /// The whole `Authorization` header instead of the flavour's; empty: no such header.
    pub authorization: Option<String>,
    /// `X-Self-ID` instead of `self_id`.
    pub claimed_id: Option<String>,
    /// Between heartbeats.
    pub heartbeat: Duration,
    /// From a lost socket to the next try. Real ones take 3 to 5 s; here it is short.
    pub reconnect: Duration,
    /// How long a send waits before it reports `Timeout: NTEvent…` (NapCat: 10 s and more).
    pub send_timeout: Duration,
    /// Answers come out of order: each is held for up to this long (zero: in order).
    pub shuffle_answers: Duration,
    /// Seconds that the bridge's clock is ahead of ours.
    pub clock_offset: i64,
}

impl Options {
    /// A NapCat with default habits, account 10001000.
    pub fn new(url: impl Into<String>, token: impl Into<String>) -> Options {
        Options {
            url: url.into(),
            token: token.into(),
            self_id: 10_001_000,
            nickname: "茶馆".into(),
            flavour: Flavour::NapCat,
            report_self_message: false,
            string_format: None,
            split_sockets: false,
            authorization: None,
            claimed_id: None,
            heartbeat: Duration::from_secs(30),
            reconnect: Duration::from_millis(50),
            send_timeout: Duration::from_millis(200),
            shuffle_answers: Duration::ZERO,
            clock_offset: 0,
        }
    }

    /// The same with another flavour.
    pub fn flavour(mut self, flavour: Flavour) -> Options {
        self.flavour = flavour;
        self
    }
}

/// What goes wrong with one send. The message of a send that is *shown* is in [`FakeQq::shown`]; a *swallowed* one never is.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Nothing: shown, receipt at once.
    None,
    /// The kernel refuses (NapCat's `EventChecker Failed … {"result":N,"errMsg":…}`, the others' own words); not shown.
    Refuse {
        /// 110 gone from the group, 120 muted, -1 media failed, others risk control.
        result: i64,
        /// `errMsg`.
        text: String,
    },
    /// Any failed answer with these words.
    Fail {
        /// As sent.
        retcode: i64,
        /// `message` and `wording`.
        text: String,
        /// Whether members see it all the same.
        shown: bool,
    },
    /// `Timeout: NTEvent…` after [`Options::send_timeout`], although members see it.
    TimeoutShown,
    /// The same, and nobody sees it.
    TimeoutSwallowed,
    /// A good receipt for a message that never appears.
    Swallowed,
    /// `status: async`, `retcode: 1`.
    Async {
        /// Whether members see it.
        shown: bool,
    },
    /// Ok with `message_id` 0.
    ZeroId {
        /// Whether members see it.
        shown: bool,
    },
    /// Shown at once, the receipt comes so much later.
    LateReceipt(Duration),
    /// Receipt and message come so much later.
    Slow(Duration),
    /// The socket drops before the receipt.
    Cut {
        /// Whether members see it.
        shown: bool,
    },
    /// Never answered.
    Silent {
        /// Whether members see it.
        shown: bool,
    },
}

/// What goes wrong with one recall, mute or removal. Whether there is a right to it is asked of the world all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectFault {
    /// Nothing.
    None,
    /// The bridge says ok, and nothing happens.
    Swallowed,
    /// The bridge says no, in these words.
    Refuses(&'static str),
    /// It is done, and the bridge says `Timeout: NTEvent…`.
    ToldTimeout,
    /// It is done and said so, and no notice comes of it.
    Unnoticed,
    /// The socket drops before the answer and the notice.
    Cut {
        /// Whether it is done.
        done: bool,
    },
    /// Never answered, and no notice comes.
    Silent {
        /// Whether it is done.
        done: bool,
    },
}

/// One send as the bridge meets it, for scripts.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Counted from 1 over the bridge's life.
    pub n: u64,
    /// `send_group_msg` and kin.
    pub action: String,
    /// Where to.
    pub chat: Chat,
    /// What the house wants to say, without its quote.
    pub segments: Vec<Value>,
    /// Its plain text.
    pub text: String,
    /// The sequence of the message that it quotes.
    pub quote_seq: Option<i64>,
}

type Script = Box<dyn FnMut(&Attempt) -> Fault + Send>;

/// One bridge process, for one account. It stops when dropped. Everything of [`FakeQq`] can be called on it.
pub struct FakeBridge {
    side: Arc<Side>,
}

impl Deref for FakeBridge {
    type Target = FakeQq;
    fn deref(&self) -> &FakeQq {
        &self.side.qq
    }
}

impl Drop for FakeBridge {
    fn drop(&mut self) {
        self.side.stop.cancel();
    }
}

impl FakeBridge {
    /// Starts in a world of its own. Needs a tokio runtime; returns at once, the dialling goes on behind.
    pub fn start(options: Options) -> FakeBridge {
        FakeBridge::start_in(&FakeQq::new(), options)
    }

    /// Starts in a world that other bridges share: of the same account, or of others.
    pub fn start_in(qq: &FakeQq, options: Options) -> FakeBridge {
        let roles: &[&'static str] = match (options.split_sockets, options.flavour) {
            (false, _) => &["Universal"],
            (true, Flavour::LagrangeV1) => &["Api", "Event"],
            (true, Flavour::NapCat | Flavour::LlBot | Flavour::GoCqhttp) => &["API", "Event"],
        };
        let side = Side::new(qq, options);
        for role in roles {
            let keeper = side.clone();
            side.tracker
                .spawn(async move { keeper.keep_dialling(role).await });
        }
        FakeBridge { side }
    }

    /// A bridge that listens on a free port of the loopback instead of dialling; [`FakeBridge::url`] tells where.
    /// What it does with a wrong token and with paths other than `/` is the flavour's own.
    pub async fn listen_in(qq: &FakeQq, mut options: Options) -> FakeBridge {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port of the loopback is free");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        options.url = format!("ws://{address}/");
        let side = Side::new(qq, options);
        let keeper = side.clone();
        side.tracker
            .spawn(async move { keeper.keep_accepting(listener).await });
        FakeBridge { side }
    }

    /// Where it dials, or where it is to be dialled.
    pub fn url(&self) -> &str {
        &self.side.options.url
    }

    /// The world behind it.
    pub fn qq(&self) -> &FakeQq {
        &self.side.qq
    }

    /// The account's QQ number.
    pub fn self_id(&self) -> i64 {
        self.side.options.self_id
    }

    /// What goes wrong with the next send without an entry; the queue is asked before the script.
    pub fn next_send(&self, fault: Fault) {
        self.side.state().faults.push_back(fault);
    }

    /// What goes wrong with the next recall, mute or removal without an entry.
    pub fn next_effect(&self, fault: EffectFault) {
        self.side.state().effect_faults.push_back(fault);
    }

    /// Decides for every send what goes wrong.
    pub fn on_send(&self, script: impl FnMut(&Attempt) -> Fault + Send + 'static) {
        self.side.state().script = Some(Box::new(script));
    }

    /// A member writes to the account in private.
    pub fn private_says(&self, user: i64, words: &str) -> Said {
        self.qq().private_says(self.self_id(), user, words)
    }

    /// What the account's private chat with `user` shows.
    pub fn shown_private(&self, user: i64) -> Vec<Shown> {
        self.qq().shown_private(self.self_id(), user)
    }

    /// The frame that this bridge writes for a message: for replays and for altering before [`FakeBridge::raw`].
    pub fn frame(&self, said: &Said) -> Value {
        self.side
            .qq
            .frame_for(&self.side, said.chat, said.seq)
            .expect("the message was said in this world")
    }

    /// The id that this bridge gives to a message.
    pub fn message_id(&self, said: &Said) -> i64 {
        self.side.id_of(said.chat, said.seq)
    }

    /// Writes the same event again.
    pub fn repeats(&self, said: &Said) {
        let frame = self.frame(said);
        self.side
            .push(Out::marked(&frame, self.side.mark(said.chat, said.seq)));
    }

    /// Writes any text frame on the event socket.
    pub fn raw(&self, frame: impl Into<String>) {
        self.side.push(Out::bare(Message::text(frame.into())));
    }

    /// Writes any binary frame on the event socket.
    pub fn raw_binary(&self, bytes: Vec<u8>) {
        self.side.push(Out::bare(Message::binary(bytes)));
    }

    /// Writes an event of this account; `time`, `self_id` and `post_type: notice` are filled in where missing.
    pub fn notice(&self, fields: Value) {
        let event = self.side.stamped("notice", fields);
        self.side.push(Out::frame(&event));
    }

    /// Drops the TCP connections without a word; the bridge redials.
    pub fn cut(&self) {
        self.side.cut();
    }

    /// Closes politely; the bridge redials.
    pub fn close(&self) {
        self.side.push(Out::bare(Message::Close(None)));
    }

    /// Cut, and not coming back until [`FakeBridge::comes_back`].
    pub fn goes_away(&self) {
        self.side.dialling.send_replace(false);
        self.side.cut();
    }

    /// Dials again.
    pub fn comes_back(&self) {
        self.side.dialling.send_replace(true);
    }

    /// A new process of the same bridge: cut, and NapCat forgets every message id.
    pub fn restarts(&self) {
        self.side.forget();
        self.side.cut();
    }

    /// Whether frames of the house are read; while not, the house's socket fills up.
    pub fn reads(&self, yes: bool) {
        self.side.reading.send_replace(yes);
    }

    /// Whether frames are written; with both off the link is half open.
    pub fn writes(&self, yes: bool) {
        self.side.writing.send_replace(yes);
    }

    /// Whether every socket of the bridge is up.
    pub fn connected(&self) -> bool {
        let wanted = if self.side.options.split_sockets {
            2
        } else {
            1
        };
        self.side.state().connections.len() >= wanted
    }

    /// Waits until [`FakeBridge::connected`].
    pub async fn wait_connected(&self, limit: Duration) -> bool {
        self.qq().wait_until(|_| self.connected(), limit).await
    }

    /// How often the house has accepted a dial.
    pub fn times_connected(&self) -> u64 {
        self.side.state().times_connected
    }

    /// HTTP statuses with which the house refused a dial, in order.
    pub fn refusals(&self) -> Vec<u16> {
        self.side.state().refusals.clone()
    }

    /// Close codes that the house sent, in order (1005 for none).
    pub fn closes(&self) -> Vec<u16> {
        self.side.state().closes.clone()
    }

    /// Stops for good and waits for its tasks.
    pub async fn stop(self) {
        self.side.stop.cancel();
        self.side.tracker.close();
        self.side.tracker.wait().await;
    }
}

/// The bridge as its tasks and the world see it.
struct Side {
    qq: FakeQq,
    number: usize,
    options: Options,
    state: Mutex<State>,
    stop: CancellationToken,
    tracker: TaskTracker,
    reading: watch::Sender<bool>,
    writing: watch::Sender<bool>,
    dialling: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    connections: Vec<Connection>,
    /// What the bridge can find again by id. NapCat keeps the last 5,000 in memory only.
    known: HashMap<i64, Vec<(Chat, i64)>>,
    known_order: VecDeque<i64>,
    faults: VecDeque<Fault>,
    effect_faults: VecDeque<EffectFault>,
    script: Option<Script>,
    sends: u64,
    shuffles: u64,
    times_connected: u64,
    refusals: Vec<u16>,
    closes: Vec<u16>,
}

struct Connection {
    number: u64,
    events: bool,
    out: mpsc::UnboundedSender<Out>,
    kill: CancellationToken,
}

/// One frame on its way out, and which message it carries.
#[derive(Clone)]
struct Out {
    frame: Message,
    mark: Option<Written>,
}

impl Out {
    fn bare(frame: Message) -> Out {
        Out { frame, mark: None }
    }

    fn frame(value: &Value) -> Out {
        Out::bare(Message::text(value.to_string()))
    }

    fn marked(value: &Value, mark: Written) -> Out {
        Out {
            frame: Message::text(value.to_string()),
            mark: Some(mark),
        }
    }
}

const NAPCAT_REMEMBERS: usize = 5000;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What one socket is for.
#[derive(Clone, Copy)]
struct Lane {
    events: bool,
    calls: bool,
}

impl Side {
    fn new(qq: &FakeQq, options: Options) -> Arc<Side> {
        let side = Arc::new(Side {
            qq: qq.clone(),
            number: qq.next_bridge_number(),
            options,
            state: Mutex::new(State::default()),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
            reading: watch::Sender::new(true),
            writing: watch::Sender::new(true),
            dialling: watch::Sender::new(true),
        });
        qq.register(&side);
        side
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep_dialling(self: Arc<Side>, role: &'static str) {
        let mut dialling = self.dialling.subscribe();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                allowed = dialling.wait_for(|yes| *yes) => if allowed.is_err() { return },
            }
            let dialled = tokio::select! {
                () = self.stop.cancelled() => return,
                // NapCat and LLBot give an upgrade two seconds.
                dialled = timeout(Duration::from_secs(2), self.dial(role)) => dialled,
            };
            match dialled {
                Ok(Ok(socket)) => self.clone().serve(self.lane(role), socket).await,
                Ok(Err(tungstenite::Error::Http(response))) => {
                    self.state().refusals.push(response.status().as_u16());
                    self.qq.touch();
                }
                Ok(Err(_)) | Err(_) => {}
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = sleep(self.options.reconnect) => {}
            }
        }
    }

    async fn dial(&self, role: &str) -> Result<Socket, tungstenite::Error> {
        let request = self.handshake(role)?;
        let (socket, _) = tokio_tungstenite::connect_async_with_config(request, None, true).await?;
        Ok(socket)
    }

    fn lane(&self, role: &str) -> Lane {
        Lane {
            events: !role.eq_ignore_ascii_case("api"),
            calls: !role.eq_ignore_ascii_case("event"),
        }
    }

    async fn keep_accepting(self: Arc<Side>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            if let Ok((stream, _)) = accepted {
                let side = self.clone();
                self.tracker.spawn(async move {
                    let stop = side.stop.clone();
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = side.accept(stream) => {}
                    }
                });
            }
        }
    }

    async fn accept(self: Arc<Side>, stream: TcpStream) {
        if !*self.dialling.borrow() {
            return;
        }
        let mut asked = None;
        #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let look = |request: &handshake::Request, response: handshake::Response| {
            let given = wire::token_of(request);
            asked = Some((
                request.uri().path().to_owned(),
                given.as_deref() == Some(self.options.token.as_str()),
            ));
            let refused = self
                .options
                .flavour
                .refuses_upgrade(&self.options.token, given.as_deref());
            refused.map_or(Ok(response), |status| {
                let mut refusal = handshake::ErrorResponse::new(None);
                *refusal.status_mut() = status;
                Err(refusal)
            })
        };
        let _ = stream.set_nodelay(true);
        let Ok(mut socket) =
            tokio_tungstenite::accept_hdr_async(MaybeTlsStream::Plain(stream), look).await
        else {
            return;
        };
        let (path, known) = asked.unwrap_or_default();
        if !known && !self.options.token.is_empty() {
            // NapCat and LLBot let everybody in and then say no.
            let no = self
                .options
                .flavour
                .failed(1403, "token验证失败", Some(&Value::Null));
            let _ = socket.send(Message::text(no.to_string())).await;
            let _ = socket.close(None).await;
            return;
        }
        if let Some((events, calls)) = self.options.flavour.lane(&path) {
            self.serve(Lane { events, calls }, socket).await;
        }
    }

    fn handshake(&self, role: &str) -> Result<Request<()>, tungstenite::Error> {
        let mut request = self.options.url.as_str().into_client_request()?;
        let headers = request.headers_mut();
        let claimed = self
            .options
            .claimed_id
            .clone()
            .unwrap_or_else(|| self.options.self_id.to_string());
        headers.insert("x-self-id", HeaderValue::from_str(&claimed)?);
        headers.insert("x-client-role", HeaderValue::from_str(role)?);
        headers.insert(
            "user-agent",
            HeaderValue::from_static(self.options.flavour.user_agent()),
        );
        let authorization = match &self.options.authorization {
            Some(whole) => Some(whole.clone()).filter(|whole| !whole.is_empty()),
            None => self.options.flavour.authorization(&self.options.token),
        };
        if let Some(authorization) = authorization {
            headers.insert("authorization", HeaderValue::from_str(&authorization)?);
        }
        Ok(request)
    }

    async fn serve(self: Arc<Side>, lane: Lane, socket: Socket) {
        let (sink, mut stream) = socket.split();
        let (out, queue) = mpsc::unbounded_channel();
        let kill = self.stop.child_token();
        let Lane { events, calls } = lane;
        if events {
            // The first frame, before anything else can be pushed.
            let connect = json!({"meta_event_type": "lifecycle", "sub_type": "connect"});
            let _ = out.send(Out::frame(&self.stamped("meta_event", connect)));
        }
        let number = {
            let mut state = self.state();
            state.times_connected += 1;
            let number = state.times_connected;
            state.connections.push(Connection {
                number,
                events,
                out: out.clone(),
                kill: kill.clone(),
            });
            number
        };
        self.qq.touch();
        self.tracker
            .spawn(self.clone().write(sink, queue, kill.clone()));
        if events {
            self.tracker
                .spawn(self.clone().beat(out.clone(), kill.clone()));
        }
        let mut reading = self.reading.subscribe();
        loop {
            tokio::select! {
                () = kill.cancelled() => break,
                ready = reading.wait_for(|yes| *yes) => if ready.is_err() { break },
            }
            let frame = tokio::select! {
                () = kill.cancelled() => break,
                frame = stream.next() => frame,
            };
            match frame {
                Some(Ok(Message::Text(call))) if calls => {
                    self.clone().on_call(call.as_str(), &out, &kill)
                }
                Some(Ok(Message::Close(frame))) => {
                    self.state()
                        .closes
                        .push(frame.map_or(1005, |frame| frame.code.into()));
                    break;
                }
                Some(Ok(
                    Message::Text(_)
                    | Message::Binary(_)
                    | Message::Ping(_)
                    | Message::Pong(_)
                    | Message::Frame(_),
                )) => {}
                Some(Err(_)) | None => break,
            }
        }
        kill.cancel();
        self.state()
            .connections
            .retain(|connection| connection.number != number);
        self.qq.touch();
    }

    /// Writes what is queued, many frames to a flush, and notes when each message had left.
    async fn write(
        self: Arc<Side>,
        mut sink: futures_util::stream::SplitSink<Socket, Message>,
        mut queue: mpsc::UnboundedReceiver<Out>,
        kill: CancellationToken,
    ) {
        let mut writing = self.writing.subscribe();
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = kill.cancelled() => return,
                ready = writing.wait_for(|yes| *yes) => if ready.is_err() { return },
            }
            let got = tokio::select! {
                () = kill.cancelled() => return,
                got = queue.recv_many(&mut batch, 64) => got,
            };
            if got == 0 {
                return;
            }
            let mut marks = Vec::new();
            let sending = async {
                for Out { frame, mark } in batch.drain(..) {
                    sink.feed(frame).await?;
                    marks.extend(mark);
                }
                sink.flush().await
            };
            let sent = tokio::select! {
                () = kill.cancelled() => return,
                sent = sending => sent,
            };
            if sent.is_err() {
                kill.cancel();
                return;
            }
            if !marks.is_empty() {
                let at = Instant::now();
                self.qq
                    .note_written(marks.into_iter().map(|mark| Written { at, ..mark }));
            }
        }
    }

    async fn beat(self: Arc<Side>, out: mpsc::UnboundedSender<Out>, kill: CancellationToken) {
        let every = self.options.heartbeat;
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = kill.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let beat = json!({
                "meta_event_type": "heartbeat",
                "status": {"online": true, "good": true},
                "interval": u64::try_from(every.as_millis()).unwrap_or(u64::MAX),
            });
            if out
                .send(Out::frame(&self.stamped("meta_event", beat)))
                .is_err()
            {
                return;
            }
        }
    }

    fn on_call(
        self: Arc<Side>,
        call: &str,
        out: &mpsc::UnboundedSender<Out>,
        kill: &CancellationToken,
    ) {
        let (delay, answer) = match actions::answer(&self, call) {
            actions::Outcome::Answer(answer) => (Duration::ZERO, answer),
            actions::Outcome::Later(delay, answer) => (delay, answer),
            actions::Outcome::Nothing => return,
            actions::Outcome::Cut => return self.cut(),
            actions::Outcome::ShowLater { delay, show, echo } => {
                let (out, side) = (out.clone(), self.clone());
                self.tracker.spawn(async move {
                    // The platform shows it even when the socket has gone meanwhile.
                    sleep(delay).await;
                    let chat = show.chat;
                    let seq = side.qq.show(show);
                    let _ = out.send(Out::frame(&actions::receipt(
                        &side,
                        chat,
                        seq,
                        echo.as_ref(),
                    )));
                });
                return;
            }
        };
        let delay = delay + self.shuffle();
        if delay.is_zero() {
            let _ = out.send(Out::frame(&answer));
            return;
        }
        let (out, kill) = (out.clone(), kill.clone());
        self.tracker.spawn(async move {
            tokio::select! {
                () = kill.cancelled() => {}
                () = sleep(delay) => { let _ = out.send(Out::frame(&answer)); }
            }
        });
    }

    fn shuffle(&self) -> Duration {
        let most = self.options.shuffle_answers;
        if most.is_zero() {
            return most;
        }
        let n = {
            let mut state = self.state();
            state.shuffles += 1;
            state.shuffles
        };
        let share = u32::try_from(wire::mix(n) % 1000).unwrap_or(0);
        most * share / 1000
    }

    /// Pushes to every event socket; without one the frame is lost for good, as it is with the real ones.
    fn push(&self, out: Out) {
        for connection in self
            .state()
            .connections
            .iter()
            .filter(|connection| connection.events)
        {
            let _ = connection.out.send(out.clone());
        }
    }

    fn online(&self) -> bool {
        self.state()
            .connections
            .iter()
            .any(|connection| connection.events)
    }

    fn cut(&self) {
        for connection in self.state().connections.drain(..) {
            connection.kill.cancel();
        }
        self.qq.touch();
    }

    fn forget(&self) {
        if self.options.flavour == Flavour::NapCat {
            let mut state = self.state();
            state.known.clear();
            state.known_order.clear();
        }
    }

    fn id_of(&self, chat: Chat, seq: i64) -> i64 {
        self.options
            .flavour
            .message_id(self.options.self_id, chat, seq)
    }

    fn mark(&self, chat: Chat, seq: i64) -> Written {
        let message_id = self.id_of(chat, seq);
        Written {
            bridge: self.number,
            self_id: self.options.self_id,
            chat,
            seq,
            message_id,
            at: Instant::now(),
        }
    }

    /// From now on the bridge finds the message by its id.
    fn learn(&self, chat: Chat, seq: i64) -> i64 {
        let id = self.id_of(chat, seq);
        let mut state = self.state();
        let places = state.known.entry(id).or_default();
        if !places.contains(&(chat, seq)) {
            places.push((chat, seq));
            state.known_order.push_back(id);
        }
        if self.options.flavour == Flavour::NapCat && state.known_order.len() > NAPCAT_REMEMBERS {
            let oldest = state.known_order.pop_front();
            oldest.map(|oldest| state.known.remove(&oldest));
        }
        id
    }

    /// Where a message with this id is; `within` prefers one chat, since Lagrange gives one id in two groups.
    fn find(&self, id: i64, within: Option<Chat>) -> Option<(Chat, i64)> {
        let state = self.state();
        let places = state.known.get(&id)?;
        match within {
            Some(chat) => places.iter().rev().find(|place| place.0 == chat).copied(),
            None => places.last().copied(),
        }
    }

    fn stamped(&self, post_type: &str, fields: Value) -> Value {
        let mut event = json!({
            "time": qq::wall_seconds() + self.options.clock_offset,
            "self_id": self.options.self_id,
            "post_type": post_type,
        });
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        event
    }
}
