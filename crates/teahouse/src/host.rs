//! THE JOURNEY; read it first. An event comes in, the room it belongs to hears it, core decides, the store keeps
//! what was decided, and only then turns and deliveries start. Nothing here knows a protocol, a vendor or SQL.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use metrics::counter;
use teahouse_adapters::{Adapter, Incoming};
use teahouse_core::{
    AccountName, Address, Asker, Breakers, Call, Command, Decision, Draft, Event, EventKind,
    GateVerdict, InboxKey, Language, MemberId, Message, MessageId, Notice, OutSegment, Reason,
    RoomKind, Route, Sender, SenderKind, Source, Standing, TurnId, clean_text, decide, pass,
};
use teahouse_providers::Gateway;
use teahouse_store::{
    Acceptance, Accepted, HistoryLine, HostId, Lease, NewTurn, OpenTurn, Outbound, RoomChange,
    Settlement, Store, StoreError, fault,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::clock::{Clock, Ids};
use crate::config::House;
use crate::room::{DeliveryTask, Echo, INBOX, Lane, OpenRoom, Triage};

/// Rooms kept in memory; beyond, those longest at rest are let go.
const ROOMS: usize = 4_096;
/// Lines of talk that wait for the store; beyond, new ones are shed and counted.
const TALK_WAITING: usize = 20_000;
/// Talk reaches the disk this often, or sooner.
const TALK_EVERY: Duration = Duration::from_secs(1);
/// … once so many lines wait.
const TALK_BATCH: usize = 500;

/// What is no longer kept is dropped this often.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);
/// Running turns and due messages get so long once the house closes.
const DRAIN: Duration = Duration::from_secs(5);

/// What a host is made of.
pub struct Parts {
    /// What survives.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids and chance.
    pub ids: Ids,
    /// Which rooms live under which charter.
    pub houses: Vec<House>,
    /// Notices where a charter says nothing.
    pub language: Language,
    /// The routes by name.
    pub routes: HashMap<String, Arc<Route>>,
    /// What was paid in, by provider.
    pub credits: HashMap<String, teahouse_core::Nano>,
    /// Who can be asked.
    pub gateway: Gateway,
    /// Whom the house is, with each account's pace.
    pub adapters: Vec<(Arc<dyn Adapter>, teahouse_core::Pace)>,
}

/// One running house.
pub struct Host {
    pub(crate) id: HostId,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Ids,
    pub(crate) routes: HashMap<String, Arc<Route>>,
    pub(crate) credits: HashMap<String, teahouse_core::Nano>,
    pub(crate) gateway: Gateway,
    pub(crate) breakers: Mutex<Breakers>,
    pub(crate) accounts: HashMap<AccountName, AccountLine>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    houses: Vec<House>,
    language: Language,
    rooms: Mutex<HashMap<Address, Arc<Lane>>>,
    talk: Mutex<VecDeque<(Lease, HistoryLine)>>,
    talk_waits: Notify,
}

/// An account and how fast it may speak over all its rooms.
pub(crate) struct AccountLine {
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) pace: teahouse_core::Pace,
    pub(crate) bucket: Mutex<teahouse_core::Bucket>,
}

impl Host {
    /// A host with nothing running yet.
    pub fn new(parts: Parts) -> Arc<Self> {
        let now = parts.clock.now();
        let accounts = parts.adapters.into_iter().map(|(adapter, pace)| {
            let line = AccountLine {
                adapter: adapter.clone(),
                pace,
                bucket: Mutex::new(pace.account()),
            };
            (adapter.account().clone(), line)
        });
        Arc::new(Host {
            id: HostId(parts.ids.next(now)),
            store: parts.store,
            clock: parts.clock,
            ids: parts.ids,
            routes: parts.routes,
            credits: parts.credits,
            gateway: parts.gateway,
            breakers: Mutex::new(Breakers::default()),
            accounts: accounts.collect(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            houses: parts.houses,
            language: parts.language,
            rooms: Mutex::new(HashMap::new()),
            talk: Mutex::new(VecDeque::new()),
            talk_waits: Notify::new(),
        })
    }

    /// Takes up what an earlier process left, and starts what runs beside the events.
    pub async fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        self.tasks.spawn(self.clone().keep_talk());
        self.tasks.spawn(self.clone().tidy_up());
        for account in self.accounts.values() {
            self.tasks
                .spawn(self.clone().watch_connection(account.adapter.clone()));
        }
        for (address, kind) in self.store.unfinished().await? {
            if let Some(lane) = self.lane(&address, kind) {
                self.work(&lane);
            }
        }
        Ok(())
    }

    /// Starts no more turns, lets running ones and what is due go for a while, and writes the talk down. What is
    /// unfinished then stays on the disk and goes on at the next start.
    pub async fn shut_down(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN, self.tasks.wait())
            .await
            .is_err()
        {
            warn!("not everything came to rest in time; the next start takes it up");
        }
        self.flush_talk().await;
    }

    /// An event from an adapter. Returns at once; what has to wait, waits in the room's own lane.
    pub fn on_event(self: &Arc<Self>, incoming: Incoming) {
        let now = self.clock.now();
        let Some((address, kind)) = place(&incoming.event) else {
            return;
        };
        // What is not served is not kept either.
        if kind == RoomKind::Direct && !self.house_of(&address).is_some_and(|house| house.direct) {
            return count(Reason::DirectOff);
        }
        let Some(lane) = self.lane(&address, kind) else {
            counter!("teahouse_messages_total", "reason" => Reason::GroupOff.code()).increment(1);
            return;
        };
        let mut state = lane.state();
        state.used = now;
        if let (EventKind::Message(message), false, Some(open)) =
            (&incoming.event.kind, state.working, state.open.as_mut())
        {
            let key = message.inbox_key(incoming.platform);
            match open.triage(message, &incoming.us, &lane.charter, key, now) {
                Triage::Repeat => return count(Reason::Duplicate),
                Triage::Talk(reason) => {
                    let line = self.line(&lane, message, reason, false, now);
                    let lease = open.lease;
                    drop(state);
                    return self.remember(lease, line);
                }
                // These wait for the store, each in its turn.
                Triage::Echo | Triage::Call(_) | Triage::AskStore(_) => {}
            }
        }
        if state.inbox.len() >= INBOX {
            return count(Reason::Overloaded);
        }
        state.inbox.push_back(incoming);
        drop(state);
        self.work(&lane);
    }

    /// Sees to it that somebody works through the lane's events.
    pub(crate) fn work(self: &Arc<Self>, lane: &Arc<Lane>) {
        let mut state = lane.state();
        if !state.working {
            state.working = true;
            drop(state);
            self.tasks.spawn(self.clone().work_through(lane.clone()));
        }
    }

    async fn work_through(self: Arc<Self>, lane: Arc<Lane>) {
        if let Err(error) = self.open(&lane).await {
            // Nothing is acknowledged and nothing lost: the events stay, and the next one tries again.
            error!(room = %lane.address, error = %chain(&error), "cannot open room `{}`", lane.address);
            lane.state().working = false;
            return;
        }
        loop {
            let next = {
                let mut state = lane.state();
                let next = state.inbox.pop_front();
                state.working = next.is_some();
                next
            };
            let Some(incoming) = next else { break };
            if let Err(error) = self.handle(&lane, incoming).await {
                self.failed(&lane, &error);
            }
        }
        lane.changed.notify_waiters();
    }

    fn failed(&self, lane: &Arc<Lane>, error: &StoreError) {
        error!(room = %lane.address, error = %chain(error), "an event of room `{}` was not taken in", lane.address);
        if let StoreError::LeaseLost { .. } = error {
            lane.state().open = None;
        }
    }

    /// Takes the room's lease and takes up what was left there.
    async fn open(self: &Arc<Self>, lane: &Arc<Lane>) -> Result<(), StoreError> {
        if lane.state().open.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        let new_room = teahouse_core::RoomId(self.ids.next(now));
        let opened = self
            .store
            .open_room(
                self.id,
                &lane.address,
                lane.platform,
                lane.kind,
                new_room,
                now,
            )
            .await?;
        // On the terminal the one who asks is the one who runs it.
        let greeted = opened.greeted || lane.platform == "terminal";
        lane.state().open = Some(OpenRoom::new(&opened, greeted));
        for turn in opened.open_turns {
            info!(turn = %turn.turn.id, room = %lane.address, "taking up a question that an earlier process left");
            self.queue_turn(lane, turn);
        }
        self.start_turns(lane);
        if opened.has_deliveries {
            self.deliver_soon(lane);
        }
        self.store
            .forget_old(opened.lease, lane.charter.keep, now)
            .await
    }

    async fn handle(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        incoming: Incoming,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Incoming {
            platform,
            us,
            event,
        } = incoming;
        match event.kind {
            EventKind::Message(message) => self.on_message(lane, platform, &us, message, now).await,
            EventKind::Recall { message, .. } => self.on_recall(lane, &message, now).await,
            EventKind::RoleChanged { member, role, .. } => {
                with_open(lane, |open| open.role_is(member, role, now));
                Ok(())
            }
            EventKind::MemberJoined { .. }
            | EventKind::MemberLeft { .. }
            | EventKind::Muted { .. }
            | EventKind::Account { .. }
            | EventKind::Other { .. } => Ok(()),
        }
    }

    async fn on_message(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        platform: &'static str,
        us: &MemberId,
        message: Message,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = message.inbox_key(platform);
        let Some(triage) = with_open(lane, |open| {
            (
                open.triage(&message, us, &lane.charter, key, now),
                open.lease,
            )
        }) else {
            return Ok(());
        };
        let (triage, lease) = triage;
        match triage {
            Triage::Repeat => count(Reason::Duplicate),
            Triage::Echo => self.on_echo(lane, message),
            Triage::Talk(reason) => {
                self.remember(lease, self.line(lane, &message, reason, false, now))
            }
            Triage::AskStore(quoted) => {
                if self
                    .store
                    .is_ours(lease.room, &lane.address.account, &quoted)
                    .await?
                {
                    let triggers = lane.charter.trigger.as_slice();
                    if let Some(call) =
                        teahouse_core::find_call(&message, us, triggers, |id| *id == quoted)
                    {
                        return self.on_call(lane, lease, key, &message, call, now).await;
                    }
                }
                with_open(lane, |open| open.heard(&message, key));
                self.remember(lease, self.line(lane, &message, Reason::Talk, false, now));
            }
            Triage::Call(call) => return self.on_call(lane, lease, key, &message, call, now).await,
        }
        Ok(())
    }

    /// Our own message, reported back by the platform: proof for delivery, nothing else.
    fn on_echo(&self, lane: &Arc<Lane>, message: Message) {
        let echo = Echo {
            text: message.text(),
            quote: message.reply_to().cloned(),
            message: message.id,
        };
        with_open(lane, |open| open.echoed(echo));
        lane.outbox.notify_one();
    }

    async fn on_recall(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        message: &MessageId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some((lease, waiting)) = with_open(lane, |open| {
            open.forget_message(message);
            open.end_turns(Reason::Cancelled, |_, asked| asked == message);
            (open.lease, open.drop_waiting(|_, asked| asked == message))
        }) else {
            return Ok(());
        };
        for turn in waiting {
            self.end_unanswered(lane, lease, &turn, Reason::Cancelled)
                .await?;
        }
        self.flush_talk().await;
        self.store
            .recall(lease, &lane.address.account, message, now)
            .await?;
        Ok(())
    }

    /// A message that calls the house: decide, accept durably, then act.
    async fn on_call(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        key: InboxKey,
        message: &Message,
        call: Call,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let member = &message.sender.id;
        let (day, _) = lane.charter.zone.day(now);
        let known = with_open(lane, |open| open.day(member, day)).flatten();
        let count = match known {
            Some(count) => count,
            None => {
                let count = self
                    .store
                    .member_day(lease.room, lane.platform, member, day)
                    .await?;
                with_open(lane, |open| open.day_is(member.clone(), day, count));
                count
            }
        };
        let role = with_open(lane, |open| open.role(member, now)).flatten();
        let standing = role.map_or(Standing::Claimed(message.sender.role), Standing::Witnessed);
        let mut asker = Asker {
            standing,
            today: count.questions,
            limit_noticed: count.limit_noticed,
        };
        let Some(mut decision) = with_open(lane, |open| {
            decide(&lane.charter, &lane.room_state(open), asker, &call, now)
        }) else {
            return Ok(());
        };
        if decision == Decision::Witness {
            asker.standing = self.witness(lane, member, now).await;
            decision = with_open(lane, |open| {
                decide(&lane.charter, &lane.room_state(open), asker, &call, now)
            })
            .unwrap_or(Decision::Silent(Reason::Expired));
        }
        match decision {
            Decision::Silent(reason) => {
                with_open(lane, |open| open.called(key));
                self.remember(lease, self.line(lane, message, reason, true, now));
                Ok(())
            }
            Decision::Witness => Ok(()),
            Decision::Ask => self.ask(lane, lease, key, message, call, now).await,
            Decision::Say(reason, notice) => {
                self.answer_with_notice(lane, lease, key, message, &call, reason, notice, now)
                    .await
            }
            Decision::Do(command) => {
                self.carry_out(lane, lease, key, message, command, asker, now)
                    .await
            }
        }
    }

    /// What the platform itself says about a member's role.
    async fn witness(&self, lane: &Arc<Lane>, member: &MemberId, now: Timestamp) -> Standing {
        let Some(account) = self.accounts.get(&lane.address.account) else {
            return Standing::Unwitnessed;
        };
        match account.adapter.role(&lane.address.chat, member).await {
            Ok(role) => {
                with_open(lane, |open| open.role_is(member.clone(), role, now));
                Standing::Witnessed(role)
            }
            Err(error) => {
                warn!(room = %lane.address, error = %chain(&error), "could not ask for a member's role");
                Standing::Unwitnessed
            }
        }
    }

    /// A question: durable first, then its turn.
    async fn ask(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        key: InboxKey,
        message: &Message,
        call: Call,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let turn = self.new_turn(lane, message, &call, now);
        let accepted = self
            .store
            .accept(
                lease,
                Acceptance {
                    key,
                    line: self.line(lane, message, Reason::NotAddressed, true, now),
                    turn: Some((turn.clone(), None)),
                    changes: vec![],
                    say: vec![],
                },
            )
            .await?;
        if accepted == Accepted::Seen {
            count(Reason::Duplicate);
            return Ok(());
        }
        fault::point("after-accept");
        self.counted(lane, message, Reason::Answered, now);
        with_open(lane, |open| open.called(key));
        self.queue_turn(
            lane,
            OpenTurn {
                turn,
                released: 0,
                attempts: 0,
            },
        );
        self.start_turns(lane);
        Ok(())
    }

    fn new_turn(&self, lane: &Lane, message: &Message, call: &Call, now: Timestamp) -> NewTurn {
        NewTurn {
            id: TurnId(self.ids.next(now)),
            address: lane.address.clone(),
            message: message.id.clone(),
            member: message.sender.id.clone(),
            name: shown_name(&message.sender),
            question: clean_text(&call.words),
            reply_to: call.reply_to.clone(),
            asked: now,
            charter: lane.charter.name.clone(),
        }
    }

    /// Keeps the day's count of a member in step with what was accepted.
    fn counted(&self, lane: &Lane, message: &Message, reason: Reason, now: Timestamp) {
        let (day, _) = lane.charter.zone.day(now);
        with_open(lane, |open| {
            let mut count = open.day(&message.sender.id, day).unwrap_or_default();
            match reason {
                Reason::QuotaMember => count.limit_noticed = true,
                _ => count.questions += 1,
            }
            open.day_is(message.sender.id.clone(), day, count);
        });
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call from the message to its answer"
    )]
    async fn answer_with_notice(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        key: InboxKey,
        message: &Message,
        call: &Call,
        reason: Reason,
        notice: Notice,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let hint = matches!(notice, Notice::Hint { .. });
        let refused = (reason != Reason::Command)
            .then(|| (self.new_turn(lane, message, call, now), Some(reason)));
        let acceptance = Acceptance {
            key,
            line: self.line(lane, message, reason, true, now),
            turn: refused,
            changes: vec![],
            say: self.say(lane, Some(&message.id), notice, now),
        };
        if self.store.accept(lease, acceptance).await? == Accepted::New {
            fault::point("after-accept");
            count(reason);
            if reason == Reason::QuotaMember {
                self.counted(lane, message, reason, now);
            }
            if hint {
                with_open(lane, |open| open.hinted_at = Some(now));
            }
            self.deliver_soon(lane);
        }
        Ok(())
    }

    /// A command: its effect and the notice about it are one transaction.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call from the message to its effect"
    )]
    async fn carry_out(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        key: InboxKey,
        message: &Message,
        command: Command,
        asker: Asker,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let member = &message.sender.id;
        let everybody = match &command {
            Command::Stop => {
                matches!(asker.standing, Standing::Witnessed(role) if role.is_admin())
            }
            _ => true,
        };
        let stops = |who: &MemberId| everybody || who == member;
        let (changes, notice) = match &command {
            Command::Stop => {
                // What is being paced out stops too, though its turn is over.
                let speaking = lane.state().delivery != DeliveryTask::Idle;
                let running = with_open(lane, |open| open.has_turns(stops)) == Some(true);
                let whose = (!everybody).then(|| member.clone());
                let notice = if running || speaking {
                    Notice::Stopped
                } else {
                    Notice::NothingToStop
                };
                (vec![RoomChange::Hush(whose)], notice)
            }
            Command::New => (
                vec![RoomChange::ForgetConversation(member.clone())],
                Notice::Forgotten,
            ),
            Command::NewRoom => (vec![RoomChange::ForgetConversations], Notice::ForgottenRoom),
            Command::On => (vec![RoomChange::On(true)], Notice::On),
            Command::Off => {
                let trigger = lane.charter.trigger.first().to_owned();
                (
                    vec![RoomChange::On(false), RoomChange::Hush(None)],
                    Notice::Off { trigger },
                )
            }
            Command::Pause(length) => {
                let until = now.saturating_add(*length).unwrap_or(Timestamp::MAX);
                (
                    vec![RoomChange::PausedUntil(until)],
                    Notice::Paused {
                        until: lane.charter.zone.clock(until),
                    },
                )
            }
            Command::Why(target) => (vec![], self.why(lane, lease, target).await?),
            Command::AboutMe => {
                self.flush_talk().await;
                let (day, _) = lane.charter.zone.day(now);
                (
                    vec![],
                    Notice::About(
                        self.store
                            .about(lease.room, lane.platform, member, day)
                            .await?,
                    ),
                )
            }
            // Decided without being carried out here.
            Command::Empty | Command::Ask | Command::Help => return Ok(()),
        };
        let acceptance = Acceptance {
            key,
            line: self.line(lane, message, Reason::Command, true, now),
            turn: None,
            changes,
            say: self.say(lane, Some(&message.id), notice, now),
        };
        if self.store.accept(lease, acceptance).await? == Accepted::New {
            fault::point("after-accept");
            count(Reason::Command);
            with_open(lane, |open| {
                open.called(key);
                changed(open, &command, member, now);
            });
            self.deliver_soon(lane);
            // Not before: a repeat of an old stop ends nothing.
            match command {
                Command::Stop => {
                    self.stop_turns(lane, lease, Reason::Cancelled, stops)
                        .await?;
                }
                Command::Off => {
                    self.stop_turns(lane, lease, Reason::AdminStopped, stops)
                        .await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn why(
        &self,
        lane: &Lane,
        lease: Lease,
        target: &MessageId,
    ) -> Result<Notice, StoreError> {
        self.flush_talk().await;
        let trail = self
            .store
            .why(lease.room, &lane.address.account, target)
            .await?;
        Ok(match trail {
            Some(trail) => {
                let tenths = trail.millis.map(|millis| millis.unsigned_abs() / 100);
                Notice::Why {
                    reason: trail.reason,
                    tenths,
                }
            }
            None => Notice::WhyUnknown,
        })
    }

    /// Ends running and waiting turns.
    async fn stop_turns(
        &self,
        lane: &Lane,
        lease: Lease,
        reason: Reason,
        of: impl Fn(&MemberId) -> bool,
    ) -> Result<(), StoreError> {
        let waiting = with_open(lane, |open| {
            open.end_turns(reason, |member, _| of(member));
            open.drop_waiting(|member, _| of(member))
        });
        for turn in waiting.unwrap_or_default() {
            self.end_unanswered(lane, lease, &turn, reason).await?;
        }
        Ok(())
    }

    /// Ends a turn that never began, without a word.
    async fn end_unanswered(
        &self,
        lane: &Lane,
        lease: Lease,
        turn: &OpenTurn,
        reason: Reason,
    ) -> Result<(), StoreError> {
        count(reason);
        info!(turn = %turn.turn.id, room = %lane.address, %reason, "a waiting question ended");
        self.store
            .settle(
                lease,
                Settlement {
                    turn: turn.turn.id,
                    reason,
                    cut_short: false,
                    attempt: None,
                    say: vec![],
                    answer: String::new(),
                    greeted: false,
                    at: self.clock.now(),
                },
            )
            .await
    }

    fn queue_turn(&self, lane: &Lane, turn: OpenTurn) {
        with_open(lane, |open| open.waiting.push_back(turn));
    }

    /// Starts as many waiting turns as the room may run at once.
    pub(crate) fn start_turns(self: &Arc<Self>, lane: &Arc<Lane>) {
        while !self.stop.is_cancelled() {
            let Some((lease, turn, cancel)) = with_open(lane, |open| {
                let turn = open.next_turn()?;
                let cancel = CancellationToken::new();
                let running = crate::room::Running {
                    member: turn.turn.member.clone(),
                    message: turn.turn.message.clone(),
                    cancel: cancel.clone(),
                    ended_by: None,
                };
                open.running.insert(turn.turn.id, running);
                Some((open.lease, turn, cancel))
            })
            .flatten() else {
                return;
            };
            self.tasks.spawn(crate::answer::run(
                self.clone(),
                lane.clone(),
                lease,
                turn,
                cancel,
            ));
        }
    }

    /// Wakes the room's delivery.
    pub(crate) fn deliver_soon(self: &Arc<Self>, lane: &Arc<Lane>) {
        let mut state = lane.state();
        match state.delivery {
            DeliveryTask::Idle => {
                state.delivery = DeliveryTask::Running;
                drop(state);
                self.tasks
                    .spawn(crate::delivery::run(self.clone(), lane.clone()));
            }
            DeliveryTask::Running | DeliveryTask::Again => {
                state.delivery = DeliveryTask::Again;
                lane.outbox.notify_one();
            }
        }
    }

    /// A notice as an outbox row, if the gate lets it through.
    pub(crate) fn say(
        &self,
        lane: &Lane,
        quote: Option<&MessageId>,
        notice: Notice,
        now: Timestamp,
    ) -> Vec<Outbound> {
        let language = self.language_of(lane);
        let draft = self.draft(lane, quote, notice.text(language), Source::House);
        self.outbound(lane, draft, None, now).into_iter().collect()
    }

    /// What the room speaks.
    pub(crate) fn language_of(&self, lane: &Lane) -> Language {
        lane.charter.speaks.unwrap_or(self.language)
    }

    /// Words on their way to the gate.
    pub(crate) fn draft(
        &self,
        lane: &Lane,
        quote: Option<&MessageId>,
        text: String,
        source: Source,
    ) -> Draft {
        Draft {
            address: lane.address.clone(),
            room_kind: lane.kind,
            quote: quote.cloned(),
            body: vec![OutSegment::Text { text }],
            source,
            language: self.language_of(lane),
        }
    }

    /// An outbox row of what the gate lets through.
    pub(crate) fn outbound(
        &self,
        lane: &Lane,
        draft: Draft,
        part: Option<(TurnId, u16)>,
        now: Timestamp,
    ) -> Option<Outbound> {
        match pass(draft) {
            GateVerdict::Pass(outgoing) => Some(Outbound {
                id: teahouse_core::DeliveryId(self.ids.next(now)),
                part,
                account: lane.address.account.clone(),
                sealed: outgoing.seal(),
            }),
            GateVerdict::Withhold { why } => {
                warn!(room = %lane.address, "the gate withheld a message: {why}");
                None
            }
        }
    }

    fn house_of(&self, address: &Address) -> Option<&House> {
        self.houses.iter().find(|house| house.covers(address))
    }

    /// The lane of a room that a house covers.
    fn lane(&self, address: &Address, kind: RoomKind) -> Option<Arc<Lane>> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = rooms.get(address) {
            return Some(lane.clone());
        }
        let house = self.house_of(address)?;
        let account = self.accounts.get(&address.account)?;
        if rooms.len() >= ROOMS {
            let mut at_rest: Vec<_> = rooms
                .iter()
                .filter_map(|(address, lane)| {
                    let state = lane.state();
                    state.is_at_rest().then(|| (state.used, address.clone()))
                })
                .collect();
            at_rest.sort();
            for (_, address) in at_rest.into_iter().take(ROOMS / 8) {
                rooms.remove(&address);
            }
        }
        let lane = Arc::new(Lane::new(
            address.clone(),
            account.adapter.platform(),
            kind,
            house.charter.clone(),
            house.direct,
            account.pace.room(),
            self.clock.now(),
        ));
        rooms.insert(address.clone(), lane.clone());
        Some(lane)
    }

    /// A line for the history.
    fn line(
        &self,
        lane: &Lane,
        message: &Message,
        reason: Reason,
        addressed: bool,
        now: Timestamp,
    ) -> HistoryLine {
        HistoryLine {
            id: self.ids.next(now),
            account: lane.address.account.clone(),
            platform: lane.platform,
            message: message.id.clone(),
            member: message.sender.id.clone(),
            name: shown_name(&message.sender),
            text: message.readable(),
            at: now,
            reason,
            reply_to: message.reply_to().cloned(),
            mentions: message
                .segments
                .iter()
                .any(|s| matches!(s, teahouse_core::Segment::Mention { .. })),
            addressed,
        }
    }

    /// Talk on its way to the disk, in batches: nobody waits for it.
    fn remember(&self, lease: Lease, line: HistoryLine) {
        count(line.reason);
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        if talk.len() >= TALK_WAITING {
            counter!("teahouse_talk_shed_total").increment(1);
            return;
        }
        talk.push_back((lease, line));
        if talk.len() == 1 || talk.len() == TALK_BATCH {
            drop(talk);
            self.talk_waits.notify_one();
        }
    }

    async fn keep_talk(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            tokio::select! {
                () = self.talk_waits.notified() => {}
                () = self.stop.cancelled() => return,
            }
            tokio::select! {
                () = self.talk_waits.notified() => {}
                () = tokio::time::sleep(TALK_EVERY) => {}
                () = self.stop.cancelled() => return,
            }
            self.flush_talk().await;
        }
    }

    /// Drops what is no longer kept: at the start, and then every hour.
    async fn tidy_up(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            let now = self.clock.now();
            let mut done = self.store.purge(now).await;
            for lane in self.lanes_of(|_| true) {
                let lease = with_open(&lane, |open| open.lease);
                if let (Ok(()), Some(lease)) = (&done, lease) {
                    done = self.store.forget_old(lease, lane.charter.keep, now).await;
                }
            }
            if let Err(error) = done {
                warn!(error = %chain(&error), "old words could not be dropped; the next hour tries again");
            }
            tokio::select! {
                () = tokio::time::sleep(TIDY_EVERY) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Everything heard so far is on the disk when this returns. In small batches, so that a question never waits
    /// behind a flood of talk.
    pub(crate) async fn flush_talk(&self) {
        loop {
            let lines: Vec<_> = {
                let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
                let batch = talk.len().min(TALK_BATCH);
                talk.drain(..batch).collect()
            };
            if lines.is_empty() {
                return;
            }
            let count = lines.len();
            if let Err(error) = self.store.remember(lines).await {
                error!(error = %chain(&error), "{count} lines of talk were not kept");
                counter!("teahouse_talk_shed_total").increment(count as u64);
            }
        }
    }

    /// When an account comes back, its rooms' deliveries go on at once.
    async fn watch_connection(self: Arc<Self>, adapter: Arc<dyn Adapter>) {
        let mut connection = adapter.connection();
        loop {
            tokio::select! {
                changed = connection.changed() => if changed.is_err() { return },
                () = self.stop.cancelled() => return,
            }
            if *connection.borrow_and_update() == teahouse_adapters::Connection::Online {
                for lane in self.lanes_of(|account| account == adapter.account()) {
                    lane.outbox.notify_one();
                }
            }
        }
    }

    fn lanes_of(&self, of: impl Fn(&AccountName) -> bool) -> Vec<Arc<Lane>> {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms
            .iter()
            .filter(|(address, _)| of(&address.account))
            .map(|(_, lane)| lane.clone())
            .collect()
    }

    /// How the house is, for the operator.
    pub(crate) async fn health(&self) -> Result<crate::control::Reply, StoreError> {
        let totals = self.store.totals().await?;
        let mut accounts: Vec<_> = self
            .accounts
            .iter()
            .map(|(name, line)| {
                (
                    name.to_string(),
                    format!("{:?}", *line.adapter.connection().borrow()).to_lowercase(),
                )
            })
            .collect();
        accounts.sort();
        Ok(crate::control::Reply::Health {
            pid: std::process::id(),
            questions: totals.turns,
            open: totals.open_turns,
            waiting: totals.waiting,
            accounts,
        })
    }

    /// Waits until a room has nothing left to do.
    pub async fn at_rest(self: &Arc<Self>, address: &Address) {
        let lane = self
            .rooms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(address)
            .cloned();
        let Some(lane) = lane else { return };
        loop {
            let changed = lane.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if lane.state().is_at_rest() {
                return;
            }
            changed.await;
        }
    }
}

/// Which room an event is about.
fn place(event: &Event) -> Option<(Address, RoomKind)> {
    let in_group = |chat: &teahouse_core::ChatId| {
        Some((
            Address {
                account: event.account.clone(),
                chat: chat.clone(),
            },
            RoomKind::Group,
        ))
    };
    match &event.kind {
        EventKind::Message(message) => Some((message.address.clone(), message.room_kind)),
        EventKind::Recall {
            chat, room_kind, ..
        } => in_group(chat).map(|(address, _)| (address, *room_kind)),
        EventKind::RoleChanged { chat, .. } => in_group(chat),
        EventKind::MemberJoined { .. }
        | EventKind::MemberLeft { .. }
        | EventKind::Muted { .. }
        | EventKind::Account { .. }
        | EventKind::Other { .. } => None,
    }
}

/// The room's memory after a command.
fn changed(open: &mut OpenRoom, command: &Command, member: &MemberId, now: Timestamp) {
    match command {
        Command::New => open.forget_exchanges(Some(member)),
        Command::NewRoom => open.forget_exchanges(None),
        Command::On | Command::Off => {
            open.on = *command == Command::On;
            open.paused_until = None;
        }
        Command::Pause(length) => open.paused_until = now.saturating_add(*length).ok(),
        Command::Empty
        | Command::Ask
        | Command::Help
        | Command::Stop
        | Command::Why(_)
        | Command::AboutMe => {}
    }
}

/// Runs with the opened room, if it is open.
pub(crate) fn with_open<T>(lane: &Lane, work: impl FnOnce(&mut OpenRoom) -> T) -> Option<T> {
    lane.state().open.as_mut().map(work)
}

/// One message more for this reason.
pub(crate) fn count(reason: Reason) {
    counter!("teahouse_messages_total", "reason" => reason.code()).increment(1);
}

/// A name as it is kept: no control characters, no more than people can read.
fn shown_name(sender: &Sender) -> String {
    debug_assert!(sender.kind != SenderKind::Ourselves);
    clean_text(&sender.name).chars().take(64).collect()
}

/// An error with its causes, for the operator.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
