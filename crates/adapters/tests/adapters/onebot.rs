//! A bridge at our door: a real server on a loopback port, a real WebSocket client, and what the house hears of it.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's leave for tests does not reach their helpers"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};
use teahouse_adapters::onebot::{Config, OneBot, routes};
use teahouse_adapters::{Adapter, AdapterError, Connection, EventSink, Incoming};
use teahouse_core::rules::judge::Rules;
use teahouse_core::{
    AccountName, Address, ChatId, Draft, EventKind, GateVerdict, Language, MemberId, Message,
    MessageId, NotSent, OutSegment, Outgoing, Role, RoomKind, SendOutcome, Source, pass,
};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message as Ws};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const TOKEN: &str = "a-long-and-secret-word";
const US: &str = "10001000";

struct House {
    account: Arc<OneBot>,
    port: u16,
    events: mpsc::Receiver<Incoming>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl House {
    async fn open() -> House {
        House::with_id(None).await
    }

    async fn with_id(id: Option<&str>) -> House {
        let account = OneBot::new(Config {
            name: AccountName::new("qq"),
            id: id.map(str::to_owned),
            token: SecretString::from(TOKEN),
            dial: None,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (all, events) = mpsc::channel(64);
        let (reserve, _) = mpsc::channel(1);
        let sink = EventSink::new(all, reserve, |_, _| true);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let router = routes(vec![Arc::clone(&account)]);
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
        });
        let (runs, stopping) = (Arc::clone(&account), stop.clone());
        tasks.spawn(async move { runs.run(sink, stopping).await });
        // The door opens with the first poll of `run`.
        tokio::task::yield_now().await;
        House {
            account,
            port,
            events,
            stop,
            tasks,
        }
    }

    async fn knock(&self, headers: &[(&'static str, &str)], path: &str) -> Result<Bridge, Error> {
        let mut request = format!("ws://127.0.0.1:{}{path}", self.port).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await?;
        Ok(Bridge { socket })
    }

    async fn bridge_in(&self, role: &str) -> Bridge {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [
            ("x-self-id", US),
            ("x-client-role", role),
            ("authorization", bearer.as_str()),
        ];
        self.knock(&headers, "/onebot/v11/ws").await.unwrap()
    }

    /// A bridge that has said hello, and whose version was asked.
    async fn bridge(&mut self) -> Bridge {
        let mut bridge = self.bridge_in("Universal").await;
        bridge.says(&lifecycle()).await;
        let call = bridge.hears().await;
        assert_eq!(call["action"], "get_version_info");
        bridge
            .answers(
                &call,
                json!({"app_name": "NapCat.Onebot", "app_version": "4.18.13"}),
            )
            .await;
        assert_eq!(self.event().await, EventKind::Account { online: true });
        bridge
    }

    async fn event(&mut self) -> EventKind {
        self.events.recv().await.unwrap().event.kind
    }

    async fn message(&mut self) -> Message {
        match self.event().await {
            EventKind::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    fn count(&self, name: &str) -> u64 {
        let counted = self.account.counters().read();
        counted.iter().find(|(known, _)| *known == name).unwrap().1
    }

    async fn refusal(&self, headers: &[(&'static str, &str)], path: &str) -> StatusCode {
        match self.knock(headers, path).await {
            Err(Error::Http(response)) => response.status(),
            Err(other) => panic!("{other}"),
            Ok(_) => StatusCode::SWITCHING_PROTOCOLS,
        }
    }

    /// Waits until the last link is gone.
    async fn lost(&self) {
        let mut connection = self.account.connection();
        connection
            .wait_for(|now| *now == Connection::Lost)
            .await
            .unwrap();
    }

    async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        assert_eq!(self.account.links(), 0);
    }
}

struct Bridge {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Bridge {
    async fn says(&mut self, frame: &Value) {
        self.sends(Ws::text(frame.to_string())).await;
    }

    async fn sends(&mut self, message: Ws) {
        self.socket.send(message).await.unwrap();
    }

    async fn hears(&mut self) -> Value {
        loop {
            match self.socket.next().await.unwrap().unwrap() {
                Ws::Text(text) => return serde_json::from_str(&text).unwrap(),
                Ws::Ping(_) | Ws::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn answers(&mut self, call: &Value, data: Value) {
        let echo = &call["echo"];
        self.says(&json!({"status": "ok", "retcode": 0, "data": data, "echo": echo}))
            .await;
    }

    /// The code with which the house closes.
    async fn closing_code(&mut self) -> u16 {
        loop {
            match self.socket.next().await {
                Some(Ok(Ws::Close(Some(close)))) => return close.code.into(),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn lifecycle() -> Value {
    json!({"post_type": "meta_event", "meta_event_type": "lifecycle", "sub_type": "connect", "self_id": 10001000, "time": 1760000000})
}

fn said(id: i64, text: &str) -> Value {
    json!({
        "post_type": "message", "message_type": "group", "sub_type": "normal", "self_id": 10001000,
        "time": 1760000000, "user_id": 20002000, "group_id": 30003000, "message_id": id,
        "sender": {"nickname": "Lin"}, "message": [{"type": "text", "data": {"text": text}}],
    })
}

fn outgoing(text: &str) -> Outgoing {
    let verdict = pass(
        Draft {
            address: Address {
                account: AccountName::new("qq"),
                chat: ChatId::new("30003000"),
            },
            room_kind: RoomKind::Group,
            quote: None,
            body: vec![OutSegment::Text { text: text.into() }],
            source: Source::House,
            language: Language::English,
            joined: None,
            fleeting: false,
        },
        &Rules::none(Language::English),
        "",
    );
    match verdict {
        GateVerdict::Pass(outgoing) => outgoing,
        GateVerdict::Withhold { why, .. } => panic!("{why}"),
    }
}

/// Sends from beside the test, which plays the bridge.
fn send(house: &House, text: &str) -> tokio::task::JoinHandle<SendOutcome> {
    let account = Arc::clone(&house.account);
    let out = outgoing(text);
    house.tasks.spawn(async move { account.send(&out).await })
}

#[tokio::test]
async fn a_message_comes_in_and_an_answer_goes_out() {
    let mut house = House::open().await;
    assert_eq!(
        house.account.send(&outgoing("nobody there")).await,
        SendOutcome::NotSent(NotSent::Offline)
    );
    let mut bridge = house.bridge().await;
    assert_eq!(*house.account.connection().borrow(), Connection::Online);
    assert_eq!(house.account.us(), Some(MemberId::new(US)));

    bridge.says(&said(5, "ai hi")).await;
    assert_eq!(house.message().await.text(), "ai hi");

    let sending = send(&house, "hello");
    let call = bridge.hears().await;
    assert_eq!(call["action"], "send_group_msg");
    assert_eq!(call["params"]["group_id"], "30003000");
    bridge
        .answers(&call, json!({"message_id": 1478352970}))
        .await;
    match sending.await.unwrap() {
        SendOutcome::Sent(receipt) => assert_eq!(receipt.message.as_str(), "1478352970"),
        other => panic!("{other:?}"),
    }
    house.stop.cancel();
    assert_eq!(bridge.closing_code().await, 1001);
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn history_and_role_are_asked_of_the_platform() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    let chat = ChatId::new("30003000");

    let (account, place) = (Arc::clone(&house.account), chat.clone());
    let asking = house
        .tasks
        .spawn(async move { account.history(&place, 20).await });
    let call = bridge.hears().await;
    assert_eq!(call["action"], "get_group_msg_history");
    assert_eq!(call["params"], json!({"group_id": "30003000", "count": 20}));
    let mut later = said(7, "later");
    later["real_seq"] = "102".into();
    let mut earlier = said(6, "earlier");
    earlier["real_seq"] = "101".into();
    // A bridge's history leaves out what is clear.
    for field in ["post_type", "group_id", "self_id", "message_type"] {
        earlier.as_object_mut().unwrap().remove(field);
    }
    let broken = json!({"message_id": 8});
    bridge
        .answers(&call, json!({"messages": [later, earlier, broken]}))
        .await;
    let history = asking.await.unwrap().unwrap();
    let texts: Vec<String> = history.iter().map(Message::text).collect();
    assert_eq!(texts, ["earlier", "later"]);
    assert_eq!(house.count("missing_field"), 1);

    let (account, place) = (Arc::clone(&house.account), ChatId::new("direct/20002000"));
    let asking = house
        .tasks
        .spawn(async move { account.history(&place, 20).await });
    let call = bridge.hears().await;
    assert_eq!(call["action"], "get_friend_msg_history");
    let echo = &call["echo"];
    bridge
        .says(&json!({"status": "failed", "retcode": 1200, "data": null, "wording": "no message", "echo": echo}))
        .await;
    assert!(
        asking.await.unwrap().unwrap().is_empty(),
        "NapCat's way to say empty"
    );

    for (data, expected) in [
        (json!({"role": "admin"}), Ok(Role::Admin)),
        (json!({}), Err(())),
    ] {
        let (account, place) = (Arc::clone(&house.account), chat.clone());
        let asking = house
            .tasks
            .spawn(async move { account.role(&place, &MemberId::new("20002000")).await });
        let call = bridge.hears().await;
        assert_eq!(call["action"], "get_group_member_info");
        assert_eq!(call["params"]["no_cache"], true);
        bridge.answers(&call, data).await;
        let role = asking.await.unwrap();
        match expected {
            Ok(role_expected) => assert_eq!(role.unwrap(), role_expected),
            Err(()) => assert!(matches!(role, Err(AdapterError::Refused { .. }))),
        }
    }
    for (data, expected) in [
        (json!({"join_time": 1_700_000_000}), Some(1_700_000_000)),
        (json!({"join_time": "1700000000"}), Some(1_700_000_000)),
        (json!({"join_time": 0}), None),
        (json!({"join_time": -1}), None),
        (json!({"join_time": "long ago"}), None),
        (json!({}), None),
    ] {
        let (account, place) = (Arc::clone(&house.account), chat.clone());
        let asking = house
            .tasks
            .spawn(async move { account.joined(&place, &MemberId::new("20002000")).await });
        let call = bridge.hears().await;
        assert_eq!(call["action"], "get_group_member_info");
        bridge.answers(&call, data.clone()).await;
        let joined = asking.await.unwrap().unwrap();
        assert_eq!(joined.map(|at| at.as_second()), expected, "{data}");
    }
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_021_a_quoted_message_is_asked_for_and_only_its_own_group_is_told() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    let mut elsewhere = said(9, "not for you");
    elsewhere["group_id"] = json!(30003001);
    for (data, expected) in [
        (said(9, "oolong"), Some("oolong")),
        (elsewhere, None),
        (json!({"message_id": 9}), None),
        (Value::Null, None),
    ] {
        let account = Arc::clone(&house.account);
        let asking = house.tasks.spawn(async move {
            let (chat, id) = (ChatId::new("30003000"), MessageId::new("9"));
            account.message(&chat, &id).await
        });
        let call = bridge.hears().await;
        assert_eq!(call["action"], "get_msg");
        assert_eq!(call["params"], json!({"message_id": 9}));
        bridge.answers(&call, data).await;
        let message = asking.await.unwrap().unwrap();
        assert_eq!(message.map(|message| message.text()).as_deref(), expected);
    }
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_001_noise_is_counted_and_a_minute_full_of_it_ends_the_link() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    for noise in ["hello", "", "null", "[1]"] {
        bridge.sends(Ws::text(noise)).await;
    }
    bridge.says(&said(5, "still here")).await;
    assert_eq!(house.message().await.text(), "still here");
    assert_eq!(house.count("not_json"), 2);
    assert_eq!(house.count("not_an_object"), 2);
    for _ in 0..16 {
        bridge.sends(Ws::text("{")).await;
    }
    assert_eq!(bridge.closing_code().await, 1008);
    drop(bridge);
    house.lost().await;
    assert_eq!(house.count("links_noisy"), 1);
    house.close().await;
}

#[tokio::test]
async fn bad_002_a_frame_beyond_the_cap_closes_its_link_before_it_is_read() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    let MaybeTlsStream::Plain(stream) = bridge.socket.get_mut() else {
        panic!("loopback is plain");
    };
    // A masked text frame of 1 TiB, of which only the head ever comes.
    let mut head = vec![0x81, 0x80 | 127];
    head.extend((1_u64 << 40).to_be_bytes());
    head.extend([0; 4]);
    stream.write_all(&head).await.unwrap();
    assert_eq!(bridge.closing_code().await, 1009);

    let mut bridge = house.bridge().await;
    // Sending may break off: the house does not wait for the rest.
    let _ = bridge
        .socket
        .send(Ws::text("x".repeat((1 << 20) + 1)))
        .await;
    house.lost().await;
    assert_eq!(house.count("too_long"), 2);
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_003_deep_nesting_is_noise() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    for depth in [33, 129, 100_000] {
        bridge
            .sends(Ws::text(format!("{{\"a\":{}", "[".repeat(depth))))
            .await;
    }
    bridge.says(&said(5, "still here")).await;
    house.message().await;
    assert_eq!(house.count("too_deep"), 3);
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_004_text_that_is_not_utf8_closes_its_link_and_no_other() {
    let mut house = House::open().await;
    let mut other = house.bridge().await;
    for broken in [&b"\xc0\xaf"[..], b"\xed\xa0\x80", b"{\"a\":\"\xe8\x8c"] {
        let mut bridge = house.bridge().await;
        let frame = Frame::message(broken.to_vec(), OpCode::Data(Data::Text), true);
        bridge.sends(Ws::Frame(frame)).await;
        assert_eq!(bridge.closing_code().await, 1007);
    }
    other.says(&said(5, "untouched")).await;
    assert_eq!(house.message().await.text(), "untouched");
    assert_eq!(house.count("not_utf8"), 3);
    drop(other);
    house.close().await;
}

#[tokio::test]
async fn bad_005_binary_is_refused_and_pieces_of_text_are_joined() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    bridge
        .sends(Ws::binary(said(4, "in binary").to_string().into_bytes()))
        .await;
    let whole = said(5, "茶 in pieces").to_string().into_bytes();
    let (start, end) = whole.split_at(whole.len() - 70);
    let start = Frame::message(start.to_vec(), OpCode::Data(Data::Text), false);
    let end = Frame::message(end.to_vec(), OpCode::Data(Data::Continue), true);
    bridge.sends(Ws::Frame(start)).await;
    bridge.sends(Ws::Ping(Default::default())).await;
    bridge.sends(Ws::Frame(end)).await;
    assert_eq!(house.message().await.text(), "茶 in pieces");
    assert_eq!(house.count("binary"), 1);
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_007_only_the_right_token_opens_the_door() {
    let house = House::with_id(Some(US)).await;
    let knock = async |headers: &[(&'static str, &str)], path: &str| {
        house.refusal(headers, path).await.as_u16()
    };
    let right = format!("Bearer {TOKEN}");
    let authorization = "authorization";
    let ours = ("x-self-id", US);

    assert_eq!(knock(&[ours], "/ws").await, 401);
    assert_eq!(knock(&[ours, (authorization, "Bearer ")], "/ws").await, 401);
    assert_eq!(knock(&[ours, (authorization, "Bearer")], "/ws").await, 401);
    assert_eq!(knock(&[ours, (authorization, TOKEN)], "/ws").await, 401);
    assert_eq!(knock(&[ours], "/ws?access_token=").await, 401);
    assert_eq!(
        knock(&[ours, (authorization, "Bearer wrong")], "/ws").await,
        403
    );
    assert_eq!(knock(&[ours], "/ws?access_token=wrong").await, 403);
    let twice = format!("/ws?access_token={TOKEN}");
    assert_eq!(
        knock(&[ours, (authorization, "Bearer wrong")], &twice).await,
        403
    );
    let longer = format!("Bearer {TOKEN}x");
    assert_eq!(knock(&[ours, (authorization, &longer)], "/ws").await, 403);
    assert_eq!(
        knock(&[("x-self-id", "5"), (authorization, &right)], "/ws").await,
        403
    );
    let tea = ("x-client-role", "Teapot");
    assert_eq!(
        knock(&[ours, tea, (authorization, &right)], "/ws").await,
        400
    );
    assert_eq!(knock(&[ours, (authorization, &right)], "/wrong").await, 404);
    assert_eq!(house.account.links(), 0);

    let token = format!("Token {TOKEN}");
    let lower = format!("bearer {TOKEN}");
    for shown in [&right, &token, &lower] {
        for path in ["/ws", "/onebot", "/onebot/v11", "/onebot/v11/ws"] {
            assert_eq!(knock(&[ours, (authorization, shown)], path).await, 101);
        }
    }
    assert_eq!(knock(&[ours], &twice).await, 101);
    assert_eq!(
        knock(&[], &twice).await,
        101,
        "the first event will say who it is"
    );
    assert_eq!(house.count("refused_no_token"), 5);
    assert_eq!(house.count("refused_wrong_token"), 4);
    assert_eq!(house.count("refused_self_id"), 1);
    assert_eq!(house.count("refused_role"), 1);
    house.close().await;
}

/// What a log would hold.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn bad_007_a_refusal_is_logged_with_its_cause_and_without_the_token() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mut house = House::with_id(Some(US)).await;
    let wrong = ("authorization", "Bearer a-wrong-but-secret-word");
    house.refusal(&[("x-self-id", US), wrong], "/ws").await;
    let right = format!("/ws?access_token={TOKEN}");
    house.refusal(&[("x-self-id", "5")], &right).await;
    let bridge = house.bridge().await;
    drop(bridge);
    house.lost().await;
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the token is not this account's"), "{log}");
    assert!(log.contains("X-Self-ID is another account"), "{log}");
    for secret in [TOKEN, "a-wrong-but-secret-word"] {
        assert!(!log.contains(secret), "{log}");
    }
    house.close().await;
}

#[tokio::test]
async fn the_first_bridge_with_the_right_token_says_who_we_are() {
    let house = House::open().await;
    let mut learned = house.account.learned_id();
    assert_eq!(*learned.borrow_and_update(), None);
    let bridge = house.bridge_in("Universal").await;
    learned.changed().await.unwrap();
    assert_eq!(learned.borrow().as_deref(), Some(US));
    let bearer = format!("Bearer {TOKEN}");
    let other = [("x-self-id", "5"), ("authorization", bearer.as_str())];
    assert_eq!(house.refusal(&other, "/ws").await, StatusCode::FORBIDDEN);
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_008_two_bridges_of_one_account_both_feed_and_the_newest_is_called() {
    let mut house = House::open().await;
    let mut first = house.bridge().await;
    let mut second = house.bridge().await;
    first.says(&said(5, "from the first")).await;
    assert_eq!(house.message().await.text(), "from the first");
    second.says(&said(6, "from the second")).await;
    assert_eq!(house.message().await.text(), "from the second");

    let sending = send(&house, "to the second");
    let call = second.hears().await;
    // An answer on a link that was not asked is nobody's.
    first.answers(&call, json!({"message_id": 1})).await;
    first.says(&said(7, "after it")).await;
    house.message().await;
    assert_eq!(house.count("unknown_echo"), 1);
    second.answers(&call, json!({"message_id": 2})).await;
    assert!(
        matches!(sending.await.unwrap(), SendOutcome::Sent(receipt) if receipt.message.as_str() == "2")
    );

    let sending = send(&house, "lost on its way");
    second.hears().await;
    second.socket.close(None).await.unwrap();
    assert!(
        matches!(sending.await.unwrap(), SendOutcome::Unknown { .. }),
        "the bytes were written"
    );
    while house.account.links() > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*house.account.connection().borrow(), Connection::Online);
    let sending = send(&house, "to the first");
    let call = first.hears().await;
    first.answers(&call, json!({"message_id": 3})).await;
    assert!(matches!(sending.await.unwrap(), SendOutcome::Sent(_)));
    drop(first);
    drop(second);
    house.close().await;
}

#[tokio::test]
async fn calls_and_events_may_come_on_two_links() {
    let mut house = House::open().await;
    let mut calls = house.bridge_in("Api").await;
    let mut events = house.bridge_in("EVENT").await;
    assert_eq!(
        house.account.send(&outgoing("too early")).await,
        SendOutcome::NotSent(NotSent::Offline),
        "nothing is called before the first event"
    );
    events.says(&said(5, "hello")).await;
    house.message().await;
    let call = calls.hears().await;
    assert_eq!(call["action"], "get_version_info");
    let sending = send(&house, "on the other link");
    let call = calls.hears().await;
    calls.answers(&call, json!({"message_id": 9})).await;
    assert!(matches!(sending.await.unwrap(), SendOutcome::Sent(_)));
    drop(calls);
    drop(events);
    house.close().await;
}

#[tokio::test]
async fn bad_009_010_011_events_that_mean_nothing_are_counted_and_go_nowhere() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    let without = |field: &str| {
        let mut frame = said(5, "ai hi");
        frame.as_object_mut().unwrap().remove(field);
        frame
    };
    for field in ["group_id", "user_id", "message"] {
        bridge.says(&without(field)).await;
    }
    bridge.says(&without("message_type")).await;
    bridge
        .says(&json!({"post_type": "gossip", "self_id": 10001000}))
        .await;
    let mut odd = said(5, "ai hi");
    odd["group_id"] = json!(1.5);
    bridge.says(&odd).await;
    bridge.says(&said(-2147483648, "a signed label")).await;
    assert_eq!(house.message().await.id.as_str(), "-2147483648");
    assert_eq!(house.count("missing_field"), 3);
    assert_eq!(house.count("no_such_room"), 1);
    assert_eq!(house.count("other"), 1);
    assert_eq!(house.count("bad_id"), 1);
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_012_a_repeat_has_the_same_key_on_every_link() {
    let mut house = House::open().await;
    let mut first = house.bridge().await;
    let mut second = house.bridge().await;
    let mut keys = Vec::new();
    for bridge in [&mut first, &mut second] {
        bridge.says(&said(5, "ai hi")).await;
        keys.push(house.message().await.inbox_key("qq"));
    }
    assert_eq!(keys[0], keys[1]);
    drop(first);
    drop(second);
    house.close().await;
}

#[tokio::test]
async fn bad_016_events_of_another_account_are_refused() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    let mut foreign = said(5, "ai hi");
    foreign["self_id"] = json!(5);
    bridge.says(&foreign).await;
    bridge.says(&said(6, "ours")).await;
    assert_eq!(house.message().await.text(), "ours");
    assert_eq!(house.count("foreign_self"), 1);
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_018_019_020_messages_in_every_form_arrive() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    let mut frame = said(5, "");
    frame["message"] = "[CQ:at,qq=10001000] ai &#91;hi&#93;".into();
    bridge.says(&frame).await;
    let message = house.message().await;
    assert!(message.mentions(&MemberId::new(US)));
    assert_eq!(message.text(), " ai [hi]");

    frame["message"] = json!([{"type": "text", "data": {"text": "the array"}}]);
    frame["raw_message"] = "the string".into();
    bridge.says(&frame).await;
    assert_eq!(house.message().await.text(), "the array");
    assert_eq!(house.count("differing"), 1);

    frame["message"] = "[CQ:at,qq=".into();
    bridge.says(&frame).await;
    assert_eq!(house.message().await.text(), "[CQ:at,qq=");
    frame["message"] = json!([{"type": "at", "data": {"qq": "all"}}]);
    bridge.says(&frame).await;
    assert!(!house.message().await.mentions(&MemberId::new(US)));
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_027_an_answer_finds_its_call_once() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    let sending = send(&house, "hello");
    let call = bridge.hears().await;
    for echo in [json!("nobody's"), json!({"a": 1}), json!(null), json!(7)] {
        bridge
            .says(&json!({"status": "ok", "retcode": 0, "data": {"message_id": 1}, "echo": echo}))
            .await;
    }
    bridge.answers(&call, json!({"message_id": 2})).await;
    bridge.answers(&call, json!({"message_id": 3})).await;
    assert!(
        matches!(sending.await.unwrap(), SendOutcome::Sent(receipt) if receipt.message.as_str() == "2")
    );
    bridge.says(&said(5, "after it")).await;
    house.message().await;
    assert_eq!(house.count("unknown_echo"), 2);
    assert_eq!(house.count("odd_echo"), 2);
    assert_eq!(house.count("missing_echo"), 1);
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn bad_028_an_answer_that_does_not_say_is_unknown() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    for answer in [
        json!({"status": "failed", "retcode": 1200, "data": null, "wording": "Timeout: NTEvent …sendMsg EventRet: {}"}),
        json!({"status": "ok", "retcode": 0, "data": {"message_id": 0}}),
        json!({"status": "async", "retcode": 1, "data": null}),
    ] {
        let sending = send(&house, "hello");
        let call = bridge.hears().await;
        let mut answer = answer;
        answer["echo"] = call["echo"].clone();
        bridge.says(&answer).await;
        assert!(
            matches!(sending.await.unwrap(), SendOutcome::Unknown { .. }),
            "{answer}"
        );
    }
    drop(bridge);
    house.close().await;
}

#[tokio::test]
async fn an_account_that_is_logged_out_says_nothing() {
    let mut house = House::open().await;
    let mut bridge = house.bridge().await;
    let heartbeat = |online: bool| json!({"post_type": "meta_event", "meta_event_type": "heartbeat", "status": {"online": online}, "self_id": 10001000});
    // A heartbeat that says what we know is no event.
    bridge.says(&heartbeat(true)).await;
    bridge.says(&heartbeat(false)).await;
    assert_eq!(house.event().await, EventKind::Account { online: false });
    assert_eq!(*house.account.connection().borrow(), Connection::LoggedOut);
    assert_eq!(
        house.account.send(&outgoing("hello")).await,
        SendOutcome::NotSent(NotSent::Offline)
    );
    bridge.says(&heartbeat(true)).await;
    assert_eq!(house.event().await, EventKind::Account { online: true });
    assert_eq!(*house.account.connection().borrow(), Connection::Online);
    drop(bridge);
    house.lost().await;
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_in_before_the_house_is_open() {
    let account = OneBot::new(Config {
        name: AccountName::new("qq"),
        id: None,
        token: SecretString::from(""),
        dial: None,
    });
    assert_eq!(*account.connection().borrow(), Connection::Waiting);
    // Stopping a house that nobody entered takes no time.
    let (all, _events) = mpsc::channel(1);
    let (reserve, _) = mpsc::channel(1);
    let stop = CancellationToken::new();
    stop.cancel();
    let run = account.run(EventSink::new(all, reserve, |_, _| true), stop);
    tokio::time::timeout(Duration::from_secs(1), run)
        .await
        .unwrap();
}
