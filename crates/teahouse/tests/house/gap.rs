//! After a gap: what was said while nobody of us could hear is looked up, fresh questions are answered, stale ones
//! get one apology a room, and nothing is answered twice.

use teahouse_core::{Pace, RoomKind};
use teahouse_testkit::script::Script;

use crate::tea::{Room, Tea, hours, minutes, seconds, text};

/// A room in which people and the house have spoken before.
async fn known<'t>(tea: &'t Tea, name: &str) -> Room<'t> {
    let room = tea.room(name);
    room.says("lin", "good evening").await;
    tea.clock.advance(seconds(2)).await;
    room
}

/// The room sees it, and we do not.
fn unheard(tea: &Tea, room: &Room<'_>, member: &str, words: &str) -> teahouse_core::MessageId {
    let said = tea
        .platform
        .makes(&room.chat, RoomKind::Group, member, vec![text(words)]);
    tea.platform.shows(&said);
    let teahouse_core::EventKind::Message(message) = said.event.kind else {
        panic!("a message");
    };
    message.id
}

async fn comes_back(tea: &Tea) {
    tea.platform.is_online(true);
    tea.rests().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_asked_while_the_link_was_down_is_answered_once() {
    for counts in [true, false] {
        let tea = Tea::open_table().opens().await;
        tea.platform.counts(counts);
        tea.provider("a")
            .answers(|_| Script::say("The leaves are oxidised."));
        let room = known(&tea, "green").await;
        room.says("chen", "ai what is oolong?").await;
        tea.platform.is_online(false);
        tea.clock.advance(seconds(30)).await;
        let question = unheard(&tea, &room, "lin", "ai why is tea red?");
        unheard(&tea, &room, "wang", "no idea");
        tea.clock.advance(seconds(90)).await;
        comes_back(&tea).await;
        for _ in 0..3 {
            tea.platform.is_online(false);
            tea.a_moment().await;
            comes_back(&tea).await;
        }
        let house = room.house();
        let answers = house
            .iter()
            .filter(|shown| shown.quote.as_ref() == Some(&question));
        assert_eq!(answers.count(), 1, "{}", tea.transcript());
        assert_eq!(tea.calls(), 2, "{}", tea.transcript());
        tea.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_asked_while_the_house_was_closed_is_answered_after_its_start() {
    let tea = Tea::open_table().opens().await;
    tea.provider("a")
        .answers(|_| Script::say("The leaves are oxidised."));
    let room = known(&tea, "green").await;
    tea.closes().await;
    let question = unheard(&tea, &room, "lin", "ai why is tea red?");
    unheard(&tea, &room, "wang", "we had black tea in Hubei");
    tea.clock.advance(minutes(4)).await;
    tea.opens_again().await;
    tea.rests().await;
    assert_eq!(room.house()[0].quote.as_ref(), Some(&question));
    let later = room.says("chen", "ai where?").await;
    assert_eq!(room.answers_to(&later).len(), 1);
    assert!(
        tea.provider("a").last_prompt().contains("Hubei"),
        "what was missed is known"
    );
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn stale_questions_get_one_apology_a_room() {
    let tea = Tea::open_table().opens().await;
    let room = known(&tea, "green").await;
    let other = known(&tea, "red").await;
    tea.platform.is_online(false);
    for n in 0..20 {
        unheard(&tea, &room, "lin", &format!("ai question {n}?"));
    }
    let only = unheard(&tea, &other, "lin", "ai why is tea red?");
    unheard(&tea, &other, "lin", "aim high");
    tea.clock.advance(hours(1)).await;
    comes_back(&tea).await;
    tea.platform.is_online(false);
    tea.clock.advance(minutes(3)).await;
    comes_back(&tea).await;
    let said: Vec<_> = room.house().into_iter().map(|shown| shown.text).collect();
    assert_eq!(
        said,
        ["Sorry, I was away for a while and some questions went unanswered. Please ask again."]
    );
    let said = other.house();
    assert_eq!(said.len(), 1, "{}", tea.transcript());
    assert_eq!(said[0].quote.as_ref(), Some(&only));
    assert_eq!(tea.calls(), 0);
    let totals = tea.finish().await;
    assert_eq!(totals.settled, 21);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_the_house_listened_or_long_ago_is_left_alone() {
    let tea = Tea::open_table().opens().await;
    let room = tea.room("green");
    unheard(&tea, &room, "lin", "ai are you there?");
    tea.clock.advance(minutes(1)).await;
    room.says("lin", "nobody there").await;
    let silent = tea.room("silent");
    unheard(&tea, &silent, "lin", "ai are you there?");
    tea.clock.advance(seconds(5)).await;
    tea.platform.is_online(false);
    tea.a_moment().await;
    comes_back(&tea).await;
    tea.platform.is_online(false);
    unheard(&tea, &room, "lin", "ai are you back?");
    tea.clock.advance(hours(25)).await;
    comes_back(&tea).await;
    assert!(
        room.house().is_empty() && silent.house().is_empty(),
        "{}",
        tea.transcript()
    );
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_off_and_a_command_of_long_ago_hear_nothing() {
    let tea = Tea::open_table().opens().await;
    let room = known(&tea, "green").await;
    room.lists("boss", teahouse_core::Role::Owner);
    let off = known(&tea, "off").await;
    off.lists("boss", teahouse_core::Role::Owner);
    off.says("boss", "ai off").await;
    let before = off.house().len();
    tea.platform.is_online(false);
    unheard(&tea, &room, "boss", "ai off");
    unheard(&tea, &off, "lin", "ai why is tea red?");
    tea.clock.advance(minutes(30)).await;
    comes_back(&tea).await;
    assert!(room.house().is_empty(), "{}", tea.transcript());
    assert_eq!(off.house().len(), before, "{}", tea.transcript());
    let answered = room.says("lin", "ai why?").await;
    assert_eq!(
        room.answers_to(&answered).len(),
        1,
        "an old command binds nobody"
    );
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_heard_right_after_the_gap_does_not_hide_the_question_in_it() {
    let tea = Tea::open_table().opens().await;
    tea.provider("a").answers(|_| Script::say("Yes."));
    let room = known(&tea, "green").await;
    tea.platform.is_online(false);
    let question = unheard(&tea, &room, "lin", "ai why is tea red?");
    tea.clock.advance(seconds(10)).await;
    // The first message comes with the link itself.
    room.throws_in("chen", "it is raining").await;
    tea.clock.advance(seconds(2)).await;
    comes_back(&tea).await;
    let house = room.house();
    assert_eq!(
        house[0].quote.as_ref(),
        Some(&question),
        "{}",
        tea.transcript()
    );
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn after_an_hour_without_a_link_2000_answers_that_waited_become_one_apology_a_room_within_two_minutes()
 {
    let tea = Tea::under(
        "name = \"busy\"\nzone = \"Asia/Shanghai\"\n[purse]\nquestions_per_member_per_day = 1000",
    )
    .pace(Pace::Off)
    .opens()
    .await;
    tea.provider("a")
        .answers(|_| Script::say("The leaves are oxidised.").waits(seconds(5)));
    let rooms: Vec<_> = (0..100).map(|n| tea.room(&format!("room{n}"))).collect();
    // Asked while the link was up; it goes down before anything is ready.
    for room in &rooms {
        for n in 0..20 {
            room.throws_in(&format!("m{n}"), "ai why is tea red?").await;
        }
    }
    tea.platform.is_online(false);
    let before: Vec<_> = rooms.iter().map(|room| room.house().len()).collect();
    tea.clock.advance(hours(1)).await;
    tea.platform.is_online(true);
    let back = tea.clock.elapsed();
    tea.rests().await;
    assert!(tea.clock.elapsed() - back < minutes(2));
    for (room, before) in rooms.iter().zip(before) {
        let after: Vec<_> = room.house().split_off(before);
        assert_eq!(after.len(), 1, "{:?}", after);
        assert!(after[0].text.starts_with("Sorry"), "{:?}", after);
    }
    let totals = tea.finish().await;
    assert_eq!(totals.turns, 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_bridge_that_shows_no_history_costs_a_look_and_nothing_else() {
    let tea = Tea::open_table().opens().await;
    let room = known(&tea, "green").await;
    tea.platform.keeps_history(false);
    tea.platform.is_online(false);
    unheard(&tea, &room, "lin", "ai why is tea red?");
    tea.clock.advance(seconds(10)).await;
    comes_back(&tea).await;
    assert!(room.house().is_empty());
    let answered = room.says("lin", "ai and now?").await;
    assert_eq!(room.answers_to(&answered).len(), 1);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_history_shows_without_a_time_is_not_answered() {
    let tea = Tea::open_table().opens().await;
    let room = known(&tea, "green").await;
    tea.platform.dates_its_history(false);
    tea.platform.is_online(false);
    unheard(&tea, &room, "lin", "ai why is tea red?");
    tea.clock.advance(hours(20)).await;
    comes_back(&tea).await;
    assert!(room.house().is_empty(), "{}", tea.transcript());
    tea.finish().await;
}
