//! A seat that was muted or asked to leave says why that was wrong. Its words are no line of the room: the house hears
//! them as it hears any appeal, and the owner finds them beside the seat. What comes of it is decided by neither.

use teahouse_core::{ChatId, EventKind, MemberId, clean_text};

use super::owner::ParlourError;
use super::room::Room;
use super::seat::SeatRole;
use super::wire::{Said, Speaker, SpeakerKind};
use super::{HOUSE, Parlour};

/// The longest appeal, in characters.
const LONGEST: usize = 500;

impl Parlour {
    /// A seat appeals against what was done to it last. Again, it changes nothing, and the house hears it once.
    pub async fn appeal(
        &self,
        room: &ChatId,
        seat: &MemberId,
        why: &str,
    ) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        let why: String = clean_text(why.trim()).chars().take(LONGEST).collect();
        {
            let now = self.now();
            let mut state = room.state();
            let seat = state.seat(seat.as_str()).ok_or(ParlourError::NoSeat)?;
            if seat.kept.removed.is_none() && !seat.is_muted(now) || why.is_empty() {
                return Err(ParlourError::NotAllowed);
            }
            if seat.kept.appeal.is_some() {
                return Ok(());
            }
            seat.kept.appeal = Some(why.clone());
        }
        self.keep(&room).await?;
        self.tell_of_appeal(&room, seat, &why).await
    }

    /// As if the seat had called the house; the place it takes in the room stays empty.
    async fn tell_of_appeal(
        &self,
        room: &Room,
        seat: &MemberId,
        why: &str,
    ) -> Result<(), ParlourError> {
        let _pen = room.pen.lock().await;
        let now = self.now();
        let message = {
            let mut state = room.state();
            let seat = state.seat(seat.as_str()).ok_or(ParlourError::NoSeat)?;
            let from = Speaker {
                seat: seat.kept.id.clone(),
                name: seat.kept.name.clone(),
                role: Some(SeatRole::Member),
                kind: SpeakerKind::Person,
            };
            let said = Said {
                id: state.next_id(),
                at: now.as_millisecond(),
                room_at: state.clock.now(now).as_millisecond(),
                from,
                text: format!("申诉 {why}"),
                reply_to: None,
                mentions: vec![HOUSE.to_owned()],
                image: None,
                file: None,
                turn: None,
                part: 0,
                recalled: None,
                chip: None,
                client_id: None,
            };
            self.message(room, &said, &[(HOUSE.to_owned(), String::new())])
        };
        self.tell(now, EventKind::Message(message));
        // The owner's panel looks again.
        room.state().show_state(now);
        Ok(())
    }
}
