//! What every store promises, one test a promise, written against `dyn Store` alone.
//! `store_contract!(file, || (store, folder))` makes a module of them; the second of the pair lives as long as the
//! store. The scene is small: lin and chen in a room, question 7 is asked at second 7 in message `m7`.

mod again;
mod age;
mod back;
mod leases;
mod money;
mod outbox;
mod taken_in;
mod talk;
mod turns;

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

pub use again::*;
pub use age::*;
pub use back::*;
pub use leases::*;
pub use money::*;
pub use outbox::*;
pub use taken_in::*;
pub use talk::*;
pub use turns::*;

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
            what_was_spent_is_told_of_the_budgets_that_begin_so
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

#[cfg(test)]
mod tests {
    #[test]
    fn every_promise_is_in_the_list() {
        let list = include_str!("store_contract.rs");
        let promises = [
            include_str!("store_contract/again.rs"),
            include_str!("store_contract/age.rs"),
            include_str!("store_contract/back.rs"),
            include_str!("store_contract/leases.rs"),
            include_str!("store_contract/money.rs"),
            include_str!("store_contract/outbox.rs"),
            include_str!("store_contract/taken_in.rs"),
            include_str!("store_contract/talk.rs"),
            include_str!("store_contract/turns.rs"),
        ];
        for source in promises {
            let promises = source.split("/// See its name.\npub async fn ").skip(1);
            let names: Vec<_> = promises.filter_map(|rest| rest.split('(').next()).collect();
            assert!(!names.is_empty());
            for name in names {
                assert!(list.contains(&format!(" {name}\n")), "{name}");
            }
        }
    }
}
