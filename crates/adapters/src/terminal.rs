//! The operator's own terminal as a platform: one direct chat, in this process. What the house says is collected
//! for whoever asked. Nothing leaves the machine.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use teahouse_core::{
    AccountName, Address, ChatId, EVENT_VERSION, Event, EventKind, MemberId, Message, MessageId,
    Outgoing, Receipt, Role, RoomKind, Segment, SendOutcome, Sender, SenderKind,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Adapter, AdapterError, Capabilities, Connection, EventSink, Incoming};

/// The platform's and the account's name.
pub const TERMINAL: &str = "terminal";

/// The terminal of this process.
pub struct Terminal {
    name: AccountName,
    connection: watch::Sender<Connection>,
    said: Mutex<Vec<String>>,
    run: String,
    next: AtomicU64,
}

impl Terminal {
    /// `run` tells this run's messages from those of every other.
    pub fn new(run: impl Into<String>) -> Self {
        Terminal {
            name: AccountName::new(TERMINAL),
            connection: watch::Sender::new(Connection::Online),
            said: Mutex::new(Vec::new()),
            run: run.into(),
            next: AtomicU64::new(1),
        }
    }

    /// Where its questions are asked and answered.
    pub fn address(&self) -> Address {
        Address {
            account: self.name.clone(),
            chat: ChatId::new("ask"),
        }
    }

    /// A question as an event. The words may be anything: no trigger is needed, the house is meant.
    pub fn asks(&self, question: &str) -> Incoming {
        let us = MemberId::new("house");
        let message = Message {
            address: self.address(),
            room_kind: RoomKind::Direct,
            id: self.label(),
            sequence: None,
            sender: Sender {
                id: MemberId::new("operator"),
                name: "operator".into(),
                role: None,
                kind: SenderKind::Person,
            },
            segments: vec![
                Segment::Mention {
                    member: us.clone(),
                    more: Default::default(),
                },
                Segment::Text {
                    text: question.to_owned(),
                },
            ],
            sent_at: None,
        };
        let event = Event {
            version: EVENT_VERSION,
            account: self.name.clone(),
            time: None,
            kind: EventKind::Message(message),
        };
        Incoming {
            platform: TERMINAL,
            us,
            event,
        }
    }

    /// What the house has said since the last look.
    pub fn take_said(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn label(&self) -> MessageId {
        MessageId::new(format!(
            "{}-{}",
            self.run,
            self.next.fetch_add(1, Ordering::Relaxed)
        ))
    }
}

#[async_trait]
impl Adapter for Terminal {
    fn account(&self) -> &AccountName {
        &self.name
    }

    fn platform(&self) -> &'static str {
        TERMINAL
    }

    fn capabilities(&self, _chat: &ChatId) -> Capabilities {
        Capabilities {
            longest_text: usize::MAX,
            quotes: false,
            history: false,
            joins_parts: false,
            bundles: false,
            swallows_links: false,
            moderates: false,
            hears_barred: false,
        }
    }

    fn us(&self) -> Option<MemberId> {
        Some(MemberId::new("house"))
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    async fn run(&self, _events: EventSink, stop: CancellationToken) {
        stop.cancelled().await;
    }

    async fn send(&self, out: &Outgoing) -> SendOutcome {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(out.text());
        SendOutcome::Sent(Receipt {
            message: self.label(),
        })
    }

    async fn history(&self, _chat: &ChatId, _count: usize) -> Result<Vec<Message>, AdapterError> {
        Ok(Vec::new())
    }

    async fn role(&self, _chat: &ChatId, _member: &MemberId) -> Result<Role, AdapterError> {
        Ok(Role::Owner)
    }
}
