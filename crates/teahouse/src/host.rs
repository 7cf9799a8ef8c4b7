//! THE JOURNEY; read it first. An event comes in, the room it belongs to hears it, core decides, the store keeps
//! what was decided, and only then turns and deliveries start. Nothing here knows a protocol, a vendor or SQL.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use metrics::counter;
use secrecy::{ExposeSecret, SecretString};
use teahouse_adapters::{Adapter, Incoming};
use teahouse_core::rules::climb::Climbs;
use teahouse_core::rules::verdict::Finding;
use teahouse_core::{
    AccountName, Address, Charter, ChatId, Delivery, Draft, Event, EventKind, GateVerdict,
    InboxKey, Joined, Language, MemberId, Message, MessageId, Money, Nano, Notice, OutSegment,
    Reason, RoomKind, Route, Source, TurnId, pass,
};
use teahouse_providers::Gateway;
use teahouse_store::{
    HistoryLine, HostId, Lease, OpenTurn, Opening, Outbound, Settlement, Store, StoreError,
};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::acting::Look;
use crate::alarms::Alarms;
use crate::answer::{Answer, guests_budgets};
use crate::breakers::Board;
use crate::clock::{Clock, Ids, Moment};
use crate::config::House;
use crate::law::Law;
use crate::proof::is_bundle;
use crate::room::{DeliveryTask, Echo, INBOX, Lane, OpenRoom, Triage};
use crate::signs::Toll;

/// Rooms kept in memory; beyond, those longest at rest are let go.
const ROOMS: usize = 4_096;
/// What is shorter is no key: a word of it may be anybody's.
const SHORTEST_SECRET: usize = 8;
/// Running turns and due messages get so long once the house closes.
const DRAIN: Duration = Duration::from_secs(5);
/// … and the last second's talk gets so long to be written down.
const LAST_TALK: Duration = Duration::from_secs(1);

/// No platform mutes for longer.
const LONGEST_MUTE: u64 = 31 * 86_400;

/// A write that must not be lost is tried so often again while the store is away: for about a minute.
const INSISTS: u32 = 8;

/// The pause before the n-th try again.
pub(crate) fn pause_after(times: u32) -> Duration {
    Duration::from_millis(250) * 2u32.pow(times.saturating_sub(1).min(6))
}

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
    /// Keys and tokens, none of which is ever said.
    pub secrets: Vec<SecretString>,
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
    /// Rooms with a route of their own.
    pub(crate) room_routes: Mutex<HashMap<Address, Arc<Route>>>,
    pub(crate) credits: HashMap<String, teahouse_core::Nano>,
    pub(crate) gateway: Gateway,
    pub(crate) breakers: Arc<Board>,
    pub(crate) accounts: BTreeMap<AccountName, AccountLine>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Where the steady clock stood when the house opened.
    pub(crate) began: Instant,
    /// Changed together with the laws of the rooms, under the lock of `rooms`.
    houses: RwLock<Arc<Vec<House>>>,
    pub(crate) language: Language,
    /// In order: whoever walks through them meets them in the same order in every run.
    rooms: Mutex<BTreeMap<Address, Arc<Lane>>>,
    pub(crate) talk: Mutex<VecDeque<(Lease, HistoryLine)>>,
    pub(crate) talk_waits: Notify,
    /// One flush of the talk at a time.
    pub(crate) flushing: tokio::sync::Mutex<()>,
    /// … and the wall clock.
    opened: Timestamp,
    pub(crate) alarms: Alarms,
    secrets: Vec<SecretString>,
    /// Who broke which rule how often.
    pub(crate) climbs: Mutex<Climbs>,
    pub(crate) retention: Mutex<Option<crate::retention::Known>>,
    /// When the questions were heard that this process has heard and not ended: nobody sets this clock.
    pub(crate) heard: Mutex<HashMap<TurnId, Instant>>,
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
            room_routes: Mutex::default(),
            credits: parts.credits,
            gateway: parts.gateway,
            breakers: Arc::default(),
            began: Instant::now(),
            accounts: accounts.collect(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            houses: RwLock::new(Arc::new(parts.houses)),
            language: parts.language,
            rooms: Mutex::new(BTreeMap::new()),
            talk: Mutex::new(VecDeque::new()),
            talk_waits: Notify::new(),
            flushing: tokio::sync::Mutex::new(()),
            opened: now,
            alarms: Alarms::default(),
            secrets: parts.secrets,
            climbs: Mutex::default(),
            retention: Mutex::default(),
            heard: Mutex::default(),
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
        // A disk that is away keeps nobody from leaving: talk may be lost, questions are not.
        if tokio::time::timeout(LAST_TALK, self.flush_talk())
            .await
            .is_err()
        {
            warn!("the last second of talk was not kept: the disk did not take it");
        }
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
        let law = lane.law.get();
        let mut state = lane.state();
        state.used = now;
        if !state.is_news(&incoming.event.kind) {
            return count(Reason::Duplicate);
        }
        if let (EventKind::Message(message), false, Some(open)) =
            (&incoming.event.kind, state.working, state.open.as_mut())
        {
            let key = message.inbox_key(incoming.platform);
            match open.triage(message, &incoming.us, &law, key, now) {
                Triage::Repeat => return count(Reason::Duplicate),
                Triage::Talk(reason) => {
                    // What the rules act on waits for the store, in its turn.
                    if let Look::Pass(trail) =
                        self.look_at_talk(&lane, &law, (message, key), reason, now)
                    {
                        open.heard(message, key);
                        let mut line = self.line(&lane, message, reason, false, now);
                        line.trail = trail;
                        let lease = open.lease;
                        drop(state);
                        self.sign_heard(&lane, message, reason);
                        return self.remember(lease, line);
                    }
                }
                // These wait for the store, each in its turn.
                Triage::Echo | Triage::Call(_) | Triage::AskStore(_) | Triage::Crisis => {}
            }
        }
        if state.inbox.len() >= INBOX {
            drop(state);
            if let EventKind::Message(message) = &incoming.event.kind {
                self.sign_heard(&lane, message, Reason::Overloaded);
            }
            return count(Reason::Overloaded);
        }
        let heard = Moment {
            wall: now,
            steady: Instant::now(),
        };
        state.inbox.push_back((incoming, heard));
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
        let mut failing = 0;
        loop {
            lane.state().let_go_of_doubt();
            if let Err(error) = self.open(&lane).await {
                // Nothing is acknowledged and nothing lost: the events stay until the store is back.
                error!(room = %lane.address, error = %chain(&error), "cannot open room `{}`", lane.address);
                if error.may_pass() && self.bears(&mut failing).await {
                    continue;
                }
                lane.state().working = false;
                return;
            }
            let (missed, next) = {
                let mut state = lane.state();
                let missed = std::mem::take(&mut state.missed);
                let next = match missed.is_empty() {
                    true => state.inbox.pop_front(),
                    false => None,
                };
                state.working = next.is_some() || !missed.is_empty();
                (missed, next)
            };
            let done = match &next {
                Some((incoming, heard)) => self.handle(&lane, incoming.clone(), *heard).await,
                None if missed.is_empty() => break,
                None => self.hear_missed(&lane, &missed).await,
            };
            match done {
                Ok(()) => failing = 0,
                Err(error) => {
                    self.failed(&lane, &error);
                    if error.may_pass() && self.bears(&mut failing).await {
                        let mut state = lane.state();
                        state.missed.splice(0..0, missed);
                        if let Some(next) = next {
                            state.inbox.push_front(next);
                        }
                    }
                }
            }
        }
        lane.changed.notify_waiters();
    }

    /// Waits a little while the store is away, ever longer; false once the house closes.
    async fn bears(&self, failing: &mut u32) -> bool {
        *failing = failing.saturating_add(1);
        self.rest_for(pause_after(*failing)).await
    }

    /// Waits; false if the house closes meanwhile.
    pub(crate) async fn rest_for(&self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// Writes what must not be lost, again while the store is away: only for a write that changes nothing the second
    /// time. Gives up after a minute; then the room is opened anew.
    pub(crate) async fn insist<'s, T>(
        &self,
        lane: &Lane,
        mut write: impl FnMut() -> BoxFuture<'s, Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        for times in 1..=INSISTS {
            match write().await {
                Err(error) if error.may_pass() => {
                    warn!(room = %lane.address, error = %chain(&error), "the store is asked again");
                    if !self.rest_for(pause_after(times)).await {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
        write().await
    }

    /// After a failure in the middle of something nobody knows what the disk has: once nothing runs in the room it is
    /// opened anew, and what stands there is taken up.
    pub(crate) fn open_anew_if_in_doubt(self: &Arc<Self>, lane: &Arc<Lane>) {
        if lane.state().may_let_go() {
            self.work(lane);
        }
    }

    fn failed(&self, lane: &Arc<Lane>, error: &StoreError) {
        error!(room = %lane.address, error = %chain(error), "an event of room `{}` was not taken in", lane.address);
        if let StoreError::LeaseLost { .. } = error {
            lane.state().open = None;
        }
        with_open(lane, |open| open.in_doubt = true);
    }

    /// Takes the room's lease and takes up what was left there.
    async fn open(self: &Arc<Self>, lane: &Arc<Lane>) -> Result<(), StoreError> {
        if lane.state().open.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        let (day, _) = lane.charter().zone.day(self.room_now(lane, now));
        let opening = Opening {
            address: lane.address.clone(),
            platform: lane.platform,
            kind: lane.kind,
            new_room: teahouse_core::RoomId(self.ids.next(now)),
            day,
        };
        let opened = self.store.open_room(self.id, opening, now).await?;
        (self.climbs.lock().unwrap_or_else(PoisonError::into_inner)).remember(&opened.marks);
        // On the terminal the one who asks is the one who runs it.
        self.settle_law(lane, &opened).await?;
        let greeted = opened.greeted || lane.platform == "terminal";
        lane.state().open = Some(OpenRoom::new(&opened, day, greeted));
        for turn in opened.open_turns {
            info!(turn = %turn.turn.id, room = %lane.address, "taking up a question that an earlier process left");
            self.is_no_younger(turn.turn.id);
            self.queue_turn(lane, turn);
        }
        self.start_turns(lane);
        if opened.has_deliveries {
            self.deliver_soon(lane);
        }
        let time = self.ageing().await?;
        self.forget_old(lane, opened.lease, time).await
    }

    async fn handle(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        incoming: Incoming,
        heard: Moment,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Incoming {
            platform,
            us,
            event,
        } = incoming;
        match event.kind {
            EventKind::Message(message) => {
                let whose = (&message, &us);
                if self.apologise_if_grown_old(lane, whose, heard, now).await? {
                    return Ok(());
                }
                lane.state().hearing = Some(heard.steady);
                let done = self.on_message(lane, platform, &us, message, now).await;
                lane.state().hearing = None;
                done
            }
            EventKind::Recall { message, .. } => self.on_recall(lane, &message, now).await,
            EventKind::RoleChanged { member, role, .. } => {
                with_open(lane, |open| {
                    open.order.rights_may_have_changed();
                    open.role_is(member, role, now);
                });
                Ok(())
            }
            EventKind::MemberJoined { member, .. } => {
                with_open(lane, |open| open.joined_at(member, now));
                Ok(())
            }
            EventKind::Muted {
                member, seconds, ..
            } => {
                if member.is_none_or(|member| member == us) {
                    self.we_are_muted(lane, seconds, now);
                }
                Ok(())
            }
            EventKind::MemberLeft { .. } | EventKind::Account { .. } | EventKind::Other { .. } => {
                Ok(())
            }
        }
    }

    pub(crate) async fn on_message(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        platform: &'static str,
        us: &MemberId,
        message: Message,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = message.inbox_key(platform);
        let law = lane.law.get();
        let Some(triage) = with_open(lane, |open| {
            (open.triage(&message, us, &law, key, now), open.lease)
        }) else {
            return Ok(());
        };
        let (triage, lease) = triage;
        match triage {
            Triage::Repeat => count(Reason::Duplicate),
            Triage::Echo => self.on_echo(lane, message),
            Triage::Talk(reason) => {
                self.hear_talk(lane, lease, (&message, key), reason, now)
                    .await?;
            }
            Triage::AskStore(quoted) => {
                if self
                    .store
                    .is_ours(lease.room, &lane.address.account, &quoted)
                    .await?
                {
                    let triggers = law.charter.trigger.as_slice();
                    if let Some(call) =
                        teahouse_core::find_call(&message, us, triggers, |id| *id == quoted)
                    {
                        return self.on_call(lane, lease, key, &message, call, now).await;
                    }
                }
                self.hear_talk(lane, lease, (&message, key), Reason::Talk, now)
                    .await?;
            }
            Triage::Crisis => return self.on_crisis(lane, lease, key, &message, now).await,
            Triage::Call(call) => return self.on_call(lane, lease, key, &message, call, now).await,
        }
        Ok(())
    }

    /// Talk in the room's own lane: acted on where the rules say so, else remembered.
    async fn hear_talk(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        (message, key): (&Message, InboxKey),
        reason: Reason,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let law = lane.law.get();
        let look = match self.look_at_talk(lane, &law, (message, key), reason, now) {
            Look::Act => self.act_on_talk(lane, lease, (message, key), now).await?,
            pass @ Look::Pass(_) => pass,
        };
        let Look::Pass(trail) = look else {
            return Ok(());
        };
        with_open(lane, |open| open.heard(message, key));
        self.sign_heard(lane, message, reason);
        let mut line = self.line(lane, message, reason, false, now);
        line.trail = trail;
        self.remember(lease, line);
        Ok(())
    }

    /// Our own message, reported back by the platform: proof for delivery, nothing else.
    fn on_echo(&self, lane: &Arc<Lane>, message: Message) {
        let echo = Echo {
            text: message.text(),
            quote: message.reply_to().cloned(),
            is_bundle: is_bundle(&message),
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
        let account = &lane.address.account;
        // An answer of ours that was taken back is in no prompt any more, and neither is what it answered.
        if with_open(lane, |open| open.own.contains(message)) == Some(true)
            && let Some(question) = (self.store)
                .question_of(lease.room, account, message)
                .await?
        {
            with_open(lane, |open| open.forget_message(&question));
        }
        self.store.recall(lease, account, message, now).await?;
        Ok(())
    }

    /// Ends a turn that never began, without a word.
    pub(crate) async fn end_unanswered(
        &self,
        lane: &Lane,
        lease: Lease,
        turn: &OpenTurn,
        reason: Reason,
    ) -> Result<(), StoreError> {
        count(reason);
        info!(turn = %turn.turn.id, room = %lane.address, %reason, "a waiting question ended");
        // Its line learns of it.
        self.flush_talk().await;
        self.sign_ended(lane, &turn.turn.message, reason, &Toll::default());
        let settlement = Settlement {
            turn: turn.turn.id,
            reason,
            cut_short: false,
            attempt: None,
            say: vec![],
            claim_until: None,
            answer: String::new(),
            greeted: false,
            at: self.clock.now(),
        };
        self.insist(lane, || self.store.settle(lease, settlement.clone()))
            .await?;
        self.has_ended(turn.turn.id);
        Ok(())
    }

    /// The platform has said that we may not speak in a room, or may again.
    fn we_are_muted(self: &Arc<Self>, lane: &Arc<Lane>, seconds: i64, now: Timestamp) {
        let length = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
        let until = length.map(|seconds| {
            now.saturating_add(Duration::from_secs(seconds.min(LONGEST_MUTE)))
                .unwrap_or(Timestamp::MAX)
        });
        warn!(room = %lane.address, "this account is muted for {seconds} s");
        with_open(lane, |open| open.muted_until = until);
        // What waited goes on at once when a mute is lifted.
        lane.outbox.notify_one();
    }

    pub(crate) fn queue_turn(&self, lane: &Lane, turn: OpenTurn) {
        with_open(lane, |open| open.waiting.push_back(turn));
    }

    /// Starts as many waiting turns as the room may run at once.
    pub(crate) fn start_turns(self: &Arc<Self>, lane: &Arc<Lane>) {
        while !self.stop.is_cancelled() {
            let is_stale = |turn: &OpenTurn| self.is_stale(lane, turn);
            let Some((lease, turn, stale, cancel)) = with_open(lane, |open| {
                let mut stale = open.drop_stale(is_stale);
                let turn = stale.pop().or_else(|| open.next_turn())?;
                let cancel = CancellationToken::new();
                open.runs(&turn, cancel.clone());
                Some((open.lease, turn, stale, cancel))
            })
            .flatten() else {
                return;
            };
            self.sign_working(lane, &turn.turn.message);
            let answer = Answer::new(self.clone(), lane.clone(), lease, turn, cancel);
            self.tasks.spawn(answer.with_stale(stale).run());
        }
    }

    /// Wakes the room's delivery.
    pub(crate) fn deliver_soon(self: &Arc<Self>, lane: &Arc<Lane>) {
        let mut state = lane.state();
        if state.start_delivery() {
            drop(state);
            self.deliver(lane, None);
        } else {
            state.delivery = DeliveryTask::Again;
            lane.outbox.notify_one();
        }
    }

    /// Puts the room's delivery to work, which was started and has not begun.
    pub(crate) fn deliver(self: &Arc<Self>, lane: &Arc<Lane>, first: Option<Delivery>) {
        lane.state().in_hand |= first.is_some();
        let work = crate::delivery::run(self.clone(), lane.clone(), first);
        self.tasks.spawn(work);
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
        lane.charter().speaks.unwrap_or(self.language)
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
            joined: None,
            fleeting: false,
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
        self.judged(lane, draft, part, "", now).ok()
    }

    /// The same for a part of an answer that has shown something already; what stops it is told.
    pub(crate) fn judged(
        &self,
        lane: &Lane,
        mut draft: Draft,
        part: Option<(TurnId, u16)>,
        before: &str,
        now: Timestamp,
    ) -> Result<Outbound, Option<Box<Finding>>> {
        draft.joined = part
            .filter(|_| self.joins_parts(lane))
            .map(|(turn, part)| Joined { turn, part });
        if self.tells_a_secret(&draft) {
            self.alarms.told_a_secret(&lane.address, self.clock.now());
            return Err(None);
        }
        match pass(draft, &lane.rules(), before) {
            GateVerdict::Pass(outgoing) => Ok(Outbound {
                id: teahouse_core::DeliveryId(self.ids.next(now)),
                part,
                account: lane.address.account.clone(),
                sealed: outgoing.seal(),
                due: None,
            }),
            GateVerdict::Withhold { why, finding } => {
                match &finding {
                    // What it met may be a member's word: not for the log.
                    Some(found) => {
                        warn!(room = %lane.address, rule = found.rule.as_str(), n = found.n,
                        "the gate withheld a message: rule {} ({}), {}", found.n, found.rule.as_str(), found.hit.why)
                    }
                    None => warn!(room = %lane.address, "the gate withheld a message: {why}"),
                }
                counter!("teahouse_withheld_total", "rule" => finding.as_ref().map_or("none", |found| found.rule.as_str())).increment(1);
                Err(finding)
            }
        }
    }

    /// Whether one of the house's own keys stands in words on their way out.
    fn tells_a_secret(&self, draft: &Draft) -> bool {
        let holds = |text: &str| {
            let secrets = self.secrets.iter().map(SecretString::expose_secret);
            secrets
                .filter(|secret| secret.len() >= SHORTEST_SECRET)
                .any(|secret| text.contains(secret))
        };
        draft.body.iter().any(|segment| match segment {
            OutSegment::Text { text } => holds(text),
            OutSegment::Bundle { nodes } => nodes.iter().any(|node| holds(node)),
            OutSegment::Mention { .. } => false,
        })
    }

    /// How long the house has been open, by a clock that nobody sets.
    pub(crate) fn steady(&self) -> Duration {
        self.began.elapsed()
    }

    /// The same as a time: for the pace, which no jump of the wall clock may stop or hurry.
    pub(crate) fn steady_time(&self) -> Timestamp {
        self.opened
            .saturating_add(self.steady())
            .unwrap_or(Timestamp::MAX)
    }

    /// The real time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The charter a room lives under.
    pub fn charter_of(&self, address: &Address) -> Option<Arc<Charter>> {
        self.house_of(address).map(|house| house.charter)
    }

    /// What the guests of a room have cost today, in each currency.
    pub async fn guests_spent(&self, address: &Address) -> Result<Vec<Money>, StoreError> {
        let Some(charter) = self.charter_of(address) else {
            return Ok(vec![]);
        };
        let today = guests_budgets(address, &charter.zone.date(self.clock.now()));
        let spent = self.store.spent(&today).await?.into_iter();
        let money = spent.filter_map(|(currency, amount)| {
            let currency = currency.try_into().ok()?;
            (amount > Nano::ZERO).then_some(Money { amount, currency })
        });
        Ok(money.collect())
    }

    pub(crate) fn house_of(&self, address: &Address) -> Option<House> {
        let houses = self.houses.read().unwrap_or_else(PoisonError::into_inner);
        houses.iter().find(|house| house.covers(address)).cloned()
    }

    /// Whether a message may call the house: never no for one that does.
    pub(crate) fn may_be_called(&self, message: &Message, us: &MemberId) -> bool {
        self.house_of(&message.address).is_some_and(|house| {
            let triggers = house.charter.trigger.as_slice();
            teahouse_core::find_call(message, us, triggers, |_| true).is_some()
        })
    }

    /// From now on these houses hold, in every room at once. Rooms keep their open state; what began under the old law
    /// ends under it. A room that no house covers any more is let go.
    pub fn reload(self: &Arc<Self>, houses: Vec<House>) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|address, lane| {
            let house = houses.iter().find(|house| house.covers(address));
            if let Some(house) = house {
                self.renew_law(lane, Law::of(house));
            }
            house.is_some()
        });
        // Still under the lock: a room that opens now gets the new law.
        let mut in_force = self.houses.write().unwrap_or_else(PoisonError::into_inner);
        *in_force = Arc::new(houses);
    }

    /// The lane of a room that a house covers.
    pub(crate) fn lane(&self, address: &Address, kind: RoomKind) -> Option<Arc<Lane>> {
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
            &house,
            account.pace,
            self.clock.now(),
        ));
        rooms.insert(address.clone(), lane.clone());
        Some(lane)
    }

    /// When an account comes back, its rooms' deliveries go on at once, and what was missed is looked for.
    async fn watch_connection(self: Arc<Self>, adapter: Arc<dyn Adapter>) {
        let mut connection = adapter.connection();
        let mut looking = CancellationToken::new();
        loop {
            if *connection.borrow_and_update() == teahouse_adapters::Connection::Online {
                for lane in self.lanes_of(|account| account == adapter.account()) {
                    lane.outbox.notify_one();
                }
                // A link that falters is looked after once, from its latest start.
                looking.cancel();
                looking = self.stop.child_token();
                let (house, adapter, stop) = (self.clone(), adapter.clone(), looking.clone());
                self.tasks.spawn(async move {
                    stop.run_until_cancelled(house.catch_up(&adapter)).await;
                });
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                changed = connection.changed() => if changed.is_err() { return },
            }
        }
    }

    pub(crate) fn lanes_of(&self, of: impl Fn(&AccountName) -> bool) -> Vec<Arc<Lane>> {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms
            .iter()
            .filter(|(address, _)| of(&address.account))
            .map(|(_, lane)| lane.clone())
            .collect()
    }

    /// The rooms that our accounts have in one chat.
    pub(crate) fn lanes_at(&self, chat: &ChatId) -> Vec<Arc<Lane>> {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let address = |account: &AccountName| Address {
            account: account.clone(),
            chat: chat.clone(),
        };
        let accounts = self.accounts.keys().map(address);
        accounts.filter_map(|at| rooms.get(&at).cloned()).collect()
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
            out: self.out(),
            knocks: vec![],
            alarms: self.alarms.lines_with(&self.store.standing().borrow()),
        })
    }

    /// Who of all routes is not well, by name.
    fn out(&self) -> Vec<crate::control::Out> {
        let now = self.steady();
        let models = self.routes.values().flat_map(|route| &route.models);
        let mut out: Vec<_> = models
            .filter_map(|model| {
                let callee = self.gateway.callee(&model.provider, &model.model);
                let rest = self.breakers.look(|breakers| breakers.rest_of(&callee))?;
                Some(crate::control::Out {
                    provider: model.provider.clone(),
                    model: model.model.clone(),
                    why: rest.kind,
                    since: now.saturating_sub(rest.since).as_secs(),
                    again: rest.until.saturating_sub(now).as_secs(),
                })
            })
            .collect();
        out.sort_by(|one, other| (&one.provider, &one.model).cmp(&(&other.provider, &other.model)));
        out.dedup_by(|one, other| one.provider == other.provider && one.model == other.model);
        out
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
    let in_group = |chat: &ChatId| {
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
        EventKind::RoleChanged { chat, .. }
        | EventKind::MemberJoined { chat, .. }
        | EventKind::Muted { chat, .. } => in_group(chat),
        EventKind::MemberLeft { .. } | EventKind::Account { .. } | EventKind::Other { .. } => None,
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
