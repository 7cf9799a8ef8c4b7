//! Socket ⇄ event. An adapter speaks one protocol of one account: frames become [`Event`]s, [`Outgoing`] becomes
//! frames. It decides nothing, stores nothing, and its reader never waits for anybody.

mod dialled;
mod link;
pub mod onebot;
pub mod parlour;
pub mod terminal;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use teahouse_core::{
    AccountName, ChatId, Currency, Effect, Event, EventKind, MemberId, Message, MessageId, Nano,
    NotDone, Outgoing, Performed, Reason, Role, SendOutcome,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// What an account can do; asked before deciding, not found out on sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The longest text of one message, in characters.
    pub longest_text: usize,
    /// Whether a message can quote another.
    pub quotes: bool,
    /// Whether the latest messages of a chat can be read back.
    pub history: bool,
    /// Whether the parts of an answer are shown as one message, which grows.
    pub joins_parts: bool,
    /// Whether several messages can be folded up into one.
    pub bundles: bool,
    /// Whether the platform is known to swallow messages for their links.
    pub swallows_links: bool,
    /// Whether messages of others can be taken back and members muted, given the right there.
    pub moderates: bool,
    /// Whether who is muted or was removed is still heard, to appeal.
    pub hears_barred: bool,
}

/// How an account is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Nobody has come yet.
    Waiting,
    /// A link is up and its account is there.
    Online,
    /// A link is up, its account is not.
    LoggedOut,
    /// The last link is gone.
    Lost,
    /// The other side does not let us in: somebody has to correct the token.
    Refused,
}

/// One account on one platform.
#[async_trait]
pub trait Adapter: Send + Sync {
    /// Its name in the settings.
    fn account(&self) -> &AccountName;

    /// The platform, such as `qq`: members and chats of two accounts on one platform are the same.
    fn platform(&self) -> &'static str;

    /// What it can do in a chat now.
    fn capabilities(&self, chat: &ChatId) -> Capabilities;

    /// Who we are there; unknown until the first link has said so.
    fn us(&self) -> Option<MemberId>;

    /// How it is connected, and every change of that.
    fn connection(&self) -> watch::Receiver<Connection>;

    /// Hands every event to the sink until told to stop; returns when all its links are closed.
    async fn run(&self, events: EventSink, stop: CancellationToken);

    /// Sends once. Returns `Unknown` if the platform took the bytes but gave no receipt: the caller must not send
    /// again before asking the room's history. Never retries by itself.
    async fn send(&self, out: &Outgoing) -> SendOutcome;

    /// Does one thing to a room, once. `Done` only where the platform has shown that it is so: its "ok" alone is not
    /// believed. Never retries by itself.
    async fn perform(&self, _chat: &ChatId, _effect: &Effect) -> Performed {
        Performed::NotDone(NotDone::Unable)
    }

    /// Whether an effect is so by now; nothing where the platform cannot tell.
    async fn is_done(
        &self,
        _chat: &ChatId,
        _effect: &Effect,
    ) -> Result<Option<bool>, AdapterError> {
        Ok(None)
    }

    /// The latest messages of a chat, oldest first, ours among them.
    async fn history(&self, chat: &ChatId, count: usize) -> Result<Vec<Message>, AdapterError>;

    /// One message of a chat by its label, within a second; nothing where the platform cannot tell.
    async fn message(
        &self,
        _chat: &ChatId,
        _message: &MessageId,
    ) -> Result<Option<Message>, AdapterError> {
        Ok(None)
    }

    /// A member's role by the platform's own list.
    async fn role(&self, chat: &ChatId, member: &MemberId) -> Result<Role, AdapterError>;

    /// The words of a bundle of forwarded messages, however deep they lie, with the names they are given; within a
    /// second or two, and bounded. Nothing where the platform cannot tell.
    async fn forwarded(&self, _chat: &ChatId, _bundle: &str) -> Result<Vec<String>, AdapterError> {
        Ok(vec![])
    }

    /// When a member came in, by the platform's own list; nothing where it does not tell.
    async fn joined(
        &self,
        _chat: &ChatId,
        _member: &MemberId,
    ) -> Result<Option<Timestamp>, AdapterError> {
        Ok(None)
    }

    /// Whether our own messages are known to be reported back on the way that a send takes now.
    fn reports_own(&self) -> bool {
        false
    }

    /// A sign of work, without anybody's words: best effort, never waits.
    fn sign(&self, _chat: &ChatId, _sign: Sign) {}

    /// What all guests of a chat may cost together a day, if this member is one; in the currency of a price.
    fn guests_limit(&self, _chat: &ChatId, _member: &MemberId) -> Option<Nano> {
        None
    }

    /// What time it is in a chat that has a clock of its own; elsewhere it is `now`.
    fn now_in(&self, _chat: &ChatId, now: Timestamp) -> Timestamp {
        now
    }
}

/// What a platform may show beside the messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A question is being worked on.
    Working {
        /// Its label.
        question: MessageId,
    },
    /// It is settled what became of a message that was more than talk; silence is told too.
    Ended {
        /// Its label.
        question: MessageId,
        /// What became of it.
        reason: Reason,
        /// From hearing it to its end.
        millis: u64,
        /// What the models counted, in and out.
        tokens: u64,
        /// What they cost.
        cost: Nano,
        /// Of what; nothing was bought without one.
        currency: Option<Currency>,
    },
}

/// Why a platform could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// No link is up.
    #[error("account \"{account}\" is not connected")]
    Offline {
        /// Which.
        account: AccountName,
    },
    /// No answer came.
    #[error("{action} of account \"{account}\" got no answer in time")]
    TimedOut {
        /// Which.
        account: AccountName,
        /// What was asked.
        action: &'static str,
    },
    /// The platform said no.
    #[error("{action} of account \"{account}\" was refused: {why}")]
    Refused {
        /// Which.
        account: AccountName,
        /// What was asked.
        action: &'static str,
        /// In the platform's words, for the operator.
        why: String,
    },
}

/// Whether a message may call the house, given who we are.
type MayCall = dyn Fn(&Message, &MemberId) -> bool + Send + Sync;

/// An event on its way in, with what only its adapter knows.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The platform it happened on.
    pub platform: &'static str,
    /// Who we are there.
    pub us: MemberId,
    /// What happened.
    pub event: Event,
}

/// Where adapters put events. Never waits: when the house cannot keep up, talk is shed and counted, while
/// messages that may be questions, and everything that is not talk, use a small queue of their own.
#[derive(Clone)]
pub struct EventSink {
    all: mpsc::Sender<Incoming>,
    reserve: mpsc::Sender<Incoming>,
    may_call: Arc<MayCall>,
    shed: Arc<AtomicU64>,
    offered: Arc<AtomicU64>,
}

impl EventSink {
    /// `may_call` answers quickly, and never no for a message that calls the house.
    pub fn new(
        all: mpsc::Sender<Incoming>,
        reserve: mpsc::Sender<Incoming>,
        may_call: impl Fn(&Message, &MemberId) -> bool + Send + Sync + 'static,
    ) -> Self {
        EventSink {
            all,
            reserve,
            may_call: Arc::new(may_call),
            shed: Arc::new(AtomicU64::new(0)),
            offered: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Takes an event, or sheds it and says so. Never waits.
    pub fn offer(&self, incoming: Incoming) -> bool {
        let Err(mpsc::error::TrySendError::Full(incoming)) = self.all.try_send(incoming) else {
            self.offered.fetch_add(1, Ordering::Release);
            return true;
        };
        let matters = match &incoming.event.kind {
            EventKind::Message(message) => (self.may_call)(message, &incoming.us),
            _ => true,
        };
        let kept = matters && self.reserve.try_send(incoming).is_ok();
        if kept {
            self.offered.fetch_add(1, Ordering::Release);
        } else {
            self.shed.fetch_add(1, Ordering::Relaxed);
        }
        kept
    }

    /// How many events were taken so far: who counts the same on the other side knows when all of them arrived.
    pub fn offered(&self) -> u64 {
        self.offered.load(Ordering::Acquire)
    }

    /// How many events were shed.
    pub fn shed(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }
}
