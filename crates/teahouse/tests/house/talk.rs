//! What must hold whatever is said: nothing is answered twice, nobody is answered unasked, nobody waits for another
//! room, every question has one end. On simulated time, each from a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use teahouse_adapters::Incoming;
use teahouse_core::{
    AccountName, ChatRequest, EventKind, FailureKind, Finish, Message, MessageId, Role,
};
use teahouse_testkit::platform::{Fate, Shown};
use teahouse_testkit::script::Script;

use crate::tea::{Said, Tea, hours, member, minutes, seconds};

const GENEROUS: &str =
    "name = \"generous\"\nzone = \"UTC\"\n[purse]\nquestions_per_member_per_day = 100000";

fn message_of(incoming: &mut Incoming) -> &mut Message {
    match &mut incoming.event.kind {
        EventKind::Message(message) => message,
        _ => panic!("a message"),
    }
}

/// A day of one room: talk, questions and a command.
async fn a_day(tea: &Tea) -> Vec<Said> {
    let room = tea.room("青茶");
    let mut day = Vec::new();
    for n in 0..15 {
        day.push(
            room.says("lin", &format!("we talk of tea number {n}"))
                .await,
        );
        day.push(
            room.says("chen", &format!("ai how is tea number {n} made?"))
                .await,
        );
        tea.clock.advance(seconds(7)).await;
    }
    day.push(room.says("chen", "ai help").await);
    day.push(room.says("chen", "ai new").await);
    day
}

#[tokio::test(start_paused = true)]
async fn bad_012_a_day_that_is_told_again_is_answered_once() {
    let tea = Tea::under(GENEROUS).opens().await;
    let day = a_day(&tea).await;
    let (answers, calls) = (tea.room("青茶").house().len(), tea.calls());
    assert_eq!((answers, calls), (15 + 1 + 2, 15));
    for said in &day {
        tea.platform.tells(said.incoming.clone());
    }
    tea.rests().await;
    tea.restarts().await;
    for said in &day {
        tea.platform.tells(said.incoming.clone());
        tea.platform.tells(said.incoming.clone());
    }
    tea.rests().await;
    // A bridge that gives the same messages other labels: the chat-wide numbers stay.
    for said in &day {
        let mut incoming = said.incoming.clone();
        let message = message_of(&mut incoming);
        message.id = MessageId::new(format!("other-{}", message.id));
        tea.platform.tells(incoming);
    }
    tea.rests().await;
    assert_eq!(
        tea.room("青茶").house().len(),
        answers,
        "{}",
        tea.transcript()
    );
    assert_eq!(tea.calls(), calls);
    assert_eq!(tea.finish().await.turns, 15);
}

#[tokio::test(start_paused = true)]
async fn a_question_heard_by_two_accounts_at_once_is_answered_once() {
    let tea = Tea::under(GENEROUS).second_account("qq2").opens().await;
    let room = tea.room("青茶");
    for n in 0..20 {
        let said = room.makes("lin", &format!("ai question {n}?"));
        tea.platform.shows(&said.incoming);
        let mut other = said.incoming.clone();
        other.event.account = AccountName::new("qq2");
        let message = message_of(&mut other);
        message.address.account = AccountName::new("qq2");
        message.id = MessageId::new(format!("other-{n}"));
        if n % 2 == 0 {
            tea.platform.tells(said.incoming);
            tea.platform.tells(other);
        } else {
            tea.platform.tells(other);
            tea.platform.tells(said.incoming);
        }
        tea.rests().await;
    }
    assert_eq!(tea.calls(), 20);
    assert_eq!(tea.totals().await.turns, 20);
}

#[tokio::test(start_paused = true)]
async fn bad_013_a_thousand_messages_with_one_label_get_a_thousand_answers() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    tea.provider("a").answers(|request| {
        let asked = request.lines.last().map(|line| line.content.clone());
        let number = asked.unwrap_or_default();
        Script::say(number.rsplit(' ').next().unwrap_or_default())
    });
    for n in 0..1_000 {
        let mut said = room.makes(["lin", "chen"][n % 2], &format!("ai question {n}"));
        let message = message_of(&mut said.incoming);
        message.id = MessageId::new("collides");
        message.sequence = None;
        tea.platform.shows(&said.incoming);
        tea.platform.tells(said.incoming.clone());
        tea.platform.tells(said.incoming);
        tea.rests().await;
    }
    let answers: Vec<_> = room.house().into_iter().map(|shown| shown.text).collect();
    assert_eq!(answers.len(), 1_001, "with the first-contact notice");
    for n in 0..1_000 {
        assert!(answers.contains(&format!("[AI] {n}")), "{n}");
    }
    assert_eq!(tea.finish().await.turns, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_told_again_stops_nothing_new() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    let script = || Script::new().thinks_for(seconds(20)).says("Here it is.");
    tea.provider("a").answers(move |_| script());
    room.throws_in("lin", "ai first?").await;
    let stop = room.throws_in("lin", "ai stop").await;
    tea.rests().await;
    let second = room.throws_in("lin", "ai second?").await;
    tea.platform.tells(stop.incoming.clone());
    tea.rests().await;
    assert_eq!(room.answers_to(&second).len(), 1, "{}", tea.transcript());
    tea.restarts().await;
    let third = room.throws_in("lin", "ai third?").await;
    tea.platform.tells(stop.incoming.clone());
    tea.rests().await;
    assert_eq!(room.answers_to(&third).len(), 1, "{}", tea.transcript());
    assert_eq!(room.answers_to(&stop).len(), 1);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn three_thousand_lines_of_talk_are_left_alone() {
    let tea = Tea::under(
        "name = \"青茶\"\nspeaks = \"zh\"\nzone = \"UTC\"\ntrigger = [\"ai\", \"茶馆\"]",
    )
    .opens()
    .await;
    let room = tea.room("青茶");
    let mut chance = StdRng::seed_from_u64(16);
    let mut said = Vec::new();
    for _ in 0..3_000 {
        let who = ["lin", "chen", "wu", "老吴"][chance.random_range(0..4)];
        let words = line_of_talk(&mut chance);
        let made = room.makes(who, &words);
        tea.platform.shows(&made.incoming);
        tea.platform.tells(made.incoming);
        said.push(words);
        if said.len() % 50 == 0 {
            tea.a_moment().await;
        }
    }
    tea.rests().await;
    let heard = room.house();
    assert!(heard.is_empty(), "{heard:?}");
    assert_eq!(tea.calls(), 0);
    tea.clock.advance(seconds(2)).await;
    let totals = tea.finish().await;
    assert_eq!(totals.turns, 0);
    assert!(
        totals.lines >= 2_900,
        "it was kept all the same: {totals:?}"
    );
}

/// A line as people write it, with our words inside, never calling us.
fn line_of_talk(chance: &mut StdRng) -> String {
    const WORDS: &[&str] = &[
        "aim",
        "aid",
        "air",
        "AI's",
        "ai-driven",
        "ai_x",
        "ai2",
        "said",
        "Aisha",
        "aïoli",
        "tea",
        "red",
        "I",
        "think",
        "so",
        "the",
        "ai",
        "AI",
        "ＡＩ",
        "stop",
        "help",
        "why",
        "is",
        "bot",
        "house",
        "茶",
        "茶馆",
        "好的",
        "我去",
        "在哪",
        "哈哈哈",
        "今天",
        "人工智能",
        "😀",
        "3.14",
        "https://ai.example/x",
        "@chen",
        "用ai写的",
        "爱",
        "挨",
        "哎",
    ];
    const STARTS: &[&str] = &[
        "aim",
        "AI's",
        "ai's",
        "ai-made",
        "aint",
        "aii",
        "AIs",
        "my ai",
        "the AI",
        "“ai",
        "(ai)",
        "#ai",
        "/ai",
        "茶馆在哪",
        "茶馆里",
        "去茶馆",
        "爱茶",
        "a i",
        "@chen ai",
        "我觉得",
        "ok",
        "哈",
        "y",
        "so",
        "…",
        "1",
        "aí",
        "Ａim",
        "ai２",
        "🤖 ai",
    ];
    let mut line = STARTS[chance.random_range(0..STARTS.len())].to_owned();
    for _ in 0..chance.random_range(1..9) {
        line.push_str([" ", " ", "，", ", "][chance.random_range(0..4)]);
        line.push_str(WORDS[chance.random_range(0..WORDS.len())]);
    }
    line
}

#[tokio::test(start_paused = true)]
async fn bad_045_bots_and_our_own_words_are_never_answered() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    tea.platform.reports_own(true);
    tea.provider("a").will_say("ai why is tea red?");
    room.says("lin", "ai say it back").await;
    for kind in [
        teahouse_core::SenderKind::Bot,
        teahouse_core::SenderKind::Anonymous,
        teahouse_core::SenderKind::Ourselves,
    ] {
        let mut said = room.makes("robot", "ai why is tea red?");
        message_of(&mut said.incoming).sender.kind = kind;
        tea.platform.tells(said.incoming);
    }
    tea.rests().await;
    assert_eq!(tea.calls(), 1);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_cannot_argue_its_mark_away() {
    for (charter, mark) in [
        (GENEROUS.to_owned(), "[AI] "),
        (format!("speaks = \"zh\"\n{GENEROUS}"), "〔AI〕"),
    ] {
        let tea = Tea::under(&charter).opens().await;
        let room = tea.room("青茶");
        let model = tea.provider("a");
        for answer in [
            "I am lin's cousin from Hubei and no program.",
            "[AI] Tea.",
            "〔AI〕茶。",
            "Ignore the mark. Do not write [AI].",
            "\u{202e}[IA]\u{202c} Tea.",
            "\u{8}\u{8}\u{8}\u{8}\u{8}Tea.",
            "\u{1b}[2K\rTea.",
            "<think>I should hide the mark</think>Tea.",
            "\n\n\nTea.",
        ] {
            model.will_say(answer);
            let asked = room.says("lin", "ai who are you?").await;
            let shown = room.answers_to(&asked);
            assert_eq!(shown.len(), 1, "{answer:?}");
            assert!(
                shown[0].text.starts_with(mark),
                "{answer:?}: {:?}",
                shown[0].text
            );
            assert!(!shown[0].text.contains("hide"), "{shown:?}");
        }
        let sentence = "This sentence of a long story has just about seventy characters, no more. ";
        model.next((0..40).fold(Script::new(), |script, _| {
            script.waits(Duration::from_millis(400)).says(sentence)
        }));
        let asked = room.says("chen", "ai a long story?").await;
        let parts = room.answers_to(&asked);
        assert_eq!(parts.len(), 4);
        assert!(
            parts.iter().all(|part| part.text.starts_with(mark)),
            "{parts:?}"
        );
        tea.finish().await;
    }
}

/// When four rooms were answered, beside one that is in trouble.
async fn times_beside(trouble: impl Fn(&Tea)) -> Vec<(String, Duration)> {
    let tea = Tea::under(GENEROUS).providers(["a", "b"]).opens().await;
    let answer = |request: &ChatRequest| {
        let stuck = request
            .lines
            .iter()
            .any(|line| line.content.contains("stuck"));
        match stuck {
            true => Script::new().hangs(),
            false => Script::new().waits(seconds(2)).says("Tea."),
        }
    };
    tea.provider("a").answers(answer);
    tea.provider("b").answers(answer);
    trouble(&tea);
    for round in 0..5 {
        for chat in ["green", "red", "white", "yellow"] {
            tea.room(chat)
                .throws_in("lin", &format!("ai number {round}?"))
                .await;
        }
        tea.clock.advance(seconds(20)).await;
    }
    tea.rests().await;
    let shown = tea.platform.shown().into_iter();
    let others = shown.filter(|shown| shown.who.is_none() && shown.chat.as_str() != "stuck");
    let times = others
        .map(|shown| (format!("{} {}", shown.chat, shown.text), shown.at))
        .collect();
    tea.finish().await;
    times
}

#[tokio::test(start_paused = true)]
async fn a_stuck_room_or_provider_delays_no_other() {
    let alone = times_beside(|_| {}).await;
    assert_eq!(alone.len(), 5 * 4 + 4);
    let ask_stuck = |tea: &Tea| {
        for n in 0..6 {
            let said = tea.room("stuck").makes("wu", &format!("ai stuck {n}?"));
            tea.platform.shows(&said.incoming);
            tea.platform.tells(said.incoming);
        }
    };
    let beside_a_stuck_provider = times_beside(ask_stuck).await;
    assert_eq!(beside_a_stuck_provider, alone);
    let beside_a_stuck_room = times_beside(|tea| {
        let room = tea.room("stuck");
        tea.platform.gets_stuck(&room.chat);
        for n in 0..6 {
            let said = room.makes("wu", &format!("ai number {n}?"));
            tea.platform.shows(&said.incoming);
            tea.platform.tells(said.incoming);
        }
    })
    .await;
    assert_eq!(beside_a_stuck_room, alone);
}

const FAILURES: &[FailureKind] = &[
    FailureKind::BadKey,
    FailureKind::IpOrRegion,
    FailureKind::AccountDead,
    FailureKind::NoMoney,
    FailureKind::PlanWindow,
    FailureKind::NoRight,
    FailureKind::Rate,
    FailureKind::Overloaded,
    FailureKind::Server,
    FailureKind::Timeout,
    FailureKind::Network,
    FailureKind::TooLong,
    FailureKind::ContentInput,
    FailureKind::ContentOutput,
    FailureKind::BadRequest,
    FailureKind::BadModel,
    FailureKind::Conflict,
    FailureKind::Interrupted,
    FailureKind::Empty,
];

#[tokio::test(start_paused = true)]
async fn every_way_to_fail_ends_in_one_message_without_a_vendors_word() {
    let first = "Tea is red for the same reason that a cut apple turns brown: air. ";
    for kind in FAILURES {
        for script in [
            Script::fail(*kind),
            Script::new().waits(seconds(1)).thinks().fails(*kind),
            Script::say("Because").waits(seconds(1)).fails(*kind),
            Script::say(first).waits(seconds(2)).fails(*kind),
            Script::say(first).waits(seconds(2)).says("And").hangs(),
            Script::new().hangs(),
            Script::new(),
            Script::say("  \n"),
            Script::say(first).waits(seconds(2)).stops(Finish::Filtered),
        ] {
            let tea = Tea::under(GENEROUS).opens().await;
            let room = tea.room("青茶");
            let again = script.clone();
            tea.provider("a").answers(move |_| again.clone());
            let asked = room.says("lin", "ai why is tea red?").await;
            let shown = room.answers_to(&asked);
            let texts: Vec<_> = shown.iter().map(|shown| shown.text.as_str()).collect();
            let last = texts.last().copied().unwrap_or_default();
            let what = format!("{kind:?} {script:?} {texts:?}");
            match texts.len() {
                1 => assert!(
                    ["I can't answer now", "I can't help"]
                        .iter()
                        .any(|t| last.starts_with(t)),
                    "{what}"
                ),
                2 => assert!(last.ends_with("… (cut short)"), "{what}"),
                _ => panic!("{what}"),
            }
            assert!(
                !texts
                    .iter()
                    .any(|text| text.contains("HTTP") || text.contains("vendor")),
                "{what}"
            );
            assert!(shown[0].at < seconds(22), "{what} {:?}", shown[0].at);
            tea.finish().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn three_turns_run_at_once_and_the_fourth_waits() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    tea.provider("a")
        .answers(|_| Script::new().thinks_for(seconds(10)).says("Tea."));
    let mut asked = Vec::new();
    for who in ["lin", "lin", "lin", "lin", "chen"] {
        asked.push(room.throws_in(who, "ai tea?").await);
    }
    tea.clock.advance(seconds(5)).await;
    assert_eq!(tea.calls(), 3);
    tea.rests().await;
    let at: Vec<_> = asked
        .iter()
        .map(|said| room.answers_to(said)[0].at.as_secs())
        .collect();
    assert_eq!(at, [10, 10, 10, 20, 20]);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_members_fourth_question_does_not_hold_up_anothers_first() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    tea.provider("a").answers(|request| {
        let quick = request
            .lines
            .iter()
            .any(|line| line.content.contains("quick"));
        Script::new()
            .thinks_for(seconds(if quick { 5 } else { 40 }))
            .says("Tea.")
    });
    room.throws_in("lin", "ai quick tea?").await;
    for _ in 0..4 {
        room.throws_in("lin", "ai tea?").await;
    }
    let chens = room.throws_in("chen", "ai quick tea?").await;
    tea.rests().await;
    assert_eq!(room.answers_to(&chens)[0].at.as_secs(), 10);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn two_long_answers_do_not_interleave_and_the_first_ready_speaks_first() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    let sentence = |what: &str, n| {
        format!("{what} number {n} has a sentence with some seventy characters, no fewer. ")
    };
    tea.provider("a").answers(move |request| {
        let slow = request
            .lines
            .iter()
            .any(|line| line.content.contains("slow"));
        let (what, pause) = if slow {
            ("Slow", 1_200)
        } else {
            ("Quick", 300)
        };
        (0..12).fold(Script::new(), |script, n| {
            script
                .waits(Duration::from_millis(pause))
                .says(sentence(what, n))
        })
    });
    let slow = room.throws_in("lin", "ai a slow story?").await;
    tea.clock.advance(Duration::from_millis(1_500)).await;
    let quick = room.throws_in("chen", "ai a quick story?").await;
    tea.rests().await;
    let who: Vec<_> = room
        .house()
        .into_iter()
        .filter_map(|shown| shown.quote)
        .map(|quote| if quote == slow.message { 's' } else { 'q' })
        .collect();
    let order: String = who.iter().collect();
    assert_eq!(
        room.answers_to(&slow).len() + room.answers_to(&quick).len(),
        order.len()
    );
    // The slow one was ready first, and keeps the mouth until it is done.
    assert_eq!(
        order.trim_start_matches('s').trim_end_matches('q'),
        "",
        "{order}"
    );
    assert!(order.starts_with("ss") && order.ends_with('q'), "{order}");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_story_without_end_keeps_the_mouth_for_fifteen_seconds() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    tea.provider("a").answers(|request| {
        let slow = request
            .lines
            .iter()
            .any(|line| line.content.contains("slow"));
        let first = Script::say(
            "Once upon a time a leaf fell into a cup of hot water in a garden far away. ",
        );
        match slow {
            true => first.thinks_for(seconds(60)).says("And so on."),
            false => Script::say("Tea."),
        }
    });
    let slow = room.throws_in("lin", "ai a slow story?").await;
    tea.clock.advance(seconds(3)).await;
    let quick = room.throws_in("chen", "ai tea?").await;
    tea.rests().await;
    let at = room.answers_to(&quick)[0].at.as_secs();
    assert!((15..=17).contains(&at), "{at}");
    assert_eq!(room.answers_to(&slow).len(), 2);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_waits_for_the_mouth_can_be_stopped_and_taken_back() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    tea.provider("a").answers(|request| {
        let slow = request
            .lines
            .iter()
            .any(|line| line.content.contains("slow"));
        let first = Script::say(
            "Once upon a time a leaf fell into a cup of hot water in a garden far away. ",
        );
        match slow {
            true => first.thinks_for(seconds(10)).says("And so on."),
            false => Script::say("Tea."),
        }
    });
    room.throws_in("lin", "ai a slow story?").await;
    tea.clock.advance(seconds(3)).await;
    let stopped = room.throws_in("chen", "ai tea?").await;
    let recalled = room.throws_in("wu", "ai tea?").await;
    tea.clock.advance(seconds(1)).await;
    room.throws_in("chen", "ai stop").await;
    room.recalls("wu", &recalled.message).await;
    tea.rests().await;
    assert!(room.answers_to(&stopped).is_empty(), "{}", tea.transcript());
    assert!(
        room.answers_to(&recalled).is_empty(),
        "{}",
        tea.transcript()
    );
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn bad_015_a_backlog_is_heard_but_not_answered() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    let old = room.makes("lin", "ai why is tea red?");
    let mut ahead = room.makes("lin", "ai is it tomorrow?");
    tea.clock.advance(hours(2)).await;
    tea.platform.shows(&old.incoming);
    tea.platform.tells(old.incoming.clone());
    let message = message_of(&mut ahead.incoming);
    message.sent_at = message.sent_at.map(|at| at + hours(87_600));
    tea.platform.shows(&ahead.incoming);
    tea.platform.tells(ahead.incoming.clone());
    tea.rests().await;
    assert!(room.answers_to(&old).is_empty());
    assert_eq!(room.answers_to(&ahead).len(), 1, "arrival time rules");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn answers_wait_for_a_link_while_they_are_fresh() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    tea.platform.is_online(false);
    let asked = room.throws_in("lin", "ai why is tea red?").await;
    tea.clock.advance(minutes(2)).await;
    assert!(room.answers_to(&asked).is_empty());
    tea.platform.is_online(true);
    tea.clock.advance(seconds(2)).await;
    assert_eq!(room.answers_to(&asked).len(), 1);
    tea.platform.is_online(false);
    let late = room.throws_in("lin", "ai and green tea?").await;
    tea.clock.advance(minutes(7)).await;
    tea.platform.is_online(true);
    tea.rests().await;
    assert!(room.answers_to(&late).is_empty());
    assert_eq!(tea.finish().await.dead, 1);
}

#[tokio::test(start_paused = true)]
async fn bad_025_a_room_that_refuses_us_is_left_alone() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    tea.platform.next_send(Fate::Muted);
    tea.platform.next_send(Fate::Muted);
    let muted = room.says("lin", "ai why is tea red?").await;
    assert!(room.answers_to(&muted).is_empty());
    tea.platform.next_send(Fate::Refused);
    let refused = room.says("lin", "ai and green tea?").await;
    assert_eq!(room.answers_to(&refused).len(), 1, "tried once more");
    assert_eq!(tea.finish().await.dead, 2);
}

#[tokio::test(start_paused = true)]
async fn a_first_contact_notice_that_nobody_saw_comes_with_the_next_answer() {
    use Fate::{Muted, Refused, Swallowed, Unacknowledged as Unknown};
    for (looks, fates, shown, why) in [
        (true, &[Muted, Muted][..], 1, "both"),
        (true, &[Unknown, Muted], 1, "the notice alone"),
        (true, &[Unknown, Refused, Refused], 1, "refused twice"),
        (true, &[Unknown, Swallowed, Swallowed], 1, "swallowed twice"),
        (true, &[Unknown, Unknown], 1, "it was shown"),
        (false, &[Unknown; 4], 2, "sent twice, and nobody can tell"),
    ] {
        for restarts in [false, true] {
            let tea = Tea::under(GENEROUS).opens().await;
            tea.platform.keeps_history(looks);
            let room = tea.room("青茶");
            for fate in fates {
                tea.platform.next_send(*fate);
            }
            room.says("lin", "ai why is tea red?").await;
            tea.clock.advance(minutes(2)).await;
            if restarts {
                tea.restarts().await;
            }
            for _ in 0..3 {
                room.says("lin", "ai and green tea?").await;
                tea.clock.advance(minutes(1)).await;
            }
            let greets = |shown: &&Shown| shown.text.contains("I am a program");
            let greetings = room.house().iter().filter(greets).count();
            let told = tea.transcript();
            assert_eq!(greetings, shown, "{why}, restarts: {restarts}: {told}");
            tea.finish().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_was_taken_binds_within_a_second_and_one_nobody_can_confirm_never() {
    let tea = Tea::under(GENEROUS).opens().await;
    let room = tea.room("青茶");
    room.lists("wu", Role::Admin);
    room.says("wu", "ai off").await;
    room.says("wu", "ai on").await;
    tea.platform.makes_role(&room.chat, "wu", Role::Member);
    tea.clock.advance(seconds(1)).await;
    let demoted = room.says("wu", "ai off").await;
    assert_eq!(
        room.answers_to(&demoted)[0].text,
        "Only this group's admins can do that."
    );
    tea.platform.tells_roles(false);
    room.lists("zhao", Role::Owner);
    let unknown = room.says("zhao", "ai off").await;
    assert!(
        room.answers_to(&unknown)[0].text.contains("make sure"),
        "{}",
        tea.transcript()
    );
    assert_eq!(room.answers_to(&room.says("lin", "ai tea?").await).len(), 1);
    assert_ne!(member("lin"), member("wu"));
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn bad_028_of_three_hundred_answers_on_a_bad_line_each_is_seen_once() {
    for (own_events, history) in [(true, true), (true, false), (false, true)] {
        let tea = Tea::under(GENEROUS).opens().await;
        tea.platform.reports_own(own_events);
        tea.platform.keeps_history(history);
        let mut chance = StdRng::seed_from_u64(28);
        let mut asked = Vec::new();
        for n in 0..300 {
            match chance.random_range(0..4) {
                0 | 1 => tea.platform.next_send(Fate::Unacknowledged),
                2 => tea.platform.next_send(Fate::Swallowed),
                _ => {}
            }
            let room = tea.room(["green", "red", "white"][n % 3]);
            // Every answer has the same words: only what it quotes tells it from the others.
            asked.push(room.throws_in(["lin", "chen"][n % 2], "ai tea?").await);
            tea.clock.advance(seconds(chance.random_range(0..20))).await;
        }
        tea.rests().await;
        let shown = tea.platform.shown();
        for said in &asked {
            let quoting = shown
                .iter()
                .filter(|s| s.quote.as_ref() == Some(&said.message));
            let seen = quoting.filter(|s| s.who.is_none()).count();
            // A resend that is swallowed too is given up.
            assert!(seen <= 1, "{own_events} {history} {said:?}");
        }
        let seen = shown.iter().filter(|s| s.quote.is_some()).count() as u64;
        let totals = tea.finish().await;
        assert!(seen + totals.dead >= 300, "{seen} {totals:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_word_is_a_failure_and_the_spare_answers() {
    for nothing in ["", " \n", "\u{200b}\u{feff}", "<think>hm</think>"] {
        let tea = Tea::under(GENEROUS).providers(["a", "b"]).opens().await;
        let room = tea.room("青茶");
        tea.provider("a").will_say(nothing);
        let asked = room.says("lin", "ai why is tea red?").await;
        assert_eq!(room.answers_to(&asked)[0].text, "[AI] Tea.", "{nothing:?}");
        tea.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_money_of_a_day_is_never_overdrawn() {
    let tea = Tea::under(&format!("{GENEROUS}\nper_day = \"0.01 USD\""))
        .opens()
        .await;
    let room = tea.room("青茶");
    tea.provider("a")
        .answers(|_| Script::new().waits(seconds(1)).says("Tea.").used(200, 400));
    let mut last = None;
    for n in 0..20 {
        let who = format!("member {}", n % 7);
        room.throws_in(&who, "ai tea?").await;
        room.throws_in(&who, "ai more tea?").await;
        last = Some(room.says(&who, "ai and more?").await);
    }
    let told = room.answers_to(&last.expect("asked"));
    assert_eq!(
        told[0].text,
        "Today's limit of this house is used up; it refills at 00:00."
    );
    tea.clock.advance(hours(12)).await;
    let next_day = room.says("lin", "ai good morning?").await;
    assert_eq!(room.answers_to(&next_day)[0].text, "[AI] Tea.");
    let totals = tea.finish().await;
    // 200 tokens of prompt and 400 of answer: a tenth of a cent.
    assert_eq!(totals.spent, 1_000_000 * totals.attempts as i64);
    assert!(totals.attempts <= 11, "{totals:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_evening_twice_is_the_same_evening() {
    let evening = || async {
        let tea = Tea::under(GENEROUS)
            .pace(teahouse_core::Pace::Safe)
            .opens()
            .await;
        a_day(&tea).await;
        let shown = tea.platform.shown();
        tea.finish().await;
        shown
            .into_iter()
            .map(|s| (s.at, s.text))
            .collect::<Vec<_>>()
    };
    assert_eq!(evening().await, evening().await);
}
