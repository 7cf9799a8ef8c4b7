//! The store between house and disk: fails before or after a commit, takes its time, and tells the truth what was
//! committed. "After the commit, reply lost" is the nastiest: the house must not believe that nothing happened.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use teahouse_core::{
    AboutMember, AccountName, Address, ChatId, Delivery, DeliveryId, DeliveryState, Entry, Keep,
    MemberId, MessageId, RoomId, RoomKind, TurnId,
};
use teahouse_store::{
    Acceptance, Accepted, Ageing, Attempt, AttemptEnd, Claim, EmbeddedStore, HeardRoom,
    HistoryLine, HostId, KeptLine, KeptSession, Lease, MemberDay, OpenedRoom, Opening, Outbound,
    ParlourLine, Reserved, SessionId, Settlement, Standing, Store, StoreError, Totals, Trail,
};
use tokio::sync::watch;

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
        let chat = opening.address.to_string();
        let work = self.disk.open_room(host, opening, now);
        let note = move |world: &World, opened: &OpenedRoom| {
            let open = opened.open_turns.len();
            let fence = opened.lease.fence;
            world
                .truth()
                .note(&chat, format!("opened, lease {fence}, {open} open"));
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
        let note = move |world: &World, _: &Option<Delivery>| world.truth().settled(&told);
        self.around("settle", Some(lease.room), work, note).await
    }

    async fn claim(
        &self,
        lease: Lease,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, StoreError> {
        let work = self.disk.claim(lease, now, until);
        self.around("claim", Some(lease.room), work, |_, _| {})
            .await
    }

    async fn complete(
        &self,
        lease: Lease,
        delivery: DeliveryId,
        state: DeliveryState,
        handed_over: bool,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let told = match &state {
            DeliveryState::Sent { message } => format!("row sent as {message}"),
            DeliveryState::Dead { why } => format!("row dead: {why:?}"),
            DeliveryState::Unknown { .. } => "row unknown".to_owned(),
            DeliveryState::Queued { again, .. } => format!("row waits, again {again}"),
            DeliveryState::Claimed { .. } => "row claimed".to_owned(),
        };
        let work = self.disk.complete(lease, delivery, state, handed_over, now);
        let note = move |world: &World, _: &Option<Timestamp>| world.truth().note("store", told);
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

    async fn forget_old(&self, lease: Lease, keep: Keep, time: Ageing) -> Result<(), StoreError> {
        let work = self.disk.forget_old(lease, keep, time);
        self.around("forget old", Some(lease.room), work, |_, ()| {})
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
}
