//! A platform that says yes and shows nothing: what the room sees then, what it costs, and what an operator learns.

use std::path::PathBuf;
use std::time::Duration;

use insta::assert_snapshot;
use teahouse_store::Store;
use teahouse_testkit::bridge::{FakeBridge, Fault};
use teahouse_testkit::model_server::{FakeModel, Reply};
use teahouse_testkit::platform::Fate;
use teahouse_testkit::process::{Ground, LIMIT};

use crate::scene::{BINARY, said};
use crate::tea::{Tea, seconds};

/// A room that was greeted, and in which this becomes of the next answer's sends.
async fn after(fates: &[Fate], reports_own: bool) -> (Tea, String) {
    let tea = Tea::open_table().opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    tea.platform.reports_own(reports_own);
    room.says("wu", "ai hello?").await;
    for fate in fates {
        tea.platform.next_send(*fate);
    }
    model.will_say("See https://tea.example/red for more.");
    let asked = room.says("lin", "ai why is tea red?").await;
    let answers = room.answers_to(&asked).into_iter();
    let lines: Vec<_> = answers.map(|answer| answer.text).collect();
    (tea, lines.join("\n"))
}

#[tokio::test(start_paused = true)]
async fn bad_029_a_swallowed_answer_comes_again_without_its_links_then_as_an_apology_then_not() {
    use Fate::Pretended;
    let (tea, once) = after(&[Pretended], true).await;
    assert_snapshot!(once, @"(again) [AI] See tea[.]example/red for more.");
    let shown = tea.room("青茶").shown();
    let took = shown[shown.len() - 1].at - shown[shown.len() - 2].at;
    assert!((seconds(15)..seconds(17)).contains(&took), "{took:?}");
    assert_eq!(tea.finish().await.dead, 0);

    let (tea, twice) = after(&[Pretended, Pretended], true).await;
    assert_snapshot!(twice, @"Sorry, the platform did not show my answer.");
    assert_eq!(tea.finish().await.dead, 0);

    let (tea, thrice) = after(&[Pretended, Pretended, Pretended], true).await;
    assert_eq!(thrice, "");
    assert_eq!(tea.finish().await.dead, 1);
}

#[tokio::test(start_paused = true)]
async fn a_yes_is_believed_where_nothing_speaks_against_it() {
    // Nothing is reported and nothing went wrong: no history is asked for, and nobody learns of it.
    let (tea, believed) = after(&[Fate::Pretended], false).await;
    assert_eq!(believed, "");
    assert_eq!(tea.platform.histories(), 0);
    tea.finish().await;

    // Where reports come, a shown message costs no history either.
    let (tea, shown) = after(&[], true).await;
    assert_snapshot!(shown, @"[AI] See https://tea.example/red for more.");
    assert_eq!(tea.platform.histories(), 0);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_in_which_a_send_went_wrong_is_looked_into_for_ten_minutes() {
    // Twice gone wrong in two ways is no reason for a third try.
    let (tea, refused) = after(&[Fate::Refused, Fate::Pretended], false).await;
    assert_snapshot!(refused, @"Sorry, the platform did not show my answer.");
    let room = tea.room("青茶");
    tea.platform.next_send(Fate::Pretended);
    let asked = room.says("chen", "ai and black?").await;
    let again = room.answers_to(&asked).remove(0).text;
    assert!(again.starts_with("(again) [AI] "), "{again}");
    let before = tea.platform.histories();
    room.says("chen", "ai and green?").await;
    assert_eq!(tea.platform.histories(), before + 1, "one look");
    tea.clock.advance(seconds(11 * 60)).await;
    room.says("chen", "ai and white?").await;
    assert_eq!(tea.platform.histories(), before + 1, "all is well again");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_history_that_shows_nothing_proves_nothing() {
    let tea = Tea::open_table().opens().await;
    let room = tea.room("青茶");
    tea.platform.reports_own(true);
    tea.platform.keeps_history(false);
    tea.platform.next_send(Fate::Pretended);
    room.says("lin", "ai why is tea red?").await;
    assert_eq!(room.house().len(), 1, "only the first-contact notice");
    tea.finish().await;
}

async fn scene() -> (FakeModel, Ground, FakeBridge) {
    let model = FakeModel::start().await;
    model.always(Reply::text("Because of the leaves."));
    let ground = Ground::new(BINARY, &model.base_url());
    let mut options = ground.bridge();
    options.report_self_message = true;
    (model, ground, FakeBridge::start(options))
}

#[tokio::test]
async fn bad_029_ok_for_what_never_appears_is_sent_once_more_and_told_in_the_ledger() {
    let (model, ground, bridge) = scene().await;
    let house = ground.open().await;
    assert!(bridge.wait_connected(LIMIT).await);
    let first = bridge.says(700, 42, "ai hello?");
    // The answer and the first-contact notice.
    let greeted = bridge.wait_until(|qq| qq.shown_by(700, bridge.self_id()).len() == 2, LIMIT);
    assert!(greeted.await, "{}", said(&house));
    assert_eq!(bridge.quoting(&first).len(), 1);
    let looks = bridge.count_calls("get_group_msg_history");
    bridge.next_send(Fault::Swallowed);
    let question = bridge.says(700, 42, "ai why?");
    let again = bridge.wait_until(
        |qq| !qq.quoting(&question).is_empty(),
        Duration::from_secs(45),
    );
    assert!(again.await, "{}", said(&house));
    assert_eq!(
        bridge.quoting(&question)[0].text,
        "(again) [AI] Because of the leaves."
    );
    // Once after the doubted yes, once right before it is said again.
    assert_eq!(bridge.count_calls("get_group_msg_history"), looks + 2);
    assert_eq!(house.terminate().await, Some(0));
    assert_eq!(bridge.quoting(&question).len(), 1);
    assert_eq!(model.count(), 2, "asked once");
    let totals = ground.store().await.totals().await.unwrap();
    assert_eq!((totals.turns, totals.settled, totals.dead), (2, 2, 0));
    assert_eq!(totals.waiting, 0);
}

#[tokio::test]
async fn bad_029_killed_before_a_swallowed_yes_is_doubted_the_next_start_finds_out() {
    let (model, ground, bridge) = scene().await;
    bridge.next_send(Fault::Swallowed);
    let house = ground.open_with_fault("after-receipt");
    assert!(bridge.wait_connected(LIMIT).await);
    let question = bridge.says(700, 42, "ai why?");
    house.wait_until_dead().await;
    let house = ground.open().await;
    let again = bridge.wait_until(|qq| !qq.quoting(&question).is_empty(), LIMIT);
    assert!(again.await, "{}", said(&house));
    assert_eq!(
        bridge.quoting(&question)[0].text,
        "(again) [AI] Because of the leaves."
    );
    let arguments: [PathBuf; 3] = ["health".into(), "--data".into(), ground.data()];
    let health = ground.run(arguments, b"").await;
    assert!(!health.out.contains("look at this"), "{health:?}");
    assert_eq!(house.terminate().await, Some(0));
    assert_eq!(bridge.quoting(&question).len(), 1);
    assert_eq!(model.count(), 1);
}
