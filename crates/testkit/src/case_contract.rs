//! What every store promises of the house's rules at work: cases, rungs, versions of charters, trails and the audit
//! log; what it promises of an erasure stands in `erase_contract`. The scene is that of `store_contract`: lin and chen
//! in the green room, and somebody else in the red one.

use std::time::Duration;

use jiff::Timestamp;
use teahouse_core::rules::climb::{Mark, RuleKey, Who};
use teahouse_core::{
    AccountName, DeadWhy, DeliveryState, Effect, Keep, MemberId, MessageId, RoomId,
};
use teahouse_store::{
    Acceptance, Accepted, Ageing, AuditNote, By, Case, CaseId, CaseKind, CaseMove, CaseState,
    CharterVersion, Dealings, HistoryLine, NewCase, Outbound, Progress, Store, StoreError,
};
use ulid::Ulid;

use crate::store_contract::{
    CHEN, Done, LIN, QQ, Room, at, is_lost, label, notice, part, row, turn, ulid,
};

/// Makes one module of tests, one for each promise, on stores that `make` builds.
#[macro_export]
macro_rules! case_contract {
    ($name:ident, $make:expr) => {
        mod $name {
            use super::*;
            $crate::case_contract! { @promises case_contract, $make;
                a_case_is_written_with_its_message_or_not_at_all
                cases_are_numbered_in_their_room_and_read_as_written
                a_case_moves_only_from_where_it_stands
                a_decision_tells_who_and_when_and_is_taken_back_whole
                an_appeal_keeps_its_words
                a_notice_shows_its_case
                how_far_the_effects_of_a_case_have_come_is_known
                what_is_done_goes_before_what_is_said
                the_newest_case_about_a_message_or_of_a_member_is_found
                cases_that_wait_come_oldest_first_and_are_counted
                decided_cases_come_newest_first
                a_case_is_of_its_room_alone
                what_is_dealt_without_a_message_is_written_once_and_under_a_lease
                rungs_are_kept_as_they_stand_and_pardoned
                old_evidence_and_old_rungs_are_forgotten
                what_a_clock_that_was_ahead_has_dated_is_forgotten_as_well
                a_version_of_a_charter_is_written_once
                a_room_opens_with_its_newest_charter
                a_trail_is_told_and_goes_with_its_line
                lines_between_two_times_come_in_pieces
                our_own_messages_come_newest_first
                the_audit_log_numbers_its_rows_and_names_nobody
                a_long_audit_log_is_looked_through_whole
            }
            $crate::case_contract! { @promises erase_contract, $make;
                an_erased_member_is_gone_and_the_others_stay
                an_erasure_reaches_every_room_of_the_platform_and_no_other
                an_open_question_ends_with_the_erasure_of_its_member
                answers_that_wait_are_not_said_and_those_on_their_way_are_not_kept
                a_case_outlasts_its_member_without_words_or_name
                a_limit_outlasts_an_erasure
                who_was_erased_is_remembered_for_eight_days
                talk_on_its_way_while_its_member_is_erased_is_left_out
                somebody_unknown_is_erased_as_well
                an_erasure_takes_a_lease
            }
        }
    };
    (@promises $contract:ident, $make:expr; $($promise:ident)*) => {
        $(
            #[tokio::test]
            async fn $promise() -> Result<(), teahouse_store::StoreError> {
                let (store, _keep) = ($make)();
                $crate::$contract::$promise(&store).await
            }
        )*
    };
}

pub(crate) fn id(n: u64) -> CaseId {
    CaseId(ulid(n))
}

/// Case n about message n.
pub fn case(n: u64, member: &str, state: CaseState) -> NewCase {
    NewCase {
        id: id(n),
        kind: CaseKind::Flagged,
        state,
        message: Some(label(n)),
        member: MemberId::new(member),
        name: format!("{member}'s name"),
        words: format!("words of case {n}"),
        what: format!(r#"{{"rule":"words:spam","n":{n}}}"#),
        at: at(n as i64),
    }
}

/// New cases.
pub fn cases(cases: Vec<NewCase>) -> Dealings {
    Dealings {
        cases,
        ..Dealings::default()
    }
}

pub(crate) fn moves(n: u64, from: CaseState, to: CaseState, by: Option<&str>) -> Dealings {
    Dealings {
        moves: vec![CaseMove {
            case: id(n),
            from,
            to,
            by: by.map(MemberId::new),
            appeal: None,
        }],
        ..Dealings::default()
    }
}

/// A member of a room, as ladders know them.
pub fn who(room: &Room<'_>, member: &str) -> Who {
    Who::of(&room.address.to_string(), member)
}

pub(crate) fn mark(who: Who, rule: &str, times: u32, last: i64) -> Mark {
    Mark {
        who,
        rule: RuleKey::of(rule),
        times,
        last: at(last),
    }
}

impl Room<'_> {
    /// What follows by the rules, without a message.
    pub async fn deals(&self, dealings: Dealings, second: i64) -> Done {
        self.store
            .deal(self.lease, dealings, vec![], at(second))
            .await
    }

    /// Case n of the room, which has to be there.
    pub async fn case(&self, number: u32) -> Result<Case, StoreError> {
        let found = self.store.case(self.lease.room, number).await?;
        Ok(found.expect("a case of that number"))
    }

    pub(crate) async fn shown_by(&self, own: u64) -> Result<Option<u32>, StoreError> {
        let message = MessageId::new(format!("own{own}"));
        let account = &self.address.account;
        let case = (self.store).case_shown(self.lease.room, account, &message);
        Ok(case.await?.map(|case| case.number))
    }
}

fn numbers(cases: &[Case]) -> Vec<u32> {
    cases.iter().map(|case| case.number).collect()
}

// Cases.

/// See its name.
pub async fn a_case_is_written_with_its_message_or_not_at_all(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let dealings = Dealings {
        marks: vec![mark(who(&room, LIN), "spam", 1, 1)],
        audit: vec![note(By::House, "flag")],
        ..cases(vec![case(1, LIN, CaseState::Open)])
    };
    let failing = Acceptance {
        // Two rows of one id.
        say: vec![notice(1), notice(1)],
        dealings: dealings.clone(),
        ..room.question(1, LIN)
    };
    room.accept(failing.clone())
        .await
        .expect_err("a row is there twice");
    let nothing = store.open_cases(room.lease.room, 9).await?;
    assert_eq!((nothing.0.len(), nothing.1), (0, 0));
    assert!(store.audit_rows(9).await?.is_empty());
    let (room, opened) = Room::open_as(store, 1, "qq", "green").await?;
    assert!(opened.marks.is_empty());
    let well = Acceptance {
        say: vec![notice(1)],
        ..failing
    };
    for accepted in [Accepted::New, Accepted::Seen] {
        assert_eq!(room.accept(well.clone()).await?, accepted);
        assert_eq!(room.case(1).await?.new, dealings.cases[0]);
        assert_eq!(store.audit_rows(9).await?.len(), 1);
    }
    assert_eq!(store.open_cases(room.lease.room, 9).await?.1, 1);
    assert_eq!(room.left().await?.marks, dealings.marks);
    Ok(())
}

/// See its name.
pub async fn cases_are_numbered_in_their_room_and_read_as_written(store: &dyn Store) -> Done {
    let (green, _) = Room::open_as(store, 1, "qq", "green").await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    let kinds = [
        CaseKind::Acted,
        CaseKind::Flagged,
        CaseKind::Reported,
        CaseKind::Unable,
        CaseKind::ByHand,
        CaseKind::Flagged,
    ];
    let states = [
        CaseState::Settled,
        CaseState::Open,
        CaseState::Appealed,
        CaseState::Allowed,
        CaseState::Denied,
        CaseState::Expired,
    ];
    for (n, (kind, state)) in (1..).zip(kinds.into_iter().zip(states)) {
        let new = NewCase {
            kind,
            message: (n % 2 == 0).then(|| label(n)),
            ..case(n, if n % 3 == 0 { CHEN } else { LIN }, state)
        };
        green.deals(cases(vec![new.clone()]), 1).await?;
        red.deals(cases(vec![case(100 + n, LIN, state)]), 1).await?;
        let expected = Case {
            new,
            number: n as u32,
            state,
            appeal: String::new(),
            by: None,
            decided: None,
            before: None,
        };
        assert_eq!(green.case(n as u32).await?, expected);
        assert_eq!(red.case(n as u32).await?.new.id, id(100 + n));
    }
    for none in [0, 7, u32::MAX] {
        assert_eq!(store.case(green.lease.room, none).await?, None);
    }
    Ok(())
}

/// See its name.
pub async fn a_case_moves_only_from_where_it_stands(store: &dyn Store) -> Done {
    use CaseState::{Allowed, Appealed, Denied, Expired, Open, Settled};
    let room = Room::open(store).await?;
    room.deals(cases(vec![case(1, LIN, Settled)]), 1).await?;
    for (from, to, stands) in [
        (Open, Expired, Settled),
        (Settled, Appealed, Appealed),
        (Settled, Appealed, Appealed),
        (Appealed, Denied, Denied),
        (Appealed, Allowed, Denied),
        (Denied, Allowed, Allowed),
        (Expired, Open, Allowed),
    ] {
        room.deals(moves(1, from, to, Some(CHEN)), 2).await?;
        assert_eq!(room.case(1).await?.state, stands, "{from:?} to {to:?}");
    }
    let before = room.case(1).await?;
    room.deals(moves(404, Allowed, Open, Some(CHEN)), 3).await?;
    assert_eq!(room.case(1).await?, before);
    Ok(())
}

/// See its name.
pub async fn a_decision_tells_who_and_when_and_is_taken_back_whole(store: &dyn Store) -> Done {
    use CaseState::{Allowed, Appealed, Denied, Expired, Open};
    let room = Room::open(store).await?;
    room.deals(cases(vec![case(1, LIN, Open)]), 1).await?;
    let (chen, nobody) = (Some(CHEN), None);
    for (n, (from, to, by, told)) in (10..).zip([
        (Open, Denied, chen, Some(Open)),
        (Denied, Open, chen, None),
        (Open, Denied, chen, Some(Open)),
        (Denied, Allowed, Some("boss"), Some(Denied)),
        // Back to a decision, which is one again.
        (Allowed, Denied, chen, Some(Allowed)),
        (Denied, Appealed, nobody, None),
        (Appealed, Allowed, chen, Some(Appealed)),
        (Allowed, Appealed, chen, None),
        (Appealed, Expired, nobody, None),
    ]) {
        room.deals(moves(1, from, to, by), n).await?;
        let found = room.case(1).await?;
        let decided = (found.by, found.decided, found.before);
        let expected = match told {
            Some(before) => (by.map(MemberId::new), Some(at(n)), Some(before)),
            None => (None, None, None),
        };
        assert_eq!((found.state, decided), (to, expected), "{from:?} to {to:?}");
    }
    Ok(())
}

/// See its name.
pub async fn an_appeal_keeps_its_words(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.deals(cases(vec![case(1, LIN, CaseState::Settled)]), 1)
        .await?;
    let mut appeal = moves(1, CaseState::Settled, CaseState::Appealed, None);
    appeal.moves[0].appeal = Some("it was a quote".into());
    room.deals(appeal.clone(), 2).await?;
    appeal.moves[0].appeal = Some("again".into());
    room.deals(appeal, 3).await?;
    let denied = moves(1, CaseState::Appealed, CaseState::Denied, Some(CHEN));
    room.deals(denied, 4).await?;
    assert_eq!(room.case(1).await?.appeal, "it was a quote");
    Ok(())
}

/// See its name.
pub async fn a_notice_shows_its_case(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let dealings = Dealings {
        shows: vec![(row(1), id(1)), (row(2), id(2))],
        ..cases(vec![
            case(1, LIN, CaseState::Open),
            case(2, LIN, CaseState::Open),
        ])
    };
    let say = vec![notice(1), notice(2), notice(3)];
    store.deal(room.lease, dealings, say, at(1)).await?;
    assert_eq!(room.shown_by(1).await?, None, "it is not shown yet");
    for n in [1, 2, 3] {
        room.is_shown(n, 5).await?;
    }
    for (own, case) in [(1, Some(1)), (2, Some(2)), (3, None), (404, None)] {
        assert_eq!(room.shown_by(own).await?, case, "own{own}");
    }
    let (green, own) = (room.lease.room, MessageId::new("own1"));
    let other = AccountName::new("second");
    assert_eq!(store.case_shown(green, &other, &own).await?, None);
    Ok(())
}

/// See its name.
pub async fn how_far_the_effects_of_a_case_have_come_is_known(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let lin = MemberId::new(LIN);
    let effects = [
        Effect::Mute {
            member: lin.clone(),
            seconds: 60,
        },
        Effect::Unmute { member: lin },
    ];
    let rows = [(1, 1), (2, 1), (4, 2)];
    let mut say: Vec<_> = (rows.iter().zip(effects.iter().cycle()))
        .map(|((n, _), effect)| Outbound {
            sealed: effect.seal(None),
            ..notice(*n)
        })
        .collect();
    say.push(notice(3));
    let all = rows.iter().map(|(n, case)| (row(*n), id(*case)));
    let dealings = Dealings {
        shows: all.chain([(row(3), id(1))]).collect(),
        ..cases(vec![
            case(1, LIN, CaseState::Settled),
            case(2, LIN, CaseState::Settled),
        ])
    };
    store.deal(room.lease, dealings, say, at(1)).await?;
    let progress = async |unfinished, given_up, when: &str| {
        let expected = Progress {
            unfinished,
            given_up,
        };
        assert_eq!(
            store.progress_of(room.lease.room, id(1)).await?,
            expected,
            "{when}"
        );
        Done::Ok(())
    };
    progress(2, 0, "nothing is done").await?;
    assert_eq!(room.claims(2).await?.id, row(1));
    progress(2, 0, "one is in hand").await?;
    room.completes(1, DeliveryState::Done, true, 3).await?;
    progress(1, 0, "one is done").await?;
    assert_eq!(room.claims(4).await?.id, row(2));
    let why = DeadWhy::NoRight;
    room.completes(2, DeliveryState::Dead { why }, true, 5)
        .await?;
    progress(0, 1, "one is given up").await?;
    let (elsewhere, _) = Room::open_as(store, 1, "qq", "red").await?;
    let nothing = store.progress_of(elsewhere.lease.room, id(1)).await?;
    assert_eq!(nothing, Progress::default());
    Ok(())
}

/// See its name.
pub async fn what_is_done_goes_before_what_is_said(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let effect = Effect::Recall { message: label(7) };
    let done = |n| Outbound {
        sealed: effect.seal(None),
        ..notice(n)
    };
    let later = Outbound {
        due: Some(at(50)),
        ..done(3)
    };
    let say = vec![notice(1), notice(2), later, done(4), done(5)];
    store
        .deal(room.lease, Dealings::default(), say, at(1))
        .await?;
    for (second, n) in [(2, 4), (3, 5), (4, 1), (51, 3), (52, 2)] {
        assert_eq!(room.claims(second).await?.id, row(n), "second {second}");
        room.completes(n, DeliveryState::Done, true, second).await?;
    }
    Ok(())
}

/// See its name.
pub async fn the_newest_case_about_a_message_or_of_a_member_is_found(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let about = |n, of: u64, member| NewCase {
        message: Some(label(of)),
        ..case(n, member, CaseState::Open)
    };
    let dealt = vec![
        about(1, 50, LIN),
        about(2, 51, CHEN),
        about(3, 50, LIN),
        about(4, 52, CHEN),
    ];
    room.deals(cases(dealt), 1).await?;
    let green = room.lease.room;
    for (of, number) in [(50, Some(3)), (51, Some(2)), (404, None)] {
        let found = store.case_about(green, &label(of)).await?;
        assert_eq!(found.map(|case| case.number), number, "message {of}");
    }
    for (member, since, number) in [
        (LIN, 0, Some(3)),
        (LIN, 3, Some(3)),
        (LIN, 4, None),
        (CHEN, 0, Some(4)),
        ("nobody", 0, None),
    ] {
        let member = MemberId::new(member);
        let found = store.case_of(green, QQ, &member, at(since)).await?;
        assert_eq!(found.map(|case| case.number), number, "{member} {since}");
        let elsewhere = store.case_of(green, "wechat", &member, at(since)).await?;
        assert_eq!(elsewhere, None, "another platform has other members");
    }
    Ok(())
}

/// See its name.
pub async fn cases_that_wait_come_oldest_first_and_are_counted(store: &dyn Store) -> Done {
    use CaseState::{Allowed, Appealed, Open, Settled};
    let room = Room::open(store).await?;
    let states = [Open, Settled, Appealed, Allowed, Open, Open];
    let dealt = (1..)
        .zip(states)
        .map(|(n, state)| case(n, LIN, state))
        .collect();
    room.deals(cases(dealt), 1).await?;
    let green = room.lease.room;
    let (first, all) = store.open_cases(green, 2).await?;
    assert_eq!((numbers(&first), all), (vec![1, 3], 4));
    room.deals(moves(1, Open, Allowed, Some(CHEN)), 2).await?;
    let (first, all) = store.open_cases(green, 9).await?;
    assert_eq!((numbers(&first), all), (vec![3, 5, 6], 3));
    Ok(())
}

/// See its name.
pub async fn decided_cases_come_newest_first(store: &dyn Store) -> Done {
    use CaseState::{Allowed, Denied, Expired, Open, Settled};
    let room = Room::open(store).await?;
    let dealt = (1..=6).map(|n| case(n, LIN, Open)).collect();
    room.deals(cases(dealt), 1).await?;
    for (n, to, by, second) in [
        (4, Denied, Some(CHEN), 20),
        (1, Allowed, Some(CHEN), 30),
        (2, Expired, None, 31),
        (3, Denied, Some(CHEN), 32),
        // Laid aside, and neither right nor wrong.
        (5, Settled, Some(CHEN), 33),
    ] {
        room.deals(moves(n, Open, to, by), second).await?;
    }
    room.deals(moves(3, Denied, Open, Some(CHEN)), 40).await?;
    for (since, most, expected) in [
        (0, 9, vec![1, 4]),
        (0, 1, vec![1]),
        (21, 9, vec![1]),
        (31, 9, vec![]),
    ] {
        let found = (store.decided_cases(room.lease.room, at(since), most)).await?;
        assert_eq!(numbers(&found), expected, "since {since}, {most} at most");
    }
    Ok(())
}

/// See its name.
pub async fn a_case_is_of_its_room_alone(store: &dyn Store) -> Done {
    use CaseState::{Allowed, Open};
    let (green, _) = Room::open_as(store, 1, "qq", "green").await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    let dealings = Dealings {
        shows: vec![(row(1), id(1))],
        ..cases(vec![case(1, LIN, Open)])
    };
    (store.deal(green.lease, dealings, vec![notice(1)], at(1))).await?;
    green.is_shown(1, 2).await?;
    red.deals(moves(1, Open, Allowed, Some(CHEN)), 3).await?;
    assert_eq!(green.case(1).await?.state, Open);
    green.deals(moves(1, Open, Allowed, Some(CHEN)), 3).await?;
    let elsewhere = red.lease.room;
    assert_eq!(store.case(elsewhere, 1).await?, None);
    assert_eq!(store.case_about(elsewhere, &label(1)).await?, None);
    let lin = MemberId::new(LIN);
    assert_eq!(store.case_of(elsewhere, QQ, &lin, at(0)).await?, None);
    let foreign = Dealings {
        shows: vec![(row(2), id(1))],
        ..Dealings::default()
    };
    (store.deal(red.lease, foreign, vec![notice(2)], at(4))).await?;
    red.is_shown(2, 5).await?;
    assert_eq!(
        (red.shown_by(1).await?, red.shown_by(2).await?),
        (None, None)
    );
    assert_eq!(store.open_cases(elsewhere, 9).await?, (vec![], 0));
    assert!(store.decided_cases(elsewhere, at(0), 9).await?.is_empty());
    Ok(())
}

/// See its name.
pub async fn what_is_dealt_without_a_message_is_written_once_and_under_a_lease(
    store: &dyn Store,
) -> Done {
    let room = Room::open(store).await?;
    let dealings = Dealings {
        audit: vec![note(By::House, "mute")],
        ..cases(vec![case(1, LIN, CaseState::Open)])
    };
    // Its reply was lost, and it is dealt again.
    for _ in 0..2 {
        (store.deal(room.lease, dealings.clone(), vec![notice(1)], at(1))).await?;
    }
    let said_alone = || store.deal(room.lease, Dealings::default(), vec![notice(2)], at(1));
    said_alone().await?;
    said_alone().await?;
    let green = room.lease.room;
    assert_eq!(store.open_cases(green, 9).await?.1, 1);
    assert_eq!(store.audit_rows(9).await?.len(), 1);
    assert_eq!(store.totals().await?.waiting, 2);
    room.left().await?;
    let late = cases(vec![case(2, LIN, CaseState::Open)]);
    is_lost(store.deal(room.lease, late, vec![notice(3)], at(2)).await);
    assert_eq!(store.open_cases(green, 9).await?.1, 1);
    assert_eq!(store.totals().await?.waiting, 2);
    Ok(())
}

// Rungs and what is forgotten.

/// See its name.
pub async fn rungs_are_kept_as_they_stand_and_pardoned(store: &dyn Store) -> Done {
    let (green, _) = Room::open_as(store, 1, "qq", "green").await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    let (lin, chen) = (who(&green, LIN), who(&green, CHEN));
    let marks = |marks| Dealings {
        marks,
        ..Dealings::default()
    };
    let first = vec![
        mark(lin, "spam", 1, 1),
        mark(lin, "links", 1, 2),
        mark(chen, "spam", 1, 3),
    ];
    green.deals(marks(first), 3).await?;
    red.deals(marks(vec![mark(who(&red, LIN), "spam", 4, 3)]), 3)
        .await?;
    green.deals(marks(vec![mark(lin, "spam", 2, 9)]), 9).await?;
    let mut left = green.left().await?.marks;
    left.sort_by_key(|mark| mark.last);
    let expected = [
        mark(lin, "links", 1, 2),
        mark(chen, "spam", 1, 3),
        mark(lin, "spam", 2, 9),
    ];
    assert_eq!(left, expected);
    let (green, _) = Room::open_as(store, 1, "qq", "green").await?;
    // Pardoned, and at it again in the same breath.
    let again = mark(lin, "spam", 1, 10);
    let pardon = Dealings {
        pardoned: vec![lin],
        ..marks(vec![again])
    };
    green.deals(pardon, 10).await?;
    let mut left = green.left().await?.marks;
    left.sort_by_key(|mark| mark.last);
    assert_eq!(left, [mark(chen, "spam", 1, 3), again]);
    assert_eq!(red.left().await?.marks.len(), 1);
    Ok(())
}

/// So many days into the test.
fn after(days: u64) -> Timestamp {
    at(0) + Duration::from_secs(days * 86_400)
}

const KEEP: Keep = Keep {
    days: 10,
    lines: 100,
};

/// See its name.
pub async fn old_evidence_and_old_rungs_are_forgotten(store: &dyn Store) -> Done {
    let (room, _) = Room::open_as(store, 1, "qq", "green").await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    let lin = who(&room, LIN);
    let dealings = Dealings {
        marks: vec![mark(lin, "spam", 3, 1)],
        ..cases(vec![case(1, LIN, CaseState::Settled)])
    };
    room.deals(dealings, 1).await?;
    let mut appeal = moves(1, CaseState::Settled, CaseState::Appealed, None);
    appeal.moves[0].appeal = Some("it was a quote".into());
    room.deals(appeal, 2).await?;
    red.deals(cases(vec![case(101, LIN, CaseState::Open)]), 1)
        .await?;
    let as_it_was = room.case(1).await?;
    let forget = |days| store.forget_old(room.lease, KEEP, Ageing::at(after(days)));
    forget(30).await?;
    assert_eq!(room.case(1).await?, as_it_was);
    forget(32).await?;
    let mut without_words = as_it_was;
    without_words.new.words.clear();
    without_words.new.name.clear();
    without_words.appeal.clear();
    assert_eq!(room.case(1).await?, without_words);
    assert_eq!(red.case(1).await?.new, case(101, LIN, CaseState::Open));
    forget(399).await?;
    let (room, left) = Room::open_as(store, 1, "qq", "green").await?;
    assert_eq!(left.marks.len(), 1);
    (store.forget_old(room.lease, KEEP, Ageing::at(after(402)))).await?;
    assert!(room.left().await?.marks.is_empty());
    Ok(())
}

/// See its name.
pub async fn what_a_clock_that_was_ahead_has_dated_is_forgotten_as_well(store: &dyn Store) -> Done {
    let (room, _) = Room::open_as(store, 1, "qq", "green").await?;
    let ahead = after(9_000);
    let case = NewCase {
        at: ahead,
        ..case(1, LIN, CaseState::Open)
    };
    let mark = Mark {
        last: ahead,
        ..mark(who(&room, LIN), "spam", 1, 0)
    };
    let dealings = Dealings {
        marks: vec![mark],
        ..cases(vec![case])
    };
    room.deals(dealings, 1).await?;
    let forget = |days| store.forget_old(room.lease, KEEP, Ageing::at(after(days)));
    forget(1).await?;
    assert_eq!(room.case(1).await?.new.at, after(1));
    forget(33).await?;
    assert_eq!(room.case(1).await?.new.words, "");
    forget(402).await?;
    assert!(room.left().await?.marks.is_empty());
    Ok(())
}

// Charters.

fn version(scope: &str, version: u32, body: &str) -> CharterVersion {
    CharterVersion {
        scope: scope.into(),
        version,
        at: at(i64::from(version)),
        by: "operator".into(),
        what: format!("version {version}"),
        body: body.into(),
    }
}

/// See its name.
pub async fn a_version_of_a_charter_is_written_once(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let table = "charter/open table";
    for n in [1, 2, 3] {
        store.keep_charter(version(table, n, "first")).await?;
    }
    let again = version(table, 2, "second");
    store.keep_charter(again.clone()).await?;
    let dealings = Dealings {
        charters: vec![again, version(table, 4, "dealt")],
        ..Dealings::default()
    };
    room.deals(dealings, 1).await?;
    store.keep_charter(version("charter/other", 9, "x")).await?;
    let expected: Vec<_> = [(4, "dealt"), (3, "first"), (2, "first"), (1, "first")]
        .map(|(n, body)| version(table, n, body))
        .into();
    assert_eq!(store.charters(table, 9).await?, expected);
    assert_eq!(store.charters(table, 2).await?, expected[..2]);
    assert!(store.charters("charter/%", 9).await?.is_empty());
    Ok(())
}

/// See its name.
pub async fn a_room_opens_with_its_newest_charter(store: &dyn Store) -> Done {
    let (room, opened) = Room::open_as(store, 1, "qq", "green").await?;
    assert_eq!(opened.charter, None);
    let scope = |room: RoomId| format!("room/{room}");
    let newest = version(&scope(room.lease.room), 10, "ten");
    let dealings = Dealings {
        charters: vec![
            version(&scope(room.lease.room), 9, "nine"),
            newest.clone(),
            version(&scope(RoomId(ulid(404))), 11, "another's"),
        ],
        ..Dealings::default()
    };
    room.deals(dealings, 1).await?;
    assert_eq!(room.left().await?.charter, Some(newest));
    Ok(())
}

// Lines, trails and our own messages.

/// See its name.
pub async fn a_trail_is_told_and_goes_with_its_line(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let found = |line: HistoryLine| HistoryLine {
        trail: Some(format!("found in {}", line.message)),
        ..line
    };
    let told = |n| format!("found in m{n}");
    let mut asked = room.question(1, LIN);
    asked.line = asked.line.map(found);
    asked.dealings = cases(vec![case(1, LIN, CaseState::Open)]);
    room.accept(asked).await?;
    room.is_answered(1).await?;
    room.is_shown(1, 5).await?;
    let talk = found(room.line(2, LIN, "hm"));
    store.remember(vec![(room.lease, talk)]).await?;
    room.talks(3, LIN, "oh").await?;
    for (message, trail) in [
        (label(1), Some(told(1))),
        (MessageId::new("own1"), Some(told(1))),
        (label(2), Some(told(2))),
        (label(3), None),
    ] {
        let why = room.why(&message).await?.expect("it is kept");
        assert_eq!(why.trail, trail, "{message}");
    }
    room.recall(1).await?;
    room.recall(2).await?;
    assert_eq!(room.why(&label(1)).await?.expect("a turn").trail, None);
    assert_eq!(room.why(&label(2)).await?, None);
    assert_eq!(room.case(1).await?.new, case(1, LIN, CaseState::Open));
    Ok(())
}

/// See its name.
pub async fn lines_between_two_times_come_in_pieces(store: &dyn Store) -> Done {
    let (green, _) = Room::open_as(store, 1, "qq", "green").await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    let said: Vec<_> = (1..=6)
        .map(|n| HistoryLine {
            trail: (n == 3).then(|| "found".into()),
            reply_to: (n == 4).then(|| label(3)),
            mentions: n == 4,
            addressed: n == 5,
            ..green.line(n, if n % 2 == 0 { CHEN } else { LIN }, "words")
        })
        .collect();
    let lines = said.iter().map(|line| (green.lease, line.clone()));
    store.remember(lines.collect()).await?;
    let elsewhere = red.line(7, LIN, "elsewhere");
    store.remember(vec![(red.lease, elsewhere)]).await?;
    let read = |from, to, after: Option<Ulid>, most| {
        store.lines_between(green.lease.room, at(from)..=at(to), after, most)
    };
    assert_eq!(read(0, 99, None, 9).await?, said);
    assert_eq!(read(2, 4, None, 9).await?, said[1..4]);
    assert_eq!(read(0, 99, None, 2).await?, said[..2]);
    assert_eq!(read(0, 99, Some(said[1].id), 2).await?, said[2..4]);
    assert_eq!(read(0, 3, Some(said[5].id), 9).await?, []);
    Ok(())
}

/// See its name.
pub async fn our_own_messages_come_newest_first(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    for (n, second) in [(1, 10), (2, 20), (3, 30), (4, 40)] {
        (store.deal(room.lease, Dealings::default(), vec![notice(n)], at(second))).await?;
    }
    for (n, second) in [(1, 12), (2, 21), (3, 31)] {
        room.is_shown(n, second).await?;
    }
    let green = room.lease.room;
    let qq = AccountName::new("qq");
    for (since, most, expected) in [
        (0, 9, vec![3, 2, 1]),
        (0, 2, vec![3, 2]),
        (21, 9, vec![3, 2]),
        (22, 9, vec![3]),
        (32, 9, vec![]),
    ] {
        let found = store.own_since(green, &qq, at(since), most).await?;
        let labels: Vec<_> = found.iter().map(|own| own.message.to_string()).collect();
        let expected: Vec<_> = expected.iter().map(|n| format!("own{n}")).collect();
        assert_eq!(labels, expected, "since {since}, {most} at most");
    }
    let newest = &store.own_since(green, &qq, at(0), 1).await?[0];
    assert_eq!(newest.sealed, notice(3).sealed);
    assert_eq!((newest.delivery, newest.at), (row(3), at(31)));
    let other = AccountName::new("second");
    assert!(store.own_since(green, &other, at(0), 9).await?.is_empty());
    Ok(())
}

// The audit log.

/// An entry of the log.
pub fn note(by: By, did: &'static str) -> AuditNote {
    AuditNote {
        by,
        did,
        to: None,
        with: String::new(),
    }
}

/// See its name.
pub async fn the_audit_log_numbers_its_rows_and_names_nobody(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let nothing = store.audit_verify().await?;
    assert_eq!((nothing.rows, nothing.faults), (0, vec![]));
    room.talks(1, LIN, "hello").await?;
    let green = Some(room.lease.room);
    let (lin, chen) = (MemberId::new(LIN), MemberId::new(CHEN));
    let muted = AuditNote {
        to: Some(lin.clone()),
        with: "words:spam v3 600s case 7".into(),
        ..note(By::House, "mute")
    };
    room.deals(
        Dealings {
            audit: vec![muted],
            ..Dealings::default()
        },
        5,
    )
    .await?;
    let pardon = AuditNote {
        to: Some(lin),
        ..note(By::Member(chen), "pardon")
    };
    store.audit(green, pardon, at(6)).await?;
    let started = note(By::Operator, "rule-mode");
    store.audit(None, started, at(7)).await?;
    let rows = store.audit_rows(9).await?;
    let plain: Vec<_> = rows
        .iter()
        .map(|row| (row.n, row.at, row.room, row.did.as_str()))
        .collect();
    let expected = [
        (3, at(7), None, "rule-mode"),
        (2, at(6), green, "pardon"),
        (1, at(5), green, "mute"),
    ];
    assert_eq!(plain, expected);
    assert_eq!(
        (rows[0].by.as_str(), rows[2].by.as_str()),
        ("operator", "house")
    );
    assert_eq!(rows[2].with, "words:spam v3 600s case 7");
    let to = rows[2].to.as_deref().expect("a key");
    assert_eq!(rows[1].to.as_deref(), Some(to), "one member is one key");
    for key in [to, &rows[1].by] {
        assert!(key.len() == 32 && key.bytes().all(|c| c.is_ascii_hexdigit()));
    }
    assert_ne!(to, rows[1].by);
    assert_eq!(store.audit_rows(2).await?, rows[..2]);
    let report = store.audit_verify().await?;
    assert_eq!((report.rows, report.faults), (3, vec![]));
    Ok(())
}

/// See its name.
pub async fn a_long_audit_log_is_looked_through_whole(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let notes = |many| Dealings {
        audit: (0..many).map(|_| note(By::House, "recall")).collect(),
        ..Dealings::default()
    };
    // Pieces are of a thousand: at their edge, and past it.
    for (many, rows) in [(1_000, 1_000), (1, 1_001), (1_500, 2_501)] {
        room.deals(notes(many), 1).await?;
        let report = store.audit_verify().await?;
        assert_eq!((report.rows, report.faults), (rows, vec![]));
    }
    Ok(())
}

/// A turn's answer that waits, for those who look what becomes of it.
pub(crate) async fn is_answered_in_two(room: &Room<'_>, n: u64) -> Done {
    room.asks(n, LIN).await?;
    let settlement = teahouse_store::Settlement {
        turn: turn(n),
        ..crate::store_contract::answered(n, vec![part(n, n, 0), part(n + 50, n, 1)])
    };
    room.settles(settlement).await
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_promise_is_in_the_list() {
        let sources = [
            include_str!("case_contract.rs"),
            include_str!("erase_contract.rs"),
        ];
        let (list, _) = sources[0].split_once("(@promises").unwrap();
        for source in sources {
            let promises = source.split("/// See its name.\npub async fn ").skip(1);
            for name in promises.map(|rest| rest.split('(').next().unwrap()) {
                assert!(list.contains(&format!(" {name}\n")), "{name}");
            }
        }
    }
}
