//! 茶座, the built-in platform: rooms in the browser, on the house's own port. It is the platform as well as the
//! adapter: it keeps seats, roles, mutes, clocks and the log, and gives each line its place. Whether the house answers
//! is none of its business.

mod clock;
mod door;
mod log;
mod owner;
mod picture;
mod room;
mod seat;
mod socket;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use teahouse_core::{
    AccountName, Address, ChatId, EVENT_VERSION, Event, EventKind, Media, MemberId, Message,
    MessageId, NotSent, OutSegment, Outgoing, Receipt, Role, RoomKind, Segment, SendOutcome,
    Sender, SenderKind, Sequence, clean_text,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

pub use clock::{ClockMode, ClockShown};
pub use door::routes;
pub use log::{KeptLine, LogError, ParlourLog};
pub use owner::{Invitation, ParlourError, RoomCard, SeatCard};
pub use picture::{LONGEST_PICTURE, PictureKind};
pub use seat::{NewSeat, SeatRole, Token};
pub use wire::{
    Chip, FromSeat, Happened, HappenedKind, Line, LocalShown, LocalStanding, ModelShown,
    NewMessage, Refusal, RoomShown, Said, SeatShown, Skin, Speaker, SpeakerKind, ToSeat,
};

use crate::{Adapter, AdapterError, Capabilities, Connection, EventSink, Incoming, Sign};
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
/// Members that one message can call.
const MENTIONS: usize = 20;
/// Pictures of one room that nobody has shown yet.
const UNSHOWN: usize = 64;
/// Lines read back at the start.
const LOADED: usize = 400;
/// Talk reaches the log this often, or sooner.
const LOG_EVERY: Duration = Duration::from_secs(1);
/// Empty seats are looked for this often.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// A seat on which nobody sits leaves after so long.
const EMPTY_SEAT: Duration = Duration::from_secs(24 * 3_600);
/// Typing is told this seldom, in milliseconds.
const TYPING_EVERY: i64 = 1_000;

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
    events: Mutex<Option<EventSink>>,
    connection: watch::Sender<Connection>,
    stop: CancellationToken,
    sockets: TaskTracker,
}

impl Parlour {
    /// The parlour as it was left; at the first start with one room.
    pub async fn open(config: Config) -> Result<Arc<Self>, ParlourError> {
        let parlour = Arc::new(Parlour {
            name: AccountName::new(PARLOUR),
            house_name: config.house_name,
            media: config.media,
            now: config.now,
            pages: Pages::new(config.log),
            rooms: Mutex::default(),
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

    /// A seat says something; its place in the room comes back. The same `client_id` again is the same message.
    pub async fn say(
        &self,
        room: &ChatId,
        seat: &MemberId,
        new: NewMessage,
    ) -> Result<u64, Refusal> {
        let room = self.room(room).map_err(|_| Refusal::Gone)?;
        self.say_in(&room, seat.as_str(), new).await
    }

    async fn say_in(&self, room: &Room, seat: &str, new: NewMessage) -> Result<u64, Refusal> {
        let Some(new) = cleaned(new) else {
            return Err(Refusal::Empty);
        };
        if room.state().needs_ids()
            && let Err(error) = self.keep(room).await
        {
            warn!(room = %room.id, "no more places could be set aside: {error}");
        }
        let _pen = room.pen.lock().await;
        let now = self.now();
        let (line, message) = {
            let mut state = room.state();
            if let Some(id) = state.repeat_of(seat, &new.client_id) {
                return Ok(id);
            }
            if self.pages.is_full() || state.is_out_of_ids() {
                return Err(Refusal::Full);
            }
            let said = said(&mut state, seat, new, now)?;
            let line = Line::Msg(said.clone());
            state.show(line.clone());
            (line, self.message(room, &said))
        };
        self.pages.push(kept(&room.id, &line));
        let id = line.id();
        self.tell(now, EventKind::Message(message));
        Ok(id)
    }

    fn message(&self, room: &Room, said: &Said) -> Message {
        let ours = said.from.kind == SpeakerKind::House;
        let role = said.from.role.unwrap_or(SeatRole::Member);
        let quote = said.reply_to.map(|id| Segment::Quote {
            message: MessageId::new(id.to_string()),
            more: Default::default(),
        });
        let mentions = said.mentions.iter().map(|seat| Segment::Mention {
            member: MemberId::new(seat.as_str()),
            more: Default::default(),
        });
        let text = Some(said.text.clone()).filter(|text| !text.is_empty());
        let media = |name: &String| Media {
            file: Some(name.clone()),
            ..Media::default()
        };
        Message {
            address: self.address(&room.id),
            room_kind: RoomKind::Group,
            id: MessageId::new(said.id.to_string()),
            sequence: Some(Sequence::new(said.id.to_string())),
            sender: Sender {
                id: MemberId::new(said.from.seat.as_str()),
                name: said.from.name.clone(),
                role: Some(role.standing()),
                kind: match ours {
                    true => SenderKind::Ourselves,
                    false => role.sender(),
                },
            },
            segments: quote
                .into_iter()
                .chain(mentions)
                .chain(text.map(|text| Segment::Text { text }))
                .chain(said.image.as_ref().map(|name| Segment::Image(media(name))))
                .chain(said.file.as_ref().map(|name| Segment::File(media(name))))
                .collect(),
            sent_at: Timestamp::from_millisecond(said.at).ok(),
        }
    }

    /// Hands an event to the house.
    fn tell(&self, now: Timestamp, kind: EventKind) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(events) = events.as_ref() {
            // What the sink sheds, it counts.
            events.offer(Incoming {
                platform: PARLOUR,
                us: MemberId::new(HOUSE),
                event: Event {
                    version: EVENT_VERSION,
                    account: self.name.clone(),
                    time: Some(now),
                    kind,
                },
            });
        }
    }

    /// A seat takes a message back: its own, or anybody's if it may.
    pub async fn recall(
        &self,
        room: &ChatId,
        seat: &MemberId,
        id: u64,
    ) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        self.recall_in(&room, seat.as_str(), id).await
    }

    async fn recall_in(&self, room: &Room, by: &str, id: u64) -> Result<(), ParlourError> {
        let now = self.now();
        let (line, author, picture) = {
            let mut state = room.state();
            let who = state.seat(by).ok_or(ParlourError::NoSeat)?;
            let may_all = who.kept.role.standing().is_admin();
            if who.kept.removed.is_some() {
                return Err(ParlourError::NoSeat);
            }
            let said = state.said(id).ok_or(ParlourError::NoMessage)?;
            if !may_all && said.from.seat != by {
                return Err(ParlourError::NotAllowed);
            }
            if said.recalled.is_some() {
                return Ok(());
            }
            said.recalled = Some(wire::Recalled { by: by.to_owned() });
            said.text.clear();
            said.file = None;
            let picture = said.image.take();
            let (line, author) = (Line::Msg(said.clone()), said.from.seat.clone());
            state.tell_all(&ToSeat::Recalled { id, by });
            (line, author, picture)
        };
        self.pages.push(kept(&room.id, &line));
        self.tell(
            now,
            EventKind::Recall {
                chat: room.id.clone(),
                room_kind: RoomKind::Group,
                message: MessageId::new(id.to_string()),
                author: Some(MemberId::new(author)),
                operator: Some(MemberId::new(by)),
            },
        );
        if let Some(picture) = picture
            && !self.is_shown(&picture)
        {
            picture::forget(&self.media, &picture).await;
        }
        // Its words are gone from the disk when this returns.
        self.pages.flush().await.map_err(ParlourError::Log)
    }

    /// A picture was handed in; the oldest that nobody has shown makes room for it.
    async fn waits_to_be_shown(&self, room: &Room, picture: &str) {
        let gone = {
            let mut state = room.state();
            if state.has(picture) {
                return;
            }
            state.pictures.push_back(picture.to_owned());
            match state.pictures.len() > UNSHOWN {
                true => state.pictures.pop_front(),
                false => None,
            }
        };
        if let Some(gone) = gone
            && !self.is_shown(&gone)
        {
            picture::forget(&self.media, &gone).await;
        }
    }

    /// Whether any room may still show a picture.
    fn is_shown(&self, picture: &str) -> bool {
        self.all_rooms()
            .iter()
            .any(|room| room.state().has(picture))
    }

    fn typing(&self, room: &Room, seat: &str) {
        let now = self.now();
        let mut state = room.state();
        let Some(who) = state.seat(seat) else { return };
        let since = now
            .as_millisecond()
            .saturating_sub(who.typed.as_millisecond());
        if since.abs() >= TYPING_EVERY && !who.is_muted(now) {
            who.typed = now;
            state.tell_all(&ToSeat::Typing { seat });
        }
    }

    /// A line of the house: on the disk first, then for all to see.
    async fn house_says(&self, room: &Room, out: &Outgoing) -> Result<u64, LogError> {
        if room.state().needs_ids() {
            self.keep(room).await?;
        }
        let _pen = room.pen.lock().await;
        let now = self.now();
        let line = {
            let mut state = room.state();
            let joined = out.joined();
            Line::Msg(Said {
                id: state.next_id(),
                at: now.as_millisecond(),
                room_at: state.clock.now(now).as_millisecond(),
                from: Speaker {
                    seat: HOUSE.to_owned(),
                    name: self.house_name.clone(),
                    role: None,
                    kind: SpeakerKind::House,
                },
                text: out.text(),
                reply_to: out.quote().and_then(|id| id.as_str().parse().ok()),
                mentions: mentions(out.body()),
                image: None,
                file: None,
                turn: joined.map(|joined| joined.turn.to_string()),
                part: joined.map_or(0, |joined| joined.part),
                recalled: None,
                chip: None,
                client_id: None,
            })
        };
        self.pages.write(kept(&room.id, &line)).await?;
        let id = line.id();
        room.state().show(line);
        Ok(id)
    }

    /// Writes talk down, and lets empty seats go, until told to stop.
    async fn keep_house(&self, stop: &CancellationToken) {
        let mut tidy = tokio::time::interval(TIDY_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tidy.tick() => self.let_empty_seats_go().await,
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

/// What is left of a message once it is cleaned; nothing if nothing is.
fn cleaned(mut new: NewMessage) -> Option<NewMessage> {
    new.client_id
        .truncate(new.client_id.floor_char_boundary(64));
    // Not read to its end: a longer one is refused by its length.
    new.text = clean_text(&new.text).trim_end().to_owned();
    new.file = new.file.and_then(|name| {
        let name: String = clean_text(&name)
            .chars()
            .filter(|c| !matches!(c, '/' | '\\' | '\n' | '\t'))
            .take(128)
            .collect();
        (!name.trim().is_empty()).then_some(name)
    });
    let empty = new.text.trim().is_empty() && new.image.is_none() && new.file.is_none();
    (!empty).then_some(new)
}

/// A seat's message, if it may say it.
fn said(
    state: &mut room::RoomState,
    seat: &str,
    new: NewMessage,
    now: Timestamp,
) -> Result<Said, Refusal> {
    let newest = state.next_id;
    let known = match &new.image {
        Some(image) => state.has(image),
        None => true,
    };
    let mut mentions = new.mentions;
    mentions.sort();
    mentions.dedup();
    mentions.retain(|id| id == HOUSE || state.seat(id).is_some());
    mentions.truncate(MENTIONS);
    let who = state.seat(seat).ok_or(Refusal::Gone)?;
    if who.kept.removed.is_some() {
        return Err(Refusal::Removed);
    }
    if who.kept.role == SeatRole::Lurker {
        return Err(Refusal::Lurker);
    }
    if who.is_muted(now) {
        return Err(Refusal::Muted);
    }
    if new.text.chars().count() > LONGEST_TEXT {
        return Err(Refusal::TooLong);
    }
    if !known {
        return Err(Refusal::Gone);
    }
    if !who.may_say(now) {
        return Err(Refusal::TooFast);
    }
    let role = who.kept.role;
    let from = Speaker {
        seat: who.kept.id.clone(),
        name: who.kept.name.clone(),
        role: Some(role),
        kind: match role {
            SeatRole::Bot => SpeakerKind::Bot,
            _ => SpeakerKind::Person,
        },
    };
    if let Some(image) = &new.image {
        state.pictures.retain(|waiting| waiting != image);
    }
    Ok(Said {
        id: state.next_id(),
        at: now.as_millisecond(),
        room_at: state.clock.now(now).as_millisecond(),
        from,
        text: new.text,
        reply_to: new.reply_to.filter(|id| *id < newest),
        mentions,
        image: new.image,
        file: new.file,
        turn: None,
        part: 0,
        recalled: None,
        chip: None,
        client_id: Some(new.client_id),
    })
}

fn mentions(body: &[OutSegment]) -> Vec<String> {
    let called = body.iter().filter_map(|segment| match segment {
        OutSegment::Mention { member } => Some(member.to_string()),
        OutSegment::Text { .. } => None,
    });
    called.collect()
}

#[async_trait]
impl Adapter for Parlour {
    fn account(&self) -> &AccountName {
        &self.name
    }

    fn platform(&self) -> &'static str {
        PARLOUR
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            longest_text: LONGEST_TEXT,
            quotes: true,
            history: true,
            joins_parts: true,
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
        self.sockets.close();
        self.sockets.wait().await;
        if let Err(error) = self.pages.flush().await {
            error!(%error, "the parlour's last lines could not be written");
        }
        for room in self.all_rooms() {
            if let Err(error) = self.keep(&room).await {
                error!(room = %room.id, %error, "a room could not be written down");
            }
        }
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

    async fn history(&self, chat: &ChatId, count: usize) -> Result<Vec<Message>, AdapterError> {
        let room = self.room(chat).map_err(|error| self.refused(&error))?;
        let mut messages: Vec<Message> = {
            let state = room.state();
            let said = state.lines.iter().rev().filter_map(|line| match line {
                Line::Msg(said) => Some(self.message(&room, said)),
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
                    self.pages.push(kept(&room.id, &Line::Msg(said.clone())));
                }
            }
        }
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
