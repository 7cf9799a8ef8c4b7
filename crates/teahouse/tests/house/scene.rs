//! An open house between a scripted bridge and a scripted model: what most tests begin with.

use teahouse_testkit::bridge::{FakeBridge, Said, Shown};
use teahouse_testkit::model_server::FakeModel;
use teahouse_testkit::process::{Ground, House, LIMIT};

/// The program under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_teahouse");

/// A house, its bridge and its model.
pub struct Scene {
    pub model: FakeModel,
    pub ground: Ground,
    pub bridge: FakeBridge,
    pub house: House,
}

impl Scene {
    /// The mildest charter, one model, a bridge that is connected.
    pub async fn open() -> Self {
        Scene::open_with(|_| {}).await
    }

    /// The same after changing what the house is made of.
    pub async fn open_with(change: impl FnOnce(&mut Ground)) -> Self {
        let model = FakeModel::start().await;
        let mut ground = Ground::new(BINARY, &model.base_url());
        change(&mut ground);
        let house = ground.open().await;
        let bridge = FakeBridge::start(ground.bridge());
        assert!(bridge.wait_connected(LIMIT).await, "{}", said(&house));
        Scene {
            model,
            ground,
            bridge,
            house,
        }
    }

    /// Asks in a group and waits for what quotes the question.
    pub async fn asks(&self, group: i64, member: i64, words: &str) -> Shown {
        let question = self.bridge.says(group, member, words);
        self.answer_to(&question).await
    }

    /// Waits for the first message that quotes a question.
    pub async fn answer_to(&self, question: &Said) -> Shown {
        let answered = self
            .bridge
            .wait_until(|qq| !qq.quoting(question).is_empty(), LIMIT)
            .await;
        assert!(
            answered,
            "no answer; the house said:\n{}",
            said(&self.house)
        );
        self.bridge.quoting(question).remove(0)
    }

    /// Closes the house: nothing of its own may be under way then.
    pub async fn close(self) -> (FakeModel, Ground, FakeBridge) {
        assert_eq!(self.house.terminate().await, Some(0));
        (self.model, self.ground, self.bridge)
    }
}

/// All that a house has said on standard error.
pub fn said(house: &House) -> String {
    house.log().join("\n")
}
