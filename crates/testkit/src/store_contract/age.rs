//! What is not kept for ever.

use super::*;

/// See its name.
pub async fn talk_is_dropped_after_its_days_and_lines(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    red.talks(99, LIN, "red").await?;
    for n in 1..=6 {
        room.talks(n, LIN, "talk").await?;
    }
    let kept = || async {
        let talk = room.left().await?.talk;
        let labels = talk.into_iter().map(|line| line.message).collect();
        Ok::<Vec<MessageId>, StoreError>(labels)
    };
    let forget = |days, lines, now| {
        let keep = Keep { days, lines };
        async move {
            let (held, _) = Room::open_as(store, 1, "qq", "green").await?;
            let more = store.forget_old(held.lease, keep, Ageing::at(now)).await?;
            assert!(!more, "so few lines are one piece");
            Ok::<(), StoreError>(())
        }
    };
    forget(7, 10, at(3)).await?;
    assert_eq!(kept().await?.len(), 6);
    let week = Duration::from_secs(7 * 86_400);
    forget(7, 10, at(3) + week).await?;
    assert_eq!(kept().await?, [label(3), label(4), label(5), label(6)]);
    forget(7, 2, at(6)).await?;
    assert_eq!(kept().await?, [label(5), label(6)]);
    forget(7, 0, at(6)).await?;
    assert!(kept().await?.is_empty());
    assert!(red.words(99).await?.is_some());
    Ok(())
}

/// See its name.
pub async fn the_words_of_old_turns_go_and_open_ones_stay(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    for n in [1, 2, 3] {
        room.asks(n, LIN).await?;
    }
    room.is_answered(1).await?;
    room.is_answered(3).await?;
    let week = Duration::from_secs(7 * 86_400);
    store
        .forget_old(room.lease, Keep::default(), Ageing::at(at(3) + week))
        .await?;
    let left = room.left().await?;
    assert_eq!(left.exchanges.len(), 1);
    assert_eq!(left.exchanges[0].question, "question 3");
    assert_eq!(left.open_turns[0].turn.question, "question 2");
    assert_eq!(store.totals().await?.turns, 3);
    Ok(())
}

/// See its name.
pub async fn an_inbox_key_lives_three_days(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let day = Duration::from_secs(86_400);
    store.purge(Ageing::at(at(1) + 3 * day)).await?;
    assert_eq!(room.asks(1, LIN).await?, Accepted::Seen);
    store.purge(Ageing::at(at(2) + 3 * day)).await?;
    let later = Acceptance {
        turn: None,
        ..room.question(1, LIN)
    };
    assert_eq!(room.accept(later).await?, Accepted::New);
    assert_eq!(store.totals().await?.turns, 1, "the turn outlives its key");
    Ok(())
}

/// See its name.
pub async fn a_purge_goes_in_pieces_and_says_when_nothing_is_left(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let hears = async |expected| {
        let heard = (0..2_500u32).map(|n| {
            let mut key = [9; 16];
            key[..4].copy_from_slice(&n.to_be_bytes());
            let key = InboxKey(key);
            room.accept(Acceptance {
                key,
                turn: None,
                ..room.question(1, LIN)
            })
        });
        for accepted in join_all(heard).await {
            assert_eq!(accepted?, expected);
        }
        Ok::<(), StoreError>(())
    };
    hears(Accepted::New).await?;
    let later = Ageing::at(at(2) + Duration::from_secs(3 * 86_400));
    for more in [true, false, false] {
        assert_eq!(store.purge(later).await?, more);
    }
    hears(Accepted::New).await
}

/// See its name.
pub async fn a_room_forgets_in_pieces_and_says_when_nothing_is_left(store: &dyn Store) -> Done {
    const DAY: i64 = 86_400;
    let room = Room::open(store).await?;
    let ahead = at(3_650 * DAY);
    let keep = Keep {
        days: 7,
        lines: 10_000,
    };
    for n in [1, 2] {
        room.asks(n, LIN).await?;
        room.is_answered(n).await?;
    }
    let lines = (0..4_100).map(|n| {
        let line = HistoryLine {
            at: ahead,
            ..room.line(10 + n, LIN, "talk")
        };
        (room.lease, line)
    });
    store.remember(lines.collect()).await?;
    let forgets = async |second, pieces: &[(bool, u64)]| {
        for (more, left) in pieces {
            let time = Ageing::at(at(second));
            let said = store.forget_old(room.lease, keep, time).await?;
            let kept = store.totals().await?.lines;
            assert_eq!((said, kept), (*more, *left), "{second}");
        }
        Ok::<(), StoreError>(())
    };
    // Dated anew, a piece at a time; then they grow old with the rest.
    forgets(10, &[(true, 4_102), (true, 4_102), (false, 4_102)]).await?;
    let later = 8 * DAY;
    forgets(later, &[(true, 2_102), (true, 102), (false, 0)]).await?;
    assert!(room.left().await?.exchanges.is_empty());
    Ok(())
}

/// See its name.
pub async fn what_a_clock_that_was_ahead_has_dated_is_neither_lost_nor_kept_for_ever(
    store: &dyn Store,
) -> Done {
    const DAY: i64 = 86_400;
    let room = Room::open(store).await?;
    let ahead = at(3_650 * DAY);
    let line = HistoryLine {
        at: ahead,
        ..room.line(1, LIN, "talk")
    };
    store.remember(vec![(room.lease, line)]).await?;
    let mut question = room.question(2, LIN);
    question.at = ahead;
    let (turn, _) = question.turn.as_mut().expect("a question has a turn");
    (turn.asked, turn.day) = (ahead, ahead);
    room.accept(question.clone()).await?;
    room.is_answered(2).await?;
    // The clock is right again.
    for (second, kept, seen) in [
        (10, true, Accepted::Seen),
        (3 * DAY + 5, true, Accepted::Seen),
        (3 * DAY + 15, true, Accepted::New),
        (7 * DAY + 5, true, Accepted::New),
        (7 * DAY + 15, false, Accepted::Seen),
    ] {
        let time = Ageing::at(at(second));
        while store.purge(time).await? {}
        store.forget_old(room.lease, Keep::default(), time).await?;
        assert_eq!(room.words(1).await?.is_some(), kept, "{second}");
        let of = (room.lease.room, MemberId::new(LIN));
        let about = store.about(of.0, QQ, &of.1, day(0)).await?;
        assert_eq!((about.questions, about.today), (1, 0), "{second}");
        let repeat = Acceptance {
            turn: None,
            at: at(second),
            ..question.clone()
        };
        assert_eq!(room.accept(repeat).await?, seen, "{second}");
    }
    assert!(room.left().await?.exchanges.is_empty());
    Ok(())
}

/// See its name.
pub async fn a_fact_is_kept_by_its_name(store: &dyn Store) -> Done {
    assert_eq!(store.fact("self/qq").await?, None);
    for value in ["12345", "67890"] {
        store.keep_fact("self/qq", value).await?;
        assert_eq!(store.fact("self/qq").await?.as_deref(), Some(value));
    }
    assert_eq!(store.fact("self/%").await?, None);
    Ok(())
}

/// See its name.
pub async fn a_line_of_the_parlour_is_kept_in_its_room_and_replaced_by_its_id(
    store: &dyn Store,
) -> Done {
    let line = |room: &str, id: u64, body: &str| ParlourLine {
        room: ChatId::new(room),
        id,
        at: at(id as i64),
        body: body.to_owned(),
    };
    let lines = vec![
        line("main", 1, "one"),
        line("other", 1, "elsewhere"),
        line("main", 3, "three"),
        line("main", 2, "two"),
    ];
    store.keep_parlour(lines).await?;
    store.keep_parlour(vec![line("main", 2, "")]).await?;
    let main = ChatId::new("main");
    let newest = store.parlour(&main, 2).await?;
    assert_eq!(newest, [line("main", 2, ""), line("main", 3, "three")]);
    assert_eq!(store.parlour(&main, 99).await?.len(), 3);
    assert_eq!(store.parlour(&ChatId::new("nobody's"), 99).await?, []);
    Ok(())
}

/// See its name.
pub async fn a_session_holds_until_its_end_and_not_longer(store: &dyn Store) -> Done {
    let session = |n: u8, until| KeptSession {
        id: SessionId([n; 32]),
        csrf: format!("csrf-{n}"),
        opened: at(0),
        until: at(until),
    };
    for session in [session(1, 10), session(2, 20), session(3, 30)] {
        store.open_session(session).await?;
    }
    let is = |n: u8, second| store.session(SessionId([n; 32]), at(second));
    assert_eq!(is(1, 9).await?, Some(session(1, 10)));
    assert_eq!(is(1, 10).await?, None);
    assert_eq!(is(9, 1).await?, None);
    store.end_session(SessionId([3; 32])).await?;
    store.end_session(SessionId([3; 32])).await?;
    assert_eq!(is(3, 1).await?, None);
    store.purge(Ageing::at(at(10))).await?;
    assert_eq!(is(1, 1).await?, None);
    assert_eq!(is(2, 11).await?, Some(session(2, 20)));
    store.end_sessions(Timestamp::MAX).await?;
    assert_eq!(is(2, 11).await?, None);
    Ok(())
}
