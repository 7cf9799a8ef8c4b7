//! 茶座, the built-in platform: rooms in the browser, on the house's own port. It is the platform as well as the
//! adapter: it keeps seats, roles, mutes, clocks and the log, and gives each line its place. Whether the house answers
//! is none of its business.

mod appeal;
mod clock;
mod door;
mod log;
mod metadata;
mod owner;
mod perform;
mod picture;
mod room;
mod seat;
mod seating;
mod socket;
mod talk;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use teahouse_core::{
    AccountName, Address, ChatId, Effect, MemberId, Message, MessageId, Nano, NotSent, Outgoing,
    Performed, Receipt, Role, SendOutcome,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

pub use clock::{ClockMode, ClockShown};
pub use door::{is_own_page, routes};
pub use log::{KeptLine, LogError, ParlourLog};
pub use owner::{Invitation, ParlourError, RoomCard, SeatCard};
pub use picture::{LONGEST_PICTURE, PictureKind};
pub use seat::{NewSeat, SeatRole, Token};
pub use wire::{
    Chip, FromSeat, Happened, HappenedKind, Line, LocalShown, LocalStanding, ModelShown,
    NewMessage, Refusal, RoomShown, Said, SeatShown, Skin, Speaker, SpeakerKind, ToSeat,
};

use crate::{Adapter, AdapterError, Capabilities, Connection, EventSink, Sign};
use log::{Pages, RoomFact, kept};
use room::Room;

/// The platform's and the account's name.
pub const PARLOUR: &str = "parlour";
/// The room that is always there.
pub const MAIN_ROOM: &str = "main";
/// The house among the members.
const HOUSE: &str = "house";
/// The longest message, in characters.
const LONGEST_TEXT: usize = 4_000;
/// Lines read back at the start.
const LOADED: usize = 400;
/// Talk reaches the log this often, or sooner.
const LOG_EVERY: Duration = Duration::from_secs(1);
/// Empty seats are looked for this often.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// A seat on which nobody sits leaves after so long.
const EMPTY_SEAT: Duration = Duration::from_secs(24 * 3_600);

/// What a parlour is made of.
pub struct Config {
    /// Where pictures lie, by their hash.
    pub media: PathBuf,
    /// How the house is called there.
    pub house_name: String,
    /// The title of the room that is made at the first start.
    pub title: String,
    /// The clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// What keeps lines and rooms.
    pub log: Arc<dyn ParlourLog>,
}

/// The parlour of this house.
pub struct Parlour {
    name: AccountName,
    house_name: String,
    media: PathBuf,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pages: Pages,
    rooms: Mutex<BTreeMap<ChatId, Arc<Room>>>,
    /// What the pictures take on the disk.
    kept_bytes: AtomicU64,
    events: Mutex<Option<EventSink>>,
    connection: watch::Sender<Connection>,
    stop: CancellationToken,
    sockets: TaskTracker,
}

impl Parlour {
    /// The parlour as it was left; at the first start with one room.
    pub async fn open(config: Config) -> Result<Arc<Self>, ParlourError> {
        let kept_bytes = AtomicU64::new(picture::kept(&config.media));
        let parlour = Arc::new(Parlour {
            name: AccountName::new(PARLOUR),
            house_name: config.house_name,
            media: config.media,
            now: config.now,
            pages: Pages::new(config.log),
            rooms: Mutex::default(),
            kept_bytes,
            events: Mutex::default(),
            connection: watch::Sender::new(Connection::Online),
            stop: CancellationToken::new(),
            sockets: TaskTracker::new(),
        });
        let log = parlour.pages.log();
        for (id, fact) in log.rooms().await.map_err(ParlourError::Log)? {
            let fact: RoomFact =
                serde_json::from_str(&fact).map_err(|error| ParlourError::Log(error.into()))?;
            let lines = log.load(&id, LOADED).await.map_err(ParlourError::Log)?;
            // A line of a later release is left where it is.
            let lines = lines
                .iter()
                .filter_map(|line| serde_json::from_str(&line.body).ok())
                .collect();
            let room = Arc::new(Room::new(id.clone(), fact, lines, parlour.now()));
            parlour.rooms().insert(id, room);
        }
        for room in parlour.all_rooms() {
            parlour.keep(&room).await?;
        }
        let main = ChatId::new(MAIN_ROOM);
        if parlour.room(&main).is_err() {
            parlour.create_room(&main, &config.title).await?;
        }
        Ok(parlour)
    }

    /// Where a room is, for the house.
    pub fn address(&self, room: &ChatId) -> Address {
        Address {
            account: self.name.clone(),
            chat: room.clone(),
        }
    }

    /// Events go there from now on.
    pub fn hears(&self, events: EventSink) {
        *self.events.lock().unwrap_or_else(PoisonError::into_inner) = Some(events);
    }

    fn now(&self) -> Timestamp {
        (self.now)()
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, BTreeMap<ChatId, Arc<Room>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_rooms(&self) -> Vec<Arc<Room>> {
        self.rooms().values().cloned().collect()
    }

    fn room(&self, id: &ChatId) -> Result<Arc<Room>, ParlourError> {
        let room = self.rooms().get(id).cloned();
        room.ok_or_else(|| ParlourError::NoRoom { room: id.clone() })
    }

    /// Writes a room's facts down as they are now.
    async fn keep(&self, room: &Room) -> Result<(), ParlourError> {
        let _newest_last = room.keeping.lock().await;
        let fact = room.state().fact(self.stop.is_cancelled());
        let below = fact.ids_below;
        let fact = serde_json::to_string(&fact).expect("a fact is plain data");
        let kept = self.pages.log().keep_room(&room.id, fact).await;
        kept.map_err(ParlourError::Log)?;
        room.state().ids_are_set_aside(below);
        Ok(())
    }

    /// Writes talk down, and lets empty seats go, until told to stop.
    async fn keep_house(&self, stop: &CancellationToken) {
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tidy.tick() => self.tidy_up().await,
                () = self.pages.came.notified() => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(LOG_EVERY) => {}
                        () = self.pages.came.notified() => {}
                    }
                    if let Err(error) = self.pages.flush().await {
                        error!(%error, "the parlour's lines could not be written; they wait");
                        self.pages.came.notify_one();
                    }
                }
            }
        }
    }

    /// Frees seats on which nobody has sat for a day, and the disk of pictures that no tab can see; done by itself every
    /// minute.
    pub async fn tidy_up(&self) {
        self.let_empty_seats_go().await;
        self.forget_pictures().await;
    }

    async fn let_empty_seats_go(&self) {
        let now = self.now();
        for room in self.all_rooms() {
            let empty: Vec<String> = room
                .state()
                .seats
                .iter()
                .filter(|seat| {
                    let empty = now.duration_since(seat.empty_since);
                    seat.tab.is_none() && empty.is_positive() && empty.unsigned_abs() > EMPTY_SEAT
                })
                .map(|seat| seat.kept.id.clone())
                .collect();
            for seat in empty {
                if let Err(error) = self.leave(&room, &seat).await {
                    warn!(room = %room.id, "an empty seat could not be let go: {error}");
                }
            }
        }
    }
}

#[async_trait]
impl Adapter for Parlour {
    fn account(&self) -> &AccountName {
        &self.name
    }

    fn platform(&self) -> &'static str {
        PARLOUR
    }

    fn capabilities(&self, chat: &ChatId) -> Capabilities {
        let skin = self.room(chat).map(|room| room.state().skin);
        Capabilities {
            longest_text: LONGEST_TEXT,
            quotes: true,
            history: true,
            joins_parts: skin.unwrap_or_default().joins_parts(),
            bundles: false,
            swallows_links: false,
            moderates: true,
            hears_barred: true,
        }
    }

    fn us(&self) -> Option<MemberId> {
        Some(MemberId::new(HOUSE))
    }

    fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    async fn run(&self, events: EventSink, stop: CancellationToken) {
        self.hears(events);
        self.keep_house(&stop).await;
        self.stop.cancel();
        if let Err(error) = self.pages.flush().await {
            error!(%error, "the parlour's last lines could not be written");
        }
        for room in self.all_rooms() {
            if let Err(error) = self.keep(&room).await {
                error!(room = %room.id, %error, "a room could not be written down");
            }
        }
        self.sockets.close();
        self.sockets.wait().await;
    }

    async fn send(&self, out: &Outgoing) -> SendOutcome {
        let Ok(room) = self.room(&out.address().chat) else {
            return SendOutcome::NotSent(NotSent::Gone);
        };
        match self.house_says(&room, out).await {
            Ok(id) => SendOutcome::Sent(Receipt {
                message: MessageId::new(id.to_string()),
            }),
            Err(error) => SendOutcome::NotSent(NotSent::Refused {
                why: error.to_string(),
            }),
        }
    }

    async fn perform(&self, chat: &ChatId, effect: &Effect) -> Performed {
        self.perform_once(chat, effect).await
    }

    async fn is_done(&self, chat: &ChatId, effect: &Effect) -> Result<Option<bool>, AdapterError> {
        let room = self.room(chat).map_err(|error| self.refused(&error))?;
        Ok(self.is_so(&room, effect))
    }

    async fn history(&self, chat: &ChatId, count: usize) -> Result<Vec<Message>, AdapterError> {
        let room = self.room(chat).map_err(|error| self.refused(&error))?;
        let mut messages: Vec<Message> = {
            let state = room.state();
            let said = state.lines.iter().rev().filter_map(|line| match line {
                Line::Msg(said) => {
                    let names = talk::names_of(&state, said);
                    Some(self.message(&room, said, &names))
                }
                Line::Line(_) => None,
            });
            said.take(count).collect()
        };
        messages.reverse();
        Ok(messages)
    }

    async fn role(&self, chat: &ChatId, member: &MemberId) -> Result<Role, AdapterError> {
        let room = self.room(chat).map_err(|error| self.refused(&error))?;
        let mut state = room.state();
        let seat = state.seat(member.as_str());
        seat.filter(|seat| seat.kept.removed.is_none())
            .map(|seat| seat.kept.role.standing())
            .ok_or_else(|| self.refused(&ParlourError::NoSeat))
    }

    fn sign(&self, chat: &ChatId, sign: Sign) {
        let Ok(room) = self.room(chat) else { return };
        let mut state = room.state();
        match sign {
            Sign::Working { question } => {
                if let Ok(id) = question.as_str().parse() {
                    state.tell_all(&ToSeat::Working { id });
                }
            }
            Sign::Ended {
                question,
                reason,
                millis,
                tokens,
                cost,
                currency,
            } => {
                let Ok(id) = question.as_str().parse() else {
                    return;
                };
                let paid = cost.0 > 0;
                let chip = Chip {
                    reason: reason.code().to_owned(),
                    millis,
                    tokens,
                    cost: paid.then(|| shown_cost(cost.0)),
                    currency: currency.filter(|_| paid).map(|money| money.to_string()),
                };
                state.tell_all(&ToSeat::Chip { id, chip: &chip });
                if let Some(said) = state.said(id) {
                    said.chip = Some(chip);
                    self.pages
                        .push(kept(&room.id, &Line::Msg(Box::new(said.clone()))));
                }
            }
        }
    }

    fn guests_limit(&self, chat: &ChatId, member: &MemberId) -> Option<Nano> {
        let room = self.room(chat).ok()?;
        let mut state = room.state();
        let limit = state.guests_limit;
        let seat = state.seat(member.as_str())?;
        seat.kept.guest.then_some(limit)
    }

    fn now_in(&self, chat: &ChatId, now: Timestamp) -> Timestamp {
        match self.room(chat) {
            Ok(room) => room.state().clock.now(now),
            Err(_) => now,
        }
    }
}

impl Parlour {
    fn refused(&self, error: &ParlourError) -> AdapterError {
        AdapterError::Refused {
            account: self.name.clone(),
            action: "the parlour",
            why: error.to_string(),
        }
    }
}

/// Nano-units as a decimal number without idle zeros.
fn shown_cost(nano: i64) -> String {
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}
