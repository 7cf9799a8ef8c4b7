//! The promise, under load over real sockets: the link is cut six times, the process is killed, the model takes its
//! time; nothing that was asked is lost, nothing is said twice, and what was asked while nobody could hear is answered.

use std::time::Duration;

use teahouse_store::Store;
use teahouse_testkit::bridge::{FakeBridge, Flavour, Options, Said};
use teahouse_testkit::model_server::{Answer, FakeModel};
use teahouse_testkit::process::{Ground, House, LIMIT};

use crate::scene::{BINARY, said};

const GROUPS: i64 = 6;
const CUTS: usize = 6;
/// The model takes so long, so that questions are always in flight.
const THINKS: Duration = Duration::from_secs(2);

struct Load {
    model: FakeModel,
    ground: Ground,
    bridge: FakeBridge,
    questions: Vec<Said>,
}

impl Load {
    async fn new(bridge: impl FnOnce(Options) -> Options) -> (Self, House) {
        let model = FakeModel::start().await;
        model.script(|request| {
            Answer::new(format!("Answer to {}", request.last_user()))
                .after(THINKS)
                .into()
        });
        let ground = Ground::new(BINARY, &model.base_url());
        let house = ground.open().await;
        let bridge = FakeBridge::start(bridge(ground.bridge()));
        assert!(bridge.wait_connected(LIMIT).await, "{}", said(&house));
        let mut load = Load {
            model,
            ground,
            bridge,
            questions: Vec::new(),
        };
        // A room that was never heard has no gap.
        load.ask("first");
        // … and neither an answer nor the first-contact notice may be cut off twice: it is said again once.
        let ours = load.bridge.self_id();
        let greeted = load.bridge.wait_until(
            |qq| (700..700 + GROUPS).all(|group| qq.shown_by(group, ours).len() == 2),
            LIMIT,
        );
        assert!(greeted.await, "{}", said(&house));
        (load, house)
    }

    /// One question in every group.
    fn ask(&mut self, word: &str) {
        for group in 0..GROUPS {
            let member = 42 + self.questions.len() as i64;
            let asked = self
                .bridge
                .says(700 + group, member, &format!("ai {word} {group}?"));
            self.questions.push(asked);
        }
    }

    /// The provider has been asked for all questions so far that could be heard.
    async fn in_flight(&self, calls: u64) {
        let heard = |model: &FakeModel| model.count() >= calls;
        assert!(self.model.wait_until(heard, LIMIT).await);
    }

    async fn all_answered(&self, house: &House) {
        let done = self
            .bridge
            .wait_until(
                |qq| self.questions.iter().all(|q| !qq.quoting(q).is_empty()),
                LIMIT,
            )
            .await;
        let missing: Vec<_> = (self.questions.iter())
            .filter(|q| self.bridge.quoting(q).is_empty())
            .collect();
        assert!(done, "not answered: {missing:?}\n{}", said(house));
    }

    async fn ends_well(self, house: House) {
        self.all_answered(&house).await;
        let log = said(&house);
        assert_eq!(house.terminate().await, Some(0));
        for question in &self.questions {
            let shown = self.bridge.quoting(question);
            assert_eq!(shown.len(), 1, "{question:?}: {shown:?}");
            assert!(shown[0].text.contains("Answer to"), "{shown:?}");
        }
        let totals = self.ground.store().await.totals().await.expect("the books");
        assert_eq!(totals.turns, self.questions.len() as u64, "{totals:?}");
        assert_eq!(
            (totals.open_turns, totals.dead),
            (0, 0),
            "{totals:?}\n{log}"
        );
        assert!(totals.attempts >= self.model.count(), "{totals:?}");
        assert_eq!(totals.reserved, 0, "{totals:?}");
    }
}

#[tokio::test]
async fn cut_six_times_no_question_is_lost_or_answered_twice_and_those_of_the_gaps_are_answered() {
    let cuts = async |flavour| {
        let (mut load, house) = Load::new(|options| options.flavour(flavour)).await;
        for cut in 0..CUTS {
            let calls = load.model.count();
            load.ask(&format!("before cut {cut}"));
            load.in_flight(calls + 1).await;
            load.bridge.goes_away();
            load.ask(&format!("in the gap of cut {cut}"));
            load.bridge.comes_back();
            assert!(load.bridge.wait_connected(LIMIT).await, "{}", said(&house));
            load.all_answered(&house).await;
        }
        load.ends_well(house).await;
    };
    tokio::join!(cuts(Flavour::NapCat), cuts(Flavour::LagrangeV1));
}

#[tokio::test]
async fn killed_in_mid_load_no_question_is_lost_or_answered_twice_and_those_of_the_gap_are_answered()
 {
    let (mut load, mut house) = Load::new(|options| options).await;
    for kill in 0..3 {
        let calls = load.model.count();
        load.ask(&format!("before kill {kill}"));
        load.in_flight(calls + GROUPS as u64 / 2).await;
        house.kill().await;
        load.ask(&format!("after kill {kill}"));
        house = load.ground.open().await;
        assert!(load.bridge.wait_connected(LIMIT).await, "{}", said(&house));
    }
    load.ends_well(house).await;
}
