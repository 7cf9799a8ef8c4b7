//! The links of one account: whoever brings events is in a list, oldest first; all feed, calls go to the newest that
//! takes them. A link shows itself by its first event and is called nothing before. Dials nobody, lets nobody in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::extract::ws::Message;
use futures_util::{Sink, Stream};
use jiff::Timestamp;
use serde::Deserialize;
use teahouse_core::{Event, EventKind, MemberId, SenderKind};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::calls::Pending;
use super::counters::add;
use super::decode::{DecodeError, Echo, Frame, Response, decode};
use super::door::LinkRole;
use super::encode::Call;
use super::quirks::{self, Quirks};
use super::{OneBot, PLATFORM, VERSION_LIMIT};
use crate::link::{self, Ended, Heard, Outbound, Received};
use crate::{Connection, EventSink, Incoming};

/// Every bridge says hello at once and beats its heart at least once a minute.
const DEAF_AFTER: Duration = Duration::from_secs(90);

#[derive(Default)]
pub(super) struct State {
    /// Set while the house listens.
    pub(super) events: Option<EventSink>,
    /// Oldest first.
    pub(super) links: Vec<Link>,
    /// Calls that wait for their answer, by echo.
    pub(super) pending: HashMap<String, Pending>,
    /// The time in the latest event that had one, and when it came.
    pub(super) clock: Option<(Timestamp, Instant)>,
    /// Whether the bridge that we dial does not take our token.
    pub(super) refused: bool,
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

/// How a link came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The bridge has dialled us.
    Knocked,
    /// We have dialled the bridge.
    Dialled,
}

pub(super) struct Link {
    pub(super) id: u64,
    pub(super) way: Way,
    pub(super) role: LinkRole,
    pub(super) queue: mpsc::Sender<Outbound>,
    /// Whether it has shown itself to be a bridge by a first event: nothing is called before.
    pub(super) ready: bool,
    /// Whether its bridge says that the account is there.
    pub(super) online: bool,
    /// Whether a message of our own was ever reported back on it.
    pub(super) reports_own: bool,
    pub(super) quirks: Quirks,
}

impl OneBot {
    /// Serves one link to its end; says how it ended, and whether it ever brought an event.
    pub(super) async fn serve<S>(
        self: Arc<Self>,
        socket: S,
        role: LinkRole,
        way: Way,
    ) -> (Ended, bool)
    where
        S: Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error>,
    {
        let (queue, outbound) = mpsc::channel(link::QUEUE);
        let open = OpenLink::new(Arc::clone(&self), role, way, queue);
        let hear = |received: Received<'_>| self.hear(open.id, received);
        let ended = tokio::select! {
            ended = link::drive(socket, outbound, hear, &self.closing) => ended,
            never = self.watch_silence(open.id) => match never {},
        };
        match &ended {
            Ended::TooLong => add(&self.counters.too_long),
            Ended::NotUtf8 => add(&self.counters.not_utf8),
            Ended::Noisy | Ended::PingFlood => add(&self.counters.links_noisy),
            Ended::Dead => add(&self.counters.links_dead),
            Ended::Left(_) | Ended::Refused | Ended::Stopped | Ended::Broken(_) => {}
        }
        info!(account = %self.name, link = open.id, ?ended, "a link of account \"{}\" ended", self.name);
        (ended, self.is_ready(open.id))
    }

    fn is_ready(&self, link: u64) -> bool {
        let state = self.state();
        state
            .links
            .iter()
            .any(|entry| entry.id == link && entry.ready)
    }

    /// Tells the operator of a bridge that we dialled and that says nothing: on most, a wrong path is deaf.
    pub(super) async fn watch_silence(&self, link: u64) -> Infallible {
        tokio::time::sleep(DEAF_AFTER).await;
        let is_deaf = {
            let state = self.state();
            let mut links = state.links.iter();
            links.any(|entry| entry.id == link && entry.way == Way::Dialled && !entry.ready)
        };
        if is_deaf {
            add(&self.counters.links_deaf);
            warn!(account = %self.name, link, "the bridge that account \"{}\" dials took the link and has said nothing since; the path of `dial` may be wrong: end it after the port", self.name);
        }
        std::future::pending().await
    }

    /// One frame. Never waits.
    pub(super) fn hear(self: &Arc<Self>, link: u64, received: Received<'_>) -> Heard {
        let Received::Text(text) = received else {
            add(&self.counters.binary);
            return Heard::Noise;
        };
        match decode(text.as_bytes(), &self.name) {
            Ok(Frame::Response(response)) => return self.answered(link, response),
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

    pub(super) fn count(&self, error: DecodeError) {
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
    fn answered(&self, link: u64, response: Response) -> Heard {
        if self.turns_us_away(link, &response) {
            return Heard::Refused;
        }
        let echo = match &response.echo {
            Echo::Text(echo) => echo,
            Echo::Missing => return counted(&self.counters.missing_echo),
            Echo::Odd => return counted(&self.counters.odd_echo),
        };
        let mut state = self.state();
        if state.pending.get(echo).is_none_or(|call| call.link != link) {
            return counted(&self.counters.unknown_echo);
        }
        let pending = state.pending.remove(echo);
        drop(state);
        if let Some(pending) = pending {
            add(&self.counters.responses);
            // A caller that has just given up hears nothing.
            let _ = pending.answer.send(response);
        }
        Heard::Fine
    }

    /// NapCat and LLBot accept whoever dials and refuse the token in their first frame. Nothing is called before a
    /// first event, so that frame answers no call.
    fn turns_us_away(&self, link: u64, response: &Response) -> bool {
        let refuses = response.status == "failed"
            && matches!(response.retcode, Some(1401 | 1403 | 401 | 403));
        let state = self.state();
        let mut links = state.links.iter();
        refuses && links.any(|entry| entry.id == link && entry.way == Way::Dialled && !entry.ready)
    }

    pub(super) fn happened(self: &Arc<Self>, link: u64, event: Event, self_id: &str) {
        if !self.is_us(self_id) {
            add(&self.counters.foreign_self);
            debug!(account = %self.name, link, self_id, "an event of another account came to \"{}\"", self.name);
            self.other_account(link, self_id);
            return;
        }
        self.witnesses.note(&event.kind);
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
        if let EventKind::Message(message) = &event.kind {
            entry.reports_own |= message.sender.kind == SenderKind::Ourselves;
        }
        if let Some(time) = event.time {
            state.clock = Some((time, Instant::now()));
        }
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

    /// The bridge that we dial is logged in as somebody else.
    fn other_account(&self, link: u64, self_id: &str) {
        let why =
            "the bridge we dial is another account; log in with the configured one, or change `id`";
        let is_dialled = {
            let state = self.state();
            let mut links = state.links.iter();
            links.any(|entry| entry.id == link && entry.way == Way::Dialled)
        };
        let from = self.dial.as_deref().unwrap_or_default();
        if is_dialled && self.knocks.note(from, self_id, why) {
            warn!(account = %self.name, link, self_id, "the link of account \"{}\" to {from} brings nothing: {why}", self.name);
        }
    }

    pub(super) fn show_connection(&self) {
        let state = self.state();
        let mut ready = state.links.iter().filter(|link| link.ready).peekable();
        let is_up = ready.peek().is_some();
        let is_online = ready.any(|link| link.online);
        self.connection.send_if_modified(|connection| {
            let now = match (is_up, is_online) {
                (true, true) => Connection::Online,
                (true, false) => Connection::LoggedOut,
                (false, _) if state.refused => Connection::Refused,
                (false, _) if *connection == Connection::Waiting => Connection::Waiting,
                (false, _) => Connection::Lost,
            };
            std::mem::replace(connection, now) != now
        });
    }

    /// Asks a new bridge for its name, beside the reader.
    pub(super) fn ask_version(self: &Arc<Self>) {
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

    /// What time it is by the bridges' clock, as far as they have told.
    pub(super) fn time_there(&self) -> Option<Timestamp> {
        let (told, at) = self.state().clock?;
        told.checked_add(at.elapsed()).ok()
    }

    /// The quirks of the link that would be called now.
    pub(super) fn quirks(&self) -> Quirks {
        self.state()
            .callable()
            .map_or(quirks::UNKNOWN, |link| link.quirks)
    }
}

impl State {
    /// The newest link that takes calls. A link for calls only brings no event: its twin for events speaks for it.
    pub(super) fn callable(&self) -> Option<&Link> {
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

/// A link in the list; leaves it however it ends, and its calls hear of that.
pub(super) struct OpenLink {
    pub(super) adapter: Arc<OneBot>,
    pub(super) id: u64,
}

impl OpenLink {
    pub(super) fn new(
        adapter: Arc<OneBot>,
        role: LinkRole,
        way: Way,
        queue: mpsc::Sender<Outbound>,
    ) -> Self {
        let id = adapter.number();
        let twin_is_ready = {
            let mut state = adapter.state();
            state.links.push(Link {
                id,
                way,
                role,
                queue,
                ready: false,
                online: false,
                reports_own: false,
                quirks: quirks::UNKNOWN,
            });
            role == LinkRole::Api && state.callable().is_some_and(|link| link.id == id)
        };
        add(&adapter.counters.links_opened);
        info!(account = %adapter.name, link = id, ?role, ?way, "a link of account \"{}\" opened", adapter.name);
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

fn counted(counter: &AtomicU64) -> Heard {
    add(counter);
    Heard::Fine
}
