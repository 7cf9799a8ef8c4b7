//! What the house does to a room of the platform: messages taken back, members muted and removed. It is done as real
//! platforms do it, by rights and with an event; what becomes of one try is scripted. Judges nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use teahouse_adapters::{AdapterError, Connection};
use teahouse_core::{
    ChatId, Effect, EventKind, MemberId, MessageId, NotDone, Performed, Role, RoomKind,
};

use super::{FakePlatform, RECEIPT_LIMIT, State, us};

/// What becomes of one try, where it is not simply done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectFate {
    /// It is done, and nothing tells us so: unknown.
    Untold,
    /// It is not done, and nothing tells us so: unknown.
    Lost,
    /// We have no right there.
    NoRight,
    /// The platform wants it slower.
    TooFast,
    /// The platform says ok and does nothing, and shows that when it is read back.
    Swallowed,
}

/// One try of the house, in order: each effect once, says a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// In which room.
    pub chat: ChatId,
    /// What.
    pub effect: Effect,
    /// Whether the room has changed by it.
    pub done: bool,
    /// How much time had passed.
    pub at: Duration,
}

/// What was done to the rooms, and what is to become of the next tries.
#[derive(Default)]
pub(super) struct Effects {
    cannot: bool,
    no_right: HashSet<ChatId>,
    blind: bool,
    fates: VecDeque<EffectFate>,
    tried: Vec<Tried>,
    mutes: HashMap<(ChatId, MemberId), Duration>,
    gone: HashSet<(ChatId, MemberId)>,
}

impl Effects {
    pub(super) fn moderates(&self) -> bool {
        !self.cannot
    }
}

impl FakePlatform {
    /// Whether the platform has such things at all; it has.
    pub fn moderates(&self, moderates: bool) {
        self.state().effects.cannot = !moderates;
    }

    /// Whether the house is admin in a room; it is.
    pub fn gives_right(&self, chat: &ChatId, given: bool) {
        let no_right = &mut self.state().effects.no_right;
        match given {
            true => no_right.remove(chat),
            false => no_right.insert(chat.clone()),
        };
    }

    /// Whether it can be read back what was done; it can.
    pub fn shows_effects(&self, shows: bool) {
        self.state().effects.blind = !shows;
    }

    /// What becomes of the next try that has no fate yet.
    pub fn next_effect(&self, fate: EffectFate) {
        self.state().effects.fates.push_back(fate);
    }

    /// Every try of the house so far, in order.
    pub fn tried(&self) -> Vec<Tried> {
        self.state().effects.tried.clone()
    }

    /// Whether a member is neither muted nor gone.
    pub fn may_speak(&self, chat: &ChatId, member: &str) -> bool {
        let now = self.time.elapsed();
        let who = (chat.clone(), MemberId::new(member));
        let effects = &self.state().effects;
        !effects.gone.contains(&who) && effects.mutes.get(&who).is_none_or(|until| *until <= now)
    }

    /// A member who was removed comes back.
    pub fn comes_back(&self, chat: &ChatId, member: &str) {
        let member = MemberId::new(member);
        let who = (chat.clone(), member.clone());
        self.state().effects.gone.remove(&who);
        let chat = chat.clone();
        self.tells(self.incoming(EventKind::MemberJoined { chat, member }));
    }

    pub(super) async fn tries(&self, chat: &ChatId, effect: &Effect) -> Performed {
        if *self.connection.borrow() != Connection::Online {
            return Performed::NotDone(NotDone::Offline);
        }
        let fate = self.state().effects.fates.pop_front();
        let refused = match fate {
            Some(EffectFate::NoRight) => Some(NotDone::NoRight),
            Some(EffectFate::TooFast) => Some(NotDone::TooFast),
            Some(EffectFate::Swallowed) => Some(NotDone::Refused {
                why: "the platform says ok, and nothing has changed".into(),
            }),
            Some(EffectFate::Untold | EffectFate::Lost) | None => {
                self.state().refusal(chat, effect)
            }
        };
        let done = refused.is_none() && fate != Some(EffectFate::Lost);
        let event = self.does(chat, effect, done);
        if let Some(why) = refused {
            return Performed::NotDone(why);
        }
        if fate.is_none() {
            event
                .into_iter()
                .for_each(|event| self.tells(self.incoming(event)));
            return Performed::Done;
        }
        tokio::time::sleep(RECEIPT_LIMIT).await;
        Performed::Unknown {
            why: "nothing shows whether it was done".into(),
        }
    }

    /// Writes a try down and, where it is done, changes the room; says what the room would tell of it.
    fn does(&self, chat: &ChatId, effect: &Effect, done: bool) -> Option<EventKind> {
        let at = self.time.elapsed();
        let mut state = self.state();
        state.effects.tried.push(Tried {
            chat: chat.clone(),
            effect: effect.clone(),
            done,
            at,
        });
        done.then(|| state.change(chat, effect, at))
    }

    pub(super) fn looks(
        &self,
        chat: &ChatId,
        effect: &Effect,
    ) -> Result<Option<bool>, AdapterError> {
        if *self.connection.borrow() != Connection::Online {
            return Err(AdapterError::Offline {
                account: self.account.clone(),
            });
        }
        let now = self.time.elapsed();
        let state = self.state();
        if state.effects.blind {
            return Ok(None);
        }
        let muted = |member: &MemberId| {
            let until = state.effects.mutes.get(&(chat.clone(), member.clone()));
            until.is_some_and(|until| *until > now)
        };
        Ok(match effect {
            Effect::Recall { message } => state.message(chat, message).map(|(_, gone)| gone),
            Effect::Mute { member, .. } => Some(muted(member)),
            Effect::Unmute { member } => Some(!muted(member)),
            Effect::Remove { member } => {
                let who = (chat.clone(), member.clone());
                Some(state.effects.gone.contains(&who))
            }
        })
    }
}

impl State {
    /// A member's role; the house is admin unless told otherwise.
    pub(super) fn role(&self, chat: &ChatId, member: &MemberId) -> Role {
        let listed = self.roles.get(&(chat.clone(), member.clone())).copied();
        let ours = *member == us() && !self.effects.no_right.contains(chat);
        listed.unwrap_or(if ours { Role::Admin } else { Role::Member })
    }

    pub(super) fn take_back(&mut self, chat: &ChatId, message: &MessageId, now: Duration) {
        for shown in self.shown.iter_mut() {
            if shown.chat == *chat && shown.message == *message {
                shown.recalled = Some(now);
            }
        }
    }

    /// Whose a message is, and whether it was taken back.
    fn message(&self, chat: &ChatId, message: &MessageId) -> Option<(MemberId, bool)> {
        let mut all = self.shown.iter();
        let shown = all.find(|shown| shown.chat == *chat && shown.message == *message)?;
        let author = shown.who.as_deref().map_or_else(us, MemberId::new);
        Some((author, shown.recalled.is_some()))
    }

    /// Why the platform itself refuses it.
    fn refusal(&self, chat: &ChatId, effect: &Effect) -> Option<NotDone> {
        if self.effects.cannot {
            return Some(NotDone::Unable);
        }
        let whose = match effect {
            Effect::Recall { message } => match self.message(chat, message) {
                Some((author, false)) => author,
                Some((_, true)) | None => return Some(NotDone::Gone),
            },
            Effect::Mute { member, .. } | Effect::Unmute { member } | Effect::Remove { member } => {
                let who = (chat.clone(), member.clone());
                if self.effects.gone.contains(&who) {
                    return Some(NotDone::Gone);
                }
                member.clone()
            }
        };
        let own_words = matches!(effect, Effect::Recall { .. }) && whose == us();
        let above = matches!(
            (self.role(chat, &us()), self.role(chat, &whose)),
            (Role::Owner, Role::Admin | Role::Member) | (Role::Admin, Role::Member)
        );
        (!above && !own_words).then_some(NotDone::NoRight)
    }

    fn change(&mut self, chat: &ChatId, effect: &Effect, now: Duration) -> EventKind {
        let muted = |member: &MemberId, seconds: u64| EventKind::Muted {
            chat: chat.clone(),
            member: Some(member.clone()),
            seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        };
        match effect {
            Effect::Recall { message } => {
                self.take_back(chat, message, now);
                EventKind::Recall {
                    chat: chat.clone(),
                    room_kind: RoomKind::Group,
                    message: message.clone(),
                    author: self.message(chat, message).map(|(author, _)| author),
                    operator: Some(us()),
                }
            }
            Effect::Mute { member, seconds } => {
                let until = now + Duration::from_secs(*seconds);
                let who = (chat.clone(), member.clone());
                self.effects.mutes.insert(who, until);
                muted(member, *seconds)
            }
            Effect::Unmute { member } => {
                let who = (chat.clone(), member.clone());
                self.effects.mutes.remove(&who);
                muted(member, 0)
            }
            Effect::Remove { member } => {
                let who = (chat.clone(), member.clone());
                self.effects.gone.insert(who);
                EventKind::MemberLeft {
                    chat: chat.clone(),
                    member: member.clone(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::SimTime;
    use teahouse_adapters::Adapter;
    use teahouse_core::Segment;

    fn says(platform: &FakePlatform, chat: &ChatId, member: &str) -> MessageId {
        let text = Segment::Text { text: "hm".into() };
        let said = platform.says(chat, RoomKind::Group, member, vec![text]);
        match said.event.kind {
            EventKind::Message(message) => message.id,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_effect_has_the_fate_it_was_given_and_every_try_is_written_down() {
        let start = "2026-11-24T21:00:00Z".parse().unwrap();
        let chat = ChatId::new("700");
        for (fate, performed, done) in [
            (None, "Done", true),
            (Some(EffectFate::Untold), "Unknown", true),
            (Some(EffectFate::Lost), "Unknown", false),
            (Some(EffectFate::NoRight), "NotDone(NoRight)", false),
            (Some(EffectFate::TooFast), "NotDone(TooFast)", false),
            (Some(EffectFate::Swallowed), "NotDone(Refused", false),
        ] {
            let platform = FakePlatform::new("fake", SimTime::starting(start));
            let message = says(&platform, &chat, "lin");
            let member = MemberId::new("lin");
            for effect in [
                Effect::Recall { message },
                Effect::Mute {
                    member: member.clone(),
                    seconds: 600,
                },
                Effect::Remove { member },
            ] {
                fate.into_iter().for_each(|fate| platform.next_effect(fate));
                let got = platform.perform(&chat, &effect).await;
                assert!(
                    format!("{got:?}").starts_with(performed),
                    "{effect:?}: {got:?}"
                );
                assert_eq!(platform.is_done(&chat, &effect).await.unwrap(), Some(done));
                let last = platform.tried().pop().unwrap();
                assert_eq!((last.effect, last.done), (effect, done));
            }
            assert_eq!(platform.tried().len(), 3);
            assert_eq!(platform.may_speak(&chat, "lin"), !done);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_rights_make_it_happen() {
        let start = "2026-11-24T21:00:00Z".parse().unwrap();
        let platform = FakePlatform::new("fake", SimTime::starting(start));
        let chat = ChatId::new("700");
        platform.lists(&chat, "wu", Role::Admin);
        let mute = |member: &str| Effect::Mute {
            member: MemberId::new(member),
            seconds: 60,
        };
        let refused = Performed::NotDone;
        let tried = platform.perform(&chat, &mute("wu")).await;
        assert_eq!(tried, refused(NotDone::NoRight), "an admin");
        platform.gives_right(&chat, false);
        let tried = platform.perform(&chat, &mute("lin")).await;
        assert_eq!(tried, refused(NotDone::NoRight), "no right there");
        platform.gives_right(&chat, true);
        assert_eq!(platform.perform(&chat, &mute("lin")).await, Performed::Done);
        assert!(!platform.may_speak(&chat, "lin"));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(platform.may_speak(&chat, "lin"));
        let unseen = Effect::Recall {
            message: MessageId::new("m99"),
        };
        let tried = platform.perform(&chat, &unseen).await;
        assert_eq!(tried, refused(NotDone::Gone));
        platform.is_online(false);
        let tried = platform.perform(&chat, &mute("lin")).await;
        assert_eq!(tried, refused(NotDone::Offline));
        assert_eq!(platform.tried().len(), 4, "what never left is no try");
    }
}
