//! Who sits where: seats are taken, given a role or a name, muted, removed, called back and left. Each change is on the
//! disk when it returns, is told to the house as an event and to all tabs as a line.

use std::time::Duration;

use teahouse_core::{ChatId, EventKind, MemberId, clean_text};

use super::log::KeptInvite;
use super::owner::{Invitation, ParlourError, SEATS};
use super::room::Room;
use super::seat::{KeptSeat, NewSeat, Seat, SeatRole, Token, TokenHash, hex, shown_name};
use super::socket::Farewell;
use super::wire::{HappenedKind, ToSeat};
use super::{HOUSE, Parlour};

/// Seats that were asked to leave and may be called back.
const REMOVED: usize = 50;
/// How long an invitation holds.
const INVITED: Duration = Duration::from_secs(24 * 3_600);
/// Invitations that hold at once.
const INVITATIONS: usize = 20;
/// The longest mute, in seconds.
const LONGEST_MUTE: u32 = 30 * 24 * 3_600;

impl Parlour {
    /// Somebody sits down on a new seat.
    pub async fn sit(
        &self,
        room: &ChatId,
        name: &str,
        role: SeatRole,
    ) -> Result<NewSeat, ParlourError> {
        let room = self.room(room)?;
        self.take_seat(&room, name, role, false).await
    }

    async fn take_seat(
        &self,
        room: &Room,
        name: &str,
        role: SeatRole,
        guest: bool,
    ) -> Result<NewSeat, ParlourError> {
        let name = shown_name(name).ok_or(ParlourError::BadName)?;
        let token = Token::random();
        let id = hex(&rand::RngExt::random::<[u8; 4]>(&mut rand::rng()));
        {
            let now = self.now();
            let mut state = room.state();
            if state.taken_seats() >= SEATS {
                return Err(ParlourError::Full);
            }
            let kept = KeptSeat {
                id: id.clone(),
                name: name.clone(),
                role,
                token: token.hash(),
                muted_until: None,
                removed: None,
                appeal: None,
                guest,
            };
            state.seats.push(Seat::new(kept, now));
        }
        self.happened(room, HappenedKind::Joined, Some(&id), Some(name))
            .await?;
        let member = MemberId::new(id);
        self.tell(
            self.now(),
            EventKind::MemberJoined {
                chat: room.id.clone(),
                member: member.clone(),
            },
        );
        Ok(NewSeat {
            seat: member,
            token,
        })
    }

    /// A guest sits down with an invitation.
    pub async fn join(
        &self,
        room: &ChatId,
        invitation: &str,
        name: &str,
    ) -> Result<NewSeat, ParlourError> {
        let at = self.room(room)?;
        let shown = TokenHash::of(invitation);
        let now = self.now().as_millisecond();
        let holds = {
            let state = at.state();
            let mut holds = false;
            for invite in &state.invites {
                holds |= invite.token.is(&shown) & (now < invite.until);
            }
            holds
        };
        match holds {
            true => self.take_seat(&at, name, SeatRole::Newcomer, true).await,
            false => Err(ParlourError::BadInvitation),
        }
    }

    /// An invitation for guests; it holds for a day.
    pub async fn invite(&self, room: &ChatId) -> Result<Invitation, ParlourError> {
        let room = self.room(room)?;
        let token = Token::random();
        let now = self.now();
        let until = now + INVITED;
        {
            let mut state = room.state();
            state
                .invites
                .retain(|invite| now.as_millisecond() < invite.until);
            if state.invites.len() >= INVITATIONS {
                state.invites.remove(0);
            }
            state.invites.push(KeptInvite {
                token: token.hash(),
                until: until.as_millisecond(),
            });
        }
        self.keep(&room).await?;
        Ok(Invitation { token, until })
    }

    /// No invitation of the room holds any more.
    pub async fn revoke(&self, room: &ChatId) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        room.state().invites.clear();
        self.keep(&room).await
    }

    /// A seat gets another role.
    pub async fn set_role(
        &self,
        room: &ChatId,
        seat: &MemberId,
        role: SeatRole,
    ) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        self.with_seat(&room, seat, |seat| seat.kept.role = role)?;
        let word = Some(role.word().to_owned());
        self.happened(&room, HappenedKind::Role, Some(seat.as_str()), word)
            .await?;
        self.tell(
            self.now(),
            EventKind::RoleChanged {
                chat: room.id.clone(),
                member: seat.clone(),
                role: role.standing(),
            },
        );
        Ok(())
    }

    /// A seat gets another name.
    pub async fn rename(
        &self,
        room: &ChatId,
        seat: &MemberId,
        name: &str,
    ) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        let name = shown_name(name).ok_or(ParlourError::BadName)?;
        self.with_seat(&room, seat, |seat| seat.kept.name = name.clone())?;
        self.happened(
            &room,
            HappenedKind::Renamed,
            Some(seat.as_str()),
            Some(name),
        )
        .await
    }

    /// A seat may not speak for so many seconds; 0 lifts it.
    pub async fn mute(
        &self,
        room: &ChatId,
        seat: &MemberId,
        seconds: u32,
    ) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        let seconds = seconds.min(LONGEST_MUTE);
        let until = self.now().as_millisecond() + i64::from(seconds) * 1_000;
        self.with_seat(&room, seat, |seat| {
            seat.kept.muted_until = (seconds > 0).then_some(until);
            seat.kept.appeal = None;
        })?;
        let (kind, value) = match seconds {
            0 => (HappenedKind::Unmuted, None),
            _ => (HappenedKind::Muted, Some(seconds.to_string())),
        };
        self.happened(&room, kind, Some(seat.as_str()), value)
            .await?;
        self.tell(
            self.now(),
            EventKind::Muted {
                chat: room.id.clone(),
                member: Some(seat.clone()),
                seconds: i64::from(seconds),
            },
        );
        Ok(())
    }

    /// A seat is asked to leave, and told why.
    pub async fn remove(
        &self,
        room: &ChatId,
        seat: &MemberId,
        why: &str,
    ) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        let why: String = clean_text(why).chars().take(200).collect();
        let name = self.with_seat(&room, seat, |seat| {
            seat.kept.removed = Some(why.clone());
            seat.kept.appeal = None;
            seat.kept.name.clone()
        })?;
        {
            let mut state = room.state();
            let told = ToSeat::Removed {
                why: &why,
                appealed: false,
            };
            state.show_out(seat.as_str(), &told, Farewell::Removed);
            let removed = state
                .seats
                .iter()
                .filter(|seat| seat.kept.removed.is_some());
            if removed.count() > REMOVED
                && let Some(oldest) = state
                    .seats
                    .iter()
                    .position(|seat| seat.kept.removed.is_some())
            {
                state.seats.remove(oldest);
            }
        }
        self.happened(
            &room,
            HappenedKind::Removed,
            Some(seat.as_str()),
            Some(name),
        )
        .await?;
        self.left(&room, seat.clone());
        Ok(())
    }

    /// A seat that was asked to leave may come back, with the token it had.
    pub async fn back(&self, room: &ChatId, seat: &MemberId) -> Result<(), ParlourError> {
        let room = self.room(room)?;
        let name = {
            let now = self.now();
            let mut state = room.state();
            let taken = state.taken_seats();
            let seat = state.seat(seat.as_str()).ok_or(ParlourError::NoSeat)?;
            if seat.kept.removed.is_none() {
                return Ok(());
            }
            if taken >= SEATS {
                return Err(ParlourError::Full);
            }
            seat.kept.removed = None;
            seat.kept.appeal = None;
            seat.empty_since = now;
            seat.kept.name.clone()
        };
        self.happened(&room, HappenedKind::Back, Some(seat.as_str()), Some(name))
            .await?;
        self.tell(
            self.now(),
            EventKind::MemberJoined {
                chat: room.id.clone(),
                member: seat.clone(),
            },
        );
        Ok(())
    }

    /// A seat on which nobody has sat for long is free again.
    pub(super) async fn leave(&self, room: &Room, seat: &str) -> Result<(), ParlourError> {
        let gone = {
            let mut state = room.state();
            let at = state.seats.iter().position(|s| s.kept.id == seat);
            state.seats.remove(at.ok_or(ParlourError::NoSeat)?)
        };
        if gone.kept.removed.is_some() {
            return self.keep(room).await;
        }
        self.happened(room, HappenedKind::Left, Some(seat), Some(gone.kept.name))
            .await?;
        self.left(room, MemberId::new(seat));
        Ok(())
    }

    fn left(&self, room: &Room, member: MemberId) {
        let chat = room.id.clone();
        self.tell(self.now(), EventKind::MemberLeft { chat, member });
    }

    fn with_seat<T>(
        &self,
        room: &Room,
        seat: &MemberId,
        change: impl FnOnce(&mut Seat) -> T,
    ) -> Result<T, ParlourError> {
        debug_assert!(seat.as_str() != HOUSE);
        let mut state = room.state();
        let seat = state.seat(seat.as_str()).ok_or(ParlourError::NoSeat)?;
        Ok(change(seat))
    }
}
