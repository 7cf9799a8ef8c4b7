//! What is taken up again after a start.

use super::*;

/// See its name.
pub async fn unfinished_names_the_rooms_with_work_and_no_others(store: &dyn Store) -> Done {
    let (asked, _) = Room::open_as(store, 1, "qq", "asked").await?;
    let (waits, _) = Room::open_as(store, 1, "qq", "waits").await?;
    let (done, _) = Room::open_as(store, 1, "qq", "done").await?;
    let (talk, _) = Room::open_as(store, 1, "qq", "talk").await?;
    asked.asks(1, LIN).await?;
    waits.commands(2, vec![], vec![notice(2)]).await?;
    waits.claims(5).await?;
    done.asks(3, LIN).await?;
    done.is_answered(3).await?;
    done.is_shown(3, 9).await?;
    talk.talks(4, LIN, "hello").await?;
    let mut chats: Vec<_> = store
        .unfinished()
        .await?
        .into_iter()
        .map(|(address, kind)| (address.chat.to_string(), kind))
        .collect();
    chats.sort_by(|a, b| a.0.cmp(&b.0));
    let group = RoomKind::Group;
    assert_eq!(chats, [("asked".into(), group), ("waits".into(), group)]);
    Ok(())
}

/// See its name.
pub async fn the_rooms_an_account_heard_lately_come_latest_first(store: &dyn Store) -> Done {
    let (early, _) = Room::open_as(store, 1, "qq", "early").await?;
    let (late, _) = Room::open_as(store, 1, "qq", "late").await?;
    let (other, _) = Room::open_as(store, 1, "qq2", "late").await?;
    let (_silent, _) = Room::open_as(store, 1, "qq", "silent").await?;
    // A question's line comes with the talk, later: the question itself was heard.
    let (asked, _) = Room::open_as(store, 1, "qq", "asked").await?;
    asked.asks(5, LIN).await?;
    early.talks(10, LIN, "hello").await?;
    other.talks(11, LIN, "hello").await?;
    late.talks(12, LIN, "hello").await?;
    late.talks(30, LIN, "again").await?;
    let qq = AccountName::new("qq");
    let heard = |since, most| {
        let qq = qq.clone();
        async move {
            let rooms = store.heard_since(&qq, at(since), most).await?;
            let short = rooms
                .into_iter()
                .map(|room| (room.address.chat.to_string(), room.last));
            Ok::<Vec<_>, StoreError>(short.collect())
        }
    };
    let all = [
        ("late".into(), at(30)),
        ("early".into(), at(10)),
        ("asked".into(), at(5)),
    ];
    assert_eq!(heard(0, 9).await?, all);
    assert_eq!(heard(11, 9).await?, all[..1]);
    assert_eq!(heard(0, 1).await?, all[..1]);
    assert_eq!(heard(31, 9).await?, []);
    Ok(())
}

/// Leaves one of everything in the green room.
pub async fn leave_a_lively_room(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.talks(1, CHEN, "hello").await?;
    room.asks(2, LIN).await?;
    room.settles(Settlement {
        greeted: true,
        ..answered(2, vec![part(2, 2, 0)])
    })
    .await?;
    room.is_shown(2, 10).await?;
    let mut open = room.question(3, LIN);
    if let Some((turn, _)) = &mut open.turn {
        turn.reply_to = Some(label(1));
    }
    room.accept(open).await?;
    room.attempt(3, 1, 40, &[budget("day", 100)]).await?;
    room.attempt_ended(3, 1, 10).await?;
    room.attempt(3, 2, 40, &[budget("day", 100)]).await?;
    room.releases(3, 3, 0).await?;
    let off = vec![RoomChange::On(false), RoomChange::PausedUntil(at(900))];
    room.commands(4, off, vec![]).await
}

/// Checks that nothing of it is missing.
pub async fn find_a_lively_room(store: &dyn Store) -> Done {
    let (room, left) = Room::open_as(store, 2, "qq", "green").await?;
    assert_eq!(
        (left.lease.host, left.on, left.greeted),
        (host(2), false, true)
    );
    assert_eq!(left.paused_until, Some(at(900)));
    let talk: Vec<_> = left.talk.iter().map(|line| line.message.clone()).collect();
    assert_eq!(talk, [label(1)], "what called the house is no talk");
    assert_eq!(
        (left.talk[0].member.as_str(), left.talk[0].text.as_str()),
        (CHEN, "hello")
    );
    assert_eq!(left.exchanges.len(), 1);
    let exchange = &left.exchanges[0];
    assert_eq!(
        (&exchange.message, exchange.member.as_str()),
        (&label(2), LIN)
    );
    assert_eq!(
        (exchange.question.as_str(), exchange.answer.as_str()),
        ("question 2", "answer 2")
    );
    assert_eq!(left.open_turns.len(), 1);
    let open = &left.open_turns[0];
    assert_eq!((open.released, open.attempts), (1, 2));
    let asked = NewTurn {
        reply_to: Some(label(1)),
        ..room.question(3, LIN).turn.expect("a question").0
    };
    assert_eq!(open.turn, asked);
    assert_eq!(left.own_messages, [MessageId::new("own2")]);
    assert!(left.has_deliveries);
    let totals = store.totals().await?;
    assert_eq!((totals.reserved, totals.spent), (40, 10));
    assert_eq!((totals.turns, totals.open_turns, totals.settled), (2, 1, 1));
    room.is_shown(3, 60).await
}

/// See its name.
pub async fn a_room_is_opened_as_it_was_left(store: &dyn Store) -> Done {
    let new = Room::open_as(store, 1, "qq", "red").await?.1;
    assert_eq!((new.on, new.paused_until, new.greeted), (true, None, false));
    assert!(!new.has_deliveries && new.talk.is_empty() && new.open_turns.is_empty());
    leave_a_lively_room(store).await?;
    find_a_lively_room(store).await
}

/// See its name.
pub async fn on_ends_a_pause(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let pause = RoomChange::PausedUntil(at(900));
    room.commands(1, vec![pause], vec![]).await?;
    let (room, opened) = Room::open_as(store, 1, "qq", "green").await?;
    assert_eq!((opened.on, opened.paused_until), (true, Some(at(900))));
    room.commands(2, vec![RoomChange::On(true)], vec![]).await?;
    let left = room.left().await?;
    assert_eq!((left.on, left.paused_until), (true, None));
    Ok(())
}

/// See its name.
pub async fn a_greeting_that_was_given_up_is_due_again(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    for (n, room) in [(1, &room), (2, &red)] {
        room.asks(n, LIN).await?;
        room.settles(Settlement {
            greeted: true,
            ..answered(n, vec![])
        })
        .await?;
    }
    room.commands(3, vec![RoomChange::NotGreeted], vec![])
        .await?;
    assert!(!room.left().await?.greeted);
    assert!(red.left().await?.greeted, "no other room's");
    Ok(())
}

/// See its name.
pub async fn a_room_keeps_its_latest_talk_in_mind(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let lines = (1..=100).map(|n| (room.lease, room.line(n, LIN, "talk")));
    store.remember(lines.collect()).await?;
    let talk = room.left().await?.talk;
    assert_eq!(talk.len(), 64);
    assert_eq!(
        (&talk[0].message, &talk[63].message),
        (&label(37), &label(100))
    );
    Ok(())
}

/// See its name.
pub async fn the_ledger_reads_back_as_written(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.attempt(1, 1, 40, &[budget("day", 100)]).await?;
    room.releases(1, 1, 0).await?;
    room.settles(Settlement {
        cut_short: true,
        attempt: Some(ended(1, 1, 10)),
        ..answered(1, vec![part(2, 1, 1)])
    })
    .await?;
    room.claims(60).await?;
    let dead = DeliveryState::Dead { why: DeadWhy::Gone };
    room.completes(1, dead, true, 61).await?;
    room.claims(62).await?;
    room.completes(2, shown(2), false, 63).await?;
    let expected = [
        Entry::Accepted,
        Entry::Attempt {
            number: number(1),
            purpose: Purpose::Answer,
            provider: "deep".into(),
            model: "chat".into(),
            reserved: Nano(40),
            currency: Currency::usd(),
        },
        Entry::Released { part: 0 },
        Entry::AttemptEnded {
            number: number(1),
            failure: Some(FailureKind::Timeout),
            usage: Usage::default(),
            cost: Nano(10),
        },
        Entry::Settled {
            reason: Reason::Answered,
            cut_short: true,
        },
        Entry::Dead {
            delivery: row(1),
            why: DeadWhy::Gone,
        },
        Entry::Sent {
            delivery: row(2),
            read_back: true,
        },
    ];
    assert_eq!(store.ledger(turn(1)).await?, expected);
    assert!(store.ledger(turn(404)).await?.is_empty());
    Ok(())
}

/// See its name.
pub async fn totals_add_up(store: &dyn Store) -> Done {
    assert_eq!(store.totals().await?, Totals::default());
    leave_a_lively_room(store).await?;
    let expected = Totals {
        turns: 2,
        open_turns: 1,
        settled: 1,
        attempts: 2,
        waiting: 1,
        dead: 0,
        reserved: 40,
        spent: 10,
        lines: 4,
    };
    assert_eq!(store.totals().await?, expected);
    Ok(())
}
