//! Turns: a question opens one, and it ends once.

use super::*;

/// See its name.
pub async fn a_part_is_released_once_and_in_order(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.releases(1, 1, 0).await?;
    room.releases(2, 1, 0).await?;
    room.releases(3, 1, 1).await?;
    room.releases(4, 1, 0).await?;
    assert_eq!(store.totals().await?.waiting, 2);
    let released = [Entry::Released { part: 0 }, Entry::Released { part: 1 }];
    assert_eq!(store.ledger(turn(1)).await?[1..], released);
    room.is_shown(1, 60).await?;
    room.is_shown(3, 61).await?;
    assert_eq!(room.left().await?.open_turns[0].released, 2);
    Ok(())
}

/// See its name.
pub async fn a_part_belongs_to_a_turn(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let error = store
        .release(room.lease, notice(1), "words".into(), at(1))
        .await
        .expect_err("a notice is no part");
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    room.releases(2, 404, 0).await?;
    assert_eq!(store.totals().await?, Totals::default());
    Ok(())
}

/// See its name.
pub async fn nothing_is_released_after_the_end(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.releases(1, 1, 0).await?;
    room.settles(answered(1, vec![])).await?;
    let before = store.ledger(turn(1)).await?;
    room.releases(2, 1, 1).await?;
    assert_eq!(store.totals().await?.waiting, 1);
    assert_eq!(store.ledger(turn(1)).await?, before);
    Ok(())
}

/// See its name.
pub async fn a_turn_is_settled_exactly_once(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.attempt(1, 1, 50, &[budget("day", 100)]).await?;
    let end = Settlement {
        attempt: Some(ended(1, 1, 30)),
        ..answered(1, vec![part(1, 1, 0)])
    };
    room.settles(end.clone()).await?;
    let (before, ledger) = (store.totals().await?, store.ledger(turn(1)).await?);
    assert_eq!((before.reserved, before.spent, before.settled), (0, 30, 1));
    let other = Settlement {
        reason: Reason::Cancelled,
        say: vec![notice(2)],
        answer: "more".into(),
        greeted: true,
        ..end.clone()
    };
    for again in [end, other] {
        room.settles(again).await?;
    }
    assert_eq!(store.totals().await?, before);
    assert_eq!(store.ledger(turn(1)).await?, ledger);
    let left = room.left().await?;
    assert_eq!(left.exchanges[0].answer, "answer 1");
    assert!(!left.greeted);
    Ok(())
}

/// See its name.
pub async fn an_end_is_written_with_its_words_or_not_at_all(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.attempt(1, 1, 50, &[budget("day", 100)]).await?;
    room.releases(1, 1, 0).await?;
    let (before, ledger) = (store.totals().await?, store.ledger(turn(1)).await?);
    let failing = Settlement {
        attempt: Some(ended(1, 1, 30)),
        ..answered(1, vec![part(2, 1, 0)])
    };
    room.settles(failing).await.expect_err("part 0 is there");
    assert_eq!(store.totals().await?, before);
    assert_eq!(store.ledger(turn(1)).await?, ledger);
    room.settles(answered(1, vec![])).await
}
