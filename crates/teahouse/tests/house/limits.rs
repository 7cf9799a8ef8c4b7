//! What is too much, too late, or taken back: floods, walls of text, backlogs, recalled questions; and that nothing of
//! one room shows in another, however many there are.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use teahouse_core::Role;
use teahouse_store::Store;
use teahouse_testkit::bridge::FakeBridge;
use teahouse_testkit::model_server::Answer;
use teahouse_testkit::process::{House, LIMIT};
use teahouse_testkit::script::Script;

use crate::scene::{Scene, said};
use crate::tea::{Room, Tea, seconds};

/// What a process holds in memory, in KiB.
fn resident(house: &House) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", house.pid())).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a size")
}

/// Everything sent so far has been heard: what comes later on the link is answered.
async fn heard(scene: &Scene, group: i64) {
    scene.asks(group, 4_242, "ai are you there?").await;
}

#[tokio::test]
async fn bad_024_a_question_taken_back_is_not_answered_and_an_answer_stays() {
    let scene = Scene::open().await;
    let answered = scene.bridge.says(700, 42, "ai why is tea red?");
    scene.answer_to(&answered).await;
    scene.model.script(|request| {
        let words = request.last_user();
        let pause = Duration::from_secs(if words.contains("secret") { 3_600 } else { 0 });
        Answer::new("The leaves are oxidised.").after(pause).into()
    });
    let taken_back = scene.bridge.says(700, 42, "ai what is my secret?");
    let asked = |model: &teahouse_testkit::model_server::FakeModel| model.in_flight() == 1;
    assert!(scene.model.wait_until(asked, LIMIT).await);
    for said in [&answered, &taken_back] {
        let id = scene.bridge.message_id(said);
        scene.bridge.qq().recalls(700, id, 42);
    }
    // The call ends at once, though the model would have thought for an hour.
    let ended = |model: &teahouse_testkit::model_server::FakeModel| model.in_flight() == 0;
    assert!(
        scene.model.wait_until(ended, LIMIT).await,
        "{}",
        said(&scene.house)
    );
    let why = scene.asks(700, 42, "ai and green tea?").await;
    assert!(why.text.contains("oxidised"));
    assert!(scene.bridge.quoting(&taken_back).is_empty());
    assert_eq!(scene.bridge.quoting(&answered).len(), 1);
    let (model, ground, _bridge) = scene.close().await;
    let prompts = model.requests();
    let last = prompts.last().unwrap().body.to_string();
    assert!(
        !last.contains("secret") && !last.contains("why is tea red"),
        "taken back is gone from prompts"
    );
    let store = ground.store().await;
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.turns, totals.settled), (3, 3), "{totals:?}");
    assert_eq!(totals.reserved, 0);
}

#[tokio::test]
async fn bad_033_a_wall_of_text_is_refused_with_the_limit_and_costs_no_call() {
    let scene = Scene::open().await;
    for (member, words) in [
        (1, "茶".repeat(100_000)),
        (2, "tea\n".repeat(5_000)),
        (3, "t".repeat(50 * 1024)),
    ] {
        let refused = scene.asks(700, member, &format!("ai {words}")).await;
        assert!(refused.text.contains("4000"), "{}", refused.text);
        assert!(refused.text.chars().count() < 200, "{}", refused.text);
    }
    // The same without a call is talk, and nobody is told anything.
    scene.bridge.says(700, 4, &"茶".repeat(100_000));
    heard(&scene, 700).await;
    let (model, ground, bridge) = scene.close().await;
    assert_eq!(model.count(), 1);
    assert_eq!(bridge.qq().count_by(bridge.self_id()), 3 + 2);
    let totals = ground.store().await.totals().await.unwrap();
    assert_eq!((totals.turns, totals.attempts), (4, 1), "{totals:?}");
}

#[tokio::test]
async fn bad_031_a_backlog_of_fifty_thousand_messages_is_taken_in_bounds_and_not_answered() {
    let scene = Scene::open().await;
    heard(&scene, 700).await;
    let before = resident(&scene.house);
    for n in 0..50_000_i64 {
        let words = match n % 10 {
            0 => "ai why is tea red?",
            _ => "it rained yesterday",
        };
        let frame = json!({
            "self_id": scene.bridge.self_id(), "user_id": 5_000 + n % 50, "time": 1_700_000_000 + n,
            "message_id": 1_000_000 + n, "message_seq": 1_000_000 + n, "real_seq": (1_000_000 + n).to_string(),
            "message_type": "group", "sub_type": "normal", "group_id": 700 + n % 20,
            "sender": {"user_id": 5_000 + n % 50, "nickname": "lin", "card": "", "role": "member"},
            "raw_message": words, "font": 14, "message_format": "array", "post_type": "message",
            "message": [{"type": "text", "data": {"text": words}}],
        });
        scene.bridge.raw(frame.to_string());
    }
    heard(&scene, 701).await;
    let grown = resident(&scene.house).saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB more");
    let (model, ground, bridge) = scene.close().await;
    assert_eq!(model.count(), 2, "nothing of it was answered");
    assert_eq!(answers(&bridge), 2 + 2);
    let totals = ground.store().await.totals().await.unwrap();
    assert_eq!(totals.turns, 2, "{totals:?}");
}

fn answers(bridge: &FakeBridge) -> usize {
    bridge.qq().count_by(bridge.self_id())
}

/// A room's own word, which nobody else can know.
fn canary(room: usize) -> String {
    format!("canary{:05}x", room * 7_919 % 100_000)
}

/// `rooms` rooms whose members talk of their canary and ask; a model that repeats all it was told. What the first
/// room saw.
async fn rooms_with_canaries(rooms: usize, questions: usize) -> Vec<String> {
    let tea = Tea::under(
        "name = \"generous\"\nzone = \"UTC\"\n[purse]\nquestions_per_member_per_day = 100000",
    )
    .opens()
    .await;
    // The most careless model there is.
    tea.provider("a").answers(|request| {
        let told: Vec<_> = request.lines.iter().map(|l| l.content.as_str()).collect();
        let all = told.concat();
        let birds = all
            .split_whitespace()
            .filter(|word| word.contains("canary"));
        Script::say(format!("I know {}", birds.collect::<Vec<_>>().join(" ")))
    });
    let all: Vec<_> = (0..rooms).map(|n| tea.room(&format!("room{n}"))).collect();
    for round in 0..questions {
        for (n, room) in all.iter().enumerate() {
            if round % 10 == 0 {
                room.throws_in("chen", &format!("we call it {} here", canary(n)))
                    .await;
            }
            room.throws_in(
                "lin",
                &format!("ai what of {} in round {round}?", canary(n)),
            )
            .await;
        }
        tea.clock.advance(seconds(1)).await;
    }
    tea.rests().await;
    let of: HashMap<String, usize> = (0..rooms).map(|n| (format!("room{n}"), n)).collect();
    let mut said = 0;
    for shown in tea.platform.shown() {
        if shown.who.is_some() {
            continue;
        }
        said += 1;
        let own = canary(of[shown.chat.as_str()]);
        for word in shown.text.split_whitespace() {
            assert!(
                !word.contains("canary") || word.contains(&own),
                "room {} saw {word}",
                shown.chat
            );
        }
    }
    assert!(said >= rooms * questions, "{said}");
    let first: Vec<_> = all[0].shown().into_iter().map(|s| s.text).collect();
    tea.finish().await;
    first
}

#[tokio::test(start_paused = true)]
async fn nothing_of_one_room_shows_in_two_hundred_others() {
    let among_others = rooms_with_canaries(200, 10).await;
    let alone = rooms_with_canaries(1, 10).await;
    assert_eq!(among_others, alone, "others' traffic changes not a byte");
}

/// The whole of I-17: minutes without optimisation, so it is asked for by name.
#[tokio::test(start_paused = true)]
#[ignore = "20,000 questions; script/soak runs it"]
async fn nothing_of_one_room_shows_in_two_hundred_others_in_twenty_thousand_questions() {
    assert_eq!(
        rooms_with_canaries(200, 100).await,
        rooms_with_canaries(1, 100).await
    );
}

#[tokio::test(start_paused = true)]
async fn a_private_chat_feeds_no_group() {
    let tea = Tea::open_table().direct().opens().await;
    tea.provider("a").answers(|request| {
        // All that people said; the house's own instructions would not get out.
        let told: Vec<_> = request
            .lines
            .iter()
            .skip(1)
            .map(|l| l.content.as_str())
            .collect();
        Script::say(told.concat())
    });
    let group = tea.room("green");
    group.lists("lin", Role::Owner);
    let private = tea.direct_chat("lin");
    private.says("lin", "my secret is gunpowder tea").await;
    group.says("lin", "ai what did I tell you?").await;
    group.says("lin", "ai about me").await;
    let tells = |room: &Room<'_>| {
        let mut said = room.house().into_iter();
        said.any(|shown| shown.text.contains("gunpowder"))
    };
    assert!(!tells(&group), "{}", tea.transcript());
    assert!(tells(&private), "{}", tea.transcript());
    tea.finish().await;
}
