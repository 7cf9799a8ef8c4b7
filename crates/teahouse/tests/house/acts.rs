//! What the rules do over real sockets, and kill -9 between what they have decided and what is done about it: each effect
//! once, however often the process dies.

use serde_json::json;
use teahouse_testkit::bridge::{FakeBridge, Role, Said};
use teahouse_testkit::model_server::FakeModel;
use teahouse_testkit::process::{Ground, House, LIMIT};

const BINARY: &str = env!("CARGO_BIN_EXE_teahouse");
const CHARTER: &str = r#"
name = "strict"
trigger = ["ai"]
route = "default"

[[words]]
name = "spam"
mode = "on"
words = ["free crypto"]
ladder = ["recall+mute 10m"]
"#;
const GROUP: i64 = 700;
const SPAMMER: i64 = 42;

/// The house dies at the places one after the other; at the end everything was done, and nothing twice.
async fn check(faults: &[&str]) {
    let model = FakeModel::start().await;
    let mut ground = Ground::new(BINARY, &model.base_url());
    ground.charter = CHARTER.to_owned();
    let bridge = FakeBridge::start(ground.bridge());
    let us = bridge.self_id();
    bridge.sets_role(GROUP, us, Role::Admin);
    let mut said = None;
    for fault in faults {
        let house = ground.open_with_fault(fault);
        assert!(bridge.wait_connected(LIMIT).await);
        said.get_or_insert_with(|| bridge.says(GROUP, SPAMMER, "get your free crypto here"));
        house.wait_until_dead().await;
    }
    let said = said.expect("it was said");
    let house = ground.open().await;
    let done = bridge
        .wait_until(
            |qq| {
                let is_gone = !qq
                    .shown(GROUP)
                    .iter()
                    .any(|shown| shown.text.contains("free"));
                let told = qq.shown_by(GROUP, us);
                is_gone && !qq.may_speak(GROUP, SPAMMER) && !told.is_empty()
            },
            LIMIT,
        )
        .await;
    assert!(done, "{said:?}\n{}", told(&house));
    assert_eq!(house.terminate().await, Some(0));
    // Whether a message is gone cannot be looked up at every bridge after a restart: it is asked for once more, and
    // nobody can take the same message back twice. A mute is looked up.
    assert!(bridge.count_calls("delete_msg") <= 2, "{faults:?}");
    assert_eq!(bridge.count_calls("set_group_ban"), 1, "{faults:?}");
    assert_eq!(bridge.shown_by(GROUP, us).len(), 1, "{faults:?}");
    assert_eq!(model.count(), 0);
}

fn told(house: &House) -> String {
    house.log().join("\n")
}

#[tokio::test]
async fn killed_after_the_decision() {
    check(&["after-accept"]).await;
}

#[tokio::test]
async fn killed_with_the_first_effect_in_hand() {
    check(&["after-claim"]).await;
}

#[tokio::test]
async fn killed_after_the_first_effect_before_it_is_written_down() {
    check(&["after-receipt"]).await;
}

#[tokio::test]
async fn killed_after_the_second_effect_before_it_is_written_down() {
    check(&["after-receipt:2"]).await;
}

#[tokio::test]
async fn killed_at_each_of_them_one_after_the_other() {
    check(&[
        "after-accept",
        "after-claim",
        "after-receipt",
        "in-read-back",
    ])
    .await;
}

/// A house with an admin's right in the group.
async fn with_right() -> (FakeModel, FakeBridge, House, Ground) {
    let model = FakeModel::start().await;
    let mut ground = Ground::new(BINARY, &model.base_url());
    ground.charter = CHARTER.to_owned();
    let bridge = FakeBridge::start(ground.bridge());
    bridge.sets_role(GROUP, bridge.self_id(), Role::Admin);
    let house = ground.open().await;
    assert!(bridge.wait_connected(LIMIT).await);
    (model, bridge, house, ground)
}

#[tokio::test]
async fn bad_022_what_is_folded_up_is_judged_like_what_is_said_and_its_names_are_nobody() {
    let (_model, bridge, house, _ground) = with_right().await;
    let text = |words: &str| json!([{"type": "text", "data": {"text": words}}]);
    bridge.keeps_bundle(
        "7001",
        json!([{"sender": {"nickname": "the owner", "user_id": 1, "role": "owner"}, "message": text("look at this")},
               {"sender": {"nickname": "lin"}, "message": [{"type": "forward", "data": {"id": "7002"}}]}]),
    );
    bridge.keeps_bundle(
        "7002",
        json!([{"sender": {"nickname": "chen"}, "message": text("f r e e  c r y p t o for you")}]),
    );
    bridge.keeps_bundle(
        "7003",
        json!([{"sender": {"nickname": "chen"}, "message": text("good tea")}]),
    );
    let forward = |id: &str| vec![json!({"type": "forward", "data": {"id": id}})];
    let fine = bridge.sends(GROUP, SPAMMER + 1, forward("7003"));
    let spam = bridge.sends(GROUP, SPAMMER, forward("7001"));
    let done = bridge
        .wait_until(|qq| !qq.may_speak(GROUP, SPAMMER), LIMIT)
        .await;
    assert!(done, "{}", told(&house));
    let is_shown = |said: &Said| {
        let shown = bridge.shown(GROUP);
        shown
            .iter()
            .any(|shown| shown.message_id == said.message_id)
    };
    assert!(is_shown(&fine) && !is_shown(&spam), "{}", told(&house));
    // Whoever is named inside has done nothing.
    assert!(bridge.may_speak(GROUP, 1) && bridge.may_speak(GROUP, SPAMMER + 1));
    // And nobody is asked who brought what is harmless.
    let asked: Vec<_> = bridge
        .calls()
        .into_iter()
        .filter(|call| call.action == "get_group_member_info")
        .collect();
    let asks_of = |member: i64| {
        asked
            .iter()
            .any(|call| call.params["user_id"] == json!(member.to_string()))
    };
    assert!(asks_of(SPAMMER) && !asks_of(SPAMMER + 1), "{asked:?}");
    assert_eq!(house.terminate().await, Some(0));
}

#[tokio::test]
async fn who_is_heard_in_a_group_is_not_looked_up_to_appeal() {
    let (_model, bridge, house, _ground) = with_right().await;
    let words = json!({"type": "text", "data": {"text": "ai appeal it was a quote"}});
    let said = bridge.sends(GROUP, SPAMMER, vec![words]);
    let told = bridge
        .wait_until(|qq| qq.shown(GROUP).len() > 1, LIMIT)
        .await;
    assert!(told, "{said:?} has no answer");
    assert_eq!(bridge.count_calls("get_group_member_info"), 0);
    assert_eq!(bridge.count_calls("get_group_shut_list"), 0);
    assert_eq!(house.terminate().await, Some(0));
}
