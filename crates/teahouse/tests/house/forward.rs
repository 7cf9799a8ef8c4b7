//! Bridges that listen: the house dials them, over real sockets, and what an operator learns when that goes wrong.

use std::path::PathBuf;

use teahouse_testkit::bridge::{FakeBridge, FakeQq, Flavour, Options};
use teahouse_testkit::model_server::FakeModel;
use teahouse_testkit::process::{Ground, House, LIMIT, TOKEN};

use crate::doors::upgrade;
use crate::scene::{BINARY, said};

/// A ground whose account dials.
fn ground(model: &FakeModel, url: &str) -> Ground {
    let mut ground = Ground::new(BINARY, &model.base_url());
    ground.account.push_str(&format!("dial = \"{url}\"\n"));
    ground.environment.insert("RUST_LOG".into(), "trace".into());
    ground
}

async fn health(ground: &Ground) -> String {
    let arguments: [PathBuf; 3] = ["health".into(), "--data".into(), ground.data()];
    let ran = ground.run(arguments, b"").await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.out
}

fn lines_with(house: &House, words: &str) -> Vec<String> {
    let mut log = house.log();
    log.retain(|line| line.contains(words));
    log
}

#[tokio::test]
async fn a_bridge_that_listens_is_dialled_and_dialled_again() {
    for flavour in [
        Flavour::NapCat,
        Flavour::LlBot,
        Flavour::LagrangeV1,
        Flavour::GoCqhttp,
    ] {
        let model = FakeModel::start().await;
        let bridge =
            FakeBridge::listen_in(&FakeQq::new(), Options::new("", TOKEN).flavour(flavour)).await;
        let ground = ground(&model, bridge.url());
        let house = ground.open().await;
        for times in 1..=2 {
            let connected = bridge.wait_until(|_| bridge.times_connected() == times, LIMIT);
            assert!(connected.await, "{}", said(&house));
            let question = bridge.says(700, 42, "ai why is tea red?");
            let answered = bridge.wait_until(|qq| qq.quoting(&question).len() == 1, LIMIT);
            assert!(answered.await, "{flavour:?}: {}", said(&house));
            bridge.cut();
        }
        assert!(health(&ground).await.contains("account qq: "));
        assert!(lines_with(&house, TOKEN).is_empty(), "the token is logged");
        assert_eq!(house.terminate().await, Some(0));
        assert!(bridge.calls().iter().all(|call| call.action != "get_msg"));
    }
}

#[tokio::test]
async fn bad_007_a_bridge_that_refuses_our_token_is_told_once_and_not_hammered() {
    for flavour in [
        Flavour::NapCat,
        Flavour::LlBot,
        Flavour::LagrangeV1,
        Flavour::GoCqhttp,
    ] {
        let model = FakeModel::start().await;
        let options = Options::new("", "another-token-of-the-bridge").flavour(flavour);
        let bridge = FakeBridge::listen_in(&FakeQq::new(), options).await;
        let ground = ground(&model, bridge.url());
        let house = ground.open().await;
        house.wait_for_line("refuses our token").await;
        let shown = health(&ground).await;
        assert!(shown.contains("account qq: refused"), "{shown}");
        let line = format!(
            "at qq: {}: the bridge we dial refuses our token",
            bridge.url()
        );
        assert!(shown.contains(&line), "{shown}");
        let numbers = ground.knock("GET", "/metrics", &[]).await.body;
        for count in ["dials\"} 1", "dials_refused\"} 1", "dials_failed\"} 0"] {
            assert!(numbers.contains(count), "{flavour:?} {count}: {numbers}");
        }
        assert_eq!(lines_with(&house, "refuses our token").len(), 1);
        assert!(lines_with(&house, TOKEN).is_empty(), "the token is logged");
        assert_eq!(house.terminate().await, Some(0));
    }
}

#[tokio::test]
async fn a_bridge_that_comes_late_is_found_and_both_ways_may_be_open() {
    let model = FakeModel::start().await;
    let qq = FakeQq::new();
    let listens = FakeBridge::listen_in(&qq, Options::new("", TOKEN)).await;
    listens.goes_away();
    let ground = ground(&model, listens.url());
    let house = ground.open().await;
    house.wait_for_line("cannot be reached").await;
    let dials = FakeBridge::start_in(&qq, ground.bridge());
    assert!(dials.wait_connected(LIMIT).await, "{}", said(&house));
    listens.comes_back();
    assert!(listens.wait_connected(LIMIT).await, "{}", said(&house));
    let question = qq.says(700, 42, "ai why is tea red?");
    let answered = qq.wait_until(|qq| !qq.quoting(&question).is_empty(), LIMIT);
    assert!(answered.await, "{}", said(&house));
    assert_eq!(house.terminate().await, Some(0));
    assert_eq!(qq.quoting(&question).len(), 1);
    assert_eq!(model.count(), 1);
}

#[tokio::test]
async fn whoever_is_turned_away_is_told_of_in_health_and_a_flood_is_one_line() {
    let model = FakeModel::start().await;
    let ground = Ground::new(BINARY, &model.base_url());
    let house = ground.open().await;
    for _ in 0..30 {
        let wrong = [("Authorization", "Bearer a-wrong-but-secret-word")];
        assert_eq!(upgrade(&ground, "/onebot/v11/ws", &wrong).await.status, 403);
    }
    assert_eq!(upgrade(&ground, "/onebot/v11/ws", &[]).await.status, 401);
    let shown = health(&ground).await;
    let refused: Vec<_> = shown
        .lines()
        .filter(|line| line.starts_with("refused"))
        .collect();
    assert_eq!(refused.len(), 2, "{shown}");
    assert!(
        refused.iter().any(|line| line.contains(
            "s ago at qq: 127.0.0.1 as \"10001000\", 30 times: the token is not this account's"
        )),
        "{shown}"
    );
    assert!(
        refused
            .iter()
            .any(|line| line.contains("127.0.0.1 as \"10001000\": no token came")),
        "{shown}"
    );
    assert_eq!(lines_with(&house, "a bridge was turned away").len(), 2);
    assert!(!shown.contains("secret-word"));
    assert!(lines_with(&house, "secret-word").is_empty());
    assert_eq!(house.terminate().await, Some(0));
}
