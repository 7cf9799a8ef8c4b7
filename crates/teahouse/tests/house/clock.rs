//! Clocks that jump and machines that sleep: what is counted stays counted, what is kept stays kept, nobody gets a day
//! twice, and what grew old meanwhile is apologised for once.

use std::time::Duration;

use jiff::SignedDuration;
use teahouse_core::{Role, RoomKind};
use teahouse_testkit::script::Script;

use crate::tea::{Room, Said, Tea, hours, minutes, seconds, text};

const TEN_YEARS: i64 = 87_660;

/// Asks without a time of its own: the platform's clock is right whatever ours shows.
async fn asks(tea: &Tea, room: &Room<'_>, member: &str, words: &str) -> Said {
    let mut said = room.makes(member, words);
    undated(&mut said);
    tea.platform.shows(&said.incoming);
    tea.platform.tells(said.incoming.clone());
    tea.rests().await;
    said
}

fn undated(said: &mut Said) {
    if let teahouse_core::EventKind::Message(message) = &mut said.incoming.event.kind {
        message.sent_at = None;
    }
}

/// Whether a question of this member is answered now, or refused by the limit.
async fn is_granted(tea: &Tea, room: &Room<'_>, member: &str) -> bool {
    let calls = tea.calls();
    asks(tea, room, member, "ai one more?").await;
    tea.calls() > calls
}

fn two_a_day(zone: &str) -> String {
    format!("name = \"two a day\"\n{zone}\n[purse]\nquestions_per_member_per_day = 2")
}

#[tokio::test(start_paused = true)]
async fn bad_081_no_jump_of_the_clock_gives_a_second_grant() {
    let hours = SignedDuration::from_hours;
    let jumps = [1, -1, 24, -24, TEN_YEARS, -TEN_YEARS];
    // At noon, and half an hour on either side of midnight.
    for start in ["12:00", "23:30", "00:30"] {
        for (jump, restarts) in jumps.iter().flat_map(|jump| [(jump, false), (jump, true)]) {
            let told = format!("{start}, {jump} h, restarts: {restarts}");
            let tea = Tea::under(&two_a_day("zone = \"Asia/Shanghai\""))
                .at(&format!("2026-11-24T{start}:00+08:00"))
                .opens()
                .await;
            tea.provider("a").answers(|_| Script::say("Tea."));
            let room = tea.room("green");
            for _ in 0..2 {
                assert!(is_granted(&tea, &room, "lin").await, "{told}");
            }
            assert!(!is_granted(&tea, &room, "lin").await, "{told}");
            assert!(is_granted(&tea, &room, "chen").await, "{told}");
            tea.clock.is_set(hours(*jump));
            if restarts {
                tea.restarts().await;
            }
            asks(&tea, &room, "wang", "ai what day is it?").await;
            // Long enough for what is kept no longer to be dropped.
            tea.clock.advance(minutes(70)).await;
            tea.clock.is_set(SignedDuration::ZERO);
            if start == "23:30" {
                // The true day is another by now.
                assert!(is_granted(&tea, &room, "lin").await, "{told}");
                continue;
            }
            assert!(!is_granted(&tea, &room, "lin").await, "{told}");
            assert!(is_granted(&tea, &room, "chen").await, "{told}");
            assert!(!is_granted(&tea, &room, "chen").await, "{told}");
            tea.clock.is_set(hours(*jump));
            is_granted(&tea, &room, "wang").await;
            tea.clock.is_set(SignedDuration::ZERO);
            assert!(!is_granted(&tea, &room, "lin").await, "{told}, again");
            tea.finish().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn bad_081_a_day_begins_at_the_midnight_of_the_rooms_zone_and_is_given_once() {
    for (zone, midnight, why) in [
        (
            "zone = \"Asia/Shanghai\"",
            "2026-11-24T16:00:00Z",
            "Shanghai",
        ),
        ("", "2026-11-25T00:00:00Z", "no zone is UTC"),
        (
            "zone = \"Africa/Cairo\"",
            "2026-04-23T22:00:00Z",
            "the day begins at one: midnight is left out",
        ),
        (
            "zone = \"America/Havana\"",
            "2026-11-01T04:00:00Z",
            "the first hour comes twice",
        ),
        (
            "zone = \"Europe/Berlin\"",
            "2026-10-24T22:00:00Z",
            "25 hours",
        ),
    ] {
        let midnight: jiff::Timestamp = midnight.parse().unwrap();
        let tea = Tea::under(&two_a_day(zone))
            .at(&(midnight - minutes(5)).to_string())
            .opens()
            .await;
        tea.provider("a").answers(|_| Script::say("Tea."));
        let room = tea.room("green");
        let granted = async |member| is_granted(&tea, &room, member).await;
        assert!(granted("lin").await && granted("lin").await && !granted("lin").await);
        assert!(granted("chen").await, "{why}");
        tea.clock.advance(minutes(4)).await;
        assert!(!granted("lin").await, "{why}: not before midnight");
        tea.clock.advance(minutes(2)).await;
        assert!(granted("lin").await, "{why}: a new day");
        // Back over midnight: the old day's counts, and forward: the new day's.
        tea.clock.is_set(SignedDuration::from_hours(-1));
        assert!(!granted("lin").await, "{why}: the old day again");
        assert!(granted("chen").await && !granted("chen").await, "{why}");
        tea.clock.is_set(SignedDuration::ZERO);
        assert!(granted("lin").await && !granted("lin").await, "{why}: once");
        // The hour that comes twice is of the same day.
        tea.clock.advance(hours(1)).await;
        assert!(!granted("lin").await, "{why}: an hour later");
        tea.clock.advance(hours(21)).await;
        assert!(!granted("lin").await, "{why}: in the evening");
        tea.clock.advance(hours(3)).await;
        assert!(granted("lin").await, "{why}: the next day");
        tea.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn bad_081_the_money_of_a_day_is_given_once_whatever_the_clock_does() {
    let tea = Tea::under("name = \"poor\"\nzone = \"UTC\"\n[purse]\nper_day = \"0.01 USD\"")
        .at("2026-11-24T12:00:00Z")
        .opens()
        .await;
    tea.provider("a")
        .answers(|_| Script::say("Tea. ".repeat(900)));
    let room = tea.room("green");
    let mut asked = 0;
    while is_granted(&tea, &room, "lin").await {
        asked += 1;
        assert!(asked < 20, "the money is never gone");
    }
    assert!(asked > 0);
    for jump in [1, -1, 24, -24, TEN_YEARS, -TEN_YEARS] {
        tea.clock.is_set(SignedDuration::from_hours(jump));
        is_granted(&tea, &room, "lin").await;
        tea.clock.advance(seconds(4_000)).await;
        tea.clock.is_set(SignedDuration::ZERO);
        assert!(!is_granted(&tea, &room, "lin").await, "{jump} h");
    }
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_years_ahead_or_behind_takes_nothing_of_what_is_kept() {
    for jump in [TEN_YEARS, -TEN_YEARS] {
        let tea = Tea::open_table().opens().await;
        tea.provider("a").answers(|_| Script::say("In Hubei."));
        let room = tea.room("green");
        room.says("lin", "we had black tea").await;
        let asked = room.says("chen", "ai where?").await;
        tea.clock.advance(seconds(2)).await;
        let before = tea.totals().await;
        tea.clock.is_set(SignedDuration::from_hours(jump));
        asks(&tea, &room, "wang", "it is raining").await;
        tea.clock.advance(hours(6)).await;
        tea.restarts().await;
        tea.clock.advance(minutes(1)).await;
        tea.clock.is_set(SignedDuration::ZERO);
        let mut again = asked.clone();
        undated(&mut again);
        tea.platform.tells(again.incoming.clone());
        tea.rests().await;
        assert_eq!(tea.calls(), 1, "{jump}: its key is kept");
        room.says("chen", "ai and then?").await;
        let told = tea.provider("a").last_prompt();
        for word in ["black tea", "In Hubei", "raining"] {
            assert!(told.contains(word), "{jump}: {word} is not in {told}");
        }
        tea.clock.advance(seconds(2)).await;
        assert_eq!(tea.totals().await.lines, before.lines + 2, "{jump}");
        // The clock is right from now on: everything goes, whatever its date was. What the clock had dated ahead goes
        // a little later, by what was believed of the jump.
        tea.clock.advance(hours(10 * 24)).await;
        tea.restarts().await;
        room.says("mei", "hello").await;
        tea.clock.advance(minutes(61)).await;
        assert_eq!(tea.totals().await.lines, 1, "{jump}");
        tea.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_clock_that_was_ahead_promised_does_not_hold_for_years() {
    let tea = Tea::open_table().opens().await;
    tea.provider("a").answers(|_| Script::say("Tea."));
    let room = tea.room("green");
    tea.clock.is_set(SignedDuration::from_hours(TEN_YEARS));
    room.lists("boss", Role::Owner);
    asks(&tea, &room, "boss", "ai pause 30m").await;
    assert!(!is_granted(&tea, &room, "lin").await, "it is paused");
    tea.clock.is_set(SignedDuration::ZERO);
    room.lists("boss", Role::Member);
    tea.clock.advance(minutes(2)).await;
    assert!(
        is_granted(&tea, &room, "lin").await,
        "no pause of ten years"
    );
    asks(&tea, &room, "boss", "ai off").await;
    assert!(
        is_granted(&tea, &room, "chen").await,
        "no owner of ten years"
    );
    tea.finish().await;
}

/// The room sees it, and we sleep.
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

#[tokio::test(start_paused = true)]
async fn bad_083_after_eight_hours_of_sleep_a_room_hears_one_apology_and_fresh_questions_are_answered()
 {
    for dies in [false, true] {
        let tea = Tea::open_table().opens().await;
        tea.provider("a").answers(|request| {
            let asked = request.lines.last().map_or("", |l| l.content.as_str());
            match asked.contains("slow") {
                true if asked.contains("fails") => Script::new().hangs(),
                true => Script::say("Too late.").waits(seconds(20)),
                false => Script::say("The leaves are oxidised."),
            }
        });
        let room = tea.room("green");
        room.says("lin", "good evening").await;
        room.says("lin", "ai are you there?").await;
        let before = room.house().len();
        // In a model's hands, waiting for a place, and not heard at all.
        for member in ["lin", "chen", "mei"] {
            room.throws_in(member, "ai slow?").await;
        }
        room.throws_in("bo", "ai slow and fails?").await;
        room.throws_in("wang", "ai slow and waiting?").await;
        tea.clock.advance(seconds(2)).await;
        tea.clock.sleeps(minutes(60));
        unheard(&tea, &room, "lin", "ai in the night?");
        unheard(&tea, &room, "mei", "ai in the night too?");
        tea.clock.sleeps(hours(7) - minutes(2));
        let fresh = unheard(&tea, &room, "chen", "ai in the morning?");
        tea.clock.sleeps(minutes(2));
        // It wakes up, and its link with it; or it was switched off.
        tea.platform.is_online(false);
        if dies {
            tea.restarts().await;
        }
        tea.a_moment().await;
        tea.platform.is_online(true);
        tea.rests().await;
        let woken = room.says("bo", "ai good morning?").await;
        tea.clock.advance(minutes(10)).await;
        let house = room.house().split_off(before);
        let sorry = house.iter().filter(|shown| shown.text.starts_with("Sorry"));
        assert_eq!(sorry.count(), 1, "{dies}: {}", tea.transcript());
        let late = house.iter().any(|shown| shown.text.contains("Too late"));
        assert!(!late, "{dies}: {}", tea.transcript());
        let quotes = |id| {
            house
                .iter()
                .filter(|s| s.quote.as_ref() == Some(id))
                .count()
        };
        assert_eq!(quotes(&fresh), 1, "{dies}: {}", tea.transcript());
        assert_eq!(quotes(&woken.message), 1, "{dies}: {}", tea.transcript());
        assert_eq!(house.len(), 3, "{dies}: {}", tea.transcript());
        tea.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn bad_083_nobody_speaks_faster_or_calls_more_after_a_sleep() {
    let tea = Tea::open_table()
        .pace(teahouse_core::Pace::Safe)
        .opens()
        .await;
    tea.provider("a").answers(|_| Script::say("Tea."));
    let room = tea.room("green");
    for n in 0..6 {
        room.throws_in(&format!("m{n}"), "ai why?").await;
    }
    tea.clock.sleeps(hours(8));
    for n in 0..6 {
        asks(&tea, &room, &format!("n{n}"), "ai why?").await;
    }
    tea.rests().await;
    let at: Vec<_> = room.house().iter().map(|shown| shown.at).collect();
    for four in at.windows(4) {
        let gap: Duration = four[3] - four[0];
        assert!(gap >= Duration::from_millis(1_200), "{at:?}");
    }
    tea.finish().await;
}
