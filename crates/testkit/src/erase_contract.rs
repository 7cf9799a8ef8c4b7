//! What every store promises of an erasure: of the member nothing is left that says who they were or what they said,
//! and of everybody else nothing is missing.

use std::time::Duration;

use teahouse_core::{AccountName, Entry, MemberId, Reason, RoomId, RoomKind};
use teahouse_store::{
    Ageing, AuditNote, By, CaseState, Dealings, Erased, HistoryLine, HostId, OpenedRoom, Opening,
    Store, StoreError,
};

use crate::case_contract::{case, cases, is_answered_in_two, mark, moves, note, who};
use crate::store_contract::{
    CHEN, Done, LIN, QQ, Room, answered, at, budget, is_lost, label, notice, part, row, shown,
    turn, ulid,
};

impl Room<'_> {
    /// A member is erased, by their own word in this room.
    pub async fn erases(&self, member: &str, second: i64) -> Result<Erased, StoreError> {
        let (who, member) = (who(self, member), MemberId::new(member));
        self.store
            .erase(self.lease, QQ, &member, who, at(second))
            .await
    }

    async fn knows(&self, member: &str) -> Result<(u64, u64, u32), StoreError> {
        let member = MemberId::new(member);
        let day = crate::store_contract::day(0);
        let about = self.store.about(self.lease.room, QQ, &member, day).await?;
        Ok((about.lines, about.questions, about.today))
    }
}

/// See its name.
pub async fn an_erased_member_is_gone_and_the_others_stay(store: &dyn Store) -> Done {
    let (room, _) = Room::open_as(store, 1, "qq", "green").await?;
    for (n, member) in [(1, LIN), (2, CHEN), (3, LIN)] {
        room.talks(n, member, "hello").await?;
    }
    for (n, member) in [(4, LIN), (5, CHEN)] {
        room.asks(n, member).await?;
        room.is_answered(n).await?;
        room.is_shown(n, 20).await?;
    }
    let dealings = Dealings {
        marks: vec![
            mark(who(&room, LIN), "spam", 2, 1),
            mark(who(&room, CHEN), "spam", 1, 1),
        ],
        ..cases(vec![
            case(1, LIN, CaseState::Open),
            case(2, CHEN, CaseState::Open),
        ])
    };
    room.deals(dealings, 21).await?;
    let expected = Erased {
        lines: 3,
        questions: 1,
        cases: 1,
        payloads: 1,
    };
    assert_eq!(room.erases(LIN, 30).await?, expected);
    assert_eq!(room.knows(LIN).await?, (0, 0, 1));
    assert_eq!(room.knows(CHEN).await?, (2, 1, 1));
    assert_eq!(room.words(1).await?, None);
    assert_eq!(room.words(2).await?.as_deref(), Some("hello"));
    let left = room.left().await?;
    let of: Vec<_> = left.talk.iter().map(|line| line.member.as_str()).collect();
    assert_eq!(of, [CHEN]);
    let asked: Vec<_> = left.exchanges.iter().map(|e| e.question.as_str()).collect();
    assert_eq!(asked, ["question 5"]);
    assert_eq!(left.marks, [mark(who(&room, CHEN), "spam", 1, 1)]);
    assert_eq!(room.case(2).await?.new, case(2, CHEN, CaseState::Open));
    // What happened is still told, of nobody.
    let qq = AccountName::new("qq");
    let ours = store.own_since(room.lease.room, &qq, at(0), 9).await?;
    let kept: Vec<_> = (ours.iter())
        .map(|own| (own.message.as_str(), own.sealed.as_bytes().is_empty()))
        .collect();
    assert_eq!(kept, [("own5", false), ("own4", true)]);
    assert!(store.ledger(turn(4)).await?.contains(&Entry::Accepted));
    let why = room.why(&label(4)).await?.expect("a turn");
    assert_eq!(why.reason, Reason::Answered);
    Ok(())
}

/// See its name.
pub async fn an_erasure_reaches_every_room_of_the_platform_and_no_other(store: &dyn Store) -> Done {
    let (green, _) = Room::open_as(store, 1, "qq", "green").await?;
    let (red, _) = Room::open_as(store, 1, "second", "red").await?;
    let (wechat, _) = open_on_wechat(store).await?;
    for (n, room) in [(1, &green), (2, &red), (3, &wechat)] {
        let line = HistoryLine {
            platform: if n == 3 { "wechat" } else { QQ },
            ..room.line(n, LIN, "hello")
        };
        store.remember(vec![(room.lease, line)]).await?;
        let dealings = Dealings {
            marks: vec![mark(who(room, LIN), "spam", 2, 1)],
            ..cases(vec![case(n, LIN, CaseState::Open)])
        };
        room.deals(dealings, 4).await?;
    }
    let erased = green.erases(LIN, 30).await?;
    assert_eq!((erased.lines, erased.cases), (2, 2));
    for room in [&green, &red] {
        assert_eq!(room.case(1).await?.new.words, "");
        let left = room.left().await?;
        assert!(left.talk.is_empty() && left.marks.is_empty());
        assert_eq!(left.erased, [(who(room, LIN), at(30))]);
    }
    assert_eq!(wechat.case(1).await?.new, case(3, LIN, CaseState::Open));
    let left = open_on_wechat(store).await?.1;
    assert_eq!((left.talk.len(), left.marks.len()), (1, 1));
    assert!(left.erased.is_empty());
    Ok(())
}

/// A room of another platform, whose lin is another lin.
async fn open_on_wechat(store: &dyn Store) -> Result<(Room<'_>, OpenedRoom), StoreError> {
    let address = crate::store_contract::address("wx", "green");
    let opening = Opening {
        address: address.clone(),
        platform: "wechat",
        kind: RoomKind::Group,
        new_room: RoomId(ulid(77)),
        day: crate::store_contract::day(0),
    };
    let opened = store.open_room(HostId(ulid(1)), opening, at(0)).await?;
    let room = Room {
        store,
        lease: opened.lease,
        address,
    };
    Ok((room, opened))
}

/// See its name.
pub async fn an_open_question_ends_with_the_erasure_of_its_member(store: &dyn Store) -> Done {
    let (green, _) = Room::open_as(store, 1, "qq", "green").await?;
    let (red, _) = Room::open_as(store, 1, "qq", "red").await?;
    green.asks(1, LIN).await?;
    red.asks(2, LIN).await?;
    green.asks(3, CHEN).await?;
    green.attempt(1, 1, 40, &[budget("day", 100)]).await?;
    green.erases(LIN, 30).await?;
    let totals = store.totals().await?;
    assert_eq!((totals.open_turns, totals.settled), (1, 2));
    assert_eq!((totals.reserved, totals.spent), (0, 40));
    for n in [1, 2] {
        let end = Entry::Settled {
            reason: Reason::Cancelled,
            cut_short: false,
        };
        assert_eq!(store.ledger(turn(n)).await?.last(), Some(&end));
    }
    // Whoever answers it meanwhile comes too late.
    green.releases(9, 1, 0).await?;
    green.settles(answered(1, vec![part(1, 1, 1)])).await?;
    assert_eq!(store.totals().await?.waiting, 0);
    let left = green.left().await?;
    assert_eq!(left.open_turns.len(), 1);
    assert_eq!(left.open_turns[0].turn.member.as_str(), CHEN);
    Ok(())
}

/// See its name.
pub async fn answers_that_wait_are_not_said_and_those_on_their_way_are_not_kept(
    store: &dyn Store,
) -> Done {
    let room = Room::open(store).await?;
    is_answered_in_two(&room, 1).await?;
    let dealings = Dealings {
        shows: vec![(row(2), case(2, LIN, CaseState::Open).id)],
        ..cases(vec![case(2, LIN, CaseState::Open)])
    };
    (store.deal(room.lease, dealings, vec![notice(2)], at(3))).await?;
    (store.deal(room.lease, Dealings::default(), vec![notice(3)], at(3))).await?;
    assert_eq!(room.claims(4).await?.id, row(1), "on its way");
    room.erases(LIN, 5).await?;
    let totals = store.totals().await?;
    assert_eq!((totals.waiting, totals.dead), (3, 1));
    room.completes(1, shown(1), true, 6).await?;
    room.is_shown(2, 7).await?;
    room.is_shown(3, 8).await?;
    let qq = AccountName::new("qq");
    let ours = store.own_since(room.lease.room, &qq, at(0), 9).await?;
    let kept: Vec<_> = (ours.iter())
        .map(|own| (own.message.as_str(), own.sealed.as_bytes().is_empty()))
        .collect();
    let expected = [("own3", false), ("own2", true), ("own1", true)];
    assert_eq!(kept, expected, "an answer, and a notice about a case");
    Ok(())
}

/// See its name.
pub async fn a_case_outlasts_its_member_without_words_or_name(store: &dyn Store) -> Done {
    use CaseState::{Appealed, Denied, Open};
    let room = Room::open(store).await?;
    let dealt = vec![case(1, LIN, CaseState::Settled), case(2, CHEN, Open)];
    room.deals(cases(dealt), 1).await?;
    let mut appeal = moves(1, CaseState::Settled, Appealed, None);
    appeal.moves[0].appeal = Some("it was a quote".into());
    room.deals(appeal, 2).await?;
    room.deals(moves(1, Appealed, Denied, Some(CHEN)), 3)
        .await?;
    room.deals(moves(2, Open, Denied, Some(LIN)), 3).await?;
    let green = Some(room.lease.room);
    let wrote = AuditNote {
        to: Some(MemberId::new(LIN)),
        ..note(By::Member(MemberId::new(LIN)), "erase")
    };
    store.audit(green, wrote.clone(), at(4)).await?;
    let mut expected = room.case(1).await?;
    room.erases(LIN, 5).await?;
    expected.new.message = None;
    expected.new.member = MemberId::new("");
    expected.new.name.clear();
    expected.new.words.clear();
    expected.appeal.clear();
    assert_eq!(room.case(1).await?, expected);
    let decided = room.case(2).await?;
    assert_eq!((decided.by, decided.decided), (None, Some(at(3))));
    let again = (store.decided_cases(room.lease.room, at(0), 9)).await?;
    assert_eq!(again.len(), 2, "a person decided it, whoever that was");
    let lin = MemberId::new(LIN);
    let of = (store.case_of(room.lease.room, QQ, &lin, at(0))).await?;
    assert_eq!(of, None);
    assert_eq!(store.case_about(room.lease.room, &label(1)).await?, None);
    // Who comes back is somebody new, in the audit log as well.
    store.audit(green, wrote, at(6)).await?;
    let rows = store.audit_rows(9).await?;
    assert_ne!(rows[0].to, rows[1].to);
    assert_eq!(store.audit_verify().await?.faults, []);
    Ok(())
}

/// See its name.
pub async fn a_limit_outlasts_an_erasure(store: &dyn Store) -> Done {
    let (room, _) = Room::open_as(store, 1, "qq", "green").await?;
    for n in [1, 2, 3] {
        room.asks(n, LIN).await?;
    }
    room.is_refused(4, LIN, Reason::QuotaMember).await?;
    room.asks(5, CHEN).await?;
    let before = room.day(LIN, 0).await?;
    assert_eq!((before.questions, before.limit_noticed), (3, true));
    room.erases(LIN, 10).await?;
    assert_eq!(room.day(LIN, 0).await?, before);
    assert_eq!(room.day(LIN, 1).await?.questions, 0, "of that day alone");
    assert_eq!(room.day(CHEN, 0).await?.questions, 1);
    room.asks(6, LIN).await?;
    assert_eq!(room.day(LIN, 0).await?.questions, 4);
    let left = room.left().await?;
    let day = (left.day.iter()).find(|(member, _)| member.as_str() == LIN);
    assert_eq!(day.expect("lin has asked").1.questions, 4);
    // Once more, and it is one sum.
    let (room, _) = Room::open_as(store, 1, "qq", "green").await?;
    room.erases(LIN, 11).await?;
    let after = room.day(LIN, 0).await?;
    assert_eq!((after.questions, after.limit_noticed), (4, true));
    Ok(())
}

/// See its name.
pub async fn who_was_erased_is_remembered_for_eight_days(store: &dyn Store) -> Done {
    let (room, _) = Room::open_as(store, 1, "qq", "green").await?;
    room.asks(1, LIN).await?;
    room.erases(LIN, 10).await?;
    room.erases(LIN, 20).await?;
    let after = |days: u64| at(30) + Duration::from_secs(days * 86_400);
    for (days, kept) in [(7, true), (9, false)] {
        while store.purge(Ageing::at(after(days))).await? {}
        let left = room.left().await?;
        let expected = [(who(&room, LIN), at(20))];
        assert_eq!(left.erased, expected[..usize::from(kept)], "day {days}");
    }
    assert_eq!(room.day(LIN, 0).await?.questions, 0, "its day is long over");
    Ok(())
}

/// See its name.
pub async fn talk_on_its_way_while_its_member_is_erased_is_left_out(store: &dyn Store) -> Done {
    let (room, _) = Room::open_as(store, 1, "qq", "green").await?;
    room.talks(1, LIN, "before").await?;
    room.erases(LIN, 20).await?;
    let lines = [(19, LIN), (20, LIN), (18, CHEN), (21, LIN)];
    let lines = lines.map(|(n, member)| (room.lease, room.line(n, member, "words")));
    store.remember(lines.into()).await?;
    for (n, kept) in [(1, false), (18, true), (19, false), (20, false), (21, true)] {
        assert_eq!(room.words(n).await?.is_some(), kept, "line {n}");
    }
    Ok(())
}

/// See its name.
pub async fn somebody_unknown_is_erased_as_well(store: &dyn Store) -> Done {
    let (room, _) = Room::open_as(store, 1, "qq", "green").await?;
    room.talks(1, CHEN, "hello").await?;
    assert_eq!(room.erases("nobody", 20).await?, Erased::default());
    let left = room.left().await?;
    assert_eq!(left.erased, [(who(&room, "nobody"), at(20))]);
    assert_eq!(left.talk.len(), 1);
    Ok(())
}

/// See its name.
pub async fn an_erasure_takes_a_lease(store: &dyn Store) -> Done {
    let room = Room::open(store).await?;
    room.talks(1, LIN, "hello").await?;
    room.left().await?;
    is_lost(room.erases(LIN, 20).await);
    assert!(room.words(1).await?.is_some());
    Ok(())
}
