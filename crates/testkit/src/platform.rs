//! A platform in this process, for the simulation: rooms, the people in them with their roles, and everything that
//! was shown there, in order. What becomes of a send is scripted. Time is tokio's, so that a test can let it pass.

mod effects;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use teahouse_adapters::{Adapter, AdapterError, Capabilities, Connection, EventSink, Incoming};
use teahouse_core::{
    AccountName, Address, ChatId, EVENT_VERSION, Effect, Event, EventKind, MemberId, Message,
    MessageId, NotSent, OutSegment, Outgoing, Performed, Receipt, Role, RoomKind, Segment,
    SendOutcome, Sender, SenderKind, Sequence,
};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use effects::Effects;
pub use effects::{EffectFate, Tried};

/// A send without a receipt is given up after so long, as the real adapters do.
pub const RECEIPT_LIMIT: Duration = Duration::from_secs(15);

/// A wall clock that goes with tokio's: both stand still until a test lets time pass.
#[derive(Clone, Debug)]
pub struct SimTime {
    start: Timestamp,
    began: Instant,
    /// Milliseconds through which the machine slept: the wall clock has counted them, tokio's has not.
    slept: Arc<AtomicU64>,
}

impl SimTime {
    /// It is `start` now.
    pub fn starting(start: Timestamp) -> Self {
        SimTime {
            start,
            began: Instant::now(),
            slept: Arc::default(),
        }
    }

    /// The wall clock.
    pub fn now(&self) -> Timestamp {
        self.start + self.elapsed()
    }

    /// The machine is put to sleep, and wakes up after so long.
    pub fn sleeps(&self, length: Duration) {
        let length = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        self.slept.fetch_add(length, Ordering::Relaxed);
    }

    /// How much time has passed.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed() + Duration::from_millis(self.slept.load(Ordering::Relaxed))
    }
}

/// What becomes of one send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No receipt, and nobody ever sees it.
    Swallowed,
    /// No receipt, though everybody sees it.
    Unacknowledged,
    /// The platform says no.
    Refused,
    /// We may not speak there.
    Muted,
    /// A good receipt for what nobody ever sees.
    Pretended,
}

/// Something a room has seen.
#[derive(Clone, Debug)]
pub struct Shown {
    /// In which room.
    pub chat: ChatId,
    /// By this label.
    pub message: MessageId,
    /// Who said it; nobody is the house.
    pub who: Option<String>,
    /// The words, with mentions written out.
    pub text: String,
    /// What it quotes.
    pub quote: Option<MessageId>,
    /// How much time had passed.
    pub at: Duration,
    /// Whether the house was told by which label its message goes.
    pub receipt: bool,
    /// When it was taken back, if it was.
    pub recalled: Option<Duration>,
}

/// One account on a platform in this process.
pub struct FakePlatform {
    account: AccountName,
    time: SimTime,
    connection: watch::Sender<Connection>,
    events: mpsc::UnboundedSender<Incoming>,
    heard: Mutex<Option<mpsc::UnboundedReceiver<Incoming>>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    shown: Vec<Shown>,
    made: u64,
    roles: HashMap<(ChatId, MemberId), Role>,
    claims: HashMap<MemberId, Role>,
    joined: HashMap<(ChatId, MemberId), Timestamp>,
    fates: VecDeque<Fate>,
    stuck: HashSet<ChatId>,
    no_history: bool,
    no_counts: bool,
    no_dates: bool,
    own_events: bool,
    no_roles: bool,
    histories: usize,
    bundles: bool,
    effects: Effects,
}

impl FakePlatform {
    /// The platform's name: all accounts are on this one.
    pub const PLATFORM: &'static str = "fake";

    /// An account that is online and whose rooms can be read back, without own-message events.
    pub fn new(account: &str, time: SimTime) -> Self {
        let (events, heard) = mpsc::unbounded_channel();
        FakePlatform {
            account: AccountName::new(account),
            time,
            connection: watch::Sender::new(Connection::Online),
            events,
            heard: Mutex::new(Some(heard)),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock it lives by.
    pub fn time(&self) -> SimTime {
        self.time.clone()
    }

    /// Whether the latest messages of a room can be read back.
    pub fn keeps_history(&self, keeps: bool) {
        self.state().no_history = !keeps;
    }

    /// Whether several messages can be folded up into one.
    pub fn takes_bundles(&self, takes: bool) {
        self.state().bundles = takes;
    }

    /// How often a room was read back.
    pub fn histories(&self) -> usize {
        self.state().histories
    }

    /// Whether messages carry a number that counts them for everybody in a room.
    pub fn counts(&self, counts: bool) {
        self.state().no_counts = !counts;
    }

    /// Whether the history says when its messages were sent.
    pub fn dates_its_history(&self, dates: bool) {
        self.state().no_dates = !dates;
    }

    /// Whether our own messages are reported back to us.
    pub fn reports_own(&self, reports: bool) {
        self.state().own_events = reports;
    }

    /// Whether the platform says who is admin.
    pub fn tells_roles(&self, tells: bool) {
        self.state().no_roles = !tells;
    }

    /// What becomes of the next send that has no fate yet.
    pub fn next_send(&self, fate: Fate) {
        self.state().fates.push_back(fate);
    }

    /// From now on every send to this room is swallowed.
    pub fn gets_stuck(&self, chat: &ChatId) {
        self.state().stuck.insert(chat.clone());
    }

    /// The link goes down, or comes back.
    pub fn is_online(&self, online: bool) {
        let state = if online {
            Connection::Online
        } else {
            Connection::Lost
        };
        self.connection.send_replace(state);
    }

    /// A member's role by the member list, without anybody being told.
    pub fn lists(&self, chat: &ChatId, member: &str, role: Role) {
        let who = (chat.clone(), MemberId::new(member));
        self.state().roles.insert(who, role);
    }

    /// Everything that was shown so far, in order.
    pub fn shown(&self) -> Vec<Shown> {
        self.state().shown.clone()
    }

    /// A member says something: everybody sees it, and we hear of it. The frame claims the role of the member list.
    /// Who is muted or was removed cannot.
    pub fn says(
        &self,
        chat: &ChatId,
        kind: RoomKind,
        member: &str,
        segments: Vec<Segment>,
    ) -> Incoming {
        assert!(
            self.may_speak(chat, member),
            "{member} is muted in {chat} or was removed, and cannot speak"
        );
        let incoming = self.makes(chat, kind, member, segments);
        self.shows(&incoming);
        self.tells(incoming.clone());
        incoming
    }

    /// What a member would say, as an event that nobody has heard yet.
    pub fn makes(
        &self,
        chat: &ChatId,
        kind: RoomKind,
        member: &str,
        segments: Vec<Segment>,
    ) -> Incoming {
        let mut state = self.state();
        let id = MemberId::new(member);
        let role = state.roles.get(&(chat.clone(), id.clone())).copied();
        let claimed = state.claims.get(&id).copied();
        state.made += 1;
        let number = state.made;
        self.incoming(EventKind::Message(Message {
            address: self.address(chat),
            room_kind: kind,
            id: MessageId::new(format!("m{number}")),
            sequence: (!state.no_counts).then(|| Sequence::new(number.to_string())),
            sender: Sender {
                id,
                name: member.to_owned(),
                role: Some(claimed.or(role).unwrap_or(Role::Member)),
                kind: SenderKind::Person,
            },
            segments,
            sent_at: Some(self.time.now()),
        }))
    }

    /// A member's messages say this role, whatever the list says.
    pub fn claims(&self, member: &str, role: Role) {
        self.state().claims.insert(MemberId::new(member), role);
    }

    /// A member came into a room so long ago.
    pub fn came_in(&self, chat: &ChatId, member: &str, ago: Duration) {
        let at = self.time.now() - ago;
        let who = (chat.clone(), MemberId::new(member));
        self.state().joined.insert(who, at);
    }

    /// The room's admins mute us for so long, and we hear of it.
    pub fn mutes_us(&self, chat: &ChatId, length: Duration) {
        self.tells(self.incoming(EventKind::Muted {
            chat: chat.clone(),
            member: Some(us()),
            seconds: i64::try_from(length.as_secs()).unwrap_or(i64::MAX),
        }));
    }

    /// Everybody sees a member's message.
    pub fn shows(&self, incoming: &Incoming) {
        let EventKind::Message(message) = &incoming.event.kind else {
            return;
        };
        self.state().shown.push(Shown {
            chat: message.address.chat.clone(),
            message: message.id.clone(),
            who: Some(message.sender.name.clone()),
            text: message.readable(),
            quote: message.reply_to().cloned(),
            at: self.time.elapsed(),
            receipt: true,
            recalled: None,
        });
    }

    /// We hear of something: for repeats, backlogs and frames that lie.
    pub fn tells(&self, incoming: Incoming) {
        // Nobody listens any more once the house has closed.
        let _ = self.events.send(incoming);
    }

    /// A message is taken back.
    pub fn recalls(&self, chat: &ChatId, kind: RoomKind, member: &str, message: &MessageId) {
        self.state().take_back(chat, message, self.time.elapsed());
        let author = Some(MemberId::new(member));
        self.tells(self.incoming(EventKind::Recall {
            chat: chat.clone(),
            room_kind: kind,
            message: message.clone(),
            author: author.clone(),
            operator: author,
        }));
    }

    /// A role is given or taken, and we hear of it.
    pub fn makes_role(&self, chat: &ChatId, member: &str, role: Role) {
        self.lists(chat, member, role);
        self.tells(self.incoming(EventKind::RoleChanged {
            chat: chat.clone(),
            member: MemberId::new(member),
            role,
        }));
    }

    /// Where a chat is, for us.
    pub fn address(&self, chat: &ChatId) -> Address {
        Address {
            account: self.account.clone(),
            chat: chat.clone(),
        }
    }

    fn incoming(&self, kind: EventKind) -> Incoming {
        Incoming {
            platform: Self::PLATFORM,
            us: us(),
            event: Event {
                version: EVENT_VERSION,
                account: self.account.clone(),
                time: Some(self.time.now()),
                kind,
            },
        }
    }

    /// Everybody sees a message of ours; with own-message events, we hear of it too.
    fn shows_ours(&self, out: &Outgoing, receipt: bool) -> MessageId {
        let mut state = self.state();
        state.made += 1;
        let number = state.made;
        let id = MessageId::new(format!("m{number}"));
        state.shown.push(Shown {
            chat: out.address().chat.clone(),
            message: id.clone(),
            who: None,
            text: readable(out.body()),
            // A bundle quotes nothing.
            quote: out.quote().cloned().filter(|_| out.bundle().is_none()),
            at: self.time.elapsed(),
            receipt,
            recalled: None,
        });
        let reports = state.own_events;
        drop(state);
        if reports {
            let message = self.our_message(out, &id, number);
            self.tells(self.incoming(EventKind::Message(message)));
        }
        id
    }

    fn our_message(&self, out: &Outgoing, id: &MessageId, number: u64) -> Message {
        let quote = out.quote().map(|message| Segment::Quote {
            message: message.clone(),
            more: Default::default(),
        });
        let text = said(out.bundle().is_some(), out.text());
        Message {
            address: out.address().clone(),
            room_kind: out.room_kind(),
            id: id.clone(),
            sequence: Some(Sequence::new(number.to_string())),
            sender: Sender {
                id: us(),
                name: "house".into(),
                role: None,
                kind: SenderKind::Ourselves,
            },
            segments: quote.into_iter().chain([text]).collect(),
            sent_at: Some(self.time.now()),
        }
    }

    fn next_fate(&self, chat: &ChatId) -> Option<Fate> {
        let mut state = self.state();
        if state.stuck.contains(chat) {
            return Some(Fate::Swallowed);
        }
        state.fates.pop_front()
    }
}

/// A bundle is shown by its handle, without its words.
fn said(is_bundle: bool, text: String) -> Segment {
    match is_bundle {
        true => Segment::Forward {
            id: "bundle".into(),
            more: Default::default(),
        },
        false => Segment::Text { text },
    }
}

/// Whom the house is.
pub fn us() -> MemberId {
    MemberId::new("house")
}

fn readable(body: &[OutSegment]) -> String {
    let word = |segment: &OutSegment| match segment {
        OutSegment::Text { text } => text.clone(),
        OutSegment::Mention { member } => format!("@{member} "),
        OutSegment::Bundle { nodes } => format!("[bundle]\n{}", nodes.join("\n")),
    };
    body.iter().map(word).collect()
}

#[async_trait]
impl Adapter for FakePlatform {
    fn account(&self) -> &AccountName {
        &self.account
    }

    fn platform(&self) -> &'static str {
        Self::PLATFORM
    }

    fn capabilities(&self, _chat: &ChatId) -> Capabilities {
        let state = self.state();
        Capabilities {
            longest_text: usize::MAX,
            quotes: true,
            history: !state.no_history,
            joins_parts: false,
            bundles: state.bundles,
            swallows_links: true,
            moderates: state.effects.moderates(),
            hears_barred: false,
        }
    }

    fn us(&self) -> Option<MemberId> {
        Some(us())
    }

    fn reports_own(&self) -> bool {
        self.state().own_events
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    async fn run(&self, events: EventSink, stop: CancellationToken) {
        let heard = self
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut heard = heard.expect("a platform runs once");
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(incoming) = heard.recv() => events.offer(incoming),
            };
        }
    }

    async fn send(&self, out: &Outgoing) -> SendOutcome {
        if *self.connection.borrow() != Connection::Online {
            return SendOutcome::NotSent(NotSent::Offline);
        }
        let fate = self.next_fate(&out.address().chat);
        match fate {
            None => SendOutcome::Sent(Receipt {
                message: self.shows_ours(out, true),
            }),
            Some(Fate::Refused) => SendOutcome::NotSent(NotSent::Refused {
                why: "retcode 120".into(),
            }),
            Some(Fate::Muted) => SendOutcome::NotSent(NotSent::Muted),
            Some(Fate::Pretended) => {
                let mut state = self.state();
                state.made += 1;
                let message = MessageId::new(format!("m{}", state.made));
                SendOutcome::Sent(Receipt { message })
            }
            Some(Fate::Swallowed | Fate::Unacknowledged) => {
                if fate == Some(Fate::Unacknowledged) {
                    self.shows_ours(out, false);
                }
                tokio::time::sleep(RECEIPT_LIMIT).await;
                SendOutcome::Unknown {
                    why: "no receipt in time".into(),
                }
            }
        }
    }

    async fn perform(&self, chat: &ChatId, effect: &Effect) -> Performed {
        self.tries(chat, effect).await
    }

    async fn is_done(&self, chat: &ChatId, effect: &Effect) -> Result<Option<bool>, AdapterError> {
        self.looks(chat, effect)
    }

    async fn history(&self, chat: &ChatId, count: usize) -> Result<Vec<Message>, AdapterError> {
        let mut state = self.state();
        state.histories += 1;
        if state.no_history {
            return Err(AdapterError::Refused {
                account: self.account.clone(),
                action: "history",
                why: "not supported".into(),
            });
        }
        let counts = !state.no_counts;
        let here = |shown: &&Shown| shown.chat == *chat && shown.recalled.is_none();
        let all = state.shown.iter().filter(here);
        let mut latest: Vec<Message> = (all.rev().take(count))
            .map(|shown| self.kept(shown, counts))
            .collect();
        if state.no_dates {
            latest.iter_mut().for_each(|message| message.sent_at = None);
        }
        latest.reverse();
        Ok(latest)
    }

    async fn joined(
        &self,
        chat: &ChatId,
        member: &MemberId,
    ) -> Result<Option<Timestamp>, AdapterError> {
        let who = (chat.clone(), member.clone());
        Ok(self.state().joined.get(&who).copied())
    }

    async fn role(&self, chat: &ChatId, member: &MemberId) -> Result<Role, AdapterError> {
        let state = self.state();
        if state.no_roles {
            return Err(AdapterError::TimedOut {
                account: self.account.clone(),
                action: "the member list",
            });
        }
        Ok(state.role(chat, member))
    }
}

impl FakePlatform {
    fn kept(&self, shown: &Shown, counts: bool) -> Message {
        let quote = shown.quote.clone().map(|message| Segment::Quote {
            message,
            more: Default::default(),
        });
        let is_bundle = shown.who.is_none() && shown.text.starts_with("[bundle]");
        let text = said(is_bundle, shown.text.clone());
        let (id, kind) = match &shown.who {
            Some(name) => (MemberId::new(name.as_str()), SenderKind::Person),
            None => (us(), SenderKind::Ourselves),
        };
        Message {
            address: self.address(&shown.chat),
            room_kind: RoomKind::Group,
            id: shown.message.clone(),
            sequence: (shown.message.as_str().strip_prefix('m'))
                .filter(|_| counts)
                .map(Sequence::new),
            sender: Sender {
                name: id.to_string(),
                id,
                role: None,
                kind,
            },
            segments: quote.into_iter().chain([text]).collect(),
            sent_at: Some(self.time.start + shown.at),
        }
    }
}
