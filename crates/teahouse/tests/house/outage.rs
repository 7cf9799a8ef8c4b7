//! Providers that are ill, on simulated time: what their illness costs the people who ask, how seldom they are
//! called meanwhile, and what a room hears when nobody is well.

use std::time::Duration;

use insta::assert_snapshot;
use jiff::SignedDuration;
use teahouse_core::{EventKind, FailureKind, PROBE_EVERY};
use teahouse_testkit::platform::Shown;
use teahouse_testkit::script::{Script, ScriptedProvider};
use tokio::time::Instant;

use crate::tea::{Plan, Room, Said, Tea, minutes, seconds};

const MANY: &str = "name = \"many questions\"\nzone = \"Asia/Shanghai\"\n[purse]\nquestions_per_member_per_day = 1000000\nper_day = \"1000.00 USD\"";

fn a_house() -> Plan {
    Tea::under(MANY).providers(["a", "b"])
}

/// Between the calls of a provider.
fn gaps(provider: &ScriptedProvider) -> Vec<Duration> {
    let calls = provider.asked_at();
    calls.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Asks, and says how long the answer took.
async fn asks(room: &Room<'_>, words: &str) -> (Shown, Duration) {
    let began = Instant::now();
    let asked = room.says("lin", words).await;
    let mut answers = room.answers_to(&asked);
    assert_eq!(answers.len(), 1, "{answers:?}");
    (answers.remove(0), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_dead_provider_costs_one_question_once_and_is_called_seldom_from_then_on() {
    for kind in [
        FailureKind::Network,
        FailureKind::Server,
        FailureKind::Overloaded,
        FailureKind::Rate,
        FailureKind::Interrupted,
        FailureKind::BadKey,
        FailureKind::NoMoney,
        FailureKind::BadModel,
        FailureKind::NoRight,
        FailureKind::IpOrRegion,
    ] {
        let tea = a_house().opens().await;
        let room = tea.room("青茶");
        tea.provider("a").fails_with(kind);
        tea.provider("b").answers(|_| Script::say("From b."));
        for n in 0..150 {
            let (answer, took) = asks(&room, &format!("ai question {n}?")).await;
            assert_eq!(answer.text, "[AI] From b.", "{kind:?}");
            assert!(took < seconds(1), "{kind:?}: {took:?}");
            tea.clock.advance(seconds(2)).await;
        }
        let gaps = gaps(tea.provider("a"));
        assert!(
            gaps.iter().all(|gap| *gap >= PROBE_EVERY),
            "{kind:?}: {gaps:?}"
        );
        assert!(gaps.len() <= 6, "{kind:?}: rests grow: {gaps:?}");
        assert_eq!(tea.provider("b").requests().len(), 150, "0 lost, 0 doubled");
        tea.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_hangs_is_waited_for_once_and_then_no_longer_than_a_second() {
    let tea = a_house().opens().await;
    let room = tea.room("青茶");
    tea.provider("a").answers(|_| Script::new().hangs());
    tea.provider("b").answers(|_| Script::say("From b."));
    let mut waits = Vec::new();
    for n in 0..150 {
        let (answer, took) = asks(&room, &format!("ai question {n}?")).await;
        assert_eq!(answer.text, "[AI] From b.");
        waits.push(took);
        tea.clock.advance(seconds(2)).await;
    }
    assert_eq!(waits[0].as_secs(), 15, "the first-token clock, once");
    let later = &waits[1..];
    assert!(
        later
            .iter()
            .all(|wait| *wait <= Duration::from_millis(1_010)),
        "{later:?}"
    );
    let probes = later.iter().filter(|wait| **wait >= seconds(1)).count();
    assert_eq!(probes + 1, tea.provider("a").requests().len());
    assert!((2..5).contains(&probes), "30 s, 60 s, 120 s: {probes}");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn who_was_ill_and_is_slow_to_speak_is_found_well_without_keeping_anybody() {
    let tea = a_house().opens().await;
    let room = tea.room("青茶");
    tea.provider("b").answers(|_| Script::say("From b."));
    tea.provider("a").next(Script::fail(FailureKind::Network));
    asks(&room, "ai one?").await;
    tea.clock.advance(seconds(10)).await;
    // It thinks for five seconds, which is no illness.
    let slow = || Script::new().waits(seconds(5)).says("From a.");
    tea.provider("a").answers(move |_| slow());
    let (answer, took) = asks(&room, "ai two?").await;
    assert_eq!((answer.text.as_str(), took.as_secs()), ("[AI] From b.", 1));
    tea.clock.advance(seconds(5)).await;
    let (answer, took) = asks(&room, "ai three?").await;
    assert_eq!((answer.text.as_str(), took.as_secs()), ("[AI] From a.", 5));
    let totals = tea.finish().await;
    assert_eq!(
        totals.attempts, 5,
        "the call that was left alone is in the ledger"
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_speaks_at_once_is_the_answer() {
    let tea = a_house().opens().await;
    let room = tea.room("青茶");
    tea.provider("b").answers(|_| Script::say("From b."));
    tea.provider("a").next(Script::fail(FailureKind::Network));
    asks(&room, "ai one?").await;
    tea.clock.advance(seconds(10)).await;
    tea.provider("a")
        .answers(|_| Script::say("Well ").says("again.").used(10, 4));
    let (answer, _) = asks(&room, "ai two?").await;
    assert_eq!(answer.text, "[AI] Well again.");
    let (answer, _) = asks(&room, "ai three?").await;
    assert_eq!(answer.text, "[AI] Well again.");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn one_question_finds_out_and_the_others_go_to_the_spare() {
    let tea = a_house().opens().await;
    tea.provider("b").answers(|_| Script::say("From b."));
    tea.provider("a").next(Script::fail(FailureKind::Network));
    asks(&tea.room("0"), "ai one?").await;
    tea.clock.advance(seconds(10)).await;
    tea.provider("a").answers(|_| {
        Script::new()
            .waits(Duration::from_millis(900))
            .says("From a.")
    });
    let mut asked = Vec::new();
    for n in 0..20 {
        let room = tea.room(&n.to_string());
        let said = room.throws_in("lin", "ai all at once?").await;
        asked.push((room, said));
    }
    tea.rests().await;
    tea.clock.advance(seconds(2)).await;
    let from = |who: &str| {
        let text = format!("[AI] From {who}.");
        let answered = |(room, said): &&(Room<'_>, Said)| room.answers_to(said)[0].text == text;
        asked.iter().filter(answered).count()
    };
    assert_eq!((from("a"), from("b")), (1, 19), "{}", tea.transcript());
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_question_is_taken_back_gives_its_place_to_another() {
    let tea = a_house().opens().await;
    let room = tea.room("青茶");
    tea.provider("b").answers(|_| Script::say("From b."));
    tea.provider("a").next(Script::fail(FailureKind::Network));
    asks(&room, "ai one?").await;
    tea.clock.advance(seconds(10)).await;
    // It speaks, and then says nothing more for a while.
    let never = Script::say("Well").waits(seconds(19)).says(", you see.");
    tea.provider("a").next(never);
    let taken_back = room.throws_in("lin", "ai two?").await;
    tea.clock.advance(seconds(2)).await;
    let (answer, _) = asks(&room, "ai three?").await;
    assert_eq!(answer.text, "[AI] From b.", "one finds out");
    room.recalls("lin", &taken_back.message).await;
    tea.clock.advance(seconds(8)).await;
    tea.provider("a").will_say("From a.");
    let (answer, _) = asks(&room, "ai four?").await;
    assert_eq!(answer.text, "[AI] From a.", "the next one may");
    tea.finish().await;
}

/// Asks in a message that does not say when it was sent, so that no clock but the house's own is asked.
async fn asks_undated(tea: &Tea, words: &str) {
    let room = tea.room("青茶");
    let mut said = room.makes("lin", words);
    if let EventKind::Message(message) = &mut said.incoming.event.kind {
        message.sent_at = None;
    }
    tea.platform.shows(&said.incoming);
    tea.platform.tells(said.incoming.clone());
    tea.rests().await;
    assert_eq!(room.answers_to(&said)[0].text, "[AI] From b.", "{words}");
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_is_set_wrong_opens_and_closes_nothing() {
    let hours = |hours| SignedDuration::from_hours(hours);
    for jump in [1, -1, 24, -24, 87_660, -87_660].map(hours) {
        let tea = a_house().opens().await;
        let a = tea.provider("a");
        a.fails_with(FailureKind::Server);
        tea.provider("b").answers(|_| Script::say("From b."));
        asks_undated(&tea, "ai one?").await;
        tea.clock.is_set(jump);
        tea.clock.advance(seconds(19)).await;
        asks_undated(&tea, "ai two?").await;
        assert_eq!(a.requests().len(), 1, "{jump}: too early");
        tea.clock.advance(seconds(1)).await;
        asks_undated(&tea, "ai three?").await;
        assert_eq!(a.requests().len(), 2, "{jump}: not for ever");
        tea.clock.is_set(SignedDuration::ZERO);
        asks_undated(&tea, "ai four?").await;
        assert_eq!(a.requests().len(), 2, "{jump}: set right");
        tea.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stuck_provider_delays_nobody_who_can_turn_to_another() {
    let mut times = Vec::new();
    for stuck in [false, true] {
        let tea = a_house().opens().await;
        tea.provider("b").answers(|_| Script::say("From b."));
        tea.provider("a").answers(move |request| {
            let asks_the_stuck = request
                .lines
                .last()
                .is_some_and(|l| l.content.contains("stuck"));
            match asks_the_stuck {
                true => Script::new().hangs(),
                false => Script::say("From a."),
            }
        });
        if stuck {
            // More at once than there are places for calls.
            for room in 0..30 {
                for _ in 0..3 {
                    let room = tea.room(&format!("stuck {room}"));
                    room.throws_in("lin", "ai is it stuck?").await;
                }
            }
        }
        let room = tea.room("青茶");
        let began = tea.clock.elapsed();
        let asked = room.throws_in("chen", "ai why is tea red?").await;
        let answer = room.answers_to(&asked);
        assert_eq!(answer.len(), 1, "at once: {answer:?}");
        times.push(answer[0].at - began);
        tea.rests().await;
        for shown in tea.platform.shown() {
            let too_late = shown.who.is_none() && shown.at > seconds(20);
            assert!(!too_late, "{shown:?}");
        }
        tea.finish().await;
    }
    assert_eq!(times[0], times[1]);
}

#[tokio::test(start_paused = true)]
async fn bad_054_a_question_that_is_too_long_is_shortened_once_and_then_goes_to_another() {
    let tea = a_house().opens().await;
    let room = tea.room("青茶");
    tea.provider("b").answers(|_| Script::say("From b."));
    tea.provider("a").fails_with(FailureKind::TooLong);
    room.says("chen", "a long talk about tea that is part of the prompt")
        .await;
    let (answer, _) = asks(&room, "ai why is tea red?").await;
    assert_eq!(answer.text, "[AI] From b.");
    let requests = tea.provider("a").requests();
    let lengths: Vec<_> = requests.iter().map(|r| r.estimated_tokens()).collect();
    assert_eq!(lengths.len(), 2);
    assert!(lengths[1] < lengths[0], "{lengths:?}");
    // The question was at fault: the next one is for `a` again.
    tea.provider("a").comes_back();
    asks(&room, "ai short?").await;
    assert_eq!(tea.provider("a").requests().len(), 3);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_was_told_is_told_again_in_few_words() {
    let tea = a_house().opens().await;
    let (room, other) = (tea.room("青茶"), tea.room("红茶"));
    for name in ["a", "b"] {
        tea.provider(name).fails_with(FailureKind::BadKey);
    }
    for words in ["ai one?", "ai two?", "ai three?"] {
        room.says("lin", words).await;
    }
    tea.clock.advance(minutes(10)).await;
    room.says("lin", "ai four?").await;
    other.says("wu", "ai five?").await;
    tea.provider("a").comes_back();
    room.says("lin", "ai six?").await;
    tea.provider("a").fails_with(FailureKind::BadKey);
    room.says("lin", "ai seven?").await;
    assert_snapshot!(tea.transcript(), @r"
    in 青茶:
    lin         | ai one?
    house → lin | I can't answer now; the admin knows.
    lin         | ai two?
    house → lin | I still can't answer.
    lin         | ai three?
    house → lin | I still can't answer.
                  (10 min later)
    lin         | ai four?
    house → lin | I can't answer now; the admin knows.
    in 红茶:
    wu          | ai five?
    house → wu  | I can't answer now; the admin knows.
    in 青茶:
    lin         | ai six?
    house → lin | [AI] Tea.
    house       | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    lin         | ai seven?
    house → lin | I can't answer now; the admin knows.
    ");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn bad_071_when_all_are_down_the_last_is_tried_and_each_question_gets_one_apology() {
    for kind in [
        FailureKind::Network,
        FailureKind::Server,
        FailureKind::BadKey,
        FailureKind::Rate,
        FailureKind::Timeout,
    ] {
        let tea = a_house().opens().await;
        for name in ["a", "b"] {
            match kind {
                FailureKind::Timeout => tea.provider(name).answers(|_| Script::new().hangs()),
                kind => tea.provider(name).fails_with(kind),
            }
        }
        // Breakers open with the first of them.
        let mut asked = Vec::new();
        for n in 0..12 {
            let room = tea.room(&format!("room {}", n % 4));
            let before = tea.calls();
            let began = tea.clock.elapsed();
            let said = room.says("lin", &format!("ai question {n}?")).await;
            let calls = tea.calls() - before;
            assert!((1..=3).contains(&calls), "{kind:?}: {calls} calls");
            let answers = room.answers_to(&said);
            assert_eq!(answers.len(), 1, "{kind:?}: {answers:?}");
            assert!(answers[0].text.contains("can't answer"), "{answers:?}");
            let took = answers[0].at - began;
            assert!(
                took <= seconds(31),
                "{kind:?}: within its deadline: {took:?}"
            );
            asked.push((room, said));
        }
        tea.clock.advance(minutes(5)).await;
        for (room, said) in &asked {
            assert_eq!(room.answers_to(said).len(), 1, "{kind:?}: one, and no more");
        }
        let (room, said) = &asked[0];
        let why = room.replies("lin", &said.message, "ai why").await;
        let why = &room.answers_to(&why)[0].text;
        assert!(why.contains("(provider_failed)"), "{why}");
        // Whoever comes back is found, be it the first or the last of the route.
        for back in ["b", "a"] {
            let provider = tea.provider(back);
            provider.comes_back();
            provider.answers(|_| Script::say("Here again."));
            let (answer, _) = asks(&tea.room("room 0"), "ai and now?").await;
            assert_eq!(answer.text, "[AI] Here again.", "{kind:?}: {back}");
            provider.fails_with(kind);
        }
        let totals = tea.finish().await;
        assert_eq!((totals.turns, totals.settled), (14, 14));
    }
}
