//! QQ through OneBot v11: bridges (NapCat, LLBot, Lagrange, go-cqhttp) dial us or we dial them; this joins their links
//! to the house.
//! Step 1 and step 9 of the journey. Several links of an account may be open: all bring events, calls go to the newest.
//! Decides nothing about what is said, keeps nothing, resends nothing.

mod calls;
mod counters;
mod cq;
mod decode;
mod describe;
mod dial;
mod door;
mod encode;
mod forwards;
#[cfg(test)]
mod fuzz;
mod knocks;
mod links;
mod moderate;
mod orders;
mod quirks;
mod reactions;
mod wire;
mod witness;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;
use teahouse_core::{
    AccountName, ChatId, Effect, MemberId, Message, MessageId, NotSent, Outgoing, Performed, Role,
    SendOutcome,
};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

pub use counters::Counters;
pub use decode::{DecodeError, Echo, Frame, LONGEST_FRAME, Response, decode};
pub use describe::describe;
pub use door::routes;
pub use knocks::Knock;

use crate::{Adapter, AdapterError, Capabilities, Connection, EventSink, Sign};
use calls::NoAnswer;
use decode::Chat;
use knocks::Knocks;
use links::State;
use reactions::Reactions;
use witness::Witnesses;

const PLATFORM: &str = "qq";
/// Some 5,000 is what QQ's servers take.
const LONGEST_TEXT: usize = 4_000;
/// NapCat gives up after 10 s and a term for the size; we wait longer, or we would send twice.
const SEND_LIMIT: Duration = Duration::from_secs(15);
const BYTES_A_SECOND: usize = 256 * 1024;
const HISTORY_LIMIT: Duration = Duration::from_secs(3);
const MOST_HISTORY: usize = 100;
/// A quoted message is worth a second.
const MESSAGE_LIMIT: Duration = Duration::from_secs(1);
const ROLE_LIMIT: Duration = Duration::from_millis(1_500);
const VERSION_LIMIT: Duration = Duration::from_secs(5);
/// All links get so long to say goodbye.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// What an account needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name in the settings.
    pub name: AccountName,
    /// Its QQ number; without one, the first that comes with the right token is remembered.
    pub id: Option<String>,
    /// What a bridge must show, and what we show to one. An empty one opens to nobody.
    pub token: SecretString,
    /// Where its bridge listens, if we are to dial it.
    pub dial: Option<String>,
}

/// One QQ account.
#[derive(Debug)]
pub struct OneBot {
    /// Itself, for what outlives a call.
    me: Weak<OneBot>,
    name: AccountName,
    token: SecretString,
    dial: Option<String>,
    knocks: Knocks,
    reactions: Reactions,
    witnesses: Witnesses,
    us: watch::Sender<Option<String>>,
    connection: watch::Sender<Connection>,
    state: Mutex<State>,
    counters: Counters,
    tracker: TaskTracker,
    closing: CancellationToken,
    /// Makes echoes of this run differ from those of the run before.
    run: u64,
    next: AtomicU64,
}

impl OneBot {
    /// An account that nobody has reached yet.
    pub fn new(config: Config) -> Arc<Self> {
        let Config {
            name,
            id,
            token,
            dial,
        } = config;
        Arc::new_cyclic(|me| OneBot {
            me: me.clone(),
            name,
            token,
            dial,
            knocks: Knocks::default(),
            reactions: Reactions::default(),
            witnesses: Witnesses::default(),
            us: watch::Sender::new(id.filter(|id| !id.trim().is_empty())),
            connection: watch::Sender::new(Connection::Waiting),
            state: Mutex::default(),
            counters: Counters::default(),
            tracker: TaskTracker::new(),
            closing: CancellationToken::new(),
            run: RandomState::new().build_hasher().finish(),
            next: AtomicU64::new(0),
        })
    }

    /// Who was turned away lately, and who turned us away; the latest first.
    pub fn knocks(&self) -> Vec<Knock> {
        self.knocks.latest()
    }

    /// The account's own number: as configured, or from when the first bridge has said it. The host keeps it.
    pub fn learned_id(&self) -> watch::Receiver<Option<String>> {
        self.us.subscribe()
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many links are open.
    pub fn links(&self) -> usize {
        self.state().links.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change under this lock is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a bridge that calls itself so is ours; the first one settles it.
    fn is_us(&self, id: &str) -> bool {
        self.us.send_if_modified(|us| {
            let first = us.is_none();
            us.get_or_insert_with(|| {
                info!(account = %self.name, id, "account \"{}\" is {id}: remembered", self.name);
                id.to_owned()
            });
            first
        });
        self.us.borrow().as_deref() == Some(id)
    }
}

#[async_trait]
impl Adapter for OneBot {
    fn account(&self) -> &AccountName {
        &self.name
    }

    fn platform(&self) -> &'static str {
        PLATFORM
    }

    fn capabilities(&self, chat: &ChatId) -> Capabilities {
        // A stranger who writes through a group takes no bundle.
        let (is_group, takes_bundles) = match Chat::of(chat) {
            Some(Chat::Group(_)) => (true, true),
            Some(Chat::Direct { through: None, .. }) => (false, true),
            Some(Chat::Direct { .. }) | None => (false, false),
        };
        Capabilities {
            longest_text: LONGEST_TEXT,
            quotes: true,
            history: true,
            joins_parts: false,
            bundles: takes_bundles && self.quirks().bundles,
            swallows_links: true,
            moderates: is_group,
            hears_barred: false,
        }
    }

    fn us(&self) -> Option<MemberId> {
        self.us.borrow().as_deref().map(MemberId::new)
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    async fn run(&self, events: EventSink, stop: CancellationToken) {
        self.state().events = Some(events);
        if let (Some(url), Some(me)) = (self.dial.clone(), self.me.upgrade()) {
            self.tracker.spawn(me.keep_dialling(url));
        }
        stop.cancelled().await;
        self.state().events = None;
        self.closing.cancel();
        self.tracker.close();
        if timeout(STOP_LIMIT, self.tracker.wait()).await.is_err() {
            warn!(account = %self.name, links = self.links(), "links of account \"{}\" do not close; left behind", self.name);
        }
    }

    fn sign(&self, chat: &ChatId, sign: Sign) {
        self.sign_on(chat, sign);
    }

    fn reports_own(&self) -> bool {
        let state = self.state();
        state.callable().is_some_and(|link| link.reports_own)
    }

    async fn send(&self, out: &Outgoing) -> SendOutcome {
        let call = match encode::say(
            out,
            &self.us.borrow().clone().unwrap_or_default(),
            self.quirks(),
        ) {
            Ok(call) => call,
            Err(wrong) => {
                return SendOutcome::NotSent(NotSent::Refused {
                    why: wrong.to_string(),
                });
            }
        };
        let unknown = |why: &str| SendOutcome::Unknown { why: why.into() };
        match self.call(&call, SEND_LIMIT).await {
            Ok((_, response)) => encode::outcome(&response),
            Err(NoAnswer::Offline) => SendOutcome::NotSent(NotSent::Offline),
            Err(NoAnswer::Lost) => unknown("the link ended before the bridge answered"),
            Err(NoAnswer::TimedOut) => unknown("the bridge did not answer in time"),
        }
    }

    async fn perform(&self, chat: &ChatId, effect: &Effect) -> Performed {
        self.perform_once(chat, effect).await
    }

    async fn is_done(&self, chat: &ChatId, effect: &Effect) -> Result<Option<bool>, AdapterError> {
        self.is_so(chat, effect).await
    }

    async fn history(&self, chat: &ChatId, count: usize) -> Result<Vec<Message>, AdapterError> {
        let quirks = self.quirks();
        let place = Chat::of(chat)
            .ok_or_else(|| self.refused("history", format!("\"{chat}\" is no chat of QQ")))?;
        let call = encode::history(&place, count.clamp(1, MOST_HISTORY), quirks);
        if matches!(place, Chat::Direct { .. }) && !quirks.direct_history {
            let why = format!("{} keeps no history of direct chats", quirks.app);
            return Err(self.refused(call.action, why));
        }
        let data = match self.ask(&call, HISTORY_LIMIT).await? {
            Ok(data) => data,
            // NapCat answers an empty history with an error, and a wedged QQ with "Timeout".
            Err(words) if quirks.empty_history_is_error && !words.contains("Timeout") => {
                return Ok(Vec::new());
            }
            Err(words) => return Err(self.refused(call.action, words)),
        };
        #[derive(Deserialize)]
        struct History<'a> {
            #[serde(borrow)]
            messages: Vec<&'a RawValue>,
        }
        let history: History<'_> = serde_json::from_str(data.get())
            .map_err(|_| self.refused(call.action, "the answer holds no messages"))?;
        let us = self.us.borrow().clone().unwrap_or_default();
        let mut messages = Vec::with_capacity(history.messages.len());
        for item in history.messages {
            match decode::decode_past(item.get().as_bytes(), &self.name, chat, &us) {
                Ok(message) => messages.push(message),
                Err(error) => self.count(error),
            }
        }
        put_in_order(&mut messages);
        Ok(messages)
    }

    async fn message(
        &self,
        chat: &ChatId,
        message: &MessageId,
    ) -> Result<Option<Message>, AdapterError> {
        let call = encode::message(message);
        let Ok(data) = self.ask(&call, MESSAGE_LIMIT).await? else {
            // Forgotten, recalled or never there.
            return Ok(None);
        };
        let us = self.us.borrow().clone().unwrap_or_default();
        // Lagrange gives one id in two groups: what is another group's is not read.
        Ok(decode::decode_past(data.get().as_bytes(), &self.name, chat, &us).ok())
    }

    async fn forwarded(&self, _chat: &ChatId, bundle: &str) -> Result<Vec<String>, AdapterError> {
        self.open_bundle(bundle).await
    }

    async fn joined(
        &self,
        chat: &ChatId,
        member: &MemberId,
    ) -> Result<Option<Timestamp>, AdapterError> {
        let Some(Chat::Group(group)) = Chat::of(chat) else {
            return Ok(None);
        };
        let (_, data) = self.member_info(&group, member).await?;
        #[derive(Deserialize)]
        struct Member<'a> {
            #[serde(borrow, default)]
            join_time: Option<wire::Loose<'a>>,
        }
        let joined = serde_json::from_str::<Member<'_>>(data.get())
            .ok()
            .and_then(|member| member.join_time?.text().parse::<i64>().ok());
        // A bridge that does not know writes 0.
        Ok(joined
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| Timestamp::from_second(seconds).ok()))
    }

    async fn role(&self, chat: &ChatId, member: &MemberId) -> Result<Role, AdapterError> {
        let Some(Chat::Group(group)) = Chat::of(chat) else {
            // A direct chat has no admins.
            return Ok(Role::Member);
        };
        let (action, data) = self.member_info(&group, member).await?;
        #[derive(Deserialize)]
        struct Member<'a> {
            #[serde(borrow)]
            role: wire::Loose<'a>,
        }
        serde_json::from_str::<Member<'_>>(data.get())
            .ok()
            .and_then(|member| decode::role(member.role.text()))
            .ok_or_else(|| self.refused(action, "the answer names no role"))
    }
}

impl OneBot {
    /// What the group's list says of a member, past the bridge's memory; and what was asked for it.
    async fn member_info(
        &self,
        group: &str,
        member: &MemberId,
    ) -> Result<(&'static str, Box<RawValue>), AdapterError> {
        let call = encode::role(group, member, self.quirks());
        let data = self.ask(&call, ROLE_LIMIT).await?;
        let data = data.map_err(|words| self.refused(call.action, words))?;
        Ok((call.action, data))
    }
}

/// Oldest first: by the group's own count where every message has it, else by time, else as they came.
fn put_in_order(messages: &mut [Message]) {
    let count =
        |message: &Message| -> Option<u64> { message.sequence.as_ref()?.as_str().parse().ok() };
    if messages.iter().all(|message| count(message).is_some()) {
        messages.sort_by_key(count);
    } else if messages.iter().all(|message| message.sent_at.is_some()) {
        messages.sort_by_key(|message| message.sent_at);
    }
}

#[cfg(test)]
mod tests {
    use super::links::{OpenLink, Way};
    use super::*;
    use crate::link::{self, Outbound, Received};
    use door::LinkRole;
    use teahouse_core::rules::judge::Rules;
    use teahouse_core::{
        Address, Draft, GateVerdict, Language, OutSegment, RoomKind, Source, pass,
    };
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    pub(super) fn account() -> Arc<OneBot> {
        OneBot::new(Config {
            name: AccountName::new("qq"),
            id: Some("10001000".into()),
            token: SecretString::from("secret"),
            dial: None,
        })
    }

    fn outgoing() -> Outgoing {
        let verdict = pass(
            Draft {
                address: Address {
                    account: AccountName::new("qq"),
                    chat: ChatId::new("30003000"),
                },
                room_kind: RoomKind::Group,
                quote: None,
                body: vec![OutSegment::Text { text: "hi".into() }],
                source: Source::House,
                language: Language::English,
                joined: None,
                fleeting: false,
            },
            &Rules::none(Language::English),
            "",
        );
        match verdict {
            GateVerdict::Pass(outgoing) => outgoing,
            GateVerdict::Withhold { why, .. } => panic!("{why}"),
        }
    }

    /// A link without a socket: what is called lies in its queue.
    pub(super) fn link(account: &Arc<OneBot>) -> (OpenLink, mpsc::Receiver<Outbound>) {
        let (queue, outbound) = mpsc::channel(link::QUEUE);
        let open = OpenLink::new(
            Arc::clone(account),
            LinkRole::Universal,
            Way::Knocked,
            queue,
        );
        let hello = r#"{"post_type":"meta_event","meta_event_type":"lifecycle","sub_type":"connect","self_id":10001000}"#;
        account.hear(open.id, Received::Text(hello));
        (open, outbound)
    }

    #[tokio::test(start_paused = true)]
    async fn bad_028_a_call_that_nobody_answers_is_unknown_if_it_was_written() {
        let account = account();
        let (_open, mut outbound) = link(&account);
        let out = outgoing();
        let start = Instant::now();
        let (outcome, ()) = tokio::join!(account.send(&out), async {
            while let Some(call) = outbound.recv().await {
                assert!(call.claim.write());
                if call.text.contains("send_group_msg") {
                    break;
                }
            }
        });
        assert!(
            matches!(outcome, SendOutcome::Unknown { .. }),
            "{outcome:?}"
        );
        assert!((15..20).contains(&start.elapsed().as_secs()));
        assert!(account.state().pending.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_never_written_has_not_left() {
        let account = account();
        let (open, outbound) = link(&account);
        let out = outgoing();
        let offline = SendOutcome::NotSent(NotSent::Offline);
        assert_eq!(account.send(&out).await, offline, "the writer hangs");

        let (outcome, ()) = tokio::join!(account.send(&out), async { drop(open) });
        assert_eq!(outcome, offline, "the link ended first");
        assert_eq!(account.send(&out).await, offline, "no link");
        drop(outbound);
        assert_eq!(account.links(), 0);
        assert!(account.state().pending.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_to_the_platform_has_a_limit() {
        let account = account();
        let (_open, mut outbound) = link(&account);
        let start = Instant::now();
        let chat = ChatId::new("30003000");
        let member = MemberId::new("20002000");
        let (role, _) = tokio::join!(account.role(&chat, &member), async {
            while let Some(call) = outbound.recv().await {
                assert!(call.claim.write());
                if call.text.contains("get_group_member_info") {
                    break;
                }
            }
        });
        assert!(matches!(role, Err(AdapterError::TimedOut { .. })));
        assert!(start.elapsed() < Duration::from_secs(2));
        let direct = ChatId::new("direct/20002000");
        assert_eq!(account.role(&direct, &member).await.unwrap(), Role::Member);
    }

    #[tokio::test(start_paused = true)]
    async fn a_bridge_that_was_dialled_and_says_nothing_is_told_of_after_90_seconds() {
        let deaf = async |way, hello: Option<&str>| {
            let account = account();
            let (queue, _outbound) = mpsc::channel(link::QUEUE);
            let open = OpenLink::new(Arc::clone(&account), LinkRole::Universal, way, queue);
            if let Some(hello) = hello {
                account.hear(open.id, Received::Text(hello));
            }
            let watching = account.watch_silence(open.id);
            let _ = timeout(Duration::from_secs(91), watching).await;
            let counted = account.counters().read();
            counted
                .iter()
                .find(|(name, _)| *name == "links_deaf")
                .map(|(_, count)| *count)
        };
        let beat = r#"{"post_type":"meta_event","meta_event_type":"heartbeat","status":{"online":true},"self_id":10001000}"#;
        assert_eq!(deaf(Way::Dialled, None).await, Some(1));
        assert_eq!(deaf(Way::Dialled, Some(beat)).await, Some(0));
        assert_eq!(deaf(Way::Knocked, None).await, Some(0));
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", account()).contains("secret\""));
    }
}
