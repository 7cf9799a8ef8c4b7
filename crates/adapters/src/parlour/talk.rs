//! Messages: what a seat says, takes back or shows, and what the house says. A seat's line is seen at once and written
//! within a second; a line of the house is written first. The order is the one of the room's pen.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use teahouse_core::{
    ChatId, EVENT_VERSION, Event, EventKind, Media, MemberId, Message, MessageId, OutSegment,
    Outgoing, RoomKind, Segment, Sender, SenderKind, Sequence, clean_text,
};
use tracing::warn;

use super::log::{LogError, kept};
use super::owner::ParlourError;
use super::room::{Room, RoomState};
use super::seat::SeatRole;
use super::wire::{Line, NewMessage, Recalled, Refusal, Said, Speaker, SpeakerKind, ToSeat};
use super::{HOUSE, LONGEST_TEXT, PARLOUR, Parlour, picture};
use crate::Incoming;

/// Members that one message can call.
const MENTIONS: usize = 20;
/// What all pictures may take on the disk.
const MOST_KEPT: u64 = 1 << 30;
/// Pictures of one room that nobody has shown yet.
const UNSHOWN: usize = 64;
/// Typing is told this seldom, in milliseconds.
const TYPING_EVERY: i64 = 1_000;

/// Whether more than five messages a second are refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hurry {
    Refused,
    Allowed,
}

impl Parlour {
    /// A seat says something from within this process, as fast as it likes; its place in the room comes back. The same `client_id` again is the same message.
    pub async fn say(
        &self,
        room: &ChatId,
        seat: &MemberId,
        new: NewMessage,
    ) -> Result<u64, Refusal> {
        let room = self.room(room).map_err(|_| Refusal::Gone)?;
        self.say_in(&room, seat.as_str(), new, Hurry::Allowed).await
    }

    pub(super) async fn say_in(
        &self,
        room: &Room,
        seat: &str,
        new: NewMessage,
        hurry: Hurry,
    ) -> Result<u64, Refusal> {
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
            if self.stop.is_cancelled() || self.pages.is_full() || state.is_out_of_ids() {
                return Err(Refusal::Full);
            }
            let said = said(&mut state, seat, new, hurry, now)?;
            let line = Line::Msg(Box::new(said.clone()));
            state.show(line.clone());
            let names = names_of(&state, &said);
            (line, self.message(room, &said, &names))
        };
        self.pages.push(kept(&room.id, &line));
        let id = line.id();
        self.tell(now, EventKind::Message(message));
        Ok(id)
    }

    /// A line as a message; `names` are those of the seats it mentions.
    pub(super) fn message(&self, room: &Room, said: &Said, names: &[(String, String)]) -> Message {
        let ours = said.from.kind == SpeakerKind::House;
        let role = said.from.role.unwrap_or(SeatRole::Member);
        let quote = said.reply_to.map(|id| Segment::Quote {
            message: MessageId::new(id.to_string()),
            more: Default::default(),
        });
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
                .chain(spoken(&said.text, names))
                .chain(said.image.as_ref().map(|name| Segment::Image(media(name))))
                .chain(said.file.as_ref().map(|name| Segment::File(media(name))))
                .collect(),
            sent_at: Timestamp::from_millisecond(said.at).ok(),
        }
    }

    /// Hands an event to the house.
    pub(super) fn tell(&self, now: Timestamp, kind: EventKind) {
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

    pub(super) async fn recall_in(
        &self,
        room: &Room,
        by: &str,
        id: u64,
    ) -> Result<(), ParlourError> {
        let now = self.now();
        {
            let mut state = room.state();
            let who = state.seat(by).ok_or(ParlourError::NoSeat)?;
            let may_all = who.kept.role.standing().is_admin();
            let removed = who.kept.removed.is_some();
            let skin = state.skin;
            if removed {
                return Err(ParlourError::NoSeat);
            }
            let said = state.said(id).ok_or(ParlourError::NoMessage)?;
            if !may_all && said.from.seat != by {
                return Err(ParlourError::NotAllowed);
            }
            let age = now.as_millisecond() - said.at;
            let window = skin.recall_within();
            let is_late = window.is_some_and(|window| i128::from(age) > window.as_millis() as i128);
            if !may_all && said.recalled.is_none() && is_late {
                return Err(ParlourError::TooLate);
            }
        }
        self.take_back(room, by, id).await
    }

    /// Takes a message back, whoever may do so; again, it changes nothing.
    pub(super) async fn take_back(
        &self,
        room: &Room,
        by: &str,
        id: u64,
    ) -> Result<(), ParlourError> {
        let (line, author, picture) = {
            let mut state = room.state();
            let said = state.said(id).ok_or(ParlourError::NoMessage)?;
            if said.recalled.is_some() {
                return Ok(());
            }
            said.recalled = Some(Recalled { by: by.to_owned() });
            said.text.clear();
            said.file = None;
            let picture = said.image.take();
            let (line, author) = (Line::Msg(Box::new(said.clone())), said.from.seat.clone());
            state.tell_all(&ToSeat::Recalled { id, by });
            (line, author, picture)
        };
        self.pages.push(kept(&room.id, &line));
        self.tell(
            self.now(),
            EventKind::Recall {
                chat: room.id.clone(),
                room_kind: RoomKind::Group,
                message: MessageId::new(id.to_string()),
                author: Some(MemberId::new(author)),
                operator: Some(MemberId::new(by)),
            },
        );
        if let Some(picture) = picture {
            self.forget_picture(&picture).await;
        }
        // Its words are gone from the disk when this returns.
        self.pages.flush().await.map_err(ParlourError::Log)
    }

    /// A picture was handed in; the oldest that nobody has shown makes room for it.
    pub(super) async fn waits_to_be_shown(&self, room: &Room, picture: &str) {
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
        if let Some(gone) = gone {
            self.forget_picture(&gone).await;
        }
    }

    /// Keeps a picture, if there is room for it on the disk.
    pub(super) async fn keep_picture(&self, bytes: &[u8]) -> std::io::Result<Option<String>> {
        if self.kept_bytes.load(Ordering::Relaxed) + bytes.len() as u64 > MOST_KEPT {
            return Ok(None);
        }
        let (hash, written) = picture::keep(&self.media, bytes).await?;
        self.kept_bytes.fetch_add(written, Ordering::Relaxed);
        Ok(Some(hash))
    }

    /// Pictures that no tab can see any more are gone.
    pub(super) async fn forget_pictures(&self) {
        for room in self.all_rooms() {
            let gone = std::mem::take(&mut room.state().gone);
            for picture in gone {
                self.forget_picture(&picture).await;
            }
        }
    }

    async fn forget_picture(&self, picture: &str) {
        if !self.is_shown(picture) {
            let freed = picture::forget(&self.media, picture).await;
            let left = self
                .kept_bytes
                .load(Ordering::Relaxed)
                .saturating_sub(freed);
            self.kept_bytes.store(left, Ordering::Relaxed);
        }
    }

    /// Whether any room may still show a picture.
    fn is_shown(&self, picture: &str) -> bool {
        self.all_rooms()
            .iter()
            .any(|room| room.state().has(picture))
    }

    pub(super) fn typing(&self, room: &Room, seat: &str) {
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
    pub(super) async fn house_says(&self, room: &Room, out: &Outgoing) -> Result<u64, LogError> {
        if room.state().needs_ids() {
            self.keep(room).await?;
        }
        let _pen = room.pen.lock().await;
        let now = self.now();
        let line = {
            let mut state = room.state();
            let joined = out.joined();
            Line::Msg(Box::new(Said {
                id: state.next_id(),
                at: now.as_millisecond(),
                room_at: state.clock.now(now).as_millisecond(),
                from: Speaker {
                    seat: HOUSE.to_owned(),
                    name: self.house_name.clone(),
                    role: None,
                    kind: SpeakerKind::House,
                },
                text: called(&state, out) + &out.text(),
                reply_to: out.quote().and_then(|id| id.as_str().parse().ok()),
                mentions: mentions(out.body()),
                image: None,
                file: None,
                turn: joined.map(|joined| joined.turn.to_string()),
                part: joined.map_or(0, |joined| joined.part),
                recalled: None,
                chip: None,
                client_id: None,
            }))
        };
        self.pages.write(kept(&room.id, &line)).await?;
        let id = line.id();
        room.state().show(line);
        Ok(id)
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
    state: &mut RoomState,
    seat: &str,
    new: NewMessage,
    hurry: Hurry,
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
    if hurry == Hurry::Refused && !who.may_say(now) {
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

/// Whom the house speaks to, by the names that everybody sees.
fn called(state: &RoomState, out: &Outgoing) -> String {
    let mut names = String::new();
    for id in mentions(out.body()) {
        if let Some(seat) = state.seats.iter().find(|seat| seat.kept.id == id) {
            names.push('@');
            names.push_str(&seat.kept.name);
            names.push(' ');
        }
    }
    names
}

/// The seats that a line mentions, each with its name now.
pub(super) fn names_of(state: &RoomState, said: &Said) -> Vec<(String, String)> {
    let name = |id: &String| {
        let seat = state.seats.iter().find(|seat| seat.kept.id == *id);
        seat.map(|seat| seat.kept.name.clone())
    };
    let named = said.mentions.iter();
    named
        .map(|id| (id.clone(), name(id).unwrap_or_default()))
        .collect()
}

/// Words with the mentions where they stand; one that stands nowhere comes first.
fn spoken(text: &str, names: &[(String, String)]) -> Vec<Segment> {
    let mention = |id: &str| Segment::Mention {
        member: MemberId::new(id),
        more: Default::default(),
    };
    let mut first = Vec::new();
    let mut places: Vec<(usize, usize, &str)> = Vec::new();
    let mut names: Vec<_> = names.iter().collect();
    // Of two names the longer one is meant where both fit.
    names.sort_by_key(|(_, name)| std::cmp::Reverse(name.len()));
    for (id, name) in names {
        let word = format!("@{name}");
        let is_free = |at: usize| places.iter().all(|(from, to, _)| at < *from || at >= *to);
        let place = text.match_indices(&word).find(|(at, _)| is_free(*at));
        match place.filter(|_| !name.is_empty()) {
            Some((at, _)) => places.push((at, at + word.len(), id)),
            None => first.push(mention(id)),
        }
    }
    places.sort();
    let mut segments = first;
    let words = |from: usize, to: usize, segments: &mut Vec<Segment>| {
        let text = text[from..to].to_owned();
        if !text.is_empty() {
            segments.push(Segment::Text { text });
        }
    };
    let mut from = 0;
    for (at, end, id) in places {
        words(from, at, &mut segments);
        segments.push(mention(id));
        from = end;
    }
    words(from, text.len(), &mut segments);
    segments
}

fn mentions(body: &[OutSegment]) -> Vec<String> {
    let called = body.iter().filter_map(|segment| match segment {
        OutSegment::Mention { member } => Some(member.to_string()),
        OutSegment::Text { .. } | OutSegment::Bundle { .. } => None,
    });
    called.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_stands_where_it_was_written() {
        let read = |text: &str, names: &[(&str, &str)]| -> String {
            let names: Vec<(String, String)> = names
                .iter()
                .map(|(id, name)| ((*id).to_owned(), (*name).to_owned()))
                .collect();
            spoken(text, &names)
                .iter()
                .map(|segment| match segment {
                    Segment::Text { text } => text.clone(),
                    Segment::Mention { member, .. } => format!("[{member}]"),
                    _ => "?".to_owned(),
                })
                .collect()
        };
        assert_eq!(read("ai pardon @阿明", &[("s1", "阿明")]), "ai pardon [s1]");
        assert_eq!(read("@lin hi @lin", &[("s1", "lin")]), "[s1] hi @lin");
        assert_eq!(
            read("@linda and @lin", &[("s1", "lin"), ("s2", "linda")]),
            "[s2] and [s1]"
        );
        assert_eq!(read("hello", &[("house", "")]), "[house]hello");
        assert_eq!(read("", &[]), "");
    }
}
