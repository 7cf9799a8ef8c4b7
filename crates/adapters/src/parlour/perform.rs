//! What the house does to a room of the parlour: lines taken back, seats muted and asked to leave, in the ways of the
//! owner's panel. The house is admin here: over everybody but owner and admins, and over every line.

use teahouse_core::{ChatId, Effect, MemberId, NotDone, Performed};

use super::owner::ParlourError;
use super::room::Room;
use super::{HOUSE, Parlour};

impl Parlour {
    /// Does it, if it is not so already.
    pub(super) async fn perform_once(&self, chat: &ChatId, effect: &Effect) -> Performed {
        let Ok(room) = self.room(chat) else {
            return Performed::NotDone(NotDone::Gone);
        };
        if let Some(why) = self.refuses(&room, effect) {
            return Performed::NotDone(why);
        }
        let done = match effect {
            Effect::Recall { message } => match message.as_str().parse() {
                Ok(id) => self.take_back(&room, HOUSE, id).await,
                Err(_) => Err(ParlourError::NoMessage),
            },
            Effect::Mute { member, seconds } => {
                // A mute of no length would lift one.
                let seconds = u32::try_from(*seconds).unwrap_or(u32::MAX).max(1);
                self.mute(chat, member, seconds).await
            }
            Effect::Unmute { .. } if self.is_so(&room, effect) == Some(true) => Ok(()),
            Effect::Unmute { member } => self.mute(chat, member, 0).await,
            Effect::Remove { member } => self.remove(chat, member, "").await,
        };
        match done {
            Ok(()) => Performed::Done,
            Err(ParlourError::NoMessage | ParlourError::NoSeat | ParlourError::NoRoom { .. }) => {
                Performed::NotDone(NotDone::Gone)
            }
            // Everybody may have seen it, and the next start may not know of it.
            Err(error @ ParlourError::Log(_)) => Performed::Unknown {
                why: error.to_string(),
            },
            Err(error) => Performed::NotDone(NotDone::Refused {
                why: error.to_string(),
            }),
        }
    }

    /// Why the house cannot do this to a seat.
    fn refuses(&self, room: &Room, effect: &Effect) -> Option<NotDone> {
        let member = effect.member()?;
        let mut state = room.state();
        let seat = state.seat(member.as_str());
        match seat.filter(|seat| seat.kept.removed.is_none()) {
            _ if member.as_str() == HOUSE => Some(NotDone::NoRight),
            None => Some(NotDone::Gone),
            Some(seat) => {
                let is_above = seat.kept.role.standing().is_admin();
                is_above.then_some(NotDone::NoRight)
            }
        }
    }

    /// Whether it is so; nothing for a line that has left the room's memory.
    pub(super) fn is_so(&self, room: &Room, effect: &Effect) -> Option<bool> {
        let now = self.now();
        let mut state = room.state();
        let mut is_muted = |member: &MemberId| {
            let seat = state.seat(member.as_str());
            seat.is_some_and(|seat| seat.is_muted(now))
        };
        match effect {
            Effect::Mute { member, .. } => Some(is_muted(member)),
            Effect::Unmute { member } => Some(!is_muted(member)),
            Effect::Recall { message } => {
                let said = state.said(message.as_str().parse().ok()?)?;
                Some(said.recalled.is_some())
            }
            Effect::Remove { member } => {
                let seat = state.seat(member.as_str());
                Some(seat.is_none_or(|seat| seat.kept.removed.is_some()))
            }
        }
    }
}
