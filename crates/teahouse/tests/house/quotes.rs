//! Messages that point elsewhere or are no words, and bridges that forget: quotes, cards, stickers, files with evil
//! names, a restart and a wrong clock.

use std::time::Duration;

use serde_json::{Value, json};
use teahouse_store::Store;
use teahouse_testkit::bridge::{FakeBridge, Fault, quote, text};
use teahouse_testkit::model_server::FakeModel;
use teahouse_testkit::process::LIMIT;

use crate::scene::{Scene, said};

/// All that the model was told with a question.
fn prompt(model: &FakeModel, question: &str) -> String {
    let requests = model.requests();
    let found = requests
        .iter()
        .rev()
        .find(|request| request.last_user().contains(question));
    found
        .map(|request| request.body.to_string())
        .unwrap_or_default()
}

#[tokio::test]
async fn bad_021_a_quote_is_welcome_and_never_necessary() {
    let scene = Scene::open_with(|ground| ground.metrics.clear()).await;
    let bridge = &scene.bridge;
    let asks = async |id: i64, words: &str| {
        let asked = bridge.sends(700, 42, vec![quote(id), text(format!("ai {words}"))]);
        let frame = bridge.frame(&asked);
        assert!(frame["message"].to_string().contains("reply"), "{frame}");
        scene.answer_to(&asked).await;
        prompt(&scene.model, words)
    };
    let elsewhere = bridge.says(701, 43, "the kettle is on");
    let heard = bridge.says(700, 43, "oolong is half oxidised");
    assert!(
        asks(heard.message_id, "is that so?")
            .await
            .contains("oolong is half oxidised")
    );
    let ours = scene.asks(700, 42, "ai and black?").await;
    asks(ours.message_id, "say that again?").await;

    let taken_back = bridge.says(700, 43, "my pin is 0815");
    bridge.qq().recalls(700, taken_back.message_id, 43);
    let frame = raw(
        bridge,
        9_001,
        json!(taken_back.message_id),
        "ai what was that?",
    );
    bridge.raw(frame);
    let answered = scene
        .model
        .wait_until(|model| !prompt(model, "what was that?").is_empty(), LIMIT);
    assert!(answered.await, "{}", said(&scene.house));
    assert!(!prompt(&scene.model, "what was that?").contains("0815"));
    assert_eq!(
        bridge.count_calls("get_msg"),
        0,
        "only of what nobody here knows"
    );

    // Never seen by anybody, of another group, and of itself: each is a question without a quote.
    for (n, (quoted, words)) in [
        (json!(123_456), "never seen?"),
        (json!(bridge.message_id(&elsewhere)), "another group?"),
        (json!(9_013), "myself?"),
        (json!("../../etc/passwd"), "odd?"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = 9_011 + i64::try_from(n).unwrap();
        bridge.raw(raw(bridge, id, quoted, &format!("ai {words}")));
        let asked = scene
            .model
            .wait_until(|model| !prompt(model, words).is_empty(), LIMIT);
        assert!(asked.await, "{words}: {}", said(&scene.house));
        assert!(!prompt(&scene.model, words).contains("kettle"));
    }
    assert_eq!(
        bridge.count_calls("get_msg"),
        3,
        "a question knows itself already"
    );
    scene.asks(700, 44, "ai still well?").await;
    let (_, ground, _) = scene.close().await;
    let totals = ground.store().await.totals().await.unwrap();
    assert_eq!(totals.turns, totals.settled, "{totals:?}");
}

/// A group message as a frame, quoting anything.
fn raw(bridge: &FakeBridge, id: i64, quoted: Value, words: &str) -> String {
    let time = bridge.frame(&bridge.says(799, 1, "tick"))["time"].clone();
    json!({
        "self_id": bridge.self_id(), "user_id": 42, "time": time, "message_id": id, "real_seq": (500_000 + id).to_string(),
        "message_type": "group", "sub_type": "normal", "group_id": 700, "post_type": "message",
        "sender": {"user_id": 42, "nickname": "lin", "card": "", "role": "member"},
        "message": [
            {"type": "reply", "data": {"id": quoted}},
            {"type": "text", "data": {"text": words}},
        ],
    })
    .to_string()
}

#[tokio::test]
async fn bad_023_cards_stickers_and_evil_file_names_are_words_and_nothing_else() {
    let scene = Scene::open().await;
    let name = format!("../../../etc/passwd\u{202e}{}", "../".repeat(1_365));
    let piece = |kind: &str, data: Value| json!({"type": kind, "data": data});
    let card = piece(
        "json",
        json!({"data": "{\"app\":\"com.tencent.miniapp\",\"prompt\":\"[evil]\"}"}),
    );
    let pieces = [
        ("a card", card.clone()),
        (
            "an xml card",
            piece("xml", json!({"data": "<msg><![CDATA[x]]></msg>"})),
        ),
        ("a mini program", piece("miniapp", json!({"data": 7}))),
        (
            "a sticker",
            piece(
                "mface",
                json!({"emoji_id": "1", "summary": "\u{1b}[31m", "key": null}),
            ),
        ),
        (
            "a file",
            piece(
                "file",
                json!({"file": name, "file_id": name, "url": "file:///etc/passwd"}),
            ),
        ),
    ];
    for (what, piece) in &pieces {
        // Alone it is talk; with a question it belongs to it.
        scene.bridge.sends(700, 43, vec![piece.clone()]);
        let words = format!("ai what is {what}?");
        let asked = scene
            .bridge
            .sends(700, 42, vec![text(words), piece.clone()]);
        let answer = scene.answer_to(&asked).await;
        assert!(answer.text.starts_with("[AI] "), "{what}: {}", answer.text);
    }
    let (model, ground, bridge) = scene.close().await;
    assert_eq!(model.count(), pieces.len() as u64);
    for request in model.requests() {
        let body = request.body.to_string();
        for evil in ["/etc/passwd", "\u{202e}", "[evil]", "CDATA"] {
            assert!(!body.contains(evil), "{evil}: {body}");
        }
    }
    let ours = bridge.shown_by(700, bridge.self_id());
    assert!(ours.iter().all(|shown| !shown.text.contains("passwd")));
    // Nothing was written but what the house writes itself.
    let files: Vec<_> = std::fs::read_dir(ground.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        files
            .iter()
            .all(|file| ["data", "teahouse.toml", "charter.toml"].contains(&file.as_str())),
        "{files:?}"
    );
    let totals = ground.store().await.totals().await.unwrap();
    assert_eq!((totals.turns, totals.settled), (5, 5), "{totals:?}");
}

#[tokio::test]
async fn bad_030_a_bridge_that_restarts_and_forgets_costs_no_answer_and_makes_none_twice() {
    let scene = Scene::open().await;
    scene.asks(700, 42, "ai hello?").await;
    for (n, shown) in [(1, false), (2, true)] {
        // It dies with our send in hand, and comes back as a new process that knows no message.
        scene.bridge.next_send(Fault::Silent { shown });
        scene.bridge.says(700, 42, &format!("ai question {n}?"));
        let taken = scene.bridge.wait_until(
            |qq| qq.count_calls("send_group_msg") > usize::try_from(n).unwrap() + 1,
            LIMIT,
        );
        assert!(taken.await, "{}", said(&scene.house));
        scene.bridge.restarts();
        let answered = scene.bridge.wait_until(
            |qq| {
                qq.shown_by(700, scene.bridge.self_id())
                    .iter()
                    .any(|shown| shown.text.contains(&format!("question {n}")))
            },
            LIMIT,
        );
        assert!(answered.await, "{}", said(&scene.house));
    }
    scene.asks(700, 42, "ai all well?").await;
    let (model, ground, bridge) = scene.close().await;
    for n in [1, 2] {
        let words = format!("question {n}");
        let mut ours = bridge.shown_by(700, bridge.self_id());
        ours.retain(|shown| shown.text.contains(&words));
        assert_eq!(ours.len(), 1, "{words}: {ours:?}");
    }
    assert_eq!(model.count(), 4);
    let totals = ground.store().await.totals().await.unwrap();
    assert_eq!(
        (totals.turns, totals.settled, totals.waiting, totals.dead),
        (4, 4, 0, 0)
    );
}

#[tokio::test]
async fn bad_030_a_bridge_whose_clock_is_hours_ahead_is_answered_like_any_other() {
    let scene = Scene::open().await;
    let mut options = scene.ground.bridge();
    options.self_id = scene.bridge.self_id();
    options.clock_offset = 5 * 3_600;
    scene.bridge.goes_away();
    let ahead = FakeBridge::start_in(scene.bridge.qq(), options);
    assert!(ahead.wait_connected(LIMIT).await);
    let question = ahead.says(700, 42, "ai why is tea red?");
    let answered = ahead.wait_until(
        |qq| !qq.quoting(&question).is_empty(),
        Duration::from_secs(10),
    );
    assert!(answered.await, "{}", said(&scene.house));
    ahead.next_send(Fault::TimeoutShown);
    let question = ahead.says(700, 43, "ai and green?");
    let answered = ahead.wait_until(
        |qq| qq.count_calls("get_group_msg_history") > 0 && !qq.quoting(&question).is_empty(),
        LIMIT,
    );
    assert!(answered.await, "{}", said(&scene.house));
    assert_eq!(scene.house.terminate().await, Some(0));
    assert_eq!(
        ahead.quoting(&question).len(),
        1,
        "read back whatever the clock says"
    );
}
