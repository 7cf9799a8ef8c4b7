//! What every store promises, one test a promise, written against `dyn Store` alone.
//! `store_contract!(file, || (store, folder))` makes a module of them; the second of the pair lives as long as the
//! store. The scene is small: lin and chen in a room, question 7 is asked at second 7 in message `m7`.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use teahouse_core::rules::judge::Rules;
use teahouse_core::{
    AccountName, Address, AttemptNumber, Before, ChatId, Currency, DeadWhy, Delivery, DeliveryId,
    DeliveryState, Draft, Entry, FailureKind, GateVerdict, InboxKey, Keep, Language, MemberId,
    MessageId, Nano, OutSegment, Purpose, Reason, RoomId, RoomKind, Sealed, Source, TurnId, Usage,
    pass,
};
use teahouse_store::{
    Acceptance, Accepted, Ageing, Attempt, AttemptEnd, Budget, Claim, Dealings, HistoryLine,
    HostId, KeptSession, Lease, MemberDay, NewTurn, OpenedRoom, Opening, Outbound, ParlourLine,
    Reserved, RoomChange, SessionId, Settlement, Store, StoreError, Totals, Trail,
};
use ulid::Ulid;

/// Makes one module of tests, one for each promise, on stores that `make` builds.
#[macro_export]
macro_rules! store_contract {
    ($name:ident, $make:expr) => {
        $crate::store_contract! { @promises $name, $make;
            a_call_is_taken_in_once_and_a_repeat_changes_nothing
            a_call_is_taken_in_with_all_that_follows_or_not_at_all
            the_same_label_with_other_words_is_another_message
            a_first_call_begins_with_its_question_where_the_money_is_there
            a_refused_question_is_ended_at_once_and_never_counted
            a_question_counts_for_the_day_its_room_has
            the_limit_notice_is_remembered_for_its_day
            questions_elsewhere_count_elsewhere
            a_room_opens_with_the_counts_of_its_day
            an_older_lease_is_refused_by_every_method_that_writes
            a_lease_of_another_host_is_refused
            a_lease_of_one_room_writes_in_no_other
            talk_under_a_void_lease_is_left_out_and_the_rest_is_kept
            a_line_is_kept_once_and_its_words_again_under_another_label
            two_accounts_with_one_chat_id_are_two_rooms
            a_part_is_released_once_and_in_order
            a_part_belongs_to_a_turn
            nothing_is_released_after_the_end
            a_turn_is_settled_exactly_once
            an_end_is_written_with_its_words_or_not_at_all
            an_attempt_is_set_aside_in_all_budgets_or_in_none
            an_end_hands_out_the_rooms_first_row_where_that_is_asked_for
            a_finished_turn_makes_no_more_calls
            a_call_is_booked_once_and_what_it_did_not_cost_is_free_again
            what_is_set_aside_and_spent_stays_within_the_limit
            a_budget_named_twice_is_drawn_on_once
            an_attempt_that_is_set_aside_again_changes_nothing_also_where_the_money_is_gone
            a_cost_above_its_reservation_is_booked_and_closes_the_budget
            sums_of_money_stop_at_the_largest_number
            what_a_dead_host_set_aside_is_booked_at_the_end
            the_parts_of_a_turn_go_in_order_and_keep_nobody_else_waiting
            parts_go_by_their_number_when_the_clock_was_set_back
            a_row_that_seems_a_day_off_was_dated_by_a_clock_that_was_ahead_and_is_due
            a_claimed_row_is_nobody_elses_until_its_time
            a_row_that_died_in_hand_is_unknown_since_then_and_counts_as_sent
            a_look_back_that_died_is_no_send
            sends_are_counted_and_a_repeat_is_marked
            an_answer_says_when_the_next_row_is_due
            a_finished_row_is_never_changed
            a_sealed_row_comes_back_as_it_was
            a_recalled_question_loses_its_words_and_names_its_turn
            a_recalled_line_is_gone_for_that_account_alone
            forgetting_a_conversation_touches_that_member_alone
            forgetting_all_conversations_touches_no_other_room
            about_counts_what_is_held
            why_tells_what_became_of_a_question_an_answer_and_talk
            a_question_takes_its_end_into_the_history
            the_words_of_a_kept_message_are_found
            ours_is_what_was_shown_by_that_account
            talk_is_dropped_after_its_days_and_lines
            the_words_of_old_turns_go_and_open_ones_stay
            an_inbox_key_lives_three_days
            a_purge_goes_in_pieces_and_says_when_nothing_is_left
            a_room_forgets_in_pieces_and_says_when_nothing_is_left
            what_a_clock_that_was_ahead_has_dated_is_neither_lost_nor_kept_for_ever
            a_fact_is_kept_by_its_name
            a_line_of_the_parlour_is_kept_in_its_room_and_replaced_by_its_id
            a_session_holds_until_its_end_and_not_longer
            unfinished_names_the_rooms_with_work_and_no_others
            the_rooms_an_account_heard_lately_come_latest_first
            a_room_is_opened_as_it_was_left
            on_ends_a_pause
            a_greeting_that_was_given_up_is_due_again
            a_room_keeps_its_latest_talk_in_mind
            the_ledger_reads_back_as_written
            totals_add_up
        }
    };
    (@promises $name:ident, $make:expr; $($promise:ident)*) => {
        mod $name {
            use super::*;
            $(
                #[tokio::test]
                async fn $promise() -> Result<(), teahouse_store::StoreError> {
                    let (store, _keep) = ($make)();
                    $crate::store_contract::$promise(&store).await
                }
            )*
        }
    };
}

pub(crate) const QQ: &str = "qq";
pub(crate) const LIN: &str = "lin";
pub(crate) const CHEN: &str = "chen";

pub(crate) type Done = Result<(), StoreError>;

/// The start of a day of the rooms here.
pub(crate) fn day(n: i64) -> Timestamp {
    let first = at(0).as_second();
    Timestamp::from_second(first - first % 86_400 + n * 86_400).expect("a day in range")
}

/// So many seconds into the test.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_521_600 + second).expect("a moment in 2026")
}

pub(crate) fn ulid(n: u64) -> Ulid {
    Ulid::from_bytes(u128::from(n).to_be_bytes())
}

/// The n-th host.
pub fn host(n: u64) -> HostId {
    HostId(ulid(n))
}

/// The n-th turn.
pub fn turn(n: u64) -> TurnId {
    TurnId(ulid(n))
}

pub(crate) fn row(n: u64) -> DeliveryId {
    DeliveryId(ulid(n))
}

/// The label of the n-th message.
pub fn label(n: u64) -> MessageId {
    MessageId::new(format!("m{n}"))
}

fn number(attempt: u16) -> AttemptNumber {
    AttemptNumber { step: 0, attempt }
}

/// Words that have passed the gate.
pub fn sealed(text: &str) -> Sealed {
    let draft = Draft {
        address: address("qq", "green"),
        room_kind: RoomKind::Group,
        quote: None,
        body: vec![OutSegment::Text { text: text.into() }],
        source: Source::House,
        language: Language::English,
        joined: None,
        fleeting: false,
    };
    match pass(draft, &Rules::none(Language::English), "") {
        GateVerdict::Pass(outgoing) => outgoing.seal(),
        GateVerdict::Withhold { why, .. } => panic!("the gate withholds a test's words: {why}"),
    }
}

/// Where a chat is, as an account sees it.
pub fn address(account: &str, chat: &str) -> Address {
    Address {
        account: AccountName::new(account),
        chat: ChatId::new(chat),
    }
}

/// A row for the outbox that belongs to no turn.
pub fn notice(n: u64) -> Outbound {
    Outbound {
        id: row(n),
        part: None,
        account: AccountName::new("qq"),
        sealed: sealed(&format!("row {n}")),
        due: None,
    }
}

/// A part of a turn, for the outbox.
pub fn part(n: u64, of: u64, part: u16) -> Outbound {
    Outbound {
        part: Some((turn(of), part)),
        ..notice(n)
    }
}

/// One budget.
pub fn budget(key: &str, limit: i64) -> Budget {
    Budget {
        key: key.into(),
        limit: Nano(limit),
    }
}

/// A room as one host has it.
pub struct Room<'a> {
    /// The store under test.
    pub store: &'a dyn Store,
    /// Its lease.
    pub lease: Lease,
    pub(crate) address: Address,
}

impl<'a> Room<'a> {
    /// The green room, held by the first host.
    pub async fn open(store: &'a dyn Store) -> Result<Self, StoreError> {
        Ok(Room::open_as(store, 1, "qq", "green").await?.0)
    }

    /// Any room, held by any host.
    pub async fn open_as(
        store: &'a dyn Store,
        by: u64,
        account: &str,
        chat: &str,
    ) -> Result<(Self, OpenedRoom), StoreError> {
        let address = address(account, chat);
        // A new id for each address; one that is known keeps its own.
        let id = chat.bytes().chain(account.bytes()).map(u64::from);
        let opening = Opening {
            address: address.clone(),
            platform: QQ,
            kind: RoomKind::Group,
            new_room: RoomId(ulid(id.fold(7, |id, byte| id * 131 % 1_000_003 + byte))),
            day: day(0),
        };
        let opened = store.open_room(host(by), opening, at(0)).await?;
        let lease = opened.lease;
        Ok((
            Room {
                store,
                lease,
                address,
            },
            opened,
        ))
    }

    /// The green room under a lease that was taken before.
    pub fn held(store: &'a dyn Store, lease: Lease) -> Self {
        let address = address("qq", "green");
        Room {
            store,
            lease,
            address,
        }
    }

    /// The line of message n.
    pub fn line(&self, n: u64, member: &str, text: &str) -> HistoryLine {
        HistoryLine {
            id: ulid(n),
            account: self.address.account.clone(),
            platform: QQ,
            message: label(n),
            member: MemberId::new(member),
            name: format!("{member}'s name"),
            text: text.into(),
            at: at(n as i64),
            reason: Reason::Talk,
            reply_to: None,
            mentions: false,
            addressed: false,
            trail: None,
        }
    }

    /// Question n with all that belongs to it.
    pub fn question(&self, n: u64, member: &str) -> Acceptance {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&n.to_be_bytes());
        let line = HistoryLine {
            addressed: true,
            reason: Reason::ProviderFailed,
            ..self.line(n, member, &format!("ai question {n}"))
        };
        let turn = NewTurn {
            id: turn(n),
            address: self.address.clone(),
            message: line.message.clone(),
            member: line.member.clone(),
            name: line.name.clone(),
            question: format!("question {n}"),
            reply_to: None,
            asked: line.at,
            day: day(0),
            charter: "open-table".into(),
        };
        Acceptance {
            key: InboxKey(key),
            platform: QQ,
            at: line.at,
            line: Some(line),
            turn: Some((turn, None)),
            changes: vec![],
            attempt: None,
            say: vec![],
            dealings: Dealings::default(),
        }
    }

    pub(crate) async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        self.store.accept(self.lease, acceptance).await
    }

    /// Takes question n in.
    pub async fn asks(&self, n: u64, member: &str) -> Result<Accepted, StoreError> {
        self.accept(self.question(n, member)).await
    }

    pub(crate) async fn is_refused(
        &self,
        n: u64,
        member: &str,
        reason: Reason,
    ) -> Result<Accepted, StoreError> {
        let mut acceptance = self.question(n, member);
        if let Some((_, end)) = &mut acceptance.turn {
            *end = Some(reason);
        }
        self.accept(acceptance).await
    }

    pub(crate) async fn commands(
        &self,
        n: u64,
        changes: Vec<RoomChange>,
        say: Vec<Outbound>,
    ) -> Done {
        let acceptance = Acceptance {
            turn: None,
            changes,
            say,
            ..self.question(n, CHEN)
        };
        assert_eq!(self.accept(acceptance).await?, Accepted::New);
        Ok(())
    }

    pub(crate) async fn talks(&self, n: u64, member: &str, text: &str) -> Done {
        let line = self.line(n, member, text);
        self.store.remember(vec![(self.lease, line)]).await
    }

    /// Sets an attempt aside.
    pub async fn attempt(
        &self,
        of: u64,
        attempt: u16,
        reserve: i64,
        budgets: &[Budget],
    ) -> Result<Reserved, StoreError> {
        let attempt = an_attempt(of, attempt, reserve, budgets);
        self.store.attempt(self.lease, attempt).await
    }

    /// Books a failed attempt.
    pub async fn attempt_ended(&self, of: u64, attempt: u16, cost: i64) -> Done {
        self.store
            .attempt_ended(self.lease, ended(of, attempt, cost))
            .await
    }

    pub(crate) async fn releases(&self, n: u64, of: u64, number: u16) -> Done {
        let words = format!("words {number}");
        let part = part(n, of, number);
        self.store.release(self.lease, part, words, at(50)).await
    }

    pub(crate) async fn settles(&self, settlement: Settlement) -> Done {
        self.store.settle(self.lease, settlement).await?;
        Ok(())
    }

    /// Question n comes to its end with a last part.
    pub async fn is_answered(&self, n: u64) -> Done {
        self.settles(answered(n, vec![part(n, n, 9)])).await
    }

    async fn claim(&self, second: i64) -> Result<Claim, StoreError> {
        self.store
            .claim(self.lease, at(second), at(second + 30))
            .await
    }

    pub(crate) async fn claims(&self, second: i64) -> Result<Delivery, StoreError> {
        match self.claim(second).await? {
            Claim::Due(delivery) => Ok(delivery),
            other => panic!("nothing is due at {second}: {other:?}"),
        }
    }

    pub(crate) async fn completes(
        &self,
        n: u64,
        state: DeliveryState,
        handed_over: bool,
        second: i64,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.store
            .complete(self.lease, row(n), state, handed_over, at(second))
            .await
    }

    /// Row n is claimed and shown as `own…`.
    pub async fn is_shown(&self, n: u64, second: i64) -> Done {
        assert_eq!(self.claims(second).await?.id, row(n));
        self.completes(n, shown(n), true, second).await?;
        Ok(())
    }

    pub(crate) async fn day(&self, member: &str, since: i64) -> Result<MemberDay, StoreError> {
        let member = MemberId::new(member);
        self.store
            .member_day(self.lease.room, QQ, &member, day(since))
            .await
    }

    pub(crate) async fn why(&self, message: &MessageId) -> Result<Option<Trail>, StoreError> {
        self.store
            .why(self.lease.room, &self.address.account, message)
            .await
    }

    pub(crate) async fn recall(&self, n: u64) -> Result<Option<TurnId>, StoreError> {
        self.store
            .recall(self.lease, &self.address.account, &label(n), at(0))
            .await
    }

    pub(crate) async fn words(&self, n: u64) -> Result<Option<String>, StoreError> {
        let line = self
            .store
            .line(self.lease.room, &self.address.account, &label(n))
            .await?;
        Ok(line.map(|line| line.text))
    }

    /// The room as the next host finds it.
    pub(crate) async fn left(&self) -> Result<OpenedRoom, StoreError> {
        let (account, chat) = (self.address.account.as_str(), self.address.chat.as_str());
        Ok(Room::open_as(self.store, 2, account, chat).await?.1)
    }
}

pub(crate) fn shown(n: u64) -> DeliveryState {
    DeliveryState::Sent {
        message: MessageId::new(format!("own{n}")),
    }
}

fn queued(second: i64, again: bool) -> DeliveryState {
    DeliveryState::Queued {
        due: at(second),
        again,
    }
}

fn ended(of: u64, attempt: u16, cost: i64) -> AttemptEnd {
    AttemptEnd {
        turn: turn(of),
        number: number(attempt),
        failure: Some(FailureKind::Timeout),
        usage: Usage::default(),
        cost: Nano(cost),
        at: at(60),
    }
}

fn an_attempt(of: u64, attempt: u16, reserve: i64, budgets: &[Budget]) -> Attempt {
    Attempt {
        turn: turn(of),
        number: number(attempt),
        provider: "deep".into(),
        model: "chat".into(),
        reserve: Nano(reserve),
        currency: Currency::usd(),
        budgets: budgets.to_vec(),
        at: at(of as i64),
    }
}

pub(crate) fn answered(n: u64, say: Vec<Outbound>) -> Settlement {
    Settlement {
        turn: turn(n),
        reason: Reason::Answered,
        cut_short: false,
        attempt: None,
        say,
        claim_until: None,
        answer: format!("answer {n}"),
        greeted: false,
        at: at(n as i64 + 2),
    }
}

pub(crate) fn is_lost<T: std::fmt::Debug>(done: Result<T, StoreError>) {
    assert!(
        matches!(done, Err(StoreError::LeaseLost { .. })),
        "{done:?}"
    );
}

// What is taken in.

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

// Leases.

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

// Talk.

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

// Turns.

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

// Money.

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

// The outbox.

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

// What people take back.

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

// What is not kept for ever.

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

// What is taken up again.

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

#[cfg(test)]
mod tests {
    #[test]
    fn every_promise_is_in_the_list() {
        let source = include_str!("store_contract.rs");
        let (list, promises) = source.split_once("(@promises").unwrap();
        let promises = promises.split("/// See its name.\npub async fn ").skip(1);
        for name in promises.map(|rest| rest.split('(').next().unwrap()) {
            assert!(list.contains(&format!(" {name}\n")), "{name}");
        }
    }
}
