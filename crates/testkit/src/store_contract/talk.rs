//! Talk: written in order, without delay for anybody, and once.

use super::*;

/// See its name.
pub async fn talk_under_a_void_lease_is_left_out_and_the_rest_is_kept(store: &dyn Store) -> Done {
    let old = Room::open(store).await?;
    let new = Room::open(store).await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    let lines = vec![
        (red.lease, red.line(1, LIN, "red")),
        (old.lease, old.line(2, LIN, "void")),
        (new.lease, new.line(3, LIN, "green")),
    ];
    store.remember(lines).await?;
    assert_eq!(red.words(1).await?.as_deref(), Some("red"));
    assert_eq!(new.words(2).await?, None);
    assert_eq!(new.words(3).await?.as_deref(), Some("green"));
    Ok(())
}

/// See its name.
pub async fn a_line_is_kept_once_and_its_words_again_under_another_label(
    store: &dyn Store,
) -> Done {
    let room = Room::open(store).await?;
    room.talks(1, LIN, "tea?").await?;
    let repeat = HistoryLine {
        id: ulid(2),
        ..room.line(1, LIN, "tea?")
    };
    store.remember(vec![(room.lease, repeat)]).await?;
    assert_eq!(store.totals().await?.lines, 1);
    room.talks(3, LIN, "tea?").await?;
    assert_eq!(store.totals().await?.lines, 2);
    let collision = HistoryLine {
        id: ulid(4),
        ..room.line(1, CHEN, "no tea")
    };
    store.remember(vec![(room.lease, collision)]).await?;
    assert_eq!(store.totals().await?.lines, 3);
    Ok(())
}

/// See its name.
pub async fn two_accounts_with_one_chat_id_are_two_rooms(store: &dyn Store) -> Done {
    let (one, _) = Room::open_as(store, 1, "qq", "42").await?;
    let (two, _) = Room::open_as(store, 1, "telegram", "42").await?;
    assert_ne!(one.lease.room, two.lease.room);
    one.talks(1, LIN, "between us").await?;
    one.asks(2, LIN).await?;
    assert_eq!(two.words(1).await?, None);
    let left = two.left().await?;
    assert!(left.talk.is_empty() && left.open_turns.is_empty());
    let again = Room::open_as(store, 1, "qq", "42").await?.0;
    assert_eq!(again.lease.room, one.lease.room);
    Ok(())
}
