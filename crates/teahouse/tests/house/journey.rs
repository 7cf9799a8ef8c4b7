//! One question, one quoted answer, in the right group.

use std::time::Duration;

use teahouse_testkit::bridge::FakeBridge;
use teahouse_testkit::model_server::FakeModel;
use teahouse_testkit::process::{Ground, LIMIT};

const BINARY: &str = env!("CARGO_BIN_EXE_teahouse");

#[tokio::test]
async fn a_question_in_a_group_gets_one_quoted_answer() {
    let model = FakeModel::start().await;
    let ground = Ground::new(BINARY, &model.base_url());
    let house = ground.open().await;
    let bridge = FakeBridge::start(ground.bridge());
    assert!(bridge.wait_connected(LIMIT).await);
    bridge.says(700, 42, "good morning");
    let question = bridge.says(700, 42, "ai why is tea red?");
    let answered = bridge
        .wait_until(|qq| qq.quoting(&question).len() == 1, LIMIT)
        .await;
    assert!(answered, "{}", house.log().join("\n"));
    let answer = &bridge.quoting(&question)[0];
    assert!(answer.text.starts_with("[AI] "), "{}", answer.text);
    assert!(answer.text.contains("why is tea red?"), "{}", answer.text);
    assert!(
        bridge
            .wait_until(|qq| qq.shown(700).len() == 4, Duration::from_secs(2))
            .await,
        "the first-contact notice"
    );
    assert_eq!(house.terminate().await, Some(0));
    assert_eq!(bridge.quoting(&question).len(), 1);
    assert_eq!(model.count(), 1);
}
