//! What the owner of the parlour may do with its rooms; with its seats, `seating.rs`. Who is the owner is known by the console, not here.
//! Every change is on the disk when it returns, is told to the house as an event, and to all tabs as a line.

use std::sync::Arc;

use jiff::Timestamp;
use teahouse_core::{ChatId, MemberId, Nano, clean_text};

use super::Parlour;
use super::clock::ClockMode;
use super::log::{LogError, RoomFact, guests_limit, kept};
use super::room::Room;
use super::seat::{Seat, SeatRole, Token};
use super::socket::Farewell;
use super::wire::{HappenedKind, Line, LocalShown, RoomShown, Skin, ToSeat};

/// Seats of one room.
pub(super) const SEATS: usize = 50;
/// Rooms of the parlour.
const ROOMS: usize = 200;
/// The longest title.
const TITLE: usize = 64;

/// Why the parlour does not do it.
#[derive(Debug, thiserror::Error)]
pub enum ParlourError {
    /// No such room.
    #[error("there is no room \"{room}\" in the parlour")]
    NoRoom {
        /// Which.
        room: ChatId,
    },
    /// A room of that name is there.
    #[error("a room's id is 1 to 32 of a-z, 0-9 and -, and nobody else's: \"{room}\"")]
    BadRoom {
        /// Which.
        room: ChatId,
    },
    /// No such seat.
    #[error("nobody sits on that seat")]
    NoSeat,
    /// No such message.
    #[error("that message is not here any more")]
    NoMessage,
    /// Another role may.
    #[error("this seat may not do that")]
    NotAllowed,
    /// The platform that is played has a time for it.
    #[error("on the platform that this room plays it is too late to take that back")]
    TooLate,
    /// All seats are taken.
    #[error("all {SEATS} seats of this room are taken; somebody has to leave first")]
    Full,
    /// Nothing is left of the name.
    #[error("a name needs at least one letter that can be seen")]
    BadName,
    /// The invitation is used up.
    #[error("this invitation does not hold any more; ask for a new one")]
    BadInvitation,
    /// The log.
    #[error("the parlour's log cannot keep it")]
    Log(#[source] LogError),
}

/// A room in a list.
#[derive(Clone, Debug)]
pub struct RoomCard {
    /// Its id.
    pub room: ChatId,
    /// Its title.
    pub title: String,
    /// How it is.
    pub shown: RoomShown,
    /// What its guests may cost together a day.
    pub guests_limit: Nano,
}

/// A seat as its owner sees it.
#[derive(Clone, Debug)]
pub struct SeatCard {
    /// The seat.
    pub seat: MemberId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: SeatRole,
    /// Whether a tab sits there.
    pub online: bool,
    /// May speak again then.
    pub muted_until: Option<Timestamp>,
    /// Why it was asked to leave, if it was.
    pub removed: Option<String>,
    /// What it says against that, or against being muted.
    pub appeal: Option<String>,
}

/// An invitation, shown once.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Proof of it.
    pub token: Token,
    /// It holds until then.
    pub until: Timestamp,
}

impl Parlour {
    /// Every room.
    pub fn room_cards(&self) -> Vec<RoomCard> {
        let now = self.now();
        let card = |room: Arc<Room>| {
            let mut state = room.state();
            RoomCard {
                room: room.id.clone(),
                title: state.title.clone(),
                shown: state.shown(now),
                guests_limit: state.guests_limit,
            }
        };
        self.all_rooms().into_iter().map(card).collect()
    }

    /// One room.
    pub fn room_card(&self, room: &ChatId) -> Result<RoomCard, ParlourError> {
        let room = self.room(room)?;
        let mut state = room.state();
        Ok(RoomCard {
            room: room.id.clone(),
            title: state.title.clone(),
            shown: state.shown(self.now()),
            guests_limit: state.guests_limit,
        })
    }

    /// The seats of a room, those among them that were asked to leave.
    pub fn seat_cards(&self, room: &ChatId) -> Result<Vec<SeatCard>, ParlourError> {
        let room = self.room(room)?;
        let now = self.now();
        let state = room.state();
        let card = |seat: &Seat| SeatCard {
            seat: MemberId::new(seat.kept.id.as_str()),
            name: seat.kept.name.clone(),
            role: seat.kept.role,
            online: seat.tab.is_some(),
            muted_until: seat
                .kept
                .muted_until
                .filter(|_| seat.is_muted(now))
                .and_then(|until| Timestamp::from_millisecond(until).ok()),
            removed: seat.kept.removed.clone(),
            appeal: seat.kept.appeal.clone(),
        };
        Ok(state.seats.iter().map(card).collect())
    }

    /// The newest lines of a room, oldest first.
    pub fn lines(&self, room: &ChatId) -> Result<Vec<Line>, ParlourError> {
        let room = self.room(room)?;
        let state = room.state();
        Ok(state.lines.iter().cloned().collect())
    }

    /// The choice and the fault of a room's model; an empty choice is what the charter says.
    pub fn model(&self, room: &ChatId) -> Result<(String, Option<String>), ParlourError> {
        let room = self.room(room)?;
        let state = room.state();
        Ok((state.model.clone(), state.fault.clone()))
    }

    /// Opens a room.
    pub async fn create_room(&self, id: &ChatId, title: &str) -> Result<(), ParlourError> {
        let wrong = || ParlourError::BadRoom { room: id.clone() };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let text = id.as_str();
        if text.is_empty() || text.len() > 32 || !text.chars().all(plain) {
            return Err(wrong());
        }
        let fact = RoomFact {
            title: shown_title(title).unwrap_or_else(|| text.to_owned()),
            seats: vec![],
            clock: ClockMode::Now,
            model: String::new(),
            fault: None,
            skin: Skin::Plain,
            invites: vec![],
            guests_limit: guests_limit(),
            ids_below: 0,
        };
        let room = Arc::new(Room::new(id.clone(), fact, vec![], self.now()));
        {
            let mut rooms = self.rooms();
            if rooms.contains_key(id) || rooms.len() >= ROOMS {
                return Err(wrong());
            }
            rooms.insert(id.clone(), room.clone());
        }
        self.keep(&room).await
    }

    /// Closes a room for good: its tabs are shown out and nobody finds it again.
    pub async fn close_room(&self, id: &ChatId) -> Result<(), ParlourError> {
        let room = self.room(id)?;
        self.rooms().remove(id);
        let seats: Vec<String> = {
            let state = room.state();
            state
                .seats
                .iter()
                .map(|seat| seat.kept.id.clone())
                .collect()
        };
        for seat in seats {
            let told = ToSeat::Removed {
                why: "",
                appealed: false,
            };
            room.state().show_out(&seat, &told, Farewell::Removed);
        }
        let _newest_last = room.keeping.lock().await;
        let kept = self.pages.log().keep_room(id, String::new()).await;
        kept.map_err(ParlourError::Log)
    }

    /// The room's clock goes another way; what it shows then comes back.
    pub async fn set_clock(
        &self,
        room: &ChatId,
        mode: ClockMode,
    ) -> Result<Timestamp, ParlourError> {
        let room = self.room(room)?;
        let now = self.now();
        let shows = {
            let mut state = room.state();
            state.clock = super::clock::RoomClock::new(mode);
            state.clock.now(now)
        };
        let value = match mode {
            ClockMode::Now => "now".to_owned(),
            ClockMode::Set { .. } | ClockMode::Fast { .. } => shows.as_millisecond().to_string(),
        };
        self.happened(&room, HappenedKind::Clock, None, Some(value))
            .await?;
        Ok(shows)
    }

    /// What a room's clock shows.
    pub fn clock(&self, room: &ChatId) -> Result<Timestamp, ParlourError> {
        let room = self.room(room)?;
        let mut state = room.state();
        Ok(state.clock.now(self.now()))
    }

    /// Remembers and shows who answers; the route itself is the host's.
    pub async fn set_model(
        &self,
        room: &ChatId,
        choice: &str,
        fault: Option<&str>,
    ) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        {
            let mut state = room.state();
            state.model = choice.to_owned();
            state.fault = fault.map(str::to_owned);
        }
        let value = match fault {
            Some(fault) => format!("{choice} ({fault})"),
            None => choice.to_owned(),
        };
        self.happened(&room, HappenedKind::Model, None, Some(value))
            .await
    }

    /// How the model on this machine stands, for all rooms.
    pub fn show_local(&self, local: &LocalShown) {
        let now = self.now();
        for room in self.all_rooms() {
            let mut state = room.state();
            if state.local != *local {
                state.local = local.clone();
                state.show_state(now);
            }
        }
    }

    /// The room gets another title.
    pub async fn set_title(&self, room: &ChatId, title: &str) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        let title = shown_title(title).ok_or(ParlourError::BadName)?;
        room.state().title = title.clone();
        self.happened(&room, HappenedKind::Title, None, Some(title))
            .await
    }

    /// What the room's guests may cost together a day.
    pub async fn set_guests_limit(&self, room: &ChatId, limit: Nano) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        room.state().guests_limit = limit;
        self.keep(&room).await
    }

    /// Which platform the room plays.
    pub async fn set_skin(&self, room: &ChatId, skin: Skin) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        {
            let mut state = room.state();
            state.skin = skin;
            state.show_state(self.now());
        }
        self.keep(&room).await
    }

    /// Keeps the room, and puts a line about it where all can see it.
    pub(super) async fn happened(
        &self,
        room: &Room,
        kind: HappenedKind,
        seat: Option<&str>,
        value: Option<String>,
    ) -> Result<(), ParlourError> {
        self.keep(room).await?;
        let _pen = room.pen.lock().await;
        let now = self.now();
        let mut state = room.state();
        let line = state.happened(kind, seat, value, now);
        self.pages.push(kept(&room.id, &line));
        state.show(line);
        state.show_state(now);
        Ok(())
    }
}

fn shown_title(title: &str) -> Option<String> {
    let title: String = clean_text(title)
        .replace(['\n', '\t'], " ")
        .chars()
        .take(TITLE)
        .collect();
    let title = title.trim();
    (!title.is_empty()).then(|| title.to_owned())
}
