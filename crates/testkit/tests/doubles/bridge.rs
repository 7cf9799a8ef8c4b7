//! The bridge against a house of a few lines.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use teahouse_testkit::bridge::{
    FakeBridge, FakeQq, Fault, Flavour, History, Options, Role, Said, mention, quote, text,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderMap, StatusCode};
use tokio_tungstenite::tungstenite::{Error, Message};

const SOON: Duration = Duration::from_secs(5);
const GROUP: i64 = 700_100_000;

/// The smallest house: accepts sockets and looks at frames.
struct Door(TcpListener);

struct Guest {
    socket: WebSocketStream<TcpStream>,
    headers: HeaderMap,
    echoes: u64,
}

impl Door {
    async fn open() -> (Door, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/onebot/v11/ws", listener.local_addr().unwrap());
        (Door(listener), url)
    }

    async fn guest(&self) -> Guest {
        let (stream, _) = timeout(SOON, self.0.accept()).await.unwrap().unwrap();
        let mut headers = HeaderMap::new();
        #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            headers = request.headers().clone();
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, look)
            .await
            .unwrap();
        Guest {
            socket,
            headers,
            echoes: 0,
        }
    }

    /// A guest who has said hello.
    async fn seated(&self) -> Guest {
        let mut guest = self.guest().await;
        let hello = guest.event().await;
        assert_eq!(hello["meta_event_type"], "lifecycle");
        guest
    }
}

impl Guest {
    async fn event(&mut self) -> Value {
        loop {
            match timeout(SOON, self.socket.next())
                .await
                .expect("a frame comes soon")
                .unwrap()
                .unwrap()
            {
                Message::Text(frame) => return serde_json::from_str(&frame).unwrap(),
                _ => continue,
            }
        }
    }

    async fn calls(&mut self, action: &str, params: Value) -> Value {
        let echo = self.sends(action, params).await;
        loop {
            let frame = self.event().await;
            if frame["echo"] == echo {
                return frame;
            }
        }
    }

    async fn sends(&mut self, action: &str, params: Value) -> Value {
        self.echoes += 1;
        let echo = json!(format!("t-{}", self.echoes));
        let call = json!({"action": action, "params": params, "echo": echo});
        self.socket
            .send(Message::text(call.to_string()))
            .await
            .unwrap();
        echo
    }

    async fn says(&mut self, words: &str) -> Value {
        self.calls(
            "send_group_msg",
            json!({"group_id": GROUP.to_string(), "message": [text(words)]}),
        )
        .await
    }

    async fn quiet(&mut self, time: Duration) -> bool {
        timeout(time, self.socket.next()).await.is_err()
    }
}

fn fault_text(answer: &Value) -> String {
    answer["wording"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn it_knocks_as_each_flavour_does() {
    let expect = [
        (
            Flavour::NapCat,
            Some("Bearer tea"),
            Some("Bearer"),
            "OneBot/11",
        ),
        (
            Flavour::LlBot,
            Some("Bearer tea"),
            Some("Bearer"),
            "LLOneBot/8.1.7",
        ),
        (
            Flavour::LagrangeV1,
            Some("Bearer tea"),
            None,
            "Lagrange.OneBot",
        ),
        (Flavour::GoCqhttp, Some("Token tea"), None, "CQHttp/4.15.0"),
    ];
    for (flavour, with_token, without, agent) in expect {
        for (token, authorization) in [("tea", with_token), ("", without)] {
            let (door, url) = Door::open().await;
            let _bridge = FakeBridge::start(Options::new(url, token).flavour(flavour));
            let mut guest = door.guest().await;
            let header = |name: &str| {
                guest
                    .headers
                    .get(name)
                    .map(|value| value.to_str().unwrap().trim_end().to_owned())
            };
            assert_eq!(
                header("authorization").as_deref(),
                authorization,
                "{flavour:?} {token:?}"
            );
            assert_eq!(header("x-self-id").as_deref(), Some("10001000"));
            assert_eq!(header("x-client-role").as_deref(), Some("Universal"));
            assert_eq!(header("user-agent").as_deref(), Some(agent));
            let hello = guest.event().await;
            assert_eq!(hello["post_type"], "meta_event");
            assert_eq!(
                (&hello["meta_event_type"], &hello["sub_type"]),
                (&json!("lifecycle"), &json!("connect"))
            );
        }
    }
}

#[tokio::test]
async fn two_sockets_part_calls_from_events() {
    let (door, url) = Door::open().await;
    let options = Options {
        split_sockets: true,
        ..Options::new(url, "t").flavour(Flavour::LagrangeV1)
    };
    let bridge = FakeBridge::start(options);
    let (one, two) = (door.guest().await, door.guest().await);
    let role = |guest: &Guest| guest.headers["x-client-role"].to_str().unwrap().to_owned();
    let (mut api, mut events) = if role(&one) == "Api" {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(
        (role(&api).as_str(), role(&events).as_str()),
        ("Api", "Event")
    );
    assert!(bridge.wait_connected(SOON).await);
    assert_eq!(events.event().await["meta_event_type"], "lifecycle");
    let said = bridge.says(GROUP, 42, "ai hello");
    assert_eq!(events.event().await["message_id"], said.message_id);
    assert_eq!(api.says("hello").await["status"], "ok");
    assert!(events.quiet(Duration::from_millis(30)).await);
}

#[tokio::test]
async fn a_message_looks_as_each_flavour_writes_it() {
    for flavour in [
        Flavour::NapCat,
        Flavour::LlBot,
        Flavour::LagrangeV1,
        Flavour::GoCqhttp,
    ] {
        let (door, url) = Door::open().await;
        let bridge = FakeBridge::start(Options::new(url, "t").flavour(flavour));
        let mut guest = door.seated().await;
        let first = bridge.says(GROUP, 42, "before");
        let said = bridge.sends(
            GROUP,
            42,
            vec![
                quote(first.message_id),
                mention(10_001_000),
                text(" ai [hi]"),
            ],
        );
        guest.event().await;
        let event = guest.event().await;
        assert_eq!(event["post_type"], "message");
        assert_eq!(
            (&event["group_id"], &event["user_id"]),
            (&json!(GROUP), &json!(42))
        );
        assert_eq!(event["message_id"], said.message_id);
        assert_eq!(event["sender"]["role"], "member");
        let segments = json!([
            quote(first.message_id),
            mention(10_001_000),
            text(" ai [hi]")
        ]);
        let codes = format!(
            "[CQ:reply,id={}][CQ:at,qq=10001000] ai &#91;hi&#93;",
            first.message_id
        );
        match flavour {
            Flavour::NapCat => {
                assert_eq!(event["message_seq"], said.message_id);
                assert_eq!(event["real_seq"], said.seq.to_string());
                assert_eq!(event["message"], segments);
                assert_eq!(event["sender"].get("level"), None);
            }
            Flavour::LlBot => {
                assert_eq!(event["message_seq"], said.seq);
                assert_eq!(event["message"], segments);
                assert_eq!(event.get("real_seq"), None);
            }
            Flavour::LagrangeV1 => {
                assert_eq!(event.get("message_seq"), None);
                assert_eq!(event.get("group_name"), None);
                assert_eq!(event["message"], segments);
            }
            Flavour::GoCqhttp => {
                assert_eq!(event["message_seq"], said.seq);
                assert_eq!(event["message"], codes);
            }
        }
        assert_eq!(event["raw_message"], codes);
        assert!(
            bridge
                .wait_until(|qq| qq.written_at(&said).is_some(), SOON)
                .await
        );
        assert!(bridge.written_at(&said).unwrap() >= said.at);
    }
}

#[tokio::test]
async fn an_answer_is_shown_with_its_quote_and_its_receipt() {
    let (door, url) = Door::open().await;
    let bridge = FakeBridge::start(Options::new(url, "t"));
    let mut guest = door.seated().await;
    let said = bridge.says(GROUP, 42, "ai why");
    let id = guest.event().await["message_id"].as_i64().unwrap();
    let message = json!([quote(id), mention(42), text(" because")]);
    let answer = guest
        .calls(
            "send_group_msg",
            json!({"group_id": GROUP, "message": message}),
        )
        .await;
    assert_eq!(
        (&answer["status"], &answer["retcode"]),
        (&json!("ok"), &json!(0))
    );
    let shown = bridge.quoting(&said);
    assert_eq!(shown.len(), 1);
    assert_eq!(
        bridge.quotes_by(bridge.self_id()),
        [((said.chat, said.seq), 1)].into()
    );
    assert_eq!(shown[0].text, " because");
    assert_eq!(shown[0].quote, Some(said.message_id));
    assert_eq!(answer["data"]["message_id"], shown[0].message_id);
    assert_eq!(shown[0].user_id, bridge.self_id());
    // CQ codes in strings are carried out, unless escaped.
    guest
        .calls(
            "send_msg",
            json!({"group_id": GROUP, "message": "[CQ:at,qq=all]x"}),
        )
        .await;
    guest
        .calls(
            "send_msg",
            json!({"group_id": GROUP, "message": "[CQ:at,qq=all]", "auto_escape": true}),
        )
        .await;
    let shown = bridge.shown_by(GROUP, bridge.self_id());
    assert_eq!(shown[1].segments[0]["type"], "at");
    assert_eq!(shown[2].text, "[CQ:at,qq=all]");
    let nodes = json!([{"type": "node", "data": {"user_id": "1", "nickname": "x", "content": [text("one")]}},
                       {"type": "node", "data": {"user_id": "1", "nickname": "x", "content": [text("two")]}}]);
    guest
        .calls(
            "send_group_forward_msg",
            json!({"group_id": GROUP, "messages": nodes}),
        )
        .await;
    assert_eq!(bridge.shown(GROUP).last().unwrap().text, "one\ntwo");
    // In private as well.
    bridge.private_says(77, "hello");
    guest
        .calls(
            "send_private_msg",
            json!({"user_id": "77", "message": [text("hi")]}),
        )
        .await;
    assert_eq!(bridge.shown_private(77)[1].text, "hi");
}

#[tokio::test]
async fn faults_do_what_they_say() {
    let (door, url) = Door::open().await;
    let bridge = FakeBridge::start(Options::new(url, "t"));
    let mut guest = door.seated().await;
    bridge.next_send(Fault::Refuse {
        result: -1,
        text: "rich media transfer failed".into(),
    });
    let refused = guest.says("refused").await;
    assert_eq!(refused["retcode"], 1200);
    assert!(fault_text(&refused).starts_with("EventChecker Failed: NTEvent"));
    bridge.next_send(Fault::TimeoutShown);
    let timed_out = guest.says("timeout shown").await;
    assert!(fault_text(&timed_out).starts_with("Timeout: NTEvent"));
    bridge.next_send(Fault::TimeoutSwallowed);
    assert_eq!(guest.says("timeout swallowed").await["retcode"], 1200);
    bridge.next_send(Fault::Swallowed);
    assert!(
        guest.says("swallowed").await["data"]["message_id"]
            .as_i64()
            .unwrap()
            > 0
    );
    bridge.next_send(Fault::Async { shown: true });
    assert_eq!(guest.says("async").await["status"], "async");
    bridge.next_send(Fault::ZeroId { shown: true });
    assert_eq!(guest.says("zero").await["data"]["message_id"], 0);
    let before = Instant::now();
    bridge.next_send(Fault::LateReceipt(Duration::from_millis(60)));
    assert_eq!(guest.says("late").await["status"], "ok");
    bridge.next_send(Fault::Slow(Duration::from_millis(60)));
    assert_eq!(guest.says("slow").await["status"], "ok");
    assert!(before.elapsed() >= Duration::from_millis(120));
    bridge.next_send(Fault::Silent { shown: true });
    guest
        .sends(
            "send_group_msg",
            json!({"group_id": GROUP, "message": [text("silent")]}),
        )
        .await;
    assert!(
        bridge
            .wait_until(|qq| qq.shown(GROUP).len() == 6, SOON)
            .await
    );
    assert!(guest.quiet(Duration::from_millis(50)).await);
    let shown: Vec<_> = bridge
        .shown(GROUP)
        .into_iter()
        .map(|shown| shown.text)
        .collect();
    assert_eq!(
        shown,
        ["timeout shown", "async", "zero", "late", "slow", "silent"]
    );
    // A script decides for each.
    bridge.on_send(|attempt| {
        if attempt.text == "odd" {
            Fault::Swallowed
        } else {
            Fault::None
        }
    });
    guest.says("odd").await;
    guest.says("even").await;
    assert_eq!(bridge.shown(GROUP).last().unwrap().text, "even");
    assert_eq!(bridge.shown(GROUP).len(), 7);
}

#[tokio::test]
async fn a_cut_loses_events_and_the_bridge_comes_back() {
    let (door, url) = Door::open().await;
    let bridge = FakeBridge::start(Options::new(url, "t"));
    let mut guest = door.seated().await;
    for shown in [true, false] {
        bridge.next_send(Fault::Cut { shown });
        guest
            .sends(
                "send_group_msg",
                json!({"group_id": GROUP, "message": [text("cut")]}),
            )
            .await;
        guest = door.seated().await;
    }
    assert_eq!(bridge.shown(GROUP).len(), 1);
    bridge.goes_away();
    bridge.says(GROUP, 42, "nobody hears this");
    bridge.comes_back();
    let mut guest = door.seated().await;
    assert!(bridge.wait_connected(SOON).await);
    assert!(
        guest.quiet(Duration::from_millis(50)).await,
        "events while away are lost for good"
    );
    let history = guest
        .calls(
            "get_group_msg_history",
            json!({"group_id": GROUP, "count": 20}),
        )
        .await;
    let messages = history["data"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (&messages[0]["post_type"], &messages[0]["message_sent_type"]),
        (&json!("message_sent"), &json!("self"))
    );
    assert_eq!(
        messages[1]["message"][0]["data"]["text"],
        "nobody hears this"
    );
    assert_eq!(bridge.times_connected(), 4);
}

#[tokio::test]
async fn history_is_read_as_napcat_reads_it() {
    let (door, url) = Door::open().await;
    let bridge = FakeBridge::start(Options::new(url, "t"));
    let mut guest = door.seated().await;
    let none = guest
        .calls("get_group_msg_history", json!({"group_id": GROUP}))
        .await;
    assert_eq!(none["retcode"], 1200, "an empty history throws");
    let said: Vec<Said> = (0..30)
        .map(|n| bridge.says(GROUP, 42, &format!("m{n}")))
        .collect();
    let page = async |guest: &mut Guest, params: Value| -> Vec<i64> {
        let answer = guest.calls("get_group_msg_history", params).await;
        let messages = answer["data"]["messages"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        messages
            .iter()
            .map(|message| message["message_id"].as_i64().unwrap())
            .collect()
    };
    let ids: Vec<i64> = said.iter().map(|said| said.message_id).collect();
    assert_eq!(
        page(&mut guest, json!({"group_id": GROUP})).await,
        ids[10..]
    );
    let from = json!({"group_id": GROUP, "message_seq": ids[9], "count": 5});
    assert_eq!(page(&mut guest, from).await, ids[5..10]);
    let up = json!({"group_id": GROUP, "message_seq": ids[9], "count": 5, "reverseOrder": true});
    assert_eq!(page(&mut guest, up).await, ids[9..14]);
    assert_eq!(
        guest.calls("get_msg", json!({"message_id": ids[3]})).await["data"]["raw_message"],
        "m3"
    );
    bridge.restarts();
    let mut guest = door.seated().await;
    assert_eq!(
        guest.calls("get_msg", json!({"message_id": ids[3]})).await["retcode"],
        1200,
        "NapCat forgets ids"
    );
    assert_eq!(
        page(&mut guest, json!({"group_id": GROUP, "count": 1})).await,
        ids[29..]
    );
    bridge.history(History::Fails);
    assert_eq!(
        guest
            .calls("get_group_msg_history", json!({"group_id": GROUP}))
            .await["status"],
        "failed"
    );
}

#[tokio::test]
async fn rights_recalls_and_mutes_follow_roles() {
    let (door, url) = Door::open().await;
    let bridge = FakeBridge::start(Options::new(url, "t"));
    let mut guest = door.seated().await;
    let said = bridge.says(GROUP, 42, "spam");
    assert_eq!(
        guest
            .calls("delete_msg", json!({"message_id": said.message_id}))
            .await["retcode"],
        1200
    );
    let mute = json!({"group_id": GROUP, "user_id": "42", "duration": 600});
    assert!(
        fault_text(&guest.calls("set_group_ban", mute.clone()).await)
            .contains("ERR_NOT_GROUP_ADMIN")
    );
    bridge.sets_role(GROUP, bridge.self_id(), Role::Admin);
    let notice = guest.event().await;
    assert_eq!(
        (&notice["notice_type"], &notice["sub_type"]),
        (&json!("group_admin"), &json!("set"))
    );
    let me = json!({"group_id": GROUP, "user_id": bridge.self_id()});
    assert_eq!(
        guest.calls("get_group_member_info", me).await["data"]["role"],
        "admin"
    );
    guest
        .sends("delete_msg", json!({"message_id": said.message_id}))
        .await;
    let notice = guest.event().await;
    assert_eq!(
        (&notice["notice_type"], &notice["message_id"]),
        (&json!("group_recall"), &json!(said.message_id))
    );
    assert_eq!(guest.event().await["status"], "ok");
    assert!(bridge.shown(GROUP).is_empty());
    assert_eq!(guest.calls("set_group_ban", mute).await["status"], "ok");
    assert!(bridge.muted_until(GROUP, 42).is_some());
    let owner = bridge.says(GROUP, 1, "I own this");
    bridge.sets_role(GROUP, 1, Role::Owner);
    assert_eq!(
        guest
            .calls("delete_msg", json!({"message_id": owner.message_id}))
            .await["retcode"],
        1200
    );
    bridge.mutes(GROUP, bridge.self_id(), 60, 1);
    assert!(fault_text(&guest.says("muted").await).contains("\"result\": 120"));
    bridge.leaves(GROUP, bridge.self_id(), Some(1));
    assert!(fault_text(&guest.says("gone").await).contains("\"result\": 110"));
}

#[tokio::test]
async fn two_bridges_share_a_world() {
    let (door, url) = Door::open().await;
    let qq = FakeQq::new();
    let reporting = Options {
        report_self_message: true,
        ..Options::new(url.as_str(), "t")
    };
    let one = FakeBridge::start_in(&qq, reporting.clone());
    let mut guest_one = door.seated().await;
    let two = FakeBridge::start_in(&qq, reporting);
    let mut guest_two = door.seated().await;
    let other = FakeBridge::start_in(
        &qq,
        Options {
            self_id: 10_002_000,
            ..Options::new(url, "t")
        },
    );
    let mut guest_other = door.seated().await;
    for bridge in [&one, &two, &other] {
        assert!(bridge.wait_connected(SOON).await);
    }
    let said = qq.says(GROUP, 42, "ai hi");
    let (first, second) = (guest_one.event().await, guest_two.event().await);
    let third = guest_other.event().await;
    assert_eq!(first["message_id"], second["message_id"]);
    assert_ne!(first["message_id"], third["message_id"]);
    assert_eq!(first["real_seq"], third["real_seq"]);
    assert_eq!(third["message_id"], other.message_id(&said));
    guest_one
        .sends(
            "send_group_msg",
            json!({"group_id": GROUP, "message": [text("hi")]}),
        )
        .await;
    assert_eq!(guest_one.event().await["post_type"], "message_sent");
    assert_eq!(guest_two.event().await["post_type"], "message_sent");
    let seen = guest_other.event().await;
    assert_eq!(
        (&seen["post_type"], &seen["user_id"]),
        (&json!("message"), &json!(10_001_000))
    );
    one.repeats(&said);
    assert_eq!(guest_one.event().await["status"], "ok");
    assert_eq!(guest_one.event().await["message_id"], said.message_id);
    assert!(
        qq.wait_until(|qq| qq.frames_written().len() >= 7, SOON)
            .await
    );
}

#[tokio::test]
async fn own_messages_come_back_only_where_asked_and_as_lagrange_does() {
    let (door, url) = Door::open().await;
    let lagrange = Options {
        report_self_message: true,
        ..Options::new(url.as_str(), "t").flavour(Flavour::LagrangeV1)
    };
    let _bridge = FakeBridge::start(lagrange);
    let mut guest = door.seated().await;
    guest
        .sends(
            "send_group_msg",
            json!({"group_id": GROUP, "message": [text("hi")]}),
        )
        .await;
    let own = guest.event().await;
    assert_eq!(
        (&own["post_type"], &own["user_id"]),
        (&json!("message"), &json!(10_001_000))
    );
}

#[tokio::test]
async fn odd_calls_get_odd_answers() {
    let (door, url) = Door::open().await;
    let bridge = FakeBridge::start(Options::new(url.as_str(), "t"));
    let mut guest = door.seated().await;
    assert_eq!(guest.calls("make_tea", json!({})).await["retcode"], 1404);
    for echo in [json!(7), json!({"a": [1]}), Value::Null] {
        let call = json!({"action": "get_status", "echo": echo});
        guest
            .socket
            .send(Message::text(call.to_string()))
            .await
            .unwrap();
        assert_eq!(guest.event().await["echo"], echo);
    }
    guest.socket.send(Message::text("{broken")).await.unwrap();
    assert_eq!(guest.event().await["retcode"], 1400);
    assert!(fault_text(&guest.says("").await).contains("消息体无法解析"));
    assert_eq!(
        guest.calls("get_version_info", json!({})).await["data"]["app_name"],
        "NapCat.Onebot"
    );
    bridge.raw("not json");
    bridge.raw_binary(vec![1, 2, 3]);
    let frame = timeout(SOON, guest.socket.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(frame.to_text().unwrap(), "not json");
    assert!(
        timeout(SOON, guest.socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
            .is_binary()
    );
    assert_eq!(bridge.count_calls("get_status"), 3);

    let bridge = FakeBridge::start(Options::new(url, "t").flavour(Flavour::LagrangeV1));
    let mut guest = door.seated().await;
    bridge.next_send(Fault::Refuse {
        result: 120,
        text: "muted".into(),
    });
    let refused = guest.says("x").await;
    assert_eq!(
        (&refused["retcode"], refused.get("wording")),
        (&json!(120), None),
        "Lagrange gives no text"
    );
}

#[tokio::test]
async fn answers_may_come_out_of_order() {
    let (door, url) = Door::open().await;
    let shuffled = Options {
        shuffle_answers: Duration::from_millis(40),
        ..Options::new(url, "t")
    };
    let _bridge = FakeBridge::start(shuffled);
    let mut guest = door.seated().await;
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.push(guest.sends("get_status", json!({})).await);
    }
    let mut got = Vec::new();
    for _ in 0..20 {
        got.push(guest.event().await["echo"].clone());
    }
    assert_ne!(asked, got);
    got.sort_by_key(|echo| asked.iter().position(|asked| asked == echo));
    assert_eq!(asked, got);
}

#[tokio::test]
async fn it_beats_and_can_be_held() {
    let (door, url) = Door::open().await;
    let bridge = FakeBridge::start(Options {
        heartbeat: Duration::from_millis(20),
        ..Options::new(url, "t")
    });
    let mut guest = door.seated().await;
    let beat = guest.event().await;
    assert_eq!(
        (&beat["meta_event_type"], &beat["status"]["online"]),
        (&json!("heartbeat"), &json!(true))
    );
    bridge.writes(false);
    while !guest.quiet(Duration::from_millis(100)).await {}
    bridge.writes(true);
    assert_eq!(guest.event().await["meta_event_type"], "heartbeat");
    bridge.reads(false);
    guest
        .sends(
            "send_group_msg",
            json!({"group_id": GROUP, "message": [text("held")]}),
        )
        .await;
    // One frame may already be on its way in.
    guest
        .sends(
            "send_group_msg",
            json!({"group_id": GROUP, "message": [text("held")]}),
        )
        .await;
    assert!(
        !bridge
            .wait_until(|qq| qq.shown(GROUP).len() > 1, Duration::from_millis(60))
            .await
    );
    bridge.reads(true);
    assert!(
        bridge
            .wait_until(|qq| qq.shown(GROUP).len() == 2, SOON)
            .await
    );
    guest.socket.close(None).await.unwrap();
    door.seated().await;
    assert_eq!(bridge.closes(), [1005]);
    bridge.stop().await;
}

#[tokio::test]
async fn a_refused_knock_is_noted_and_tried_again() {
    let (door, url) = Door::open().await;
    let bridge = FakeBridge::start(Options::new(url, "wrong"));
    for _ in 0..2 {
        let (stream, _) = timeout(SOON, door.0.accept()).await.unwrap().unwrap();
        #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
        let refuse = |_: &Request, _: Response| -> Result<Response, ErrorResponse> {
            let mut response = ErrorResponse::new(None);
            *response.status_mut() = StatusCode::FORBIDDEN;
            Err(response)
        };
        assert!(
            tokio_tungstenite::accept_hdr_async(stream, refuse)
                .await
                .is_err()
        );
    }
    assert!(
        bridge
            .wait_until(|_| bridge.refusals() == [403, 403], SOON)
            .await
    );
}

#[tokio::test]
async fn the_house_may_dial_it() {
    let qq = FakeQq::new();
    let dial = async |bridge: &FakeBridge, path: &str, token: &str| {
        let url = format!("{}{path}?access_token={token}", bridge.url());
        tokio_tungstenite::connect_async(url)
            .await
            .map(|(socket, _)| socket)
    };
    let next = async |socket: &mut WebSocketStream<_>| -> Value {
        let frame = timeout(SOON, socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        serde_json::from_str(frame.to_text().unwrap()).unwrap()
    };
    let napcat = FakeBridge::listen_in(&qq, Options::new("", "t")).await;
    let mut socket = dial(&napcat, "", "t").await.unwrap();
    assert_eq!(next(&mut socket).await["meta_event_type"], "lifecycle");
    socket
        .send(Message::text(
            json!({"action": "get_status", "echo": 1}).to_string(),
        ))
        .await
        .unwrap();
    assert_eq!(next(&mut socket).await["echo"], 1);
    napcat.says(GROUP, 42, "hi");
    assert_eq!(next(&mut socket).await["raw_message"], "hi");
    // NapCat lets everybody in and then says no.
    let mut stranger = dial(&napcat, "", "wrong").await.unwrap();
    assert_eq!(next(&mut stranger).await["retcode"], 1403);

    let llbot = FakeBridge::listen_in(&qq, Options::new("", "t").flavour(Flavour::LlBot)).await;
    let mut deaf = dial(&llbot, "ws", "t").await.unwrap();
    assert!(llbot.wait_connected(SOON).await);
    llbot.says(GROUP, 42, "hi");
    assert!(
        timeout(Duration::from_millis(30), deaf.next())
            .await
            .is_err()
    );

    for (flavour, token, status) in [
        (Flavour::GoCqhttp, "wrong", 403),
        (Flavour::LagrangeV1, "wrong", 403),
    ] {
        let bridge = FakeBridge::listen_in(&qq, Options::new("", "t").flavour(flavour)).await;
        let Err(Error::Http(refusal)) = dial(&bridge, "", token).await else {
            panic!("{flavour:?} lets strangers in")
        };
        assert_eq!(refusal.status().as_u16(), status);
    }
}
