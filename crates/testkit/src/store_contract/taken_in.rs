//! What is taken in, and the limits of a day.

use super::*;

/// See its name.
pub async fn a_call_is_taken_in_once_and_a_repeat_changes_nothing(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let first = Acceptance {
        say: vec![notice(1)],
        changes: vec![RoomChange::On(false)],
        ..room.question(1, LIN)
    };
    assert_eq!(room.accept(first.clone()).await?, Accepted::New);
    let before = store.totals().await?;
    let repeat = Acceptance {
        say: vec![notice(2)],
        changes: vec![RoomChange::On(true)],
        ..room.question(2, LIN)
    };
    let repeat = Acceptance {
        key: first.key,
        ..repeat
    };
    for again in [first, repeat] {
        assert_eq!(room.accept(again).await?, Accepted::Seen);
    }
    assert_eq!(store.totals().await?, before);
    assert!(!room.left().await?.on);
    Ok(())
}

/// See its name.
pub async fn a_call_is_taken_in_with_all_that_follows_or_not_at_all(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.commands(1, vec![], vec![notice(1)]).await?;
    let before = store.totals().await?;
    let failing = Acceptance {
        say: vec![notice(2), notice(1)],
        changes: vec![RoomChange::On(false)],
        ..room.question(2, LIN)
    };
    let error = room.accept(failing).await.expect_err("row 1 is there");
    assert!(matches!(error, StoreError::Sqlite { .. }), "{error}");
    assert_eq!(store.totals().await?, before);
    assert!(room.left().await?.on);
    let (room, _) = Room::open_as(store, 1, "qq", "green").await?;
    assert_eq!(room.asks(2, LIN).await?, Accepted::New, "its key is free");
    Ok(())
}

/// See its name.
pub async fn the_same_label_with_other_words_is_another_message(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    for n in [1, 2, 3] {
        let mut acceptance = room.question(n, if n == 3 { CHEN } else { LIN });
        if let Some(line) = &mut acceptance.line {
            line.message = label(1);
        }
        if let Some((turn, _)) = &mut acceptance.turn {
            turn.message = label(1);
        }
        assert_eq!(room.accept(acceptance).await?, Accepted::New);
    }
    let totals = store.totals().await?;
    assert_eq!((totals.turns, totals.lines), (3, 3));
    Ok(())
}

/// See its name.
pub async fn a_first_call_begins_with_its_question_where_the_money_is_there(
    store: &dyn Store,
) -> Done {
    let room = Room::open(store).await?;
    let with_call = |n| Acceptance {
        attempt: Some(an_attempt(n, 1, 60, &[budget("day", 100)])),
        ..room.question(n, LIN)
    };
    assert_eq!(room.accept(with_call(1)).await?, Accepted::Begun);
    let begun = store.totals().await?;
    assert_eq!((begun.attempts, begun.reserved), (1, 60));
    let ledger = store.ledger(turn(1)).await?;
    assert!(
        matches!(ledger[..], [Entry::Accepted, Entry::Attempt { .. }]),
        "{ledger:?}"
    );
    assert_eq!(room.accept(with_call(1)).await?, Accepted::Seen);
    assert_eq!(store.totals().await?, begun, "a repeat sets nothing aside");
    assert_eq!(
        room.accept(with_call(2)).await?,
        Accepted::New,
        "60 do not fit"
    );
    assert_eq!(store.ledger(turn(2)).await?, [Entry::Accepted]);
    let totals = store.totals().await?;
    assert_eq!(
        (totals.attempts, totals.reserved, totals.open_turns),
        (1, 60, 2)
    );
    assert_eq!(room.left().await?.open_turns[0].attempts, 1);
    Ok(())
}

// Limits of a day.

/// See its name.
pub async fn a_refused_question_is_ended_at_once_and_never_counted(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.is_refused(2, LIN, Reason::Overloaded).await?;
    assert_eq!(room.day(LIN, 0).await?.questions, 1);
    let totals = store.totals().await?;
    assert_eq!((totals.turns, totals.open_turns, totals.settled), (2, 1, 1));
    let trail = room.why(&label(2)).await?.expect("a trail");
    assert_eq!(trail.reason, Reason::Overloaded);
    let open = room.left().await?.open_turns;
    assert_eq!(
        open.iter().map(|o| o.turn.id).collect::<Vec<_>>(),
        [turn(1)]
    );
    Ok(())
}

/// See its name.
pub async fn a_question_counts_for_the_day_its_room_has(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    for (n, day) in [(9, 0), (10, 1), (11, 1), (12, 7)] {
        let mut acceptance = room.question(n, LIN);
        if let Some((turn, _)) = &mut acceptance.turn {
            turn.day = self::day(day);
        }
        room.accept(acceptance).await?;
        room.is_answered(n).await?;
    }
    for (day, counted) in [(0, 1), (1, 2), (2, 0), (7, 1)] {
        assert_eq!(room.day(LIN, day).await?.questions, counted, "{day}");
    }
    Ok(())
}

/// See its name.
pub async fn the_limit_notice_is_remembered_for_its_day(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.is_refused(1, LIN, Reason::Overloaded).await?;
    assert!(!room.day(LIN, 0).await?.limit_noticed);
    room.is_refused(2, LIN, Reason::QuotaMember).await?;
    assert!(room.day(LIN, 0).await?.limit_noticed);
    assert!(!room.day(LIN, 3).await?.limit_noticed, "the next day");
    assert!(!room.day(CHEN, 0).await?.limit_noticed);
    Ok(())
}

/// See its name.
pub async fn questions_elsewhere_count_elsewhere(store: &dyn Store) -> Done {
    let green = Room::open(store).await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    green.asks(1, LIN).await?;
    red.asks(2, LIN).await?;
    red.asks(3, CHEN).await?;
    assert_eq!(green.day(LIN, 0).await?.questions, 1);
    assert_eq!(green.day(CHEN, 0).await?, MemberDay::default());
    let lin = MemberId::new(LIN);
    let day = store
        .member_day(green.lease.room, "telegram", &lin, day(0))
        .await?;
    assert_eq!(day, MemberDay::default(), "another platform's lin");
    Ok(())
}

/// See its name.
pub async fn a_room_opens_with_the_counts_of_its_day(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    for n in [1, 2] {
        room.asks(n, LIN).await?;
    }
    room.is_refused(3, CHEN, Reason::QuotaMember).await?;
    let mut yesterday = room.question(4, "old");
    if let Some((turn, _)) = &mut yesterday.turn {
        turn.day = day(-1);
    }
    room.accept(yesterday).await?;
    let mut counts = room.left().await?.day;
    counts.sort_by(|a, b| a.0.cmp(&b.0));
    let count = |questions, limit_noticed| MemberDay {
        questions,
        limit_noticed,
    };
    let expected = [(CHEN, count(0, true)), (LIN, count(2, false))];
    assert_eq!(counts, expected.map(|(id, day)| (MemberId::new(id), day)));
    Ok(())
}
