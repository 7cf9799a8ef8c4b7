//! What the house does not do: speak where nobody called it, call a model for nobody, say more than it may, or let
//! a model's words be more than words.

use std::time::Duration;

use serde_json::{Value, json};
use teahouse_store::Store;
use teahouse_testkit::bridge::{FakeBridge, Said};
use teahouse_testkit::model_server::{Answer, FakeModel, Reply};
use teahouse_testkit::process::{Ground, LIMIT};

use unicode_segmentation::UnicodeSegmentation;

use crate::scene::{BINARY, Scene, said};

#[tokio::test]
async fn a_direct_chat_that_is_not_served_costs_no_call_and_gets_no_word() {
    let scene = Scene::open().await;
    scene.bridge.private_says(42, "ai why is tea red?");
    scene.bridge.private_says(42, "hello?");
    // Events of one link are taken in order: once this is answered, those above were heard.
    scene.asks(700, 42, "ai why?").await;
    let (model, ground, bridge) = scene.close().await;
    assert_eq!(model.count(), 1);
    let ours = bridge.self_id();
    assert!(
        bridge
            .shown_private(42)
            .iter()
            .all(|shown| shown.user_id != ours)
    );
    assert_eq!(ground.store().await.totals().await.unwrap().turns, 1);
}

#[tokio::test]
async fn a_direct_chat_that_is_served_is_answered() {
    let scene = Scene::open_with(|ground| ground.house = "direct = true\n".into()).await;
    scene.bridge.private_says(42, "ai why?");
    let ours = scene.bridge.self_id();
    let answered = scene.bridge.wait_until(
        |qq| {
            qq.shown_private(ours, 42)
                .iter()
                .any(|shown| shown.user_id == ours)
        },
        LIMIT,
    );
    assert!(answered.await, "{}", said(&scene.house));
    scene.close().await;
}

#[tokio::test]
async fn a_group_that_no_house_matches_stays_silent() {
    let model = FakeModel::start().await;
    let ground = Ground::new(BINARY, &model.base_url());
    let file = ground.configuration();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"qq:*\"", "\"qq:700\"")).unwrap();
    let house = ground.open_file(&file).await;
    let bridge = FakeBridge::start(ground.bridge());
    assert!(bridge.wait_connected(LIMIT).await);
    bridge.says(701, 42, "ai why?");
    bridge.says(701, 42, "ai on");
    bridge.says(70, 42, "ai help");
    let question = bridge.says(700, 42, "ai why?");
    let answered = bridge.wait_until(|qq| !qq.quoting(&question).is_empty(), LIMIT);
    assert!(answered.await, "{}", said(&house));
    assert_eq!(house.terminate().await, Some(0));
    for group in [701, 70] {
        assert!(bridge.shown_by(group, bridge.self_id()).is_empty());
    }
    assert_eq!(model.count(), 1);
}

/// A frame of a question, changed at the top.
fn altered(bridge: &FakeBridge, said: &Said, id: i64, changes: &[(&str, Value)]) -> String {
    let mut frame = bridge.frame(said);
    // NapCat's own count would make it the same message again.
    for count in ["real_seq", "message_seq", "real_id"] {
        frame
            .as_object_mut()
            .expect("a frame is an object")
            .remove(count);
    }
    frame["message_id"] = json!(id);
    for (key, value) in changes {
        match key.split_once('.') {
            Some((outer, inner)) => frame[outer][inner] = value.clone(),
            None => frame[*key] = value.clone(),
        }
    }
    frame.to_string()
}

#[tokio::test]
async fn bots_strangers_without_a_name_and_ourselves_are_not_answered() {
    let scene = Scene::open().await;
    let bridge = &scene.bridge;
    let ours = bridge.self_id();
    let question = bridge.says(700, 42, "ai who am I?");
    scene.answer_to(&question).await;
    let before = scene.model.count();
    let cases: [&[(&str, Value)]; 5] = [
        &[
            ("sender.is_robot", json!(true)),
            ("user_id", json!(43)),
            ("sender.user_id", json!(43)),
        ],
        &[
            ("user_id", json!(2_854_196_306_i64)),
            ("sender.user_id", json!(2_854_196_306_i64)),
        ],
        &[
            ("sub_type", json!("anonymous")),
            ("anonymous", json!({"id": 1, "name": "?"})),
        ],
        &[("user_id", json!(ours)), ("sender.user_id", json!(ours))],
        &[
            ("post_type", json!("message_sent")),
            ("user_id", json!(ours)),
        ],
    ];
    for (n, changes) in cases.iter().enumerate() {
        bridge.raw(altered(bridge, &question, 900_000 + n as i64, changes));
    }
    // The same frame from a person is answered: the frames above were not broken.
    bridge.raw(altered(
        bridge,
        &question,
        910_000,
        &[("user_id", json!(44)), ("sender.user_id", json!(44))],
    ));
    let asked = scene
        .model
        .wait_until(|model| model.count() == before + 1, LIMIT);
    assert!(asked.await, "{}", said(&scene.house));
    scene.asks(700, 42, "ai and that was all?").await;
    let (model, ground, _) = scene.close().await;
    assert_eq!(model.count(), before + 2);
    assert_eq!(ground.store().await.totals().await.unwrap().turns, 3);
}

/// The longest thing in a text that reads as one character.
fn tallest(text: &str) -> usize {
    text.graphemes(true)
        .map(|grapheme| grapheme.chars().count())
        .max()
        .unwrap_or_default()
}

#[tokio::test]
async fn bad_035_towers_of_marks_joined_emoji_and_turned_links_reach_nobody_as_they_came() {
    let scene = Scene::open().await;
    let tower = format!("z{}", "\u{301}".repeat(200));
    let crowd = vec!["👩"; 1_000].join("\u{200d}");
    let turned = "https://\u{202e}moc.live\u{202c}/\u{2066}tea\u{2069}";
    scene.bridge.says(700, 43, &format!("{tower} {turned}"));
    let words = format!("ai {tower} {crowd} {turned} why?");
    scene.asks(700, 42, &words).await;
    // A model that answers in towers is calmed as well.
    scene
        .model
        .next(Reply::text(format!("Tea {tower} is {crowd} tea.")));
    let calmed = scene.asks(700, 42, "ai again?").await;
    assert!(tallest(&calmed.text) <= 16, "{}", calmed.text);
    let (model, ground, _) = scene.close().await;
    for request in model.requests() {
        let prompt = request.body.to_string();
        assert!(tallest(&request.last_user()) <= 16, "{prompt}");
        assert!(
            !prompt.contains('\u{202e}') && !prompt.contains('\u{2066}'),
            "{prompt}"
        );
    }
    let asked = model.requests()[0].last_user();
    assert!(
        asked.contains("https://moc.live/tea"),
        "read as it is written: {asked}"
    );
    assert_eq!(ground.store().await.totals().await.unwrap().turns, 2);
}

#[tokio::test]
async fn the_model_is_asked_for_exactly_as_much_as_the_charter_allows() {
    let scene = Scene::open_with(|ground| {
        ground.charter = ground
            .charter
            .replace("[purse]", "max_tokens = 333\n\n[purse]");
    })
    .await;
    scene.asks(700, 42, "ai why?").await;
    let (model, ..) = scene.close().await;
    let body = &model.requests()[0].body;
    assert_eq!(body["max_tokens"], 333, "{body}");
    assert!(body.get("max_completion_tokens").is_none(), "{body}");
}

#[tokio::test]
async fn every_call_of_a_provider_stands_in_the_ledger() {
    let spare = FakeModel::start().await;
    let scene = Scene::open_with(|ground| {
        ground.models.push(("spare".into(), spare.base_url()));
    })
    .await;
    let sick = |model: &FakeModel, offset: u64| {
        model.script(move |request| match (request.n + offset) % 5 {
            0 => Reply::error(500),
            1 => Reply::reset(),
            2 => Reply::empty(),
            3 => Reply::error(429),
            _ => Reply::text("Fine."),
        });
    };
    sick(&scene.model, 0);
    sick(&spare, 2);
    let questions: Vec<Said> = (0..30)
        .map(|n| {
            scene
                .bridge
                .says(700 + n % 6, 42 + n, &format!("ai question {n}?"))
        })
        .collect();
    for question in &questions {
        scene.answer_to(question).await;
    }
    let (model, ground, bridge) = scene.close().await;
    let totals = ground.store().await.totals().await.unwrap();
    assert_eq!(totals.attempts, model.count() + spare.count(), "{totals:?}");
    assert_eq!((totals.turns, totals.settled), (30, 30), "{totals:?}");
    assert_eq!((totals.open_turns, totals.reserved), (0, 0), "{totals:?}");
    for question in &questions {
        assert_eq!(bridge.quoting(question).len(), 1);
    }
}

#[tokio::test]
async fn one_answer_is_four_messages_at_most_and_loses_no_word() {
    let scene = Scene::open().await;
    let sentence = |n: usize| {
        format!("This is sentence number {n}, and it says that tea is a leaf in hot water. ")
    };
    let words: String = (0..60).map(sentence).collect();
    scene
        .model
        .next(Answer::new(words.clone()).paced(120, Duration::from_millis(40)));
    let question = scene.bridge.says(700, 42, "ai tell me everything");
    scene.answer_to(&question).await;
    // The next answer of this room comes when the room's mouth is free again.
    scene.asks(700, 43, "ai done?").await;
    let (_, _, bridge) = scene.close().await;
    // The rest may come folded up, and a bundle quotes nothing.
    let mut parts = bridge.shown_by(700, bridge.self_id());
    parts.retain(|part| {
        part.text.starts_with("[AI] ") && part.quote_seq.is_none_or(|seq| seq == question.seq)
    });
    assert!((2..=4).contains(&parts.len()), "{}", parts.len());
    assert_eq!(parts[0].quote_seq, Some(question.seq));
    let plain = |text: &str| {
        text.replace("[AI] ", "")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let heard: Vec<String> = parts.iter().map(|part| plain(&part.text)).collect();
    assert_eq!(heard.join(" "), plain(&words));
}

#[tokio::test]
async fn what_looks_like_a_code_of_the_platform_arrives_as_text() {
    let scene = Scene::open().await;
    let words = "Look: [CQ:at,qq=all] and [CQ:image,file=http://127.0.0.1/x.png] &#91;CQ:face,id=1&#93; &amp; done.";
    scene.model.next(Reply::text(words));
    let shown = scene.asks(700, 42, "ai say it").await;
    assert_eq!(shown.text, format!("[AI] {words}"));
    let kinds: Vec<_> = shown
        .segments
        .iter()
        .map(|segment| segment["type"].as_str().unwrap_or_default().to_owned())
        .filter(|kind| kind != "reply")
        .collect();
    assert!(kinds.iter().all(|kind| kind == "text"), "{kinds:?}");
    scene.close().await;
}
