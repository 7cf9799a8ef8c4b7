//! A room in memory: what the house knows of it between two events. Rebuilt from the store whenever its lease is
//! taken, bounded, and thrown away when nobody has spoken there for long. Decides nothing and waits for nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use teahouse_adapters::Incoming;
use teahouse_core::rules::climb::Who;
use teahouse_core::rules::judge::Rules;
use teahouse_core::{
    Address, Bucket, Call, Charter, DeliveryId, EventKind, Exchange, InboxKey, MemberId, Message,
    MessageId, Pace, Reason, Role, RoomKind, RoomState, SUSPICION, SenderKind, TURNS_AT_ONCE,
    TalkLine, TurnId, admit, find_call,
};
use teahouse_store::{Accepted, Lease, MemberDay, OpenTurn, OpenedRoom, StoreError};
use tokio::sync::Notify;

use crate::acting::Order;
use crate::config::House;
use crate::law::{InForce, Law};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Moment;

/// Lines of talk kept in memory.
const TALK: usize = 64;
/// Lines of talk that a prompt sees at most.
const TALK_IN_PROMPT: usize = 12;
/// Exchanges kept in memory.
const EXCHANGES: usize = 24;
/// Labels of our own messages kept in memory.
const OWN: usize = 128;
/// Own-message events kept for reading back.
const ECHOES: usize = 32;
/// Keys of the latest talk, so that two bridges of one account make one line.
const SEEN: usize = 128;
/// One apology of a room stands for all questions that went stale so shortly after another: after a gap the last of
/// them may have been in the hands of a model, and that takes minutes to fail.
const ONE_APOLOGY: Duration = Duration::from_secs(300);
/// Labels of recalled messages kept in memory, so that neither a late copy nor a look into the room brings them back.
const RECALLED: usize = 64;
/// Events of one room that may wait; more are shed.
pub const INBOX: usize = 2_048;
/// Members of a room of whom it is remembered how often they asked today.
const DAYS: usize = 64;
/// Members of a room of whom it is remembered when they came in.
const JOINED: usize = 256;
/// How long a role that the platform confirmed is believed.
const ROLE_HOLDS: Duration = Duration::from_secs(60);
/// The longest a turn may keep the room's mouth between its first and its last part.
const MOUTH: Duration = Duration::from_secs(15);
/// A longer text is not kept whole in memory.
const LONGEST_LINE: usize = 1_000;

/// One room's lane: events in order, turns beside each other, one mouth.
pub struct Lane {
    /// Where it is.
    pub address: Address,
    /// On which platform.
    pub platform: &'static str,
    /// Group or direct.
    pub kind: RoomKind,
    /// Its charter and its rules.
    pub law: InForce,
    /// Wakes whoever waits for the mouth or for the room to come to rest.
    pub changed: Notify,
    /// Wakes delivery.
    pub outbox: Notify,
    state: Mutex<LaneState>,
}

/// What changes.
pub struct LaneState {
    /// Events that wait, with the moment in which each was heard.
    pub inbox: VecDeque<(Incoming, Moment)>,
    /// What was said while nobody of us could hear, oldest first: read before anything newer.
    pub missed: Vec<Message>,
    /// Whether a task works through them.
    pub working: bool,
    /// When the message was heard that it is at.
    pub hearing: Option<Instant>,
    /// The room, once the store has opened it.
    pub open: Option<OpenRoom>,
    /// Whether delivery is at work.
    pub delivery: DeliveryTask,
    /// Whether delivery has a row in hand: its end has to be written under the lease it was taken by.
    pub in_hand: bool,
    /// Turns that the store has failed one after the other.
    pub troubles: u32,
    /// Labels of messages that were taken back.
    recalled: VecDeque<MessageId>,
    /// When it was last settled that the room hears of questions that went stale.
    apologised: Option<Instant>,
    /// … and when it heard of them, and by which row.
    said_sorry: Option<(Instant, DeliveryId)>,
    /// How fast it may speak, …
    pub pace: Bucket,
    /// … and act.
    pub effects: Bucket,
    /// When anything last happened here.
    pub used: Timestamp,
}

/// Whether the room's delivery is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryTask {
    /// Nothing to send.
    Idle,
    /// At work.
    Running,
    /// At work, and something came meanwhile.
    Again,
}

/// A question being answered.
pub struct Running {
    /// Who asked.
    pub member: MemberId,
    /// The question's label.
    pub message: MessageId,
    /// Ends it.
    pub cancel: CancellationToken,
    /// Why it was ended from outside.
    pub ended_by: Option<Reason>,
}

/// A message of ours as the platform reported it back.
pub struct Echo {
    /// Its label.
    pub message: MessageId,
    /// Its words.
    pub text: String,
    /// What it quotes.
    pub quote: Option<MessageId>,
    /// Whether it is several messages folded up; then their words are not shown.
    pub is_bundle: bool,
}

/// A room whose lease is ours.
pub struct OpenRoom {
    /// Proof of that.
    pub lease: Lease,
    /// The store has failed in the middle of something: nobody knows what the disk has.
    pub in_doubt: bool,
    /// `ai on|off`.
    pub on: bool,
    /// `ai pause`.
    pub paused_until: Option<Timestamp>,
    /// Whether the first-contact notice was given.
    pub greeted: bool,
    /// When the hint was last given.
    pub hinted_at: Option<Timestamp>,
    /// When the room was last told that nobody can answer, if nobody has answered since.
    pub told_at: Option<Instant>,
    /// Our own latest messages.
    pub own: VecDeque<MessageId>,
    /// Our own messages as they were reported back.
    pub echoes: VecDeque<Echo>,
    /// Turns at work.
    pub running: BTreeMap<TurnId, Running>,
    /// Turns that wait.
    pub waiting: VecDeque<OpenTurn>,
    /// The question whose acceptance failed last: the disk may have it.
    pub unsure: Option<InboxKey>,
    /// Questions that only the disk has: they wait until the room is opened anew.
    pub left: usize,
    talk: VecDeque<(MessageId, TalkLine)>,
    exchanges: VecDeque<(MessageId, Exchange)>,
    /// How often a message was taken back: a prompt made before is made anew.
    pub recalls: u64,
    seen: VecDeque<InboxKey>,
    day: Timestamp,
    days: HashMap<MemberId, MemberDay>,
    /// Whether all are in it who have asked on this day.
    all_days: bool,
    roles: HashMap<MemberId, (Role, Timestamp)>,
    /// When members came in, as far as it was asked.
    joined: HashMap<MemberId, Timestamp>,
    /// What is remembered of the rules at work.
    pub order: Order,
    /// Until when nobody of us may speak here.
    pub muted_until: Option<Timestamp>,
    /// Who was erased, and until when what they said is not learned again.
    pub erased: HashMap<Who, Timestamp>,
    mouth: Option<(TurnId, Timestamp)>,
    /// Whose answer came last: its parts may still be on their way.
    pub answered: Option<MemberId>,
    /// Until when its platform's yes is not taken for granted.
    suspected_until: Option<Timestamp>,
    /// The turn that was apologised for: one apology, however many of its parts were swallowed.
    pub apologised_for: Option<TurnId>,
}

/// What a message is, before anything is decided about it.
pub enum Triage {
    /// Heard before.
    Repeat,
    /// Our own words coming back.
    Echo,
    /// Talk, for this reason.
    Talk(Reason),
    /// It calls the house.
    Call(Call),
    /// It replies to a message that only the store may know as ours.
    AskStore(MessageId),
    /// Its author may be in despair.
    Crisis,
}

impl Lane {
    /// A lane whose room is not opened yet.
    pub fn new(
        address: Address,
        platform: &'static str,
        kind: RoomKind,
        house: &House,
        pace: Pace,
        now: Timestamp,
    ) -> Self {
        Lane {
            address,
            platform,
            kind,
            law: InForce::new(Law::of(house)),
            changed: Notify::new(),
            outbox: Notify::new(),
            state: Mutex::new(LaneState {
                inbox: VecDeque::new(),
                missed: Vec::new(),
                working: false,
                hearing: None,
                open: None,
                delivery: DeliveryTask::Idle,
                in_hand: false,
                troubles: 0,
                recalled: VecDeque::new(),
                apologised: None,
                said_sorry: None,
                pace: pace.room(),
                effects: pace.effects(),
                used: now,
            }),
        }
    }

    /// The charter that holds now.
    pub fn charter(&self) -> Arc<Charter> {
        self.law.get().charter.clone()
    }

    /// The rules that hold now.
    pub fn rules(&self) -> Arc<Rules> {
        self.law.get().rules.clone()
    }

    /// The state, for a moment: never held across an await.
    pub fn state(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `decide` needs to know of the room.
    pub fn room_state(&self, open: &OpenRoom, now: Timestamp) -> RoomState {
        RoomState {
            kind: self.kind,
            direct_allowed: self.law.get().direct,
            on: open.on,
            paused_until: open.paused_until,
            muted: open.muted_until.is_some_and(|until| now < until),
            hinted_at: open.hinted_at,
            waiting: open.waiting.len() + open.left,
        }
    }
}

impl LaneState {
    /// Takes delivery to work, if it rests; whoever gets a yes has to see to it that it works.
    pub fn start_delivery(&mut self) -> bool {
        let idle = self.delivery == DeliveryTask::Idle;
        if idle {
            self.delivery = DeliveryTask::Running;
        }
        idle
    }

    /// Whether it is not about a message that was taken back before: a bridge may tell of it late, or once more.
    pub fn is_news(&mut self, event: &EventKind) -> bool {
        match event {
            EventKind::Recall { message, .. } => {
                push_bounded(&mut self.recalled, message.clone(), RECALLED);
                true
            }
            EventKind::Message(message) => !self.was_recalled(&message.id),
            EventKind::MemberJoined { .. }
            | EventKind::MemberLeft { .. }
            | EventKind::RoleChanged { .. }
            | EventKind::Muted { .. }
            | EventKind::Account { .. }
            | EventKind::Other { .. } => true,
        }
    }

    /// Since when a message of this member and key waits among the events.
    pub fn waits_since(&self, member: &MemberId, key: InboxKey) -> Option<Moment> {
        let is_it = |incoming: &Incoming| match &incoming.event.kind {
            EventKind::Message(message) => {
                message.sender.id == *member && message.inbox_key(incoming.platform) == key
            }
            EventKind::Recall { .. }
            | EventKind::MemberJoined { .. }
            | EventKind::MemberLeft { .. }
            | EventKind::RoleChanged { .. }
            | EventKind::Muted { .. }
            | EventKind::Account { .. }
            | EventKind::Other { .. } => false,
        };
        let waiting = self.inbox.iter().find(|(incoming, _)| is_it(incoming));
        waiting.map(|(_, heard)| *heard)
    }

    /// Whether it was taken back lately: then nobody asks the platform for its words either.
    pub fn was_recalled(&self, message: &MessageId) -> bool {
        self.recalled.contains(message)
    }

    /// Whether an apology for stale questions is due; the one who gets a yes gives it. Others that went stale with
    /// them are silent: a burst of apologies helps nobody and freezes accounts.
    pub fn apologises(&mut self, now: Instant) -> bool {
        let lately = |at: Instant| now.duration_since(at) < ONE_APOLOGY;
        let due = !self.apologised.is_some_and(lately);
        if due {
            self.apologised = Some(now);
        }
        due
    }

    /// An apology is about to be said, perhaps once more, that was written when nobody could know of another: by an
    /// earlier process, or while the link was down. Whether it still is to be said.
    pub fn may_say_sorry(&self, row: DeliveryId, now: Instant) -> bool {
        let by_another =
            |(at, said): (Instant, DeliveryId)| said != row && now.duration_since(at) < ONE_APOLOGY;
        !self.said_sorry.is_some_and(by_another)
    }

    /// The room has heard one.
    pub fn said_sorry(&mut self, row: DeliveryId, now: Instant) {
        self.said_sorry = Some((now, row));
        self.apologised = Some(now);
    }

    /// The one who got a yes could not give it.
    pub fn has_not_apologised(&mut self) {
        self.apologised = None;
    }

    /// Whether the room is in doubt and nothing in it would be disturbed by opening it anew.
    pub fn may_let_go(&self) -> bool {
        let doubt = |open: &OpenRoom| open.in_doubt && open.running.is_empty();
        !self.in_hand && self.open.as_ref().is_some_and(doubt)
    }

    /// Lets go of a room in doubt: its questions stand on the disk, and whoever opens it takes them up.
    pub fn let_go_of_doubt(&mut self) {
        if self.may_let_go() {
            self.open = None;
        }
    }

    /// Whether the lane may be thrown away: nothing runs, nothing waits.
    pub fn is_at_rest(&self) -> bool {
        let turns = self
            .open
            .as_ref()
            .is_some_and(|open| !open.running.is_empty() || !open.waiting.is_empty());
        !self.working
            && self.inbox.is_empty()
            && self.missed.is_empty()
            && self.delivery == DeliveryTask::Idle
            && !turns
    }
}

/// Whether a role is believed until then; one that seems to hold for longer was confirmed before the clock was set back.
fn holds(until: Timestamp, now: Timestamp) -> bool {
    now < until && until <= now + ROLE_HOLDS
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}

impl OpenRoom {
    /// The room as the store left it, on a day of it.
    pub fn new(opened: &OpenedRoom, day: Timestamp, greeted: bool) -> Self {
        let mut room = OpenRoom {
            lease: opened.lease,
            in_doubt: false,
            on: opened.on,
            paused_until: opened.paused_until,
            greeted,
            hinted_at: None,
            told_at: None,
            own: opened.own_messages.iter().cloned().collect(),
            echoes: VecDeque::new(),
            running: BTreeMap::new(),
            waiting: VecDeque::new(),
            unsure: None,
            left: 0,
            talk: VecDeque::new(),
            exchanges: VecDeque::new(),
            recalls: 0,
            seen: VecDeque::new(),
            day,
            days: opened.day.iter().take(DAYS).cloned().collect(),
            // Of who was erased today the store alone knows the count.
            all_days: opened.day.len() <= DAYS && opened.erased.is_empty(),
            roles: HashMap::new(),
            joined: HashMap::new(),
            order: Order::default(),
            muted_until: None,
            erased: opened.erased.iter().copied().collect(),
            mouth: None,
            answered: None,
            suspected_until: None,
            apologised_for: None,
        };
        for line in &opened.talk {
            room.talk_was(&line.message, &line.member, &line.name, &line.text);
        }
        for kept in &opened.exchanges {
            let exchange = Exchange {
                member: kept.member.clone(),
                question: kept.question.clone(),
                answer: kept.answer.clone(),
            };
            room.exchanged(kept.message.clone(), exchange);
        }
        room
    }

    /// Reads a message. Nothing changes: talk is heard once the rules have looked at it.
    pub fn triage(
        &self,
        message: &Message,
        us: &MemberId,
        law: &Law,
        key: InboxKey,
        now: Timestamp,
    ) -> Triage {
        if message.sender.kind == SenderKind::Ourselves {
            return Triage::Echo;
        }
        if self.seen.contains(&key) {
            return Triage::Repeat;
        }
        let admitted = admit(message, now);
        let call = find_call(message, us, law.charter.trigger.as_slice(), |id| {
            self.own.contains(id)
        });
        match (admitted, call) {
            (Err(reason), _) => Triage::Talk(reason),
            (Ok(()), _) if law.rules.sees_crisis(&message.text()) => Triage::Crisis,
            (Ok(()), Some(call)) => Triage::Call(call),
            (Ok(()), None) => match message.reply_to() {
                Some(id) if self.own.len() >= OWN => Triage::AskStore(id.clone()),
                Some(_) | None => Triage::Talk(Reason::Talk),
            },
        }
    }

    /// Remembers the key of a message that called the house: it is no talk, and prompts learn of it by its exchange.
    pub fn called(&mut self, key: InboxKey) {
        push_bounded(&mut self.seen, key, SEEN);
    }

    /// Remembers a line of talk and its key.
    pub fn heard(&mut self, message: &Message, key: InboxKey) {
        push_bounded(&mut self.seen, key, SEEN);
        let text = message.readable();
        self.talk_was(&message.id, &message.sender.id, &message.sender.name, &text);
    }

    fn talk_was(&mut self, message: &MessageId, member: &MemberId, name: &str, text: &str) {
        let text = text.chars().take(LONGEST_LINE).collect();
        let line = TalkLine {
            member: member.clone(),
            name: name.chars().take(64).collect(),
            text,
        };
        push_bounded(&mut self.talk, (message.clone(), line), TALK);
    }

    /// Remembers an exchange.
    pub fn exchanged(&mut self, message: MessageId, exchange: Exchange) {
        push_bounded(&mut self.exchanges, (message, exchange), EXCHANGES);
    }

    /// Remembers a message of ours by its label.
    pub fn spoke(&mut self, message: MessageId) {
        push_bounded(&mut self.own, message, OWN);
    }

    /// A send went wrong here without a reason.
    pub fn suspect(&mut self, now: Timestamp) {
        self.suspected_until = Some(now + SUSPICION);
    }

    /// Whether one did lately.
    pub fn is_suspected(&self, now: Timestamp) -> bool {
        self.suspected_until.is_some_and(|until| now < until)
    }

    /// Remembers that a message of ours was reported back.
    pub fn echoed(&mut self, echo: Echo) {
        push_bounded(&mut self.echoes, echo, ECHOES);
    }

    /// The latest talk for a prompt, oldest first; no line of it called the house.
    pub fn talk(&self) -> Vec<&TalkLine> {
        let older = self.talk.len().saturating_sub(TALK_IN_PROMPT);
        self.talk.iter().skip(older).map(|(_, line)| line).collect()
    }

    /// Exchanges for a prompt, oldest first.
    pub fn exchanges(&self) -> Vec<&Exchange> {
        self.exchanges
            .iter()
            .map(|(_, exchange)| exchange)
            .collect()
    }

    /// A line of talk by its label.
    pub fn line(&self, message: &MessageId) -> Option<TalkLine> {
        self.talk
            .iter()
            .rev()
            .find(|(id, _)| id == message)
            .map(|(_, line)| line.clone())
    }

    /// A recalled message is gone from every prompt at once.
    pub fn forget_message(&mut self, message: &MessageId) {
        self.recalls += 1;
        self.talk.retain(|(id, _)| id != message);
        self.exchanges.retain(|(id, _)| id != message);
    }

    /// `ai new`: of one member, or of all.
    pub fn forget_exchanges(&mut self, member: Option<&MemberId>) {
        self.exchanges
            .retain(|(_, exchange)| member.is_some_and(|member| exchange.member != *member));
    }

    /// A role that was confirmed lately.
    pub fn role(&self, member: &MemberId, now: Timestamp) -> Option<Role> {
        self.roles
            .get(member)
            .filter(|(_, until)| holds(*until, now))
            .map(|(role, _)| *role)
    }

    /// The platform has said what role somebody has.
    pub fn role_is(&mut self, member: MemberId, role: Role, now: Timestamp) {
        self.roles.retain(|_, (_, until)| holds(*until, now));
        self.roles.insert(member, (role, now + ROLE_HOLDS));
    }

    /// When a member came in, if that is known.
    pub fn joined(&self, member: &MemberId) -> Option<Timestamp> {
        self.joined.get(member).copied()
    }

    /// A member came in then.
    pub fn joined_at(&mut self, member: MemberId, at: Timestamp) {
        if self.joined.len() >= JOINED {
            self.joined.clear();
        }
        self.joined.insert(member, at);
    }

    /// A member is gone from every prompt at once.
    pub fn forget_member(&mut self, member: &MemberId, who: Who, at: Timestamp) {
        self.recalls += 1;
        self.talk.retain(|(_, line)| line.member != *member);
        self.exchanges
            .retain(|(_, exchange)| exchange.member != *member);
        self.roles.remove(member);
        self.joined.remove(member);
        self.order.forgets(member);
        self.answered.take_if(|answered| answered == member);
        // How often they asked today the store still counts, by nobody's name.
        self.days.remove(member);
        self.all_days = false;
        self.erased.insert(who, at);
    }

    /// It is another day. It may have been there before: the wall clock can have been set.
    pub fn day_begins(&mut self, day: Timestamp) {
        if day != self.day {
            self.day = day;
            self.days.clear();
            self.all_days = false;
        }
    }

    /// A member's count on a day, if it is known here; else the store knows it.
    pub fn day(&self, member: &MemberId, day: Timestamp) -> Option<MemberDay> {
        let known = self.days.get(member).copied();
        let known = known.or_else(|| self.all_days.then(MemberDay::default));
        known.filter(|_| day == self.day)
    }

    /// A member's count on this day is now that. Where more have asked than are remembered, the store knows them all.
    pub fn day_is(&mut self, member: MemberId, day: Timestamp, count: MemberDay) {
        if day != self.day {
            return;
        }
        if self.days.len() >= DAYS && !self.days.contains_key(&member) {
            self.days.clear();
            self.days.shrink_to_fit();
            self.all_days = false;
        }
        self.days.insert(member, count);
    }

    /// What the store says of a question: one that it has from a try whose reply was lost is left to it.
    pub fn is_taken_in(&mut self, key: InboxKey, said: &Result<Accepted, StoreError>) {
        let was_unsure = self.unsure.take() == Some(key);
        match said {
            Ok(Accepted::Seen) if was_unsure => self.left += 1,
            Ok(Accepted::New | Accepted::Begun | Accepted::Seen) => {}
            Err(_) => self.unsure = Some(key),
        }
    }

    /// Whether a question that comes now may start at once.
    pub fn has_place(&self) -> bool {
        !self.in_doubt && self.running.len() < TURNS_AT_ONCE && self.waiting.is_empty()
    }

    /// A turn starts.
    pub fn runs(&mut self, turn: &OpenTurn, cancel: CancellationToken) {
        let running = Running {
            member: turn.turn.member.clone(),
            message: turn.turn.message.clone(),
            cancel,
            ended_by: None,
        };
        self.running.insert(turn.turn.id, running);
    }

    /// The next turn to start: first come first served, but nobody's second question before another's first.
    pub fn next_turn(&mut self) -> Option<OpenTurn> {
        // In doubt none begins: all of them stand on the disk, and the room is opened anew soon.
        if self.in_doubt || self.running.len() >= TURNS_AT_ONCE {
            return None;
        }
        let busy = |turn: &OpenTurn| {
            self.running
                .values()
                .any(|running| running.member == turn.turn.member)
        };
        let at = self
            .waiting
            .iter()
            .position(|turn| !busy(turn))
            .unwrap_or(0);
        self.waiting.remove(at)
    }

    /// Takes the room's mouth for a part. A turn that has had it too long gets it again only for its `last` words.
    pub fn take_mouth(&mut self, turn: TurnId, last: bool, now: Timestamp) -> bool {
        let expired =
            |since: Timestamp| now < since || now.duration_since(since).unsigned_abs() > MOUTH;
        match self.mouth {
            Some((holder, since)) if holder == turn => last || !expired(since),
            Some((_, since)) if !expired(since) => false,
            Some(_) | None => {
                self.mouth = Some((turn, now));
                true
            }
        }
    }

    /// A turn has said its last words.
    pub fn leave_mouth(&mut self, turn: TurnId) {
        if self.mouth.is_some_and(|(holder, _)| holder == turn) {
            self.mouth = None;
        }
    }

    /// Ends running turns from outside.
    pub fn end_turns(&mut self, reason: Reason, of: impl Fn(&MemberId, &MessageId) -> bool) {
        for running in self.running.values_mut() {
            if running.ended_by.is_none() && of(&running.member, &running.message) {
                running.ended_by = Some(reason);
                running.cancel.cancel();
            }
        }
    }

    /// Whether a turn of one of these members runs or waits.
    pub fn has_turns(&self, of: impl Fn(&MemberId) -> bool) -> bool {
        let mut running = self.running.values().filter(|turn| turn.ended_by.is_none());
        running.any(|turn| of(&turn.member))
            || self.waiting.iter().any(|turn| of(&turn.turn.member))
    }

    /// Takes out the waiting turns that are too old to be begun.
    pub fn drop_stale(&mut self, is_stale: impl Fn(&OpenTurn) -> bool) -> Vec<OpenTurn> {
        let (stale, kept) = self.waiting.drain(..).partition(is_stale);
        self.waiting = kept;
        Vec::from_iter::<VecDeque<OpenTurn>>(stale)
    }

    /// Takes waiting turns out; they end without having begun.
    pub fn drop_waiting(&mut self, of: impl Fn(&MemberId, &MessageId) -> bool) -> Vec<OpenTurn> {
        let (gone, kept) = self
            .waiting
            .drain(..)
            .partition(|turn| of(&turn.turn.member, &turn.turn.message));
        self.waiting = kept;
        Vec::from_iter::<VecDeque<OpenTurn>>(gone)
    }
}
