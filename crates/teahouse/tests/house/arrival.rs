//! A model of this machine that is not here yet: what waits for it, how long, and what does not.

use insta::assert_snapshot;
use teahouse_core::FailureKind;
use teahouse_testkit::script::Script;

use crate::tea::{Tea, minutes, seconds};

const FAR: bool = true;
const NEAR: bool = false;

#[tokio::test(start_paused = true)]
async fn questions_wait_while_the_model_is_fetched_and_are_answered_when_it_is_here() {
    let tea = Tea::open_table().opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    model.is_on_its_way(FAR);
    model.answers(|request| {
        let last = request
            .lines
            .last()
            .map_or("", |line| line.content.as_str());
        Script::say(format!(
            "About {}",
            last.rsplit(' ').next().unwrap_or_default()
        ))
    });
    // Three run at once; the fourth waits behind them, and grows older than an ordinary question may.
    for words in ["ai one?", "ai two?", "ai three?", "ai four?"] {
        room.throws_in("lin", words).await;
    }
    tea.clock.advance(minutes(9)).await;
    assert_eq!(tea.calls(), 0, "nobody is asked before it is here");
    model.arrives();
    tea.rests().await;
    assert_snapshot!(tea.transcript(), @r"
    lin         | ai one?
    lin         | ai two?
    lin         | ai three?
    lin         | ai four?
                  (9 min later)
    house → lin | [AI] About one?
    house       | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    house → lin | [AI] About two?
    house → lin | [AI] About three?
    house → lin | [AI] About four?
    ");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn after_ten_minutes_there_is_one_apology_and_no_late_answer() {
    for near in [NEAR, FAR] {
        let tea = Tea::open_table().opens().await;
        let (room, model) = (tea.room("青茶"), tea.provider("a"));
        model.is_on_its_way(near);
        let asked = room.throws_in("lin", "ai why is tea red?").await;
        tea.clock.advance(minutes(10) - seconds(1)).await;
        assert_eq!(room.house().len(), 0, "not before");
        tea.clock.advance(seconds(2)).await;
        let said = room.answers_to(&asked);
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(
            said[0].text,
            "Sorry, I couldn't answer this in time. Please ask again."
        );
        model.arrives();
        tea.clock.advance(minutes(10)).await;
        assert_eq!(room.house().len(), 1, "{}", tea.transcript());
        assert_eq!(tea.finish().await.attempts, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_it_took_to_come_is_not_taken_from_the_answer() {
    let tea = Tea::open_table().opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    model.is_on_its_way(FAR);
    model.next(Script::new().thinks_for(seconds(170)).says("Air."));
    model.next(Script::new().thinks_for(seconds(250)).says("Too late."));
    let good = room.throws_in("lin", "ai why is tea red?").await;
    tea.clock.advance(minutes(9)).await;
    model.arrives();
    tea.rests().await;
    assert_eq!(room.answers_to(&good)[0].text, "[AI] Air.");
    let slow = room.says("lin", "ai and why is it slow?").await;
    let said = &room.answers_to(&slow)[0].text;
    assert!(
        !said.contains("Too late"),
        "three minutes hold for each answer: {said}"
    );
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_download_while_another_model_can_answer() {
    let tea = Tea::open_table().providers(["a", "b"]).opens().await;
    let room = tea.room("青茶");
    tea.provider("a").is_on_its_way(FAR);
    tea.provider("b").will_say("From b.");
    let asked = room.says("lin", "ai why is tea red?").await;
    assert_eq!(room.answers_to(&asked)[0].text, "[AI] From b.");
    assert_eq!(tea.provider("a").woken(), 1, "it is sent for meanwhile");

    // A start takes a moment: for that the first of the route is waited for.
    tea.provider("a").is_on_its_way(NEAR);
    tea.provider("a").will_say("From a.");
    let asked = room.throws_in("lin", "ai and green tea?").await;
    tea.clock.advance(seconds(3)).await;
    tea.provider("a").arrives();
    tea.rests().await;
    assert_eq!(room.answers_to(&asked)[0].text, "[AI] From a.");

    // And when nobody else is well, the download is worth waiting for.
    tea.provider("a").is_on_its_way(FAR);
    tea.provider("b").next(Script::fail(FailureKind::Server));
    tea.provider("a").will_say("From a, late.");
    let asked = room.throws_in("lin", "ai and white tea?").await;
    tea.clock.advance(minutes(3)).await;
    tea.provider("a").arrives();
    tea.rests().await;
    assert_eq!(room.answers_to(&asked)[0].text, "[AI] From a, late.");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_back_while_the_model_comes_is_never_told() {
    let tea = Tea::open_table().opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    model.is_on_its_way(FAR);
    let secret = room.says("chen", "my cat is called Oolong").await;
    let asked = room.throws_in("lin", "ai which cats are there?").await;
    let dropped = room.throws_in("chen", "ai is Pu-erh a cat?").await;
    tea.clock.advance(minutes(2)).await;
    room.recalls("chen", &secret.message).await;
    room.recalls("chen", &dropped.message).await;
    model.arrives();
    tea.rests().await;
    assert_eq!(room.answers_to(&asked).len(), 1);
    assert_eq!(room.answers_to(&dropped).len(), 0);
    assert_eq!(tea.calls(), 1);
    let prompt = model.last_prompt();
    assert!(
        !prompt.contains("Oolong") && !prompt.contains("Pu-erh"),
        "{prompt}"
    );
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_waits_outlives_a_restart_and_is_answered_once() {
    let tea = Tea::open_table().opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    model.is_on_its_way(FAR);
    let asked = room.throws_in("lin", "ai why is tea red?").await;
    tea.clock.advance(minutes(6)).await;
    let before = tea.clock.elapsed();
    tea.restarts().await;
    assert!(
        tea.clock.elapsed() - before < seconds(1),
        "closing does not wait for a download"
    );
    tea.clock.advance(minutes(3)).await;
    model.arrives();
    tea.rests().await;
    assert_eq!(room.answers_to(&asked).len(), 1, "{}", tea.transcript());
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_asked_after_the_model_came_grows_old_like_any_other() {
    let tea = Tea::open_table().opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    model.is_on_its_way(FAR);
    model.arrives();
    // Three slow ones take the room's places, and the fourth waits too long behind them.
    for _ in 0..3 {
        model.next(Script::new().thinks_for(seconds(170)).says("Slow."));
    }
    for _ in 0..3 {
        model.next(Script::new().thinks_for(seconds(150)).says("Slow again."));
    }
    for words in ["ai 1?", "ai 2?", "ai 3?", "ai 4?", "ai 5?", "ai 6?"] {
        room.throws_in("lin", words).await;
    }
    let last = room.throws_in("lin", "ai 7?").await;
    tea.rests().await;
    let said = room.answers_to(&last);
    assert!(!said[0].text.starts_with("[AI]"), "{said:?}");
    tea.finish().await;
}
