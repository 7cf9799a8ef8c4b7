//! A platform that loses, delays, repeats, refuses and lies, as the seed will have it. The rooms it shows are the
//! world's; what it tells the house is another matter.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use teahouse::clock::Clock;
use teahouse_adapters::{Adapter, AdapterError, Capabilities, Connection, EventSink, Incoming};
use teahouse_core::{
    AccountName, Address, ChatId, EVENT_VERSION, Effect, Event, EventKind, FRESHNESS, MemberId,
    Message, MessageId, NotSent, Outgoing, Performed, Receipt, Role, RoomKind, Segment,
    SendOutcome, Sender, SenderKind,
};
use teahouse_testkit::platform::{RECEIPT_LIMIT, us};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::chance::Chance;
use super::laws::number;
use super::world::{Act, Shown, World};

pub const PLATFORM: &str = "sim";

/// One account there.
pub struct SimPlatform {
    pub account: AccountName,
    pub world: Arc<World>,
    pub connection: watch::Sender<Connection>,
}

pub fn kind_of(chat: &ChatId) -> RoomKind {
    match chat.as_str().starts_with('d') {
        true => RoomKind::Direct,
        false => RoomKind::Group,
    }
}

/// A member's role by the member list.
pub fn role_of(member: &MemberId) -> Role {
    match member.as_str() {
        "mei" => Role::Admin,
        _ => Role::Member,
    }
}

/// How old a message seems.
pub fn age_of(message: &Message, now: Timestamp) -> Duration {
    let sent = message.sent_at.filter(|sent| *sent < now);
    sent.map_or(Duration::ZERO, |sent| {
        now.duration_since(sent).unsigned_abs()
    })
}

/// Something that happened, as an account hears it.
pub fn incoming(world: &World, account: &AccountName, kind: EventKind) -> Incoming {
    Incoming {
        platform: PLATFORM,
        us: us(),
        event: Event {
            version: EVENT_VERSION,
            account: account.clone(),
            time: Some(world.now()),
            kind,
        },
    }
}

impl SimPlatform {
    pub fn new(account: &str, world: Arc<World>) -> Self {
        SimPlatform {
            account: AccountName::new(account),
            world,
            connection: watch::Sender::new(Connection::Online),
        }
    }

    pub fn is_online(&self) -> bool {
        *self.connection.borrow() == Connection::Online
    }

    fn message(&self, chat: &ChatId, shown: &Shown) -> Message {
        if let Some(told) = &shown.told {
            let mut message = told.clone();
            message.address.account = self.account.clone();
            return message;
        }
        let quote = shown.quote.clone().map(|message| Segment::Quote {
            message,
            more: Default::default(),
        });
        let text = Segment::Text {
            text: shown.text.clone(),
        };
        let (id, kind) = match &shown.who {
            Some(name) => (MemberId::new(name.as_str()), SenderKind::Person),
            None => (us(), SenderKind::Ourselves),
        };
        Message {
            address: Address {
                account: self.account.clone(),
                chat: chat.clone(),
            },
            room_kind: kind_of(chat),
            id: shown.label.clone(),
            sequence: None,
            sender: Sender {
                name: id.to_string(),
                id,
                role: None,
                kind,
            },
            segments: quote.into_iter().chain([text]).collect(),
            sent_at: None,
        }
    }

    fn new_label(&self, chat: &ChatId) -> MessageId {
        let n = self.world.truth().count(&format!("label {chat}"));
        MessageId::new(format!("{chat}m{n}"))
    }

    /// Everybody sees a message of ours, and we may hear of it.
    fn shows(&self, out: &Outgoing, dice: Chance) -> MessageId {
        let chat = &out.address().chat;
        let shown = Shown {
            label: self.new_label(chat),
            who: None,
            text: out.text(),
            quote: out.quote().cloned(),
            recalled: false,
            told: None,
        };
        {
            let mut truth = self.world.truth();
            truth.says_sorry_once(out.address(), &shown.text);
            truth.appears(chat, shown.clone());
        }
        if self.world.faults.own_events {
            let event = EventKind::Message(self.message(chat, &shown));
            let told = incoming(&self.world, &self.account, event);
            let after = Duration::from_millis(dice.of("own event").below(3_000));
            self.world.later(after, Act::Tell(Box::new(told)));
        }
        shown.label
    }
}

#[async_trait]
impl Adapter for SimPlatform {
    fn account(&self) -> &AccountName {
        &self.account
    }

    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn capabilities(&self, chat: &ChatId) -> Capabilities {
        Capabilities {
            longest_text: usize::MAX,
            quotes: true,
            history: !self.world.faults.no_history,
            joins_parts: false,
            bundles: false,
            swallows_links: true,
            moderates: kind_of(chat) == RoomKind::Group,
            hears_barred: false,
        }
    }

    fn us(&self) -> Option<MemberId> {
        Some(us())
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    async fn run(&self, _events: EventSink, stop: CancellationToken) {
        stop.cancelled().await;
    }

    async fn send(&self, out: &Outgoing) -> SendOutcome {
        let (world, chat) = (&self.world, &out.address().chat);
        world.door().await;
        if !self.is_online() {
            return SendOutcome::NotSent(NotSent::Offline);
        }
        world.truth().sending(out, world.faults.safe_pace);
        let dice = world.dice(&format!("send {chat}"));
        let faults = &world.faults;
        let latency = Duration::from_millis(dice.of("latency").below(400));
        let unknown = || SendOutcome::Unknown {
            why: "no receipt in time".into(),
        };
        let stuck = world.faults.stuck_room == Some(number(chat));
        if stuck || world.strikes(dice.of("swallowed"), faults.swallowed) {
            world
                .truth()
                .note(chat.as_str(), format!("(swallowed: {})", out.text()));
            tokio::time::sleep(RECEIPT_LIMIT).await;
            world.door().await;
            return unknown();
        }
        if world.strikes(dice.of("refused"), faults.refused) {
            world
                .truth()
                .note(chat.as_str(), format!("(refused: {})", out.text()));
            return SendOutcome::NotSent(NotSent::Refused {
                why: "retcode 120".into(),
            });
        }
        if world.strikes(dice.of("muted"), faults.muted) {
            world
                .truth()
                .note(chat.as_str(), format!("(muted: {})", out.text()));
            return SendOutcome::NotSent(NotSent::Muted);
        }
        if world.strikes(dice.of("lies ok"), faults.lies_ok) {
            let message = self.new_label(chat);
            world.truth().note(
                chat.as_str(),
                format!("(\"ok\", not shown: {})", out.text()),
            );
            tokio::time::sleep(latency).await;
            world.door().await;
            return SendOutcome::Sent(Receipt { message });
        }
        if world.strikes(dice.of("appears late"), faults.appears_late) {
            let shown = Shown {
                label: self.new_label(chat),
                who: None,
                text: out.text(),
                quote: out.quote().cloned(),
                recalled: false,
                told: None,
            };
            let after = Duration::from_secs(1 + dice.of("so late").below(40));
            world.later(after, Act::Appear(chat.clone(), Box::new(shown)));
            tokio::time::sleep(RECEIPT_LIMIT).await;
            world.door().await;
            return unknown();
        }
        let message = self.shows(out, dice);
        // The process may die before it hears that it has spoken.
        world.door().await;
        if world.strikes(dice.of("unacknowledged"), faults.unacknowledged) {
            tokio::time::sleep(RECEIPT_LIMIT).await;
            world.door().await;
            return unknown();
        }
        tokio::time::sleep(latency).await;
        world.door().await;
        if world.strikes(dice.of("wrong label"), faults.wrong_label) {
            let message = MessageId::new(format!("{message}?"));
            return SendOutcome::Sent(Receipt { message });
        }
        SendOutcome::Sent(Receipt { message })
    }

    async fn perform(&self, chat: &ChatId, effect: &Effect) -> Performed {
        self.does(chat, effect).await
    }

    async fn is_done(&self, chat: &ChatId, effect: &Effect) -> Result<Option<bool>, AdapterError> {
        self.looks(chat, effect).await
    }

    async fn history(&self, chat: &ChatId, count: usize) -> Result<Vec<Message>, AdapterError> {
        self.world.door().await;
        if !self.is_online() {
            return Err(AdapterError::Offline {
                account: self.account.clone(),
            });
        }
        let dice = self.world.dice(&format!("history {chat}"));
        if self.world.strikes(dice, self.world.faults.history_fails) {
            tokio::time::sleep(Duration::from_secs(5)).await;
            self.world.door().await;
            return Err(AdapterError::TimedOut {
                account: self.account.clone(),
                action: "history",
            });
        }
        let now = self.world.now();
        let mut truth = self.world.truth();
        let room = truth.rooms.entry(chat.clone()).or_default();
        let visible = room.shown.iter().filter(|shown| !shown.recalled);
        let mut latest: Vec<Shown> = visible.rev().take(count).cloned().collect();
        latest.reverse();
        room.read = latest.iter().map(|shown| shown.label.clone()).collect();
        let life = truth.life;
        let theirs = latest.iter().filter_map(|shown| shown.told.as_ref());
        for old in theirs.filter(|told| age_of(told, now) > FRESHNESS) {
            for spoken in truth.said.values_mut().filter(|s| s.label == old.id) {
                spoken.seemed_old.insert(self.account.clone(), life);
            }
        }
        drop(truth);
        Ok(latest
            .iter()
            .map(|shown| self.message(chat, shown))
            .collect())
    }

    async fn role(&self, _: &ChatId, member: &MemberId) -> Result<Role, AdapterError> {
        self.world.door().await;
        Ok(role_of(member))
    }
}
