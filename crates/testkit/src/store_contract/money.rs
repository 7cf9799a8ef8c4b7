//! Money: set aside before a call, settled after it, counted by the day.

use super::*;

/// See its name.
pub async fn an_attempt_is_set_aside_in_all_budgets_or_in_none(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let budgets = [budget("day", 100), budget("credit", 60)];
    assert_eq!(room.attempt(1, 1, 40, &budgets).await?, Reserved::Yes);
    let before = store.totals().await?;
    assert_eq!((before.reserved, before.attempts), (80, 1));
    let short = Reserved::Short {
        budget: "credit".into(),
    };
    assert_eq!(room.attempt(1, 2, 40, &budgets).await?, short);
    assert_eq!(store.totals().await?, before);
    let negative = room.attempt(1, 3, -1, &budgets).await?;
    assert!(matches!(negative, Reserved::Short { .. }));
    Ok(())
}

/// See its name.
pub async fn what_was_spent_is_told_of_the_budgets_that_begin_so(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let budgets = [
        budget("guests/a_/1/USD", 100),
        budget("guests/ab/1/USD", 100),
        budget("guests/a_/11/USD", 100),
    ];
    room.attempt(1, 1, 40, &budgets).await?;
    let none = vec![("USD".to_owned(), Nano(0))];
    assert_eq!(
        store.spent("guests/a_/1/").await?,
        none,
        "set aside is not spent"
    );
    room.attempt_ended(1, 1, 30).await?;
    let spent = vec![("USD".to_owned(), Nano(30))];
    assert_eq!(store.spent("guests/a_/1/").await?, spent);
    assert_eq!(store.spent("guests/b").await?, vec![]);
    Ok(())
}

/// See its name.
pub async fn an_end_hands_out_the_rooms_first_row_where_that_is_asked_for(
    store: &dyn Store,
) -> Done {
    let room = Room::open(store).await?;
    let handing = |n, until| Settlement {
        claim_until: Some(at(until)),
        ..answered(n, vec![part(n, n, 1)])
    };
    for n in [1, 2, 3] {
        room.asks(n, LIN).await?;
    }
    let end = handing(1, 40);
    let first = store
        .settle(room.lease, end.clone())
        .await?
        .expect("its part");
    assert_eq!((first.id, first.before), (row(1), Before::Queued));
    assert!(
        matches!(room.claim(20).await?, Claim::Later(until) if until == at(40)),
        "it is in hand"
    );
    assert!(store.settle(room.lease, end).await?.is_none(), "once");
    assert!(
        store
            .settle(room.lease, answered(2, vec![part(2, 2, 1)]))
            .await?
            .is_none(),
        "unasked"
    );
    let waiting = store
        .settle(room.lease, handing(3, 50))
        .await?
        .expect("a row");
    assert_eq!(waiting.id, row(2), "what waited before goes first");
    Ok(())
}

/// See its name.
pub async fn a_finished_turn_makes_no_more_calls(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.is_answered(1).await?;
    let before = store.totals().await?;
    for of in [1, 404] {
        let error = room
            .attempt(of, 1, 5, &[budget("day", 100)])
            .await
            .expect_err("it is over");
        assert!(matches!(error, StoreError::TurnOver { .. }), "{error}");
    }
    assert_eq!(store.totals().await?, before);
    Ok(())
}

/// See its name.
pub async fn a_call_is_booked_once_and_what_it_did_not_cost_is_free_again(
    store: &dyn Store,
) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let budgets = [budget("day\nof\nlines", 100), budget("credit", 100)];
    room.attempt(1, 1, 100, &budgets).await?;
    for cost in [10, 10, 99] {
        room.attempt_ended(1, 1, cost).await?;
    }
    let totals = store.totals().await?;
    assert_eq!((totals.reserved, totals.spent), (0, 20));
    assert_eq!(totals.open_turns, 1, "the turn goes on");
    assert_eq!(room.attempt(1, 2, 90, &budgets).await?, Reserved::Yes);
    Ok(())
}

/// See its name.
pub async fn what_is_set_aside_and_spent_stays_within_the_limit(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let day = [budget("day", 100)];
    let mut passed = 0;
    for attempt in 1..=20 {
        if room.attempt(1, attempt, 30, &day).await? == Reserved::Yes {
            passed += 1;
        }
        if attempt % 2 == 0 {
            room.attempt_ended(1, attempt, 5).await?;
        }
        let totals = store.totals().await?;
        assert!(totals.reserved + totals.spent <= 100, "{totals:?}");
    }
    assert!(passed >= 3, "{passed}");
    let totals = store.totals().await?;
    let free = 100 - totals.reserved - totals.spent;
    assert_eq!(room.attempt(1, 30, free, &day).await?, Reserved::Yes);
    let more = room.attempt(1, 31, 1, &day).await?;
    assert!(matches!(more, Reserved::Short { .. }));
    Ok(())
}

/// See its name.
pub async fn a_budget_named_twice_is_drawn_on_once(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let twice = [budget("day", 100), budget("day", 100)];
    assert_eq!(room.attempt(1, 1, 60, &twice).await?, Reserved::Yes);
    assert_eq!(store.totals().await?.reserved, 60);
    room.attempt_ended(1, 1, 60).await?;
    assert_eq!(store.totals().await?.spent, 60);
    Ok(())
}

/// See its name.
pub async fn an_attempt_that_is_set_aside_again_changes_nothing_also_where_the_money_is_gone(
    store: &dyn Store,
) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let all = [budget("day", 100)];
    for _ in 0..2 {
        assert_eq!(room.attempt(1, 1, 100, &all).await?, Reserved::Yes);
        assert_eq!(store.totals().await?.reserved, 100);
        assert_eq!(store.totals().await?.attempts, 1);
    }
    Ok(())
}

/// See its name.
pub async fn a_cost_above_its_reservation_is_booked_and_closes_the_budget(
    store: &dyn Store,
) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let day = [budget("day", 100)];
    room.attempt(1, 1, 50, &day).await?;
    room.attempt_ended(1, 1, 120).await?;
    let totals = store.totals().await?;
    assert_eq!((totals.reserved, totals.spent), (0, 120));
    let next = room.attempt(1, 2, 0, &day).await?;
    assert!(matches!(next, Reserved::Short { .. }));
    Ok(())
}

/// See its name.
pub async fn sums_of_money_stop_at_the_largest_number(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let endless = [budget("day", i64::MAX)];
    room.attempt(1, 1, 10, &endless).await?;
    room.attempt_ended(1, 1, i64::MAX).await?;
    room.attempt(1, 2, 0, &endless).await?;
    let more = room.attempt(1, 3, 1, &endless).await?;
    assert!(matches!(more, Reserved::Short { .. }));
    room.attempt_ended(1, 2, i64::MAX).await?;
    room.attempt(1, 4, 0, &endless).await?;
    room.attempt_ended(1, 4, -50).await?;
    let totals = store.totals().await?;
    assert_eq!((totals.reserved, totals.spent), (0, i64::MAX));
    Ok(())
}

/// See its name.
pub async fn what_a_dead_host_set_aside_is_booked_at_the_end(store: &dyn Store) -> Done {
    let dead = Room::open(store).await?;
    dead.asks(1, LIN).await?;
    dead.attempt(1, 1, 40, &[budget("day", 100)]).await?;
    let (room, opened) = Room::open_as(store, 2, "qq", "green").await?;
    assert_eq!(opened.open_turns[0].attempts, 1);
    room.attempt(1, 2, 30, &[budget("day", 100)]).await?;
    let end = Settlement {
        attempt: Some(ended(1, 2, 10)),
        ..answered(1, vec![])
    };
    room.settles(end).await?;
    let totals = store.totals().await?;
    assert_eq!((totals.reserved, totals.spent), (0, 50));
    let interrupted = store.ledger(turn(1)).await?.into_iter().any(|entry| {
        matches!(entry, Entry::AttemptEnded { number, failure: Some(FailureKind::Interrupted), cost: Nano(40), .. }
            if number.attempt == 1)
    });
    assert!(interrupted, "it may have been billed");
    Ok(())
}
