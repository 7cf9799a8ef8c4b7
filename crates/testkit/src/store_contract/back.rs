//! What people take back, and what they ask about.

use super::*;

/// See its name.
pub async fn a_recalled_question_loses_its_words_and_names_its_turn(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    for n in [1, 2] {
        room.asks(n, LIN).await?;
    }
    room.is_answered(1).await?;
    assert_eq!(room.recall(1).await?, Some(turn(1)));
    assert_eq!(room.recall(2).await?, Some(turn(2)));
    assert_eq!((room.words(1).await?, room.words(2).await?), (None, None));
    room.releases(20, 2, 0).await?;
    room.is_answered(2).await?;
    let left = room.left().await?;
    assert!(
        left.exchanges.is_empty() && left.talk.is_empty(),
        "{left:?}"
    );
    assert_eq!(store.totals().await?.turns, 2, "the turns stay");
    Ok(())
}

/// See its name.
pub async fn a_recalled_line_is_gone_for_that_account_alone(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.talks(1, LIN, "oops").await?;
    let other = HistoryLine {
        id: ulid(2),
        account: AccountName::new("second"),
        ..room.line(1, CHEN, "hello")
    };
    store.remember(vec![(room.lease, other)]).await?;
    assert_eq!(room.recall(1).await?, None);
    assert_eq!(room.recall(404).await?, None);
    assert_eq!(room.words(1).await?, None);
    let second = AccountName::new("second");
    let kept = store.line(room.lease.room, &second, &label(1)).await?;
    assert_eq!(kept.map(|line| line.text).as_deref(), Some("hello"));
    Ok(())
}

/// See its name.
pub async fn forgetting_a_conversation_touches_that_member_alone(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    for (n, member) in [(1, LIN), (2, CHEN), (3, LIN)] {
        room.asks(n, member).await?;
    }
    room.is_answered(1).await?;
    room.is_answered(2).await?;
    let nobody = RoomChange::ForgetConversation(MemberId::new("nobody"));
    room.commands(4, vec![nobody], vec![]).await?;
    let lin = RoomChange::ForgetConversation(MemberId::new(LIN));
    room.commands(5, vec![lin], vec![]).await?;
    let left = room.left().await?;
    let kept: Vec<_> = left.exchanges.iter().map(|e| e.question.as_str()).collect();
    assert_eq!(kept, ["question 2"]);
    assert_eq!(left.open_turns[0].turn.question, "question 3");
    Ok(())
}

/// See its name.
pub async fn forgetting_all_conversations_touches_no_other_room(store: &dyn Store) -> Done {
    let green = Room::open(store).await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    for (n, room) in [(1, &green), (2, &green), (3, &red)] {
        room.asks(n, if n == 1 { LIN } else { CHEN }).await?;
        room.is_answered(n).await?;
    }
    let all = RoomChange::ForgetConversations;
    green.commands(4, vec![all], vec![]).await?;
    assert!(green.left().await?.exchanges.is_empty());
    assert_eq!(red.left().await?.exchanges.len(), 1);
    Ok(())
}

// What people ask about.

/// See its name.
pub async fn about_counts_what_is_held(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    room.talks(1, LIN, "hello").await?;
    room.asks(2, LIN).await?;
    room.asks(3, LIN).await?;
    red.asks(4, LIN).await?;
    room.asks(5, CHEN).await?;
    let about = |member: &'static str, number| async move {
        let member = MemberId::new(member);
        store.about(room.lease.room, QQ, &member, day(number)).await
    };
    let lin = about(LIN, 0).await?;
    assert_eq!((lin.lines, lin.questions, lin.today), (3, 2, 2));
    assert_eq!(about(LIN, 1).await?.today, 0);
    let nobody = about("nobody", 0).await?;
    assert_eq!((nobody.lines, nobody.questions, nobody.today), (0, 0, 0));
    Ok(())
}

/// See its name.
pub async fn why_tells_what_became_of_a_question_an_answer_and_talk(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    room.is_answered(1).await?;
    room.is_shown(1, 30).await?;
    room.talks(2, CHEN, "hm").await?;
    room.commands(3, vec![], vec![notice(3)]).await?;
    room.is_shown(3, 31).await?;
    let answered = Trail {
        reason: Reason::Answered,
        millis: Some(2_000),
        trail: None,
    };
    let talk = Trail {
        reason: Reason::Talk,
        millis: None,
        trail: None,
    };
    let own = |n| MessageId::new(format!("own{n}"));
    assert_eq!(room.why(&label(1)).await?, Some(answered.clone()));
    assert_eq!(room.why(&own(1)).await?, Some(answered));
    assert_eq!(room.why(&label(2)).await?, Some(talk));
    assert_eq!(room.why(&own(3)).await?, None, "a notice has no question");
    assert_eq!(room.why(&label(404)).await?, None);
    let other = AccountName::new("second");
    let elsewhere = store.why(room.lease.room, &other, &label(1)).await?;
    assert_eq!(elsewhere, None, "a label belongs to its account");
    Ok(())
}

/// See its name.
pub async fn a_question_takes_its_end_into_the_history(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.asks(1, LIN).await?;
    let so_far = room.why(&label(1)).await?.expect("a trail");
    assert_eq!(
        (so_far.reason, so_far.millis),
        (Reason::ProviderFailed, None)
    );
    let cancelled = Settlement {
        reason: Reason::Cancelled,
        ..answered(1, vec![])
    };
    room.settles(cancelled).await?;
    let end = room.why(&label(1)).await?.expect("a trail");
    assert_eq!(end.reason, Reason::Cancelled);
    Ok(())
}

/// See its name.
pub async fn the_words_of_a_kept_message_are_found(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.talks(1, LIN, "'; DROP TABLE history; -- %_\0 茶")
        .await?;
    let found = store
        .line(room.lease.room, &AccountName::new("qq"), &label(1))
        .await?
        .expect("a line");
    assert_eq!(found.text, "'; DROP TABLE history; -- %_\0 茶");
    assert_eq!(
        (found.member, found.name.as_str()),
        (MemberId::new(LIN), "lin's name")
    );
    let renamed = HistoryLine {
        name: "Lin".into(),
        ..room.line(2, LIN, "new name")
    };
    store.remember(vec![(room.lease, renamed)]).await?;
    assert_eq!(room.left().await?.talk[0].name, "Lin", "the latest name");
    Ok(())
}

/// See its name.
pub async fn ours_is_what_was_shown_by_that_account(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    room.commands(1, vec![], vec![notice(1)]).await?;
    let (qq, own) = (AccountName::new("qq"), MessageId::new("own1"));
    assert!(!store.is_ours(room.lease.room, &qq, &own).await?);
    room.is_shown(1, 5).await?;
    assert!(store.is_ours(room.lease.room, &qq, &own).await?);
    assert!(!store.is_ours(red.lease.room, &qq, &own).await?);
    let other = AccountName::new("second");
    assert!(!store.is_ours(room.lease.room, &other, &own).await?);
    assert!(!store.is_ours(room.lease.room, &qq, &label(1)).await?);
    Ok(())
}
