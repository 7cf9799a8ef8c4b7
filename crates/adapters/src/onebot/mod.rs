//! QQ through OneBot v11: bridges (NapCat, LLBot, Lagrange, go-cqhttp) dial us, this joins their links to the house.
//! Step 1 and step 9 of the journey. Several links of an account may be open: all bring events, calls go to the newest.
//! Decides nothing about what is said, keeps nothing, resends nothing.

mod counters;
mod cq;
mod decode;
mod describe;
mod door;
mod encode;
#[cfg(test)]
mod fuzz;
mod quirks;
mod wire;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::ws::WebSocket;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;
use teahouse_core::{
    AccountName, ChatId, Event, EventKind, MemberId, Message, NotSent, Outgoing, Role, SendOutcome,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

pub use counters::Counters;
pub use decode::{DecodeError, Echo, Frame, LONGEST_FRAME, Response, decode};
pub use describe::describe;
pub use door::routes;

use crate::link::{self, Claim, Ended, Heard, Outbound, Received};
use crate::{Adapter, AdapterError, Capabilities, Connection, EventSink, Incoming};
use counters::add;
use decode::Chat;
use door::LinkRole;
use encode::Call;
use quirks::Quirks;

const PLATFORM: &str = "qq";
/// Some 5,000 is what QQ's servers take.
const LONGEST_TEXT: usize = 4_000;
/// NapCat gives up after 10 s and a term for the size; we wait longer, or we would send twice.
const SEND_LIMIT: Duration = Duration::from_secs(15);
const BYTES_A_SECOND: usize = 256 * 1024;
const HISTORY_LIMIT: Duration = Duration::from_secs(3);
const MOST_HISTORY: usize = 100;
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
    /// What a bridge must show. An empty one opens to nobody.
    pub token: SecretString,
}

/// One QQ account.
#[derive(Debug)]
pub struct OneBot {
    name: AccountName,
    token: SecretString,
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

#[derive(Default)]
struct State {
    /// Set while the house listens.
    events: Option<EventSink>,
    /// Oldest first.
    links: Vec<Link>,
    /// Calls that wait for their answer, by echo.
    pending: HashMap<String, Pending>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} links, {} calls",
            self.links.len(),
            self.pending.len()
        )
    }
}

struct Link {
    id: u64,
    role: LinkRole,
    queue: mpsc::Sender<Outbound>,
    /// Whether it has shown itself to be a bridge by a first event: nothing is called before.
    ready: bool,
    /// Whether its bridge says that the account is there.
    online: bool,
    quirks: Quirks,
}

struct Pending {
    link: u64,
    answer: oneshot::Sender<Response>,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoAnswer {
    /// Nothing left us.
    Offline,
    /// The link ended after the call was written.
    Lost,
    /// It was written; nothing came back.
    TimedOut,
}

impl OneBot {
    /// An account that nobody has reached yet.
    pub fn new(config: Config) -> Self {
        let Config { name, id, token } = config;
        OneBot {
            name,
            token,
            us: watch::Sender::new(id.filter(|id| !id.trim().is_empty())),
            connection: watch::Sender::new(Connection::Waiting),
            state: Mutex::default(),
            counters: Counters::default(),
            tracker: TaskTracker::new(),
            closing: CancellationToken::new(),
            run: RandomState::new().build_hasher().finish(),
            next: AtomicU64::new(0),
        }
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

    /// Serves one link to its end.
    async fn serve(self: Arc<Self>, socket: WebSocket, role: LinkRole) {
        let (queue, outbound) = mpsc::channel(link::QUEUE);
        let open = OpenLink::new(Arc::clone(&self), role, queue);
        let hear = |received: Received<'_>| self.hear(open.id, received);
        let ended = link::drive(socket, outbound, hear, &self.closing).await;
        match &ended {
            Ended::TooLong => add(&self.counters.too_long),
            Ended::NotUtf8 => add(&self.counters.not_utf8),
            Ended::Noisy | Ended::PingFlood => add(&self.counters.links_noisy),
            Ended::Dead => add(&self.counters.links_dead),
            Ended::Left | Ended::Stopped | Ended::Broken(_) => {}
        }
        info!(account = %self.name, link = open.id, ?ended, "a link of account \"{}\" ended", self.name);
    }

    /// One frame. Never waits.
    fn hear(self: &Arc<Self>, link: u64, received: Received<'_>) -> Heard {
        let Received::Text(text) = received else {
            add(&self.counters.binary);
            return Heard::Noise;
        };
        match decode(text.as_bytes(), &self.name) {
            Ok(Frame::Response(response)) => self.answered(link, response),
            Ok(Frame::Event {
                event,
                self_id,
                differs,
            }) => {
                if differs {
                    add(&self.counters.differing);
                }
                self.happened(link, event, &self_id);
            }
            Ok(Frame::Other) => {
                add(&self.counters.other);
                debug!(account = %self.name, link, "a frame of account \"{}\" is neither event nor answer", self.name);
            }
            Err(error) => {
                self.count(error);
                debug!(account = %self.name, link, %error, "a frame of account \"{}\" was ignored", self.name);
                if error.is_noise() {
                    return Heard::Noise;
                }
            }
        }
        Heard::Fine
    }

    fn count(&self, error: DecodeError) {
        add(match error {
            DecodeError::NotJson => &self.counters.not_json,
            DecodeError::NotAnObject => &self.counters.not_an_object,
            DecodeError::TooDeep => &self.counters.too_deep,
            DecodeError::TooLong => &self.counters.too_long,
            DecodeError::Missing(_) => &self.counters.missing_field,
            DecodeError::BadId(_) => &self.counters.bad_id,
            DecodeError::NoSuchRoom => &self.counters.no_such_room,
        });
    }

    /// Gives an answer to the call that waits for it on this link; once, and to nobody else.
    fn answered(&self, link: u64, response: Response) {
        let echo = match &response.echo {
            Echo::Text(echo) => echo,
            Echo::Missing => return add(&self.counters.missing_echo),
            Echo::Odd => return add(&self.counters.odd_echo),
        };
        let mut state = self.state();
        if state.pending.get(echo).is_none_or(|call| call.link != link) {
            return add(&self.counters.unknown_echo);
        }
        let pending = state.pending.remove(echo);
        drop(state);
        if let Some(pending) = pending {
            add(&self.counters.responses);
            // A caller that has just given up hears nothing.
            let _ = pending.answer.send(response);
        }
    }

    fn happened(self: &Arc<Self>, link: u64, event: Event, self_id: &str) {
        if !self.is_us(self_id) {
            add(&self.counters.foreign_self);
            debug!(account = %self.name, link, self_id, "an event of another account came to \"{}\"", self.name);
            return;
        }
        let is_account = match event.kind {
            EventKind::Account { online } => Some(online),
            _ => None,
        };
        let mut state = self.state();
        let Some(entry) = state.links.iter_mut().find(|entry| entry.id == link) else {
            return;
        };
        let is_first = !entry.ready;
        // Whoever brings a message is there, whatever was said before.
        let online = match event.kind {
            EventKind::Account { online } => online,
            EventKind::Message(_) => true,
            _ => entry.online || is_first,
        };
        let changed = entry.online != online;
        entry.ready = true;
        entry.online = online;
        let sink = state.events.clone();
        drop(state);
        self.show_connection();
        if is_first {
            self.ask_version();
        }
        // A heartbeat that says the same as before is no news.
        if is_account.is_some() && !is_first && !changed {
            return;
        }
        let taken = sink.is_some_and(|sink| {
            sink.offer(Incoming {
                platform: PLATFORM,
                us: MemberId::new(self_id),
                event,
            })
        });
        add(if taken {
            &self.counters.events
        } else {
            &self.counters.shed
        });
    }

    fn show_connection(&self) {
        let state = self.state();
        let mut ready = state.links.iter().filter(|link| link.ready).peekable();
        let is_up = ready.peek().is_some();
        let is_online = ready.any(|link| link.online);
        self.connection.send_if_modified(|connection| {
            let now = match (is_up, is_online) {
                (true, true) => Connection::Online,
                (true, false) => Connection::LoggedOut,
                (false, _) if *connection == Connection::Waiting => Connection::Waiting,
                (false, _) => Connection::Lost,
            };
            std::mem::replace(connection, now) != now
        });
    }

    /// Asks a new bridge for its name, beside the reader.
    fn ask_version(self: &Arc<Self>) {
        let this = Arc::clone(self);
        self.tracker.spawn(async move {
            let call = Call {
                action: "get_version_info",
                params: serde_json::json!({}),
            };
            let Ok((link, response)) = this.call(&call, VERSION_LIMIT).await else {
                return;
            };
            #[derive(Deserialize)]
            struct Version {
                app_name: String,
                #[serde(default)]
                app_version: String,
            }
            let version = response
                .data
                .and_then(|data| serde_json::from_str::<Version>(data.get()).ok());
            if let Some(Version { app_name, app_version }) = version {
                info!(account = %this.name, link, app_name, app_version, "account \"{}\" comes through {app_name}", this.name);
                let mut state = this.state();
                if let Some(entry) = state.links.iter_mut().find(|entry| entry.id == link) {
                    entry.quirks = Quirks::of(&app_name);
                }
            }
        });
    }

    /// The quirks of the link that would be called now.
    fn quirks(&self) -> Quirks {
        self.state()
            .callable()
            .map_or(quirks::UNKNOWN, |link| link.quirks)
    }

    /// Makes one call on the newest link that takes calls; says on which, and what came back.
    async fn call(&self, call: &Call, limit: Duration) -> Result<(u64, Response), NoAnswer> {
        let echo = format!("th-{:016x}-{}", self.run, self.number());
        let frame = wire::WireCall {
            action: call.action,
            params: &call.params,
            echo: &echo,
        };
        let text = serde_json::to_string(&frame).map_err(|_| NoAnswer::Offline)?;
        let limit = limit + Duration::from_secs((text.len() / BYTES_A_SECOND) as u64);
        let claim = Arc::new(Claim::default());
        let (answer, answered) = oneshot::channel();
        let link = {
            let mut state = self.state();
            let link = state.callable().ok_or(NoAnswer::Offline)?;
            let id = link.id;
            link.queue
                .try_send(Outbound {
                    text,
                    claim: Arc::clone(&claim),
                })
                .map_err(|_| NoAnswer::Offline)?;
            state
                .pending
                .insert(echo.clone(), Pending { link: id, answer });
            id
        };
        let waiting = Waiting {
            adapter: self,
            echo,
            claim,
        };
        let why = match timeout(limit, answered).await {
            Ok(Ok(response)) => return Ok((link, response)),
            Ok(Err(_)) => NoAnswer::Lost,
            Err(_) => NoAnswer::TimedOut,
        };
        if waiting.claim.cancel() {
            return Err(NoAnswer::Offline);
        }
        Err(why)
    }

    /// Asks for something, where no answer and a refusal are errors.
    async fn ask(
        &self,
        call: &Call,
        limit: Duration,
    ) -> Result<Result<Box<RawValue>, String>, AdapterError> {
        let account = || self.name.clone();
        let (_, response) = self.call(call, limit).await.map_err(|why| match why {
            NoAnswer::Offline | NoAnswer::Lost => AdapterError::Offline { account: account() },
            NoAnswer::TimedOut => AdapterError::TimedOut {
                account: account(),
                action: call.action,
            },
        })?;
        Ok(match response.data {
            Some(data) if response.status != "failed" && response.retcode.unwrap_or(0) == 0 => {
                Ok(data)
            }
            _ => Err(response.words),
        })
    }

    fn refused(&self, action: &'static str, why: impl Into<String>) -> AdapterError {
        AdapterError::Refused {
            account: self.name.clone(),
            action,
            why: why.into(),
        }
    }
}

impl State {
    /// The newest link that takes calls. A link for calls only brings no event: its twin for events speaks for it.
    fn callable(&self) -> Option<&Link> {
        let is_ready = |link: &Link| link.ready && link.online;
        let twin_is_ready = self.links.iter().any(is_ready);
        let takes_calls = |link: &Link| match link.role {
            LinkRole::Universal => is_ready(link),
            LinkRole::Api => twin_is_ready,
            LinkRole::Event => false,
        };
        let mut newest_first = self.links.iter().rev();
        // A link that says goodbye has closed its queue.
        newest_first.find(|link| takes_calls(link) && !link.queue.is_closed())
    }
}

/// A call on its way: whoever stops waiting takes it back, if its first byte is not yet written.
struct Waiting<'a> {
    adapter: &'a OneBot,
    echo: String,
    claim: Arc<Claim>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.claim.cancel();
        self.adapter.state().pending.remove(&self.echo);
    }
}

/// A link in the list; leaves it however it ends, and its calls hear of that.
struct OpenLink {
    adapter: Arc<OneBot>,
    id: u64,
}

impl OpenLink {
    fn new(adapter: Arc<OneBot>, role: LinkRole, queue: mpsc::Sender<Outbound>) -> Self {
        let id = adapter.number();
        let twin_is_ready = {
            let mut state = adapter.state();
            state.links.push(Link {
                id,
                role,
                queue,
                ready: false,
                online: false,
                quirks: quirks::UNKNOWN,
            });
            role == LinkRole::Api && state.callable().is_some_and(|link| link.id == id)
        };
        add(&adapter.counters.links_opened);
        info!(account = %adapter.name, link = id, ?role, "a link of account \"{}\" opened", adapter.name);
        if twin_is_ready {
            adapter.ask_version();
        }
        OpenLink { adapter, id }
    }
}

impl Drop for OpenLink {
    fn drop(&mut self) {
        let mut state = self.adapter.state();
        state.links.retain(|link| link.id != self.id);
        state.pending.retain(|_, call| call.link != self.id);
        drop(state);
        add(&self.adapter.counters.links_closed);
        self.adapter.show_connection();
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

    fn capabilities(&self, _chat: &ChatId) -> Capabilities {
        Capabilities {
            longest_text: LONGEST_TEXT,
            quotes: true,
            history: true,
            joins_parts: false,
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
        stop.cancelled().await;
        self.state().events = None;
        self.closing.cancel();
        self.tracker.close();
        if timeout(STOP_LIMIT, self.tracker.wait()).await.is_err() {
            warn!(account = %self.name, links = self.links(), "links of account \"{}\" do not close; left behind", self.name);
        }
    }

    async fn send(&self, out: &Outgoing) -> SendOutcome {
        let call = match encode::say(out, self.quirks()) {
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

    async fn role(&self, chat: &ChatId, member: &MemberId) -> Result<Role, AdapterError> {
        let Some(Chat::Group(group)) = Chat::of(chat) else {
            // A direct chat has no admins.
            return Ok(Role::Member);
        };
        let call = encode::role(&group, member, self.quirks());
        let data = self
            .ask(&call, ROLE_LIMIT)
            .await?
            .map_err(|words| self.refused(call.action, words))?;
        #[derive(Deserialize)]
        struct Member<'a> {
            #[serde(borrow)]
            role: wire::Loose<'a>,
        }
        serde_json::from_str::<Member<'_>>(data.get())
            .ok()
            .and_then(|member| decode::role(member.role.text()))
            .ok_or_else(|| self.refused(call.action, "the answer names no role"))
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
    use super::*;
    use teahouse_core::{
        Address, Draft, GateVerdict, Language, OutSegment, RoomKind, Source, pass,
    };
    use tokio::time::Instant;

    fn account() -> Arc<OneBot> {
        Arc::new(OneBot::new(Config {
            name: AccountName::new("qq"),
            id: Some("10001000".into()),
            token: SecretString::from("secret"),
        }))
    }

    fn outgoing() -> Outgoing {
        let verdict = pass(Draft {
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
        });
        match verdict {
            GateVerdict::Pass(outgoing) => outgoing,
            GateVerdict::Withhold { why } => panic!("{why}"),
        }
    }

    /// A link without a socket: what is called lies in its queue.
    fn link(account: &Arc<OneBot>) -> (OpenLink, mpsc::Receiver<Outbound>) {
        let (queue, outbound) = mpsc::channel(link::QUEUE);
        let open = OpenLink::new(Arc::clone(account), LinkRole::Universal, queue);
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

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", account()).contains("secret\""));
    }
}
