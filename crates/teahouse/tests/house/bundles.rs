//! What a group sees of a long answer and of one that takes its time: three messages and a bundle, and a cup of tea on
//! the question while it is being worked on.

use std::time::Duration;

use teahouse_store::Store;
use teahouse_testkit::bridge::{FakeBridge, FakeQq, Fault, Flavour, Said};
use teahouse_testkit::model_server::{Answer, FakeModel, Reply};
use teahouse_testkit::platform::Fate;
use teahouse_testkit::process::{Ground, House, LIMIT};
use teahouse_testkit::script::Script;

use crate::scene::{BINARY, said};
use crate::tea::{Tea, minutes, seconds};

const SENTENCE: &str = "Red tea is red because its leaves are rolled and left to oxidise. ";

fn words(text: &str) -> String {
    text.split_whitespace().collect()
}

struct Scene {
    model: FakeModel,
    ground: Ground,
    bridge: FakeBridge,
    house: House,
}

impl Scene {
    async fn open(flavour: Flavour) -> Scene {
        let model = FakeModel::start().await;
        let ground = Ground::new(BINARY, &model.base_url());
        let house = ground.open().await;
        let bridge = FakeBridge::start_in(&FakeQq::new(), ground.bridge().flavour(flavour));
        assert!(bridge.wait_connected(LIMIT).await);
        let hello = bridge.says(700, 42, "ai hello?");
        let answered = bridge.wait_until(|qq| !qq.quoting(&hello).is_empty(), LIMIT);
        assert!(answered.await, "{}", said(&house));
        Scene {
            model,
            ground,
            bridge,
            house,
        }
    }

    /// Asks for a long answer; waits for so many messages of ours after the question.
    async fn asks(&self, sentences: usize, messages: usize) -> (Said, Vec<String>) {
        self.model.always(Reply::text(SENTENCE.repeat(sentences)));
        let question = self.bridge.says(700, 42, "ai why is tea red?");
        let us = self.bridge.self_id();
        let ours = |qq: &FakeQq| -> Vec<_> {
            let mut all = qq.shown_by(700, us);
            all.retain(|shown| {
                shown.seq > question.seq && !shown.text.starts_with("I am a program")
            });
            all
        };
        let all = self
            .bridge
            .wait_until(|qq| ours(qq).len() == messages, LIMIT);
        assert!(all.await, "{}", said(&self.house));
        let ours = ours(&self.bridge);
        assert_eq!(
            ours[0].quote_seq,
            Some(question.seq),
            "it begins with a quote"
        );
        (question, ours.into_iter().map(|shown| shown.text).collect())
    }
}

#[tokio::test]
async fn three_messages_of_a_long_answer_and_the_rest_in_a_bundle_on_every_bridge() {
    for flavour in [
        Flavour::NapCat,
        Flavour::LlBot,
        Flavour::LagrangeV1,
        Flavour::GoCqhttp,
    ] {
        let scene = Scene::open(flavour).await;
        let (_, shown) = scene.asks(100, 4).await;
        assert_eq!(scene.bridge.count_calls("send_group_forward_msg"), 1);
        let calls = scene.bridge.calls();
        let call = calls
            .iter()
            .find(|call| call.action == "send_group_forward_msg")
            .unwrap();
        let nodes = call.params["messages"].as_array().unwrap();
        for node in nodes {
            let text = node["data"]["content"][0]["data"]["text"].as_str().unwrap();
            assert!(text.starts_with("[AI] ") && text.chars().count() <= 1_500);
        }
        let all = shown.join("\n").replace("[AI] ", "");
        assert_eq!(words(&all), words(&SENTENCE.repeat(100)));
        assert_eq!(scene.house.terminate().await, Some(0));
        let totals = scene.ground.store().await.totals().await.unwrap();
        assert_eq!((totals.waiting, totals.dead), (0, 0));
    }
}

#[tokio::test]
async fn a_bundle_that_is_refused_comes_plainly_once() {
    let scene = Scene::open(Flavour::NapCat).await;
    scene
        .bridge
        .on_send(|attempt| match attempt.action.as_str() {
            "send_group_forward_msg" => Fault::Fail {
                retcode: 1200,
                text: "发送转发消息（res_id：abc）失败".into(),
                shown: false,
            },
            _ => Fault::None,
        });
    let (_, shown) = scene.asks(140, 4).await;
    assert!(shown[3].starts_with("[AI] Red tea"), "{}", shown[3]);
    assert!(shown[3].ends_with("… (cut short)"), "{}", shown[3]);
    assert_eq!(scene.bridge.count_calls("send_group_forward_msg"), 1);
    assert_eq!(scene.house.terminate().await, Some(0));
}

#[tokio::test]
async fn a_bundle_without_a_receipt_is_found_in_the_history_and_not_sent_again() {
    let scene = Scene::open(Flavour::NapCat).await;
    scene
        .bridge
        .on_send(|attempt| match attempt.action.as_str() {
            "send_group_forward_msg" => Fault::TimeoutShown,
            _ => Fault::None,
        });
    let (_, shown) = scene.asks(100, 4).await;
    let looked = scene
        .bridge
        .wait_until(|qq| qq.count_calls("get_group_msg_history") > 0, LIMIT);
    assert!(looked.await, "{}", said(&scene.house));
    assert_eq!(scene.house.terminate().await, Some(0));
    let totals = scene.ground.store().await.totals().await.unwrap();
    assert_eq!((totals.waiting, totals.dead), (0, 0));
    assert_eq!(scene.bridge.count_calls("send_group_forward_msg"), 1);
    assert_eq!(shown.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn after_three_messages_the_rest_is_folded_up_where_the_platform_can() {
    for (folds, pieces) in [(true, 4), (false, 4)] {
        let tea = Tea::open_table().opens().await;
        let room = tea.room("青茶");
        tea.platform.takes_bundles(folds);
        let mut script = Script::say(SENTENCE.repeat(2));
        for _ in 0..20 {
            script = script.waits(seconds(1)).says(SENTENCE.repeat(3));
        }
        tea.provider("a").next(script);
        let asked = room.throws_in("lin", "ai why is tea red?").await;
        tea.clock.advance(minutes(1)).await;
        let mut shown = room.house();
        shown.retain(|shown| !shown.text.starts_with("I am a program"));
        assert_eq!(shown.len(), pieces);
        assert_eq!(shown[3].text.starts_with("[bundle]\n[AI] "), folds);
        assert_eq!(room.answers_to(&asked).len(), if folds { 3 } else { 4 });
        let all: Vec<_> = shown.into_iter().map(|shown| shown.text).collect();
        let all = all.join("\n").replace("[bundle]", "").replace("[AI] ", "");
        assert_eq!(words(&all), words(&SENTENCE.repeat(62)));
        tea.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_is_swallowed_comes_again_plainly_and_without_links() {
    let tea = Tea::open_table().opens().await;
    let room = tea.room("青茶");
    tea.platform.takes_bundles(true);
    room.says("wu", "ai hello?").await;
    let long = format!(
        "{}See https://tea.example/red now. {}",
        SENTENCE.repeat(20),
        SENTENCE
    );
    let mut script = Script::say(SENTENCE.repeat(2));
    for _ in 0..3 {
        script = script.waits(seconds(6)).says(SENTENCE.repeat(7));
    }
    tea.provider("a").next(script.says(long));
    room.throws_in("lin", "ai why is tea red?").await;
    tea.clock.advance(seconds(17)).await;
    tea.platform.next_send(Fate::Swallowed);
    tea.clock.advance(minutes(1)).await;
    let last = room.house().pop().unwrap();
    assert!(
        last.text.starts_with("(again) [AI] Red tea"),
        "{}",
        last.text
    );
    assert!(
        last.text.contains("See tea[.]example/red now."),
        "{}",
        last.text
    );
    assert!(!last.text.contains("[bundle]"));
    tea.finish().await;
}

fn reactions(bridge: &FakeBridge) -> Vec<(bool, i64)> {
    let calls = bridge.calls();
    calls
        .iter()
        .filter_map(|call| {
            let on = match call.action.as_str() {
                "set_msg_emoji_like" => &call.params["set"],
                "set_group_reaction" => &call.params["is_add"],
                _ => return None,
            };
            Some((on.as_bool()?, call.params["message_id"].as_i64()?))
        })
        .collect()
}

#[tokio::test]
async fn a_question_that_takes_time_carries_a_cup_until_it_has_ended_and_no_other_does() {
    for (flavour, signs) in [
        (Flavour::NapCat, true),
        (Flavour::LagrangeV1, true),
        (Flavour::GoCqhttp, false),
    ] {
        let scene = Scene::open(flavour).await;
        let (bridge, us) = (&scene.bridge, scene.bridge.self_id());
        scene
            .model
            .next(Answer::new("Because.").after(Duration::from_millis(1_500)));
        bridge.says(700, 43, "what a day");
        let slow = bridge.says(700, 42, "ai why so slow?");
        let answered = bridge.wait_until(|qq| qq.quoting(&slow).len() == 1, LIMIT);
        assert!(answered.await, "{}", said(&scene.house));
        let quick = bridge.says(700, 42, "ai and quick?");
        let answered = bridge.wait_until(|qq| qq.quoting(&quick).len() == 1, LIMIT);
        assert!(answered.await, "{}", said(&scene.house));
        let expected = match signs {
            true => vec![(true, slow.message_id), (false, slow.message_id)],
            false => vec![],
        };
        let done = bridge.wait_until(|_| reactions(bridge) == expected, LIMIT);
        assert!(done.await, "{flavour:?}: {:?}", reactions(bridge));
        assert_eq!(scene.house.terminate().await, Some(0));
        assert_eq!(reactions(bridge), expected, "{flavour:?}");
        assert!(!bridge.shown_by(700, us).is_empty());
    }
}
