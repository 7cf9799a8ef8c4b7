//! The outbox: claimed once, completed once, and what is in doubt is looked at.

use super::*;

/// See its name.
pub async fn the_parts_of_a_turn_go_in_order_and_keep_nobody_else_waiting(
    store: &dyn Store,
) -> Done {
    let room = Room::open(store).await?;
    for n in [1, 2] {
        room.asks(n, LIN).await?;
    }
    room.releases(10, 1, 0).await?;
    room.releases(11, 1, 1).await?;
    room.releases(12, 2, 0).await?;
    room.commands(3, vec![], vec![notice(13)]).await?;
    assert_eq!(room.claims(60).await?.id, row(10));
    assert_eq!(room.claims(60).await?.id, row(12), "part 11 waits for 10");
    assert_eq!(room.claims(60).await?.id, row(13));
    assert!(matches!(room.claim(60).await?, Claim::Later(until) if until == at(90)));
    room.completes(10, queued(70, false), false, 61).await?;
    assert!(matches!(room.claim(65).await?, Claim::Later(due) if due == at(70)));
    room.is_shown(10, 70).await?;
    assert_eq!(room.claims(71).await?.id, row(11));
    Ok(())
}

/// See its name.
pub async fn parts_go_by_their_number_when_the_clock_was_set_back(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.releases(20, 1, 0).await?;
    room.releases(10, 1, 1).await?;
    assert_eq!(room.claims(60).await?.id, row(20));
    assert!(matches!(room.claim(60).await?, Claim::Later(_)));
    room.completes(20, shown(20), true, 61).await?;
    assert_eq!(room.claims(61).await?.id, row(10));
    Ok(())
}

/// See its name.
pub async fn a_row_that_seems_a_day_off_was_dated_by_a_clock_that_was_ahead_and_is_due(
    store: &dyn Store,
) -> Done {
    const TOMORROW: u64 = 86_400;
    let room = Room::open(store).await?;
    for n in [1, TOMORROW] {
        room.commands(n, vec![], vec![notice(n)]).await?;
    }
    let first = room.claims(5).await?;
    assert_eq!(first.id, row(1));
    let next = store
        .complete(room.lease, first.id, shown(1), true, at(6))
        .await?;
    assert_eq!(next, Some(at(6)), "nobody sleeps on it");
    assert_eq!(room.claims(7).await?.id, row(TOMORROW));
    Ok(())
}

/// See its name.
pub async fn a_claimed_row_is_nobody_elses_until_its_time(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    assert!(matches!(room.claim(0).await?, Claim::Empty));
    room.commands(1, vec![], vec![notice(1)]).await?;
    assert!(matches!(room.claim(0).await?, Claim::Later(due) if due == at(1)));
    let mine = room.claims(5).await?;
    assert_eq!(
        (mine.before, mine.sends, mine.again),
        (Before::Queued, 0, false)
    );
    assert_eq!(
        (mine.room, mine.turn, mine.created),
        (room.lease.room, None, at(1))
    );
    for second in [5, 34] {
        assert!(matches!(room.claim(second).await?, Claim::Later(until) if until == at(35)));
    }
    room.completes(1, shown(1), true, 34).await?;
    assert!(matches!(room.claim(99).await?, Claim::Empty));
    Ok(())
}

/// See its name.
pub async fn a_row_that_died_in_hand_is_unknown_since_then_and_counts_as_sent(
    store: &dyn Store,
) -> Done {
    let dead = Room::open(store).await?;
    dead.asks(1, LIN).await?;
    dead.settles(answered(1, vec![part(1, 1, 0)])).await?;
    dead.claims(5).await?;
    // The next holder of the room does not wait for the dead one's claim to be over.
    let room = Room::open(store).await?;
    let found = room.claims(6).await?;
    assert_eq!(found.before, Before::Unknown { since: at(5) });
    assert_eq!(found.sends, 1, "it may have been shown");
    let entry = Entry::Unknown { delivery: row(1) };
    assert_eq!(store.ledger(turn(1)).await?.last(), Some(&entry));
    room.completes(1, queued(36, true), false, 36).await?;
    let resend = room.claims(36).await?;
    assert_eq!(
        (resend.before, resend.sends, resend.again),
        (Before::Queued, 1, true)
    );
    Ok(())
}

/// See its name.
pub async fn a_look_back_that_died_is_no_send(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.commands(1, vec![], vec![notice(1)]).await?;
    room.claims(5).await?;
    let unknown = DeliveryState::Unknown {
        since: at(6),
        due: at(8),
    };
    assert_eq!(room.completes(1, unknown, true, 6).await?, Some(at(8)));
    for second in [8, 38, 68] {
        let found = room.claims(second).await?;
        assert_eq!(found.before, Before::Unknown { since: at(6) });
        assert_eq!(found.sends, 1, "at {second}");
    }
    Ok(())
}

/// See its name.
pub async fn sends_are_counted_and_a_repeat_is_marked(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.settles(answered(1, vec![part(1, 1, 0)])).await?;
    room.claims(5).await?;
    room.completes(1, queued(6, false), false, 6).await?;
    assert_eq!(room.claims(6).await?.sends, 0, "it never left");
    let unknown = DeliveryState::Unknown {
        since: at(7),
        due: at(9),
    };
    room.completes(1, unknown, true, 7).await?;
    assert_eq!(room.claims(9).await?.sends, 1);
    room.completes(1, queued(10, true), false, 10).await?;
    for second in [10, 11] {
        let resend = room.claims(second).await?;
        assert_eq!((resend.sends, resend.again), (1, true));
        let offline = queued(second + 1, true);
        room.completes(1, offline, false, second).await?;
    }
    room.claims(12).await?;
    room.completes(1, shown(1), true, 12).await?;
    let ledger = store.ledger(turn(1)).await?;
    let delivery = row(1);
    let sent = Entry::Sent {
        delivery,
        read_back: false,
    };
    assert_eq!(
        ledger[2..],
        [
            Entry::Unknown { delivery },
            Entry::Resent { delivery },
            sent
        ]
    );
    Ok(())
}

/// See its name.
pub async fn an_answer_says_when_the_next_row_is_due(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    for n in [1, 2] {
        room.commands(n, vec![], vec![notice(n)]).await?;
    }
    room.claims(5).await?;
    let next = room.completes(1, queued(50, false), false, 6).await?;
    assert_eq!(next, Some(at(2)), "row 2 has been due since second 2");
    room.claims(7).await?;
    assert_eq!(room.completes(2, shown(2), true, 8).await?, Some(at(50)));
    room.claims(50).await?;
    assert_eq!(room.completes(1, shown(1), true, 51).await?, None);
    Ok(())
}

/// See its name.
pub async fn a_finished_row_is_never_changed(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    for n in [1, 2] {
        room.commands(n, vec![], vec![notice(n)]).await?;
    }
    room.is_shown(1, 5).await?;
    room.claims(5).await?;
    let dead = DeliveryState::Dead {
        why: DeadWhy::Muted,
    };
    room.completes(2, dead, true, 6).await?;
    let before = store.totals().await?;
    assert_eq!((before.waiting, before.dead), (0, 1));
    for n in [1, 2] {
        room.completes(n, queued(7, true), false, 7).await?;
        room.completes(n, shown(9), true, 7).await?;
    }
    assert!(matches!(room.claim(99).await?, Claim::Empty));
    assert_eq!(store.totals().await?, before);
    assert_eq!(room.left().await?.own_messages, [MessageId::new("own1")]);
    Ok(())
}

/// See its name.
pub async fn a_sealed_row_comes_back_as_it_was(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let words = "茶 \"quoted\" \\ 'x' \u{1F375} %_;--\nsecond line";
    let say = Outbound {
        sealed: sealed(words),
        due: None,
        ..notice(1)
    };
    room.commands(1, vec![], vec![say]).await?;
    assert_eq!(room.claims(5).await?.sealed, sealed(words));
    Ok(())
}
