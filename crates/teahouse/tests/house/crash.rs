//! kill -9 at every named place: each question ends exactly once, each call of a provider stands in the ledger.

use std::time::Duration;

use teahouse_store::Store;
use teahouse_testkit::bridge::{FakeBridge, Fault, Said};
use teahouse_testkit::model_server::{Answer, FakeModel};
use teahouse_testkit::process::{Ground, House, LIMIT};

const BINARY: &str = env!("CARGO_BIN_EXE_teahouse");
const QUESTIONS: i64 = 4;
/// The model thinks so long, so that all questions are on the disk before the first answer.
const THINKS: Duration = Duration::from_millis(400);

struct Scene {
    model: FakeModel,
    ground: Ground,
    bridge: FakeBridge,
}

impl Scene {
    async fn new() -> Self {
        let model = FakeModel::start().await;
        model.script(|request| {
            Answer::new(format!("Answer to {}", request.last_user()))
                .after(THINKS)
                .into()
        });
        let ground = Ground::new(BINARY, &model.base_url());
        let bridge = FakeBridge::start(ground.bridge());
        Scene {
            model,
            ground,
            bridge,
        }
    }

    /// One question in each of several groups.
    async fn ask(&self) -> Vec<Said> {
        assert!(self.bridge.wait_connected(LIMIT).await);
        (0..QUESTIONS)
            .map(|n| {
                self.bridge
                    .says(700 + n, 42 + n, &format!("ai question number {n}?"))
            })
            .collect()
    }

    /// Every question has one answer, also after another start, and the books agree with what the provider saw.
    async fn ends_well(self, questions: &[Said]) {
        let house = self.ground.open().await;
        self.all_answered(&house, questions).await;
        assert_eq!(house.terminate().await, Some(0));
        let house = self.ground.open().await;
        assert!(self.bridge.wait_connected(LIMIT).await);
        let last = self.bridge.says(799, 99, "ai one more?");
        self.all_answered(&house, std::slice::from_ref(&last)).await;
        assert_eq!(house.terminate().await, Some(0));
        for question in questions {
            assert_eq!(self.bridge.quoting(question).len(), 1, "{question:?}");
        }
        let totals = self
            .ground
            .store()
            .await
            .totals()
            .await
            .expect("the books open");
        assert_eq!(totals.turns, questions.len() as u64 + 1);
        assert_eq!((totals.open_turns, totals.dead), (0, 0), "{totals:?}");
        assert_eq!(totals.settled, totals.turns);
        // A call that was killed before it was made stands in the ledger all the same; none is missing.
        assert!(totals.attempts >= self.model.count(), "{totals:?}");
        assert_eq!(totals.reserved, 0, "{totals:?}");
    }

    async fn all_answered(&self, house: &House, questions: &[Said]) {
        let done = self
            .bridge
            .wait_until(
                |qq| questions.iter().all(|q| !qq.quoting(q).is_empty()),
                LIMIT,
            )
            .await;
        assert!(done, "not all were answered:\n{}", house.log().join("\n"));
    }
}

/// Dies at the place by itself, once all questions are on the disk.
async fn check(fault: &str) {
    let scene = Scene::new().await;
    let house = scene.ground.open_with_fault(fault);
    let questions = scene.ask().await;
    house.wait_until_dead().await;
    scene.ends_well(&questions).await;
}

#[tokio::test]
async fn killed_after_a_question_was_accepted() {
    check("after-accept:4").await;
}

#[tokio::test]
async fn killed_before_the_provider_is_called() {
    check("before-call:4").await;
}

#[tokio::test]
async fn killed_after_the_first_chunk() {
    check("after-first-chunk").await;
}

#[tokio::test]
async fn killed_before_a_turn_is_settled() {
    check("before-settle").await;
}

#[tokio::test]
async fn killed_after_a_turn_was_settled() {
    check("after-settle").await;
}

#[tokio::test]
async fn killed_after_a_delivery_was_claimed() {
    check("after-claim").await;
}

#[tokio::test]
async fn killed_after_the_receipt_before_it_is_written_down() {
    check("after-receipt").await;
}

#[tokio::test]
async fn killed_after_a_send_before_its_receipt() {
    let scene = Scene::new().await;
    scene.bridge.next_send(Fault::Silent { shown: true });
    let house = scene.ground.open_with_fault("never");
    let questions = scene.ask().await;
    assert!(
        scene
            .bridge
            .wait_until(
                |qq| questions.iter().any(|q| !qq.quoting(q).is_empty()),
                LIMIT
            )
            .await
    );
    house.kill().await;
    scene.ends_well(&questions).await;
}

#[tokio::test]
async fn killed_while_a_send_is_read_back() {
    let scene = Scene::new().await;
    scene.bridge.next_send(Fault::TimeoutShown);
    let house = scene.ground.open_with_fault("in-read-back");
    let questions = scene.ask().await;
    house.wait_until_dead().await;
    scene.ends_well(&questions).await;
}

#[tokio::test]
async fn killed_inside_and_after_a_migration() {
    for fault in ["in-migration:1", "after-migration:1", "in-migration:2"] {
        let scene = Scene::new().await;
        scene.ground.open_with_fault(fault).wait_until_dead().await;
        let house = scene.ground.open().await;
        let questions = scene.ask().await;
        scene.all_answered(&house, &questions).await;
        house.kill().await;
        scene.ends_well(&questions).await;
    }
}
