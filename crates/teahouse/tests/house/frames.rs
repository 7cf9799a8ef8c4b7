//! Frames that no bridge should send, as bytes through the public door of a whole house: what the room saw, what was
//! counted, what is on the disk, and that whoever sent them can come back.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use teahouse_store::Store;
use teahouse_testkit::bridge::{Call, Chat, FakeQq, Fault, Role};
use teahouse_testkit::model_server::Answer;
use teahouse_testkit::process::{Ground, LIMIT, TOKEN};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Ws;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::scene::{Scene, said};

/// A link that brings events beside the bridge's own, with nothing between us and its bytes.
struct Link(WebSocketStream<TcpStream>);

impl Link {
    async fn open(scene: &Scene) -> Link {
        let address = format!("127.0.0.1:{}", scene.ground.port());
        let stream = TcpStream::connect(&address)
            .await
            .expect("the house listens");
        let url = format!("ws://{address}/onebot/v11/ws");
        let mut request = url.into_client_request().expect("a request");
        let us = scene.bridge.self_id().to_string();
        for (name, value) in [
            ("authorization", format!("Bearer {TOKEN}")),
            ("x-self-id", us),
            ("x-client-role", "Event".to_owned()),
        ] {
            let value = value.parse().expect("a header");
            request.headers_mut().insert(name, value);
        }
        let (socket, _) = client_async(request, stream).await.expect("the door opens");
        Link(socket)
    }

    async fn sends(&mut self, message: Ws) {
        self.0.send(message).await.expect("the link is up");
    }

    /// Raw bytes, as whole frames or not.
    async fn writes(&mut self, bytes: &[u8]) {
        let written = self.0.get_mut().write_all(bytes).await;
        written.expect("the link is up");
    }

    /// The code with which the house closes.
    async fn closing_code(mut self) -> u16 {
        let closing = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Ws::Close(Some(close)))) => return close.code.into(),
                    Some(Ok(_)) => {}
                    other => panic!("the house left without a word: {other:?}"),
                }
            }
        };
        let code = tokio::time::timeout(LIMIT, closing).await;
        code.expect("the house closes in time")
    }
}

/// What the account has counted under a name.
async fn counted(scene: &Scene, what: &str) -> u64 {
    let metrics = scene.ground.knock("GET", "/metrics", &[]).await.body;
    let head = format!("teahouse_onebot_total{{account=\"qq\",what=\"{what}\"}} ");
    let count = metrics.lines().find_map(|line| line.strip_prefix(&head));
    count
        .and_then(|count| count.parse().ok())
        .expect("it is counted")
}

/// The bridge's own link has not been touched, and the house answers on it.
async fn lives(scene: &Scene, times_connected: u64) {
    scene.asks(700, 42, "ai why is tea red?").await;
    assert_eq!(
        scene.bridge.times_connected(),
        times_connected,
        "{}",
        said(&scene.house)
    );
}

/// The house has closed the bridge's link for a reason, and the bridge has come back.
async fn closed_and_came_back(scene: &Scene, code: u16) {
    let bridge = &scene.bridge;
    let back = bridge.wait_until(
        |_| bridge.closes() == [code] && bridge.times_connected() == 2,
        LIMIT,
    );
    assert!(back.await, "{:?}\n{}", bridge.closes(), said(&scene.house));
    assert!(bridge.wait_connected(LIMIT).await);
    lives(scene, 2).await;
}

/// Nothing but so many answered questions was seen by the rooms, or is on the disk.
async fn ends_with(scene: Scene, questions: u64) {
    // Each is answered; the first-contact notice comes on top, perhaps after a link that was closed under it is back.
    let ours = scene.bridge.self_id();
    let all = scene
        .bridge
        .wait_until(|qq| qq.count_by(ours) as u64 > questions, LIMIT);
    assert!(all.await, "{}", said(&scene.house));
    let (model, ground, bridge) = scene.close().await;
    assert_eq!(bridge.count_by(ours) as u64, questions + 1);
    assert_eq!(model.count(), questions);
    let totals = ground.store().await.totals().await.expect("the books");
    assert_eq!(
        (totals.turns, totals.settled, totals.open_turns, totals.dead),
        (questions, questions, 0, 0),
        "{totals:?}"
    );
    let database =
        rusqlite::Connection::open(ground.data().join("teahouse.db")).expect("the database");
    let lines: i64 = database
        .query_row("SELECT count(*) FROM history", [], |row| row.get(0))
        .expect("the history");
    assert_eq!(lines.cast_unsigned(), questions, "no frame became talk");
}

#[tokio::test]
async fn bad_001_noise_is_dropped_and_counted_and_a_minute_full_of_it_closes_the_link() {
    let scene = Scene::open().await;
    for noise in ["hello", "", "null", "[1]"] {
        scene.bridge.raw(noise);
    }
    lives(&scene, 1).await;
    assert_eq!(counted(&scene, "not_json").await, 2);
    assert_eq!(counted(&scene, "not_an_object").await, 2);
    for _ in 0..16 {
        scene.bridge.raw("{");
    }
    closed_and_came_back(&scene, 1008).await;
    assert_eq!(counted(&scene, "not_json").await, 18);
    assert_eq!(counted(&scene, "links_noisy").await, 1);
    scene.house.wait_for_line("ended=Noisy").await;
    ends_with(scene, 2).await;
}

#[tokio::test]
async fn bad_002_a_frame_beyond_the_cap_closes_its_link_and_the_bridge_comes_back() {
    let scene = Scene::open().await;
    let before = most_memory(&scene);
    // The heads of a masked text frame of 1 TiB, and of pieces of a message that together are too long.
    let tebibyte = [
        &[0x81, 0x80 | 127][..],
        &(1_u64 << 40).to_be_bytes(),
        &[0; 4],
    ]
    .concat();
    let mut link = Link::open(&scene).await;
    link.writes(&tebibyte).await;
    assert_eq!(link.closing_code().await, 1009);
    let mut link = Link::open(&scene).await;
    let half = vec![b'x'; 1 << 19];
    for (kind, last) in [
        (Data::Text, false),
        (Data::Continue, false),
        (Data::Continue, true),
    ] {
        let frame = Frame::message(half.clone(), OpCode::Data(kind), last);
        link.sends(Ws::Frame(frame)).await;
    }
    assert_eq!(link.closing_code().await, 1009);
    lives(&scene, 1).await;
    // Nothing of a declared size was set aside.
    assert!(most_memory(&scene) < before + 64 * 1024);
    scene.bridge.raw("x".repeat((1 << 20) + 1));
    closed_and_came_back(&scene, 1009).await;
    assert_eq!(counted(&scene, "too_long").await, 3);
    ends_with(scene, 2).await;
}

/// The most that the house ever held, in KiB.
fn most_memory(scene: &Scene) -> u64 {
    let status = format!("/proc/{}/status", scene.house.pid());
    let status = std::fs::read_to_string(status).expect("its status");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = most.and_then(|most| most.split_whitespace().next()?.parse().ok());
    kib.expect("a number of KiB")
}

#[tokio::test]
async fn bad_003_deep_nesting_is_noise_at_any_depth() {
    let scene = Scene::open().await;
    for depth in [33, 129, 100_000] {
        scene.bridge.raw(format!(
            "{{\"a\":{}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        ));
        scene
            .bridge
            .raw(format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)));
    }
    lives(&scene, 1).await;
    assert_eq!(counted(&scene, "too_deep").await, 6);
    ends_with(scene, 1).await;
}

#[tokio::test]
async fn bad_004_text_that_is_not_utf8_closes_its_link_and_no_other() {
    let scene = Scene::open().await;
    for broken in [&b"\xc0\xaf"[..], b"\xed\xa0\x80", b"{\"a\":\"\xe8\x8c"] {
        let mut link = Link::open(&scene).await;
        let frame = Frame::message(broken.to_vec(), OpCode::Data(Data::Text), true);
        link.sends(Ws::Frame(frame)).await;
        assert_eq!(link.closing_code().await, 1007);
    }
    lives(&scene, 1).await;
    assert_eq!(counted(&scene, "not_utf8").await, 3);
    ends_with(scene, 1).await;
}

#[tokio::test]
async fn bad_005_binary_is_refused_and_text_in_pieces_is_one_question() {
    let scene = Scene::open().await;
    let us = scene.bridge.self_id();
    let question = |id: i64, words: &str| {
        let body = json!([{"type": "text", "data": {"text": words}}]);
        json!({
            "post_type": "message", "message_type": "group", "sub_type": "normal", "self_id": us,
            "time": 0, "user_id": 42, "group_id": 701, "message_id": id,
            "sender": {"nickname": "Lin"}, "message": body,
        })
        .to_string()
    };
    scene
        .bridge
        .raw_binary(question(5, "ai in binary?").into_bytes());
    let mut link = Link::open(&scene).await;
    let text = question(6, "ai 茶 in pieces?").into_bytes();
    // Between the bytes of one character.
    let cut = text
        .windows(3)
        .position(|three| three == "茶".as_bytes())
        .expect("it is there")
        + 1;
    for (at, (kind, piece)) in [
        (Data::Text, &text[..cut]),
        (Data::Continue, b""),
        (Data::Continue, &text[cut..]),
    ]
    .into_iter()
    .enumerate()
    {
        let frame = Frame::message(piece.to_vec(), OpCode::Data(kind), at == 2);
        link.sends(Ws::Frame(frame)).await;
        link.sends(Ws::Ping(vec![at as u8].into())).await;
        let pong = tokio::time::timeout(LIMIT, link.0.next())
            .await
            .expect("a pong in time");
        assert_eq!(pong.unwrap().unwrap(), Ws::Pong(vec![at as u8].into()));
    }
    let answered = scene
        .bridge
        .wait_until(|qq| !qq.shown_by(701, us).is_empty(), LIMIT);
    assert!(answered.await, "{}", said(&scene.house));
    assert_eq!(scene.model.requests().len(), 1);
    assert!(
        scene.model.requests()[0]
            .last_user()
            .contains("茶 in pieces?")
    );
    assert_eq!(counted(&scene, "binary").await, 1);
    lives(&scene, 1).await;
    scene.close().await;
}

#[tokio::test]
async fn bad_026_a_card_of_ten_kilobytes_is_a_short_clean_name_for_the_model_and_on_the_disk() {
    let scene = Scene::open().await;
    let us = scene.bridge.self_id();
    let zalgo = format!("林{}", "\u{301}".repeat(5_000));
    let turned = "\u{202e}moc.elpmaxe\u{2066}\n\u{1b}[31m\u{0}".repeat(500);
    let title = "\u{202e}群".repeat(2_500);
    for (n, card) in [zalgo, turned].into_iter().enumerate() {
        let renamed = json!({
            "post_type": "notice", "notice_type": "group_card", "self_id": us, "time": 0,
            "group_id": 701, "user_id": 42, "card_new": card, "card_old": card,
        });
        scene.bridge.raw(renamed.to_string());
        let body = json!([{"type": "text", "data": {"text": format!("ai number {n}?")}}]);
        let question = json!({
            "post_type": "message", "message_type": "group", "sub_type": "normal", "self_id": us,
            "time": 0, "user_id": 42, "group_id": 701, "group_name": title, "message_id": n + 1,
            "sender": {"nickname": card, "card": card, "title": title}, "message": body,
        });
        scene.bridge.raw(question.to_string());
        let answered = scene
            .bridge
            .wait_until(|qq| qq.shown_by(701, us).len() > n + 1, LIMIT);
        assert!(answered.await, "{}", said(&scene.house));
    }
    let asked = scene.model.requests();
    assert_eq!(asked.len(), 2);
    let is_odd =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{1b}' | '\0');
    for request in asked {
        let prompt = request.body["messages"].to_string();
        assert!(prompt.contains("林") || prompt.contains("moc"), "{prompt}");
        let marks = prompt.matches('\u{301}').count();
        assert!(
            marks <= 64 && prompt.matches("moc").count() <= 6,
            "{prompt}"
        );
        assert!(!prompt.contains(is_odd), "{prompt}");
    }
    let log = said(&scene.house);
    assert!(!log.contains('\u{301}') && !log.contains(is_odd), "{log}");
    let (_, ground, _) = scene.close().await;
    let bytes = std::fs::read(ground.data().join("teahouse.db")).expect("the database");
    let bytes = String::from_utf8_lossy(&bytes);
    assert!(
        !bytes.contains(&"\u{301}".repeat(64)),
        "a long name is kept"
    );
    assert!(
        !bytes.contains('\u{202e}') && !bytes.contains('\u{2066}'),
        "a mark that turns lines is kept"
    );
}

#[tokio::test]
async fn bad_006_a_ping_flood_closes_its_link_and_no_other() {
    let scene = Scene::open().await;
    let mut link = Link::open(&scene).await;
    // Masked, empty.
    link.writes(&[0x89, 0x80, 0, 0, 0, 0].repeat(600)).await;
    assert_eq!(link.closing_code().await, 1008);
    lives(&scene, 1).await;
    assert_eq!(counted(&scene, "links_noisy").await, 1);
    ends_with(scene, 1).await;
}

/// What the kernel says where we are gone, where we are muted, and to a message that it finds risky.
const GONE: i64 = 110;
const MUTED: i64 = 120;
const RISKY: i64 = 299;

/// Groups where something happens to us while the model thinks: what every send meets then, how often each message is
/// tried, and what stands on the disk as its end.
const REFUSALS: [(i64, Fault, usize, &str); 5] = [
    (701, refusal(GONE), 1, "gone"),
    // We hear of that one, and do not try at all.
    (702, refusal(MUTED), 0, "muted"),
    (706, refusal(MUTED), 1, "muted"),
    (703, refusal(RISKY), 2, "refused"),
    (704, refusal(GONE), 1, "gone"),
];

const fn refusal(result: i64) -> Fault {
    Fault::Refuse {
        result,
        text: String::new(),
    }
}

/// State, reason and sends of every row of a group's outbox.
fn rows(ground: &Ground, group: i64) -> Vec<(u8, Option<String>, usize)> {
    let database =
        rusqlite::Connection::open(ground.data().join("teahouse.db")).expect("the database");
    let sql = "SELECT o.state, o.why, o.sends FROM outbox o JOIN addresses a ON a.room = o.room WHERE a.chat = ?1";
    let mut rows = database.prepare(sql).expect("the outbox");
    let rows = rows.query_map([group.to_string()], |row| {
        let sends: u32 = row.get(2)?;
        Ok((row.get(0)?, row.get(1)?, sends as usize))
    });
    let rows = rows.expect("the rows").collect::<Result<_, _>>();
    rows.expect("each row is read")
}

/// How often a group was to be sent something.
fn tried(qq: &FakeQq, group: i64) -> usize {
    let sends = |call: &&Call| {
        call.action.starts_with("send_")
            && call.params["group_id"]
                .to_string()
                .contains(&group.to_string())
    };
    qq.calls().iter().filter(sends).count()
}

#[tokio::test]
async fn bad_025_where_we_may_not_speak_a_message_ends_as_dead_and_is_not_tried_for_ever() {
    let scene = Scene::open().await;
    let us = scene.bridge.self_id();
    scene.bridge.on_send(|attempt| {
        let here = |group: &i64| attempt.chat == Chat::Group(*group);
        let met = REFUSALS.into_iter().find(|(group, ..)| here(group));
        met.map_or(Fault::None, |(_, fault, ..)| fault)
    });
    scene.model.always(
        Answer::new("Because.")
            .after(Duration::from_millis(300))
            .into(),
    );
    for (group, ..) in REFUSALS {
        scene.bridge.says(group, 42, "ai why is tea red?");
    }
    let demoted = scene.bridge.says(705, 42, "ai why is tea red?");
    assert!(
        scene
            .model
            .wait_until(|model| model.in_flight() == 6, LIMIT)
            .await
    );
    // Removed, muted, nothing told at all, dissolved; and no admin any more, who may still speak.
    scene.bridge.leaves(701, us, Some(1));
    scene.bridge.mutes(702, us, 600, 1);
    scene.bridge.tells(704, &json!({"notice_type": "group_decrease", "sub_type": "disband", "group_id": 704, "user_id": us, "operator_id": 1}));
    scene.bridge.sets_role(705, us, Role::Member);
    scene.answer_to(&demoted).await;
    // An answer and the first-contact notice each.
    let all_tried = |qq: &FakeQq| {
        REFUSALS
            .iter()
            .all(|(group, _, times, _)| tried(qq, *group) == 2 * times)
    };
    assert!(
        scene.bridge.wait_until(all_tried, LIMIT).await,
        "{}",
        said(&scene.house)
    );
    let Scene {
        model,
        ground,
        bridge,
        house,
    } = scene;
    assert_eq!(house.terminate().await, Some(0));
    for (group, _, times, why) in REFUSALS {
        let dead = (4, Some(format!("\"{why}\"")), times);
        assert_eq!(rows(&ground, group), [dead.clone(), dead], "{group}");
        assert!(bridge.shown_by(group, us).is_empty(), "{group}");
    }
    let house = ground.open().await;
    let scene = Scene {
        model,
        ground,
        bridge,
        house,
    };
    assert!(scene.bridge.wait_connected(LIMIT).await);
    scene.asks(700, 42, "ai and green tea?").await;
    for (group, _, times, _) in REFUSALS {
        assert_eq!(
            tried(&scene.bridge, group),
            2 * times,
            "nothing is tried again in {group}"
        );
    }
    // Where we may speak again we do.
    scene.bridge.on_send(|_| Fault::None);
    scene.bridge.mutes(702, us, 0, 1);
    scene.asks(702, 42, "ai and white tea?").await;
    let (_, ground, _) = scene.close().await;
    let totals = ground.store().await.totals().await.unwrap();
    assert_eq!(
        (totals.turns, totals.open_turns, totals.dead),
        (8, 0, 10),
        "{totals:?}"
    );
}
