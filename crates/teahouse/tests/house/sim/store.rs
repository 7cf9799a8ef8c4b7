//! The store between house and disk: fails before or after a commit, takes its time, and tells the truth what was
//! committed. "After the commit, reply lost" is the nastiest: the house must not believe that nothing happened.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use teahouse_core::rules::climb::Who;
use teahouse_core::{
    AboutMember, AccountName, Address, ChatId, DeadWhy, Delivery, DeliveryId, DeliveryState, Entry,
    Keep, MemberId, MessageId, Nano, RoomId, RoomKind, TurnId,
};
use teahouse_store::{
    Acceptance, Accepted, Ageing, Attempt, AttemptEnd, AuditNote, AuditReport, AuditRow, Between,
    Case, CaseCounts, CaseId, CharterVersion, Claim, Dealings, EmbeddedStore, Erased, HeardRoom,
    HistoryLine, HostId, KeptLine, KeptSession, Lease, MemberDay, OpenedRoom, Opening, Outbound,
    OwnMessage, ParlourLine, Progress, Reserved, SessionId, Settlement, Standing, Store,
    StoreError, Totals, Trail,
};
use tokio::sync::watch;
use ulid::Ulid;

use super::world::World;

pub struct SimStore {
    pub world: Arc<World>,
    pub disk: Arc<EmbeddedStore>,
}

impl SimStore {
    /// One call: through the door, perhaps slowly, perhaps failing on either side of its commit.
    async fn around<T>(
        &self,
        what: &'static str,
        room: Option<RoomId>,
        work: impl Future<Output = Result<T, StoreError>>,
        committed: impl FnOnce(&World, &T),
    ) -> Result<T, StoreError> {
        let world = &self.world;
        world.door().await;
        world.disk_moves().await;
        let room = room.map_or_else(String::new, |room| room.to_string());
        let dice = world.dice(&format!("store {what} {room}"));
        let faults = &world.faults;
        if world.strikes(dice.of("slow"), faults.store_slow) {
            tokio::time::sleep(Duration::from_millis(1 + dice.of("so slow").below(300))).await;
            world.door().await;
        }
        if world.strikes(dice.of("before"), faults.store_before) {
            world.truth().note("store", format!("{what}: busy"));
            return Err(failure(what, rusqlite::ffi::SQLITE_BUSY));
        }
        let done = work.await;
        match &done {
            Ok(done) => committed(world, done),
            Err(error) => world.truth().note("store", format!("{what}: {error}")),
        }
        world.door().await;
        if done.is_ok() && world.strikes(dice.of("after"), faults.store_after) {
            let note = format!("{what}: done, reply lost");
            world.truth().note("store", note);
            return Err(failure(what, rusqlite::ffi::SQLITE_IOERR));
        }
        done
    }
}

fn failure(what: &'static str, code: i32) -> StoreError {
    let error = rusqlite::ffi::Error::new(code);
    let source = rusqlite::Error::SqliteFailure(error, Some("simulated".into()));
    StoreError::Sqlite { what, source }
}

#[async_trait]
impl Store for SimStore {
    fn standing(&self) -> watch::Receiver<Standing> {
        self.disk.standing()
    }

    async fn open_room(
        &self,
        host: HostId,
        opening: Opening,
        now: Timestamp,
    ) -> Result<OpenedRoom, StoreError> {
        let address = opening.address.clone();
        let work = self.disk.open_room(host, opening, now);
        let note = move |world: &World, opened: &OpenedRoom| {
            let open = opened.open_turns.len();
            let fence = opened.lease.fence;
            let mut truth = world.truth();
            truth.note(
                &address.to_string(),
                format!("opened, lease {fence}, {open} open"),
            );
            truth.disk.places.insert(address, opened.lease.room);
        };
        self.around("open", None, work, note).await
    }

    async fn unfinished(&self) -> Result<Vec<(Address, RoomKind)>, StoreError> {
        let work = self.disk.unfinished();
        self.around("unfinished", None, work, |_, _| {}).await
    }

    async fn heard_since(
        &self,
        account: &AccountName,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<HeardRoom>, StoreError> {
        let work = self.disk.heard_since(account, since, most);
        self.around("heard since", None, work, |_, _| {}).await
    }

    async fn remember(&self, lines: Vec<(Lease, HistoryLine)>) -> Result<(), StoreError> {
        self.around("remember", None, self.disk.remember(lines), |_, ()| {})
            .await
    }

    async fn accept(&self, lease: Lease, acceptance: Acceptance) -> Result<Accepted, StoreError> {
        let told = acceptance.clone();
        let work = self.disk.accept(lease, acceptance);
        let note = move |world: &World, accepted: &Accepted| {
            world.truth().accepted(lease, &told, *accepted);
        };
        self.around("accept", Some(lease.room), work, note).await
    }

    async fn attempt(&self, lease: Lease, attempt: Attempt) -> Result<Reserved, StoreError> {
        let told = attempt.clone();
        let work = self.disk.attempt(lease, attempt);
        let note = move |world: &World, reserved: &Reserved| {
            if *reserved == Reserved::Yes {
                world.truth().reserved(&told);
            }
        };
        self.around("attempt", Some(lease.room), work, note).await
    }

    async fn attempt_ended(&self, lease: Lease, end: AttemptEnd) -> Result<(), StoreError> {
        let told = end.clone();
        let work = self.disk.attempt_ended(lease, end);
        let note = move |world: &World, (): &()| world.truth().booked(&told);
        self.around("attempt ended", Some(lease.room), work, note)
            .await
    }

    async fn release(
        &self,
        lease: Lease,
        part: Outbound,
        words: String,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let told = part.clone();
        let work = self.disk.release(lease, part, words, at);
        let note = move |world: &World, (): &()| world.truth().released(&told);
        self.around("release", Some(lease.room), work, note).await
    }

    async fn settle(
        &self,
        lease: Lease,
        settlement: Settlement,
    ) -> Result<Option<Delivery>, StoreError> {
        let told = settlement.clone();
        let work = self.disk.settle(lease, settlement);
        let note = move |world: &World, first: &Option<Delivery>| {
            let mut truth = world.truth();
            truth.settled(&told);
            truth.takes_in_hand(first.as_ref());
        };
        self.around("settle", Some(lease.room), work, note).await
    }

    async fn claim(
        &self,
        lease: Lease,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, StoreError> {
        let work = self.disk.claim(lease, now, until);
        let note = |world: &World, claim: &Claim| {
            if let Claim::Due(delivery) = claim {
                world.truth().takes_in_hand(Some(delivery));
            }
        };
        self.around("claim", Some(lease.room), work, note).await
    }

    async fn complete(
        &self,
        lease: Lease,
        delivery: DeliveryId,
        state: DeliveryState,
        handed_over: bool,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let is_lost = state == DeliveryState::Dead { why: DeadWhy::Lost };
        let shown = match &state {
            DeliveryState::Sent { message } => Some(message.clone()),
            _ => None,
        };
        let told = match &state {
            DeliveryState::Sent { message } => format!("row sent as {message}"),
            DeliveryState::Done => "row done".to_owned(),
            DeliveryState::Dead { why } => format!("row dead: {why:?}"),
            DeliveryState::Unknown { .. } => "row unknown".to_owned(),
            DeliveryState::Queued { again, .. } => format!("row waits, again {again}"),
            DeliveryState::Claimed { .. } => "row claimed".to_owned(),
        };
        let work = self.disk.complete(lease, delivery, state, handed_over, now);
        let note = move |world: &World, _: &Option<Timestamp>| {
            let mut truth = world.truth();
            truth.note("store", told);
            if let Some(label) = shown {
                truth.disk.labels.entry(label).or_insert(delivery);
            }
            if is_lost {
                truth.disk.lossy.insert(lease.room);
            }
        };
        self.around("complete", Some(lease.room), work, note).await
    }

    async fn member_day(
        &self,
        room: RoomId,
        platform: &'static str,
        member: &MemberId,
        day: Timestamp,
    ) -> Result<MemberDay, StoreError> {
        let work = self.disk.member_day(room, platform, member, day);
        self.around("member day", Some(room), work, |_, _| {}).await
    }

    async fn about(
        &self,
        room: RoomId,
        platform: &'static str,
        member: &MemberId,
        day: Timestamp,
    ) -> Result<AboutMember, StoreError> {
        let work = self.disk.about(room, platform, member, day);
        self.around("about", Some(room), work, |_, _| {}).await
    }

    async fn why(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<Trail>, StoreError> {
        let work = self.disk.why(room, account, message);
        self.around("why", Some(room), work, |_, _| {}).await
    }

    async fn line(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<KeptLine>, StoreError> {
        let work = self.disk.line(room, account, message);
        self.around("line", Some(room), work, |_, _| {}).await
    }

    async fn is_ours(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<bool, StoreError> {
        let work = self.disk.is_ours(room, account, message);
        self.around("is ours", Some(room), work, |_, _| {}).await
    }

    async fn recall(
        &self,
        lease: Lease,
        account: &AccountName,
        message: &MessageId,
        now: Timestamp,
    ) -> Result<Option<TurnId>, StoreError> {
        let (label, by) = (message.clone(), account.clone());
        let work = self.disk.recall(lease, account, message, now);
        let note = move |world: &World, _: &Option<TurnId>| world.truth().forgot(&label, &by);
        self.around("recall", Some(lease.room), work, note).await
    }

    async fn deal(
        &self,
        lease: Lease,
        dealings: Dealings,
        say: Vec<Outbound>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = say
            .iter()
            .map(|row| row.sealed.as_bytes().to_vec())
            .collect();
        let work = self.disk.deal(lease, dealings, say, at);
        let note = move |world: &World, (): &()| world.truth().disk.rows.extend(rows);
        self.around("deal", Some(lease.room), work, note).await
    }

    async fn case_shown(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<Case>, StoreError> {
        let work = self.disk.case_shown(room, account, message);
        self.around("case shown", Some(room), work, |_, _| {}).await
    }

    async fn case(&self, room: RoomId, number: u32) -> Result<Option<Case>, StoreError> {
        let work = self.disk.case(room, number);
        self.around("case", Some(room), work, |_, _| {}).await
    }

    async fn case_about(
        &self,
        room: RoomId,
        message: &MessageId,
    ) -> Result<Option<Case>, StoreError> {
        let work = self.disk.case_about(room, message);
        self.around("case about", Some(room), work, |_, _| {}).await
    }

    async fn case_of(
        &self,
        room: RoomId,
        platform: &'static str,
        member: &MemberId,
        since: Timestamp,
    ) -> Result<Option<Case>, StoreError> {
        let work = self.disk.case_of(room, platform, member, since);
        self.around("case of", Some(room), work, |_, _| {}).await
    }

    async fn open_cases(&self, room: RoomId, most: u32) -> Result<(Vec<Case>, u64), StoreError> {
        let work = self.disk.open_cases(room, most);
        self.around("open cases", Some(room), work, |_, _| {}).await
    }

    async fn question_of(
        &self,
        room: RoomId,
        account: &AccountName,
        message: &MessageId,
    ) -> Result<Option<MessageId>, StoreError> {
        let work = self.disk.question_of(room, account, message);
        self.around("question of", Some(room), work, |_, _| {})
            .await
    }

    async fn case_of_row(
        &self,
        room: RoomId,
        delivery: DeliveryId,
    ) -> Result<Option<Case>, StoreError> {
        let work = self.disk.case_of_row(room, delivery);
        self.around("case of row", Some(room), work, |_, _| {})
            .await
    }

    async fn progress_of(&self, room: RoomId, case: CaseId) -> Result<Progress, StoreError> {
        let work = self.disk.progress_of(room, case);
        self.around("progress of", Some(room), work, |_, _| {})
            .await
    }

    async fn next_case_number(&self, room: RoomId) -> Result<u32, StoreError> {
        let work = self.disk.next_case_number(room);
        self.around("next case", Some(room), work, |_, _| {}).await
    }

    async fn case_counts(&self, room: RoomId, since: Timestamp) -> Result<CaseCounts, StoreError> {
        let work = self.disk.case_counts(room, since);
        self.around("case counts", Some(room), work, |_, _| {})
            .await
    }

    async fn decided_cases(
        &self,
        room: RoomId,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<Case>, StoreError> {
        let work = self.disk.decided_cases(room, since, most);
        self.around("decided cases", Some(room), work, |_, _| {})
            .await
    }

    async fn lines_between(
        &self,
        room: RoomId,
        between: Between,
        after: Option<Ulid>,
        most: u32,
    ) -> Result<Vec<HistoryLine>, StoreError> {
        let work = self.disk.lines_between(room, between, after, most);
        self.around("lines between", Some(room), work, |_, _| {})
            .await
    }

    async fn own_since(
        &self,
        room: RoomId,
        account: &AccountName,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<OwnMessage>, StoreError> {
        let work = self.disk.own_since(room, account, since, most);
        self.around("own since", Some(room), work, |_, _| {}).await
    }

    async fn keep_charter(&self, version: CharterVersion) -> Result<(), StoreError> {
        let work = self.disk.keep_charter(version);
        self.around("keep charter", None, work, |_, ()| {}).await
    }

    async fn charters(&self, scope: &str, most: u32) -> Result<Vec<CharterVersion>, StoreError> {
        let work = self.disk.charters(scope, most);
        self.around("charters", None, work, |_, _| {}).await
    }

    async fn erase(
        &self,
        lease: Lease,
        platform: &'static str,
        member: &MemberId,
        who: Who,
        at: Timestamp,
    ) -> Result<Erased, StoreError> {
        let work = self.disk.erase(lease, platform, member, who, at);
        self.around("erase", Some(lease.room), work, |_, _| {})
            .await
    }

    async fn audit(
        &self,
        room: Option<RoomId>,
        note: AuditNote,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let work = self.disk.audit(room, note, at);
        self.around("audit", room, work, |_, ()| {}).await
    }

    async fn audit_rows(&self, most: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.disk.audit_rows(most).await
    }

    async fn audit_verify(&self) -> Result<AuditReport, StoreError> {
        self.disk.audit_verify().await
    }

    async fn forget_old(&self, lease: Lease, keep: Keep, time: Ageing) -> Result<bool, StoreError> {
        let work = self.disk.forget_old(lease, keep, time);
        self.around("forget old", Some(lease.room), work, |_, _| {})
            .await
    }

    async fn purge(&self, time: Ageing) -> Result<bool, StoreError> {
        self.around("purge", None, self.disk.purge(time), |_, _| {})
            .await
    }

    async fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.around("fact", None, self.disk.fact(name), |_, _| {})
            .await
    }

    async fn keep_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let work = self.disk.keep_fact(name, value);
        self.around("keep fact", None, work, |_, ()| {}).await
    }

    async fn keep_parlour(&self, lines: Vec<ParlourLine>) -> Result<(), StoreError> {
        self.disk.keep_parlour(lines).await
    }

    async fn parlour(&self, room: &ChatId, newest: u32) -> Result<Vec<ParlourLine>, StoreError> {
        self.disk.parlour(room, newest).await
    }

    async fn open_session(&self, session: KeptSession) -> Result<(), StoreError> {
        self.disk.open_session(session).await
    }

    async fn session(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<KeptSession>, StoreError> {
        self.disk.session(id, now).await
    }

    async fn end_session(&self, id: SessionId) -> Result<(), StoreError> {
        self.disk.end_session(id).await
    }

    async fn end_sessions(&self, until: Timestamp) -> Result<(), StoreError> {
        self.disk.end_sessions(until).await
    }

    async fn ledger(&self, turn: TurnId) -> Result<Vec<Entry>, StoreError> {
        self.disk.ledger(turn).await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        self.disk.totals().await
    }

    async fn spent(&self, budgets: &str) -> Result<Vec<(String, Nano)>, StoreError> {
        self.disk.spent(budgets).await
    }
}
