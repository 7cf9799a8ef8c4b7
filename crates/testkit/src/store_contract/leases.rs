//! Leases: a room is held by one host, and a fenced-off host writes nothing.

use super::*;

/// See its name.
pub async fn an_older_lease_is_refused_by_every_method_that_writes(store: &dyn Store) -> Done {
    let old = Room::open(store).await?;
    old.asks(1, LIN).await?;
    old.attempt(1, 1, 5, &[budget("day", 10)]).await?;
    old.commands(2, vec![], vec![notice(1)]).await?;
    old.claims(5).await?;
    let new = Room::open(store).await?;
    assert!(new.lease.fence > old.lease.fence);
    let before = store.totals().await?;

    is_lost(old.asks(3, LIN).await);
    is_lost(old.asks(1, LIN).await);
    is_lost(old.attempt(1, 2, 5, &[budget("day", 10)]).await);
    is_lost(old.attempt_ended(1, 1, 5).await);
    is_lost(old.releases(2, 1, 0).await);
    is_lost(old.is_answered(1).await);
    is_lost(old.claim(100).await);
    is_lost(old.completes(1, shown(1), true, 6).await);
    is_lost(old.recall(1).await);
    let all_gone = Keep { days: 0, lines: 0 };
    is_lost(
        store
            .forget_old(old.lease, all_gone, Ageing::at(at(900)))
            .await,
    );
    old.talks(4, LIN, "too late").await?;

    assert_eq!(store.totals().await?, before);
    assert_eq!(new.words(1).await?.as_deref(), Some("ai question 1"));
    new.settles(answered(1, vec![])).await
}

/// See its name.
pub async fn a_lease_of_another_host_is_refused(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let forged = Room {
        lease: Lease {
            host: host(9),
            ..room.lease
        },
        address: room.address.clone(),
        store,
    };
    is_lost(forged.asks(1, LIN).await);
    let nowhere = Room {
        lease: Lease {
            room: RoomId(ulid(404)),
            ..room.lease
        },
        address: room.address.clone(),
        store,
    };
    is_lost(nowhere.asks(1, LIN).await);
    assert_eq!(store.totals().await?, Totals::default());
    Ok(())
}

/// See its name.
pub async fn a_lease_of_one_room_writes_in_no_other(store: &dyn Store) -> Done {
    let green = Room::open(store).await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    green.asks(1, LIN).await?;
    green.commands(2, vec![], vec![notice(2)]).await?;
    let before = store.totals().await?;
    red.is_answered(1).await?;
    red.releases(1, 1, 0).await?;
    red.completes(2, shown(2), true, 9).await?;
    red.recall(1).await?;
    let error = red.attempt(1, 1, 5, &[]).await.expect_err("not its turn");
    assert!(matches!(error, StoreError::TurnOver { .. }), "{error}");
    assert_eq!(store.totals().await?, before);
    assert!(green.words(1).await?.is_some());
    Ok(())
}
