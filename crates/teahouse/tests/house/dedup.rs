//! A repeat makes nothing new (I-4): the same log over several links, over a restart, in any order, and each
//! question is still answered once.

use teahouse_testkit::bridge::{FakeBridge, FakeQq, Fault, Said};
use teahouse_testkit::model_server::FakeModel;
use teahouse_testkit::process::{Ground, House, LIMIT};

use crate::scene::{BINARY, said};

const GROUPS: i64 = 5;
const QUESTIONS_EACH: i64 = 4;

struct Day {
    model: FakeModel,
    ground: Ground,
    qq: FakeQq,
    bridges: Vec<FakeBridge>,
}

impl Day {
    /// Two bridges of one account in one world, not yet connected to any house.
    async fn new() -> Self {
        let model = FakeModel::start().await;
        let ground = Ground::new(BINARY, &model.base_url());
        let qq = FakeQq::new();
        let bridges = (0..2).map(|_| FakeBridge::start_in(&qq, ground.bridge()));
        let bridges = bridges.collect();
        Day {
            model,
            ground,
            qq,
            bridges,
        }
    }

    async fn open(&self) -> House {
        let house = self.ground.open().await;
        for bridge in &self.bridges {
            assert!(bridge.wait_connected(LIMIT).await, "{}", said(&house));
        }
        house
    }

    /// Questions, with talk between them.
    fn questions(&self) -> Vec<Said> {
        (0..GROUPS * QUESTIONS_EACH)
            .map(|n| {
                let (group, member) = (700 + n % GROUPS, 42 + n % 7);
                self.qq.says(group, member, &format!("talk {n}"));
                self.qq.says(group, member, &format!("ai question {n}?"))
            })
            .collect()
    }

    async fn all_answered(&self, questions: &[Said], house: &House) {
        let done = self
            .qq
            .wait_until(
                |qq| questions.iter().all(|q| !qq.quoting(q).is_empty()),
                LIMIT,
            )
            .await;
        assert!(done, "not all were answered:\n{}", said(house));
    }

    /// Everything said so far once more over every link; a new question at the end shows that all of it was heard.
    async fn replay(&self, questions: &[Said], house: &House) {
        for bridge in &self.bridges {
            for question in questions {
                bridge.repeats(question);
            }
        }
        let last: Vec<Said> = (0..GROUPS)
            .map(|group| self.qq.says(700 + group, 99, "ai was that all?"))
            .collect();
        self.all_answered(&last, house).await;
    }
}

#[tokio::test]
async fn a_days_log_sent_again_over_every_link_and_a_restart_makes_the_same_answers() {
    let day = Day::new().await;
    let house = day.open().await;
    let questions = day.questions();
    day.all_answered(&questions, &house).await;
    day.replay(&questions, &house).await;
    // A third socket: one bridge drops and dials again.
    day.bridges[0].cut();
    assert!(
        day.qq
            .wait_until(|_| day.bridges[0].times_connected() == 2, LIMIT)
            .await
    );
    day.replay(&questions, &house).await;
    assert_eq!(house.terminate().await, Some(0));

    let house = day.open().await;
    day.replay(&questions, &house).await;
    assert_eq!(house.terminate().await, Some(0));

    for question in &questions {
        assert_eq!(day.qq.quoting(question).len(), 1, "{question:?}");
    }
    let asked = (GROUPS * QUESTIONS_EACH + 3 * GROUPS) as u64;
    assert_eq!(day.model.count(), asked);
    let totals = day.ground.store().await;
    let totals = teahouse_store::Store::totals(&totals).await.unwrap();
    assert_eq!(
        (totals.turns, totals.attempts),
        (asked, asked),
        "{totals:?}"
    );
}

#[tokio::test]
async fn bad_008_two_bridges_of_one_account_both_feed_and_the_newest_is_called() {
    let day = Day::new().await;
    let (older, newer) = (&day.bridges[0], &day.bridges[1]);
    newer.goes_away();
    let house = day.ground.open().await;
    assert!(older.wait_connected(LIMIT).await);
    // The older one has spoken before the newer one comes.
    let first = day.qq.says(700, 42, "ai one?");
    day.all_answered(std::slice::from_ref(&first), &house).await;
    newer.comes_back();
    assert!(newer.wait_connected(LIMIT).await);
    // The house greets a bridge that has shown itself by asking for its version.
    let greeted = |qq: &FakeQq| qq.calls().iter().any(|call| call.bridge == 1);
    assert!(day.qq.wait_until(greeted, LIMIT).await, "{}", said(&house));

    // Only the older one hears this: it is answered all the same.
    newer.writes(false);
    let second = day.qq.says(701, 42, "ai two?");
    day.all_answered(std::slice::from_ref(&second), &house)
        .await;
    newer.writes(true);
    let third = day.qq.says(702, 42, "ai three?");
    day.all_answered(std::slice::from_ref(&third), &house).await;
    for question in [&first, &second, &third] {
        assert_eq!(day.qq.quoting(question).len(), 1, "{question:?}");
    }
    let by: Vec<usize> = day
        .qq
        .calls()
        .iter()
        .filter(|call| call.action.starts_with("send_"))
        .map(|call| call.bridge)
        .collect();
    assert_eq!(by.first(), Some(&0), "{by:?}");
    assert_eq!(by.last(), Some(&1), "{by:?}");

    // The newest leaves: the one that stayed is called again.
    newer.goes_away();
    let fourth = day.qq.says(703, 42, "ai four?");
    day.all_answered(std::slice::from_ref(&fourth), &house)
        .await;
    assert_eq!(day.qq.quoting(&fourth).len(), 1);
    assert_eq!(house.terminate().await, Some(0));
    assert_eq!(day.model.count(), 4);
}

#[tokio::test]
async fn a_lost_receipt_and_a_repeat_together_still_make_one_answer() {
    let day = Day::new().await;
    let house = day.open().await;
    for bridge in &day.bridges {
        bridge.next_send(Fault::TimeoutShown);
    }
    let question = day.qq.says(700, 42, "ai why?");
    day.all_answered(std::slice::from_ref(&question), &house)
        .await;
    day.replay(std::slice::from_ref(&question), &house).await;
    assert_eq!(house.terminate().await, Some(0));
    assert_eq!(day.qq.quoting(&question).len(), 1);
}

#[tokio::test]
async fn bad_014_the_same_words_twice_within_a_second_are_two_questions() {
    let day = Day::new().await;
    let house = day.open().await;
    let twice = [
        day.qq.says(700, 42, "ai why is tea red?"),
        day.qq.says(700, 42, "ai why is tea red?"),
    ];
    day.all_answered(&twice, &house).await;
    day.replay(&twice, &house).await;
    // One message under several ids, as go-cqhttp has reported it: the group's own count tells.
    let mut frame = day.bridges[0].frame(&twice[0]);
    assert!(frame.get("real_seq").is_some(), "{frame}");
    frame["message_id"] = serde_json::json!(123_456);
    day.bridges[0].raw(frame.to_string());
    day.replay(&[], &house).await;
    assert_eq!(house.terminate().await, Some(0));
    for question in &twice {
        assert_eq!(day.qq.quoting(question).len(), 1, "{question:?}");
    }
    assert_eq!(day.model.count(), 2 + 2 * GROUPS as u64);
}
