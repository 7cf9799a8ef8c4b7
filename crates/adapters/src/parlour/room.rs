//! One room: its seats, its latest lines, its clock. Everything is done under one lock, in one order, and each frame is
//! written once and shared by all tabs. It never waits: a tab that cannot keep up is let go and comes back.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use jiff::Timestamp;
use teahouse_core::{ChatId, Nano};
use tokio::sync::mpsc;

use super::clock::RoomClock;
use super::log::{KeptInvite, RoomFact};
use super::seat::{Seat, Tab, TokenHash};
use super::socket::{Farewell, Frame};
use super::wire::{
    Happened, HappenedKind, Line, LocalShown, LocalStanding, ModelShown, RoomShown, Said,
    SeatShown, Skin, ToSeat,
};

/// Lines kept in memory.
const LINES: usize = 400;
/// Lines of a welcome.
const WELCOME: usize = 200;
/// Frames that may wait for one tab.
const FRAMES: usize = 256;
/// Ids are set aside on disk in such pieces.
pub(super) const IDS: u64 = 10_000;

/// A room and its locks.
pub(super) struct Room {
    pub(super) id: ChatId,
    state: Mutex<RoomState>,
    /// Held by whoever gives a line its place: the house writes its line down before others see it, and who comes
    /// meanwhile waits his turn.
    pub(super) pen: tokio::sync::Mutex<()>,
    /// Held while the room's facts are written: the newest is written last.
    pub(super) keeping: tokio::sync::Mutex<()>,
}

impl Room {
    pub(super) fn new(id: ChatId, fact: RoomFact, lines: Vec<Line>, now: Timestamp) -> Self {
        let newest = lines.last().map_or(0, Line::id);
        let state = RoomState {
            next_id: newest.max(fact.ids_below) + 1,
            ids_below: fact.ids_below,
            title: fact.title,
            seats: fact
                .seats
                .into_iter()
                .map(|kept| Seat::new(kept, now))
                .collect(),
            lines: lines.into(),
            clock: RoomClock::new(fact.clock),
            model: fact.model,
            fault: fact.fault,
            local: LocalShown {
                state: LocalStanding::Missing,
                percent: None,
            },
            skin: fact.skin,
            invites: fact.invites,
            guests_limit: fact.guests_limit,
            pictures: VecDeque::new(),
            gone: Vec::new(),
            tabs: 0,
        };
        Room {
            id,
            state: Mutex::new(state),
            pen: tokio::sync::Mutex::default(),
            keeping: tokio::sync::Mutex::default(),
        }
    }

    /// The state, for a moment: never held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, RoomState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What changes.
pub(super) struct RoomState {
    pub(super) title: String,
    pub(super) seats: Vec<Seat>,
    pub(super) lines: VecDeque<Line>,
    pub(super) clock: RoomClock,
    pub(super) model: String,
    pub(super) fault: Option<String>,
    pub(super) local: LocalShown,
    pub(super) skin: Skin,
    pub(super) invites: Vec<KeptInvite>,
    pub(super) guests_limit: Nano,
    /// Pictures that were handed in and not shown yet.
    pub(super) pictures: VecDeque<String>,
    /// Pictures of lines that no tab can see any more.
    pub(super) gone: Vec<String>,
    pub(super) next_id: u64,
    ids_below: u64,
    tabs: u64,
}

impl RoomState {
    /// The next place.
    pub(super) fn next_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Whether ids must be set aside on disk soon.
    pub(super) fn needs_ids(&self) -> bool {
        self.next_id + IDS / 2 > self.ids_below
    }

    /// Whether the next place was not set aside: giving it could give it twice.
    pub(super) fn is_out_of_ids(&self) -> bool {
        self.next_id > self.ids_below
    }

    pub(super) fn fact(&mut self, closing: bool) -> RoomFact {
        let below = match closing {
            true => self.next_id - 1,
            false => self.next_id + IDS,
        };
        RoomFact {
            title: self.title.clone(),
            seats: self.seats.iter().map(|seat| seat.kept.clone()).collect(),
            clock: self.clock.mode(),
            model: self.model.clone(),
            fault: self.fault.clone(),
            skin: self.skin,
            invites: self.invites.clone(),
            guests_limit: self.guests_limit,
            ids_below: below,
        }
    }

    /// Ids up to here are set aside.
    pub(super) fn ids_are_set_aside(&mut self, below: u64) {
        self.ids_below = self.ids_below.max(below);
    }

    pub(super) fn seat(&mut self, id: &str) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.kept.id == id)
    }

    /// The seat of a token; every seat is compared.
    pub(super) fn seat_of(&mut self, token: &TokenHash) -> Option<&mut Seat> {
        let mut found = None;
        for seat in &mut self.seats {
            if seat.kept.token.is(token) {
                found = Some(seat);
            }
        }
        found
    }

    pub(super) fn taken_seats(&self) -> usize {
        let taken = |seat: &&Seat| seat.kept.removed.is_none();
        self.seats.iter().filter(taken).count()
    }

    pub(super) fn said(&mut self, id: u64) -> Option<&mut Said> {
        let mut newest_first = self.lines.iter_mut().rev();
        newest_first.find_map(|line| match line {
            Line::Msg(said) if said.id == id => Some(&mut **said),
            Line::Msg(_) | Line::Line(_) => None,
        })
    }

    /// Whether a picture was handed in or shown here.
    pub(super) fn has(&self, picture: &str) -> bool {
        let waits = self.pictures.iter().any(|waiting| waiting == picture);
        waits
            || self.lines.iter().any(|line| match line {
                Line::Msg(said) => said.image.as_deref() == Some(picture),
                Line::Line(_) => false,
            })
    }

    /// The same message, said before.
    pub(super) fn repeat_of(&self, seat: &str, client_id: &str) -> Option<u64> {
        let mut newest_first = self.lines.iter().rev();
        newest_first.find_map(|line| match line {
            Line::Msg(said)
                if said.client_id.as_deref() == Some(client_id) && said.from.seat == seat =>
            {
                Some(said.id)
            }
            Line::Msg(_) | Line::Line(_) => None,
        })
    }

    pub(super) fn happened(
        &mut self,
        kind: HappenedKind,
        seat: Option<&str>,
        value: Option<String>,
        now: Timestamp,
    ) -> Line {
        Line::Line(Happened {
            id: self.next_id(),
            at: now.as_millisecond(),
            kind,
            seat: seat.map(str::to_owned),
            value,
        })
    }

    /// Puts a line where all can see it.
    pub(super) fn show(&mut self, line: Line) {
        let frame = text(&line);
        if self.lines.len() >= LINES
            && let Some(Line::Msg(said)) = self.lines.pop_front()
        {
            self.gone.extend(said.image);
        }
        self.lines.push_back(line);
        self.broadcast(&frame);
    }

    pub(super) fn tell_all(&mut self, what: &ToSeat<'_>) {
        let frame = text(what);
        self.broadcast(&frame);
    }

    /// Everybody sees how the room is now.
    pub(super) fn show_state(&mut self, now: Timestamp) {
        let shown = self.shown(now);
        self.tell_all(&ToSeat::State(&shown));
    }

    fn broadcast(&mut self, frame: &Utf8Bytes) {
        for seat in &mut self.seats {
            let Some(tab) = &seat.tab else { continue };
            // Who cannot keep up loses the tab, not a line: it comes back and asks for what it missed.
            if tab.frames.try_send(Frame::Text(frame.clone())).is_err() {
                seat.tab = None;
            }
        }
    }

    pub(super) fn shown(&mut self, now: Timestamp) -> RoomShown {
        let seats = self
            .seats
            .iter()
            .filter(|seat| seat.kept.removed.is_none())
            .map(|seat| SeatShown {
                seat: seat.kept.id.clone(),
                name: seat.kept.name.clone(),
                role: seat.kept.role,
                online: seat.tab.is_some(),
                muted_until: seat.kept.muted_until.filter(|_| seat.is_muted(now)),
            });
        RoomShown {
            seats: seats.collect(),
            clock: self.clock.shown(now),
            model: ModelShown {
                choice: self.model.clone(),
                fault: self.fault.clone(),
                local: self.local.clone(),
            },
            skin: self.skin,
        }
    }

    /// A tab sits down: it gets what it has not seen, and from then on everything. The one that sat there is told.
    pub(super) fn sit_down(
        &mut self,
        id: &str,
        last_id: u64,
        now: Timestamp,
    ) -> Option<(u64, mpsc::Receiver<Frame>)> {
        self.tabs += 1;
        let number = self.tabs;
        let (frames, receiver) = mpsc::channel(FRAMES);
        let seat = self.seat(id)?;
        let before = seat.tab.replace(Tab { number, frames });
        if let Some(before) = before {
            let _ = before.frames.try_send(Frame::Text(text(&ToSeat::Taken)));
            let _ = before.frames.try_send(Frame::Close(Farewell::Taken));
        }
        let shown = self.shown(now);
        let new: Vec<&Line> = self
            .lines
            .iter()
            .filter(|line| line.id() > last_id)
            .collect();
        let welcome = text(&ToSeat::Welcome {
            you: id,
            title: &self.title,
            state: &shown,
            lines: new[new.len().saturating_sub(WELCOME)..].to_vec(),
            last_id: self.lines.back().map_or(0, Line::id),
        });
        let tab = self.seat(id)?.tab.as_ref()?;
        let _ = tab.frames.try_send(Frame::Text(welcome));
        self.show_state(now);
        Some((number, receiver))
    }

    /// A tab is gone. Its seat stays.
    pub(super) fn get_up(&mut self, id: &str, number: u64, now: Timestamp) {
        let Some(seat) = self.seat(id) else { return };
        if seat.tab.as_ref().is_none_or(|tab| tab.number == number) {
            seat.tab = None;
            seat.empty_since = now;
            self.show_state(now);
        }
    }

    /// Tells one seat something and shows it out.
    pub(super) fn show_out(&mut self, id: &str, what: &ToSeat<'_>, farewell: Farewell) {
        let frame = text(what);
        if let Some(tab) = self.seat(id).and_then(|seat| seat.tab.take()) {
            let _ = tab.frames.try_send(Frame::Text(frame));
            let _ = tab.frames.try_send(Frame::Close(farewell));
        }
    }
}

/// A frame, written once for all who get it.
pub(super) fn text(what: &impl serde::Serialize) -> Utf8Bytes {
    serde_json::to_string(what)
        .expect("a frame is plain data")
        .into()
}
