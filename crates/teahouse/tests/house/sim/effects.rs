//! What the house does to the rooms of an evening: messages taken back, members muted and removed, as the seed will have
//! it. The truth remembers every try in order; what the house is told of it is another matter.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use teahouse_adapters::AdapterError;
use teahouse_core::{
    ChatId, Effect, EventKind, MemberId, MessageId, NotDone, Performed, Role, RoomKind,
};
use teahouse_testkit::platform::{RECEIPT_LIMIT, us};

use super::chance::Chance;
use super::platform::{SimPlatform, incoming, kind_of, role_of};
use super::world::{Act, Truth};

/// What was done to the rooms.
#[derive(Default)]
pub struct Effects {
    /// Every try, in order, and whether the room has changed by it.
    pub tried: Vec<(Duration, ChatId, Effect, bool)>,
    muted_until: BTreeMap<(ChatId, MemberId), Duration>,
    gone: BTreeSet<(ChatId, MemberId)>,
}

/// What becomes of one try.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// Done, and nothing tells us so.
    Untold,
    /// Not done, and nothing tells us so.
    Lost,
    /// The platform says ok and does nothing, and shows that when it is read back.
    Swallowed,
    /// Somebody has taken our right away, for a moment.
    NoRight,
    TooFast,
}

impl SimPlatform {
    pub async fn does(&self, chat: &ChatId, effect: &Effect) -> Performed {
        let world = &self.world;
        world.door().await;
        if !self.is_online() {
            return Performed::NotDone(NotDone::Offline);
        }
        let dice = world.dice(&format!("effect {chat}"));
        let fate = self.fate(dice);
        let refused = match fate {
            Fate::NoRight => Some(NotDone::NoRight),
            Fate::TooFast => Some(NotDone::TooFast),
            Fate::Swallowed => Some(NotDone::Refused {
                why: "ok, and nothing has changed".into(),
            }),
            Fate::Done | Fate::Untold | Fate::Lost => world.truth().refusal(chat, effect),
        };
        let done = refused.is_none() && fate != Fate::Lost;
        let event = world.truth().tries(chat, effect, done);
        if let Effect::Mute { member, .. } = effect {
            world.truth().mutes_once(chat, member, &world.faults);
        }
        // The process may die before it hears what it has done.
        world.door().await;
        if let Some(why) = refused {
            return Performed::NotDone(why);
        }
        if fate != Fate::Done {
            tokio::time::sleep(RECEIPT_LIMIT).await;
            world.door().await;
            return Performed::Unknown {
                why: "no notice in time".into(),
            };
        }
        if let Some(event) = event {
            let told = incoming(world, &self.account, event);
            let after = Duration::from_millis(dice.of("notice").below(3_000));
            world.later(after, Act::Tell(Box::new(told)));
        }
        tokio::time::sleep(Duration::from_millis(dice.of("latency").below(400))).await;
        world.door().await;
        Performed::Done
    }

    fn fate(&self, dice: Chance) -> Fate {
        let faults = &self.world.faults;
        let fates = [
            (faults.no_right, "no right", Fate::NoRight),
            (faults.too_fast, "too fast", Fate::TooFast),
            (faults.effect_swallowed, "swallowed", Fate::Swallowed),
            (faults.effect_lost, "lost", Fate::Lost),
            (faults.effect_untold, "untold", Fate::Untold),
        ];
        let mut fates = fates.into_iter();
        let struck = fates.find(|(often, name, _)| self.world.strikes(dice.of(name), *often));
        struck.map_or(Fate::Done, |(_, _, fate)| fate)
    }

    pub async fn looks(
        &self,
        chat: &ChatId,
        effect: &Effect,
    ) -> Result<Option<bool>, AdapterError> {
        let world = &self.world;
        world.door().await;
        let account = || self.account.clone();
        if !self.is_online() {
            return Err(AdapterError::Offline { account: account() });
        }
        let dice = world.dice(&format!("look {chat}"));
        if world.strikes(dice, world.faults.history_fails) {
            tokio::time::sleep(Duration::from_secs(2)).await;
            world.door().await;
            return Err(AdapterError::TimedOut {
                account: account(),
                action: "looking",
            });
        }
        if world.faults.no_history {
            return Ok(None);
        }
        Ok(world.truth().shows(chat, effect))
    }
}

impl Truth {
    /// Whether a member is neither muted nor gone.
    pub fn may_speak(&self, chat: &ChatId, member: &str) -> bool {
        let member = MemberId::new(member);
        !self.is_gone(chat, &member) && !self.is_muted(chat, &member)
    }

    fn is_muted(&self, chat: &ChatId, member: &MemberId) -> bool {
        let who = (chat.clone(), member.clone());
        let until = self.effects.muted_until.get(&who);
        until.is_some_and(|until| *until > self.now())
    }

    fn is_gone(&self, chat: &ChatId, member: &MemberId) -> bool {
        let who = (chat.clone(), member.clone());
        self.effects.gone.contains(&who)
    }

    /// Whose a message is, and whether it was taken back.
    fn author(&self, chat: &ChatId, message: &MessageId) -> Option<(MemberId, bool)> {
        let room = self.rooms.get(chat)?;
        let shown = room.shown.iter().find(|shown| shown.label == *message)?;
        let author = shown.who.as_deref().map_or_else(us, MemberId::new);
        Some((author, shown.recalled))
    }

    fn shows(&self, chat: &ChatId, effect: &Effect) -> Option<bool> {
        match effect {
            Effect::Recall { message } => self.author(chat, message).map(|(_, gone)| gone),
            Effect::Mute { member, .. } => Some(self.is_muted(chat, member)),
            Effect::Unmute { member } => Some(!self.is_muted(chat, member)),
            Effect::Remove { member } => Some(self.is_gone(chat, member)),
        }
    }

    /// Why the platform itself refuses it.
    fn refusal(&self, chat: &ChatId, effect: &Effect) -> Option<NotDone> {
        if kind_of(chat) == RoomKind::Direct {
            return Some(NotDone::Unable);
        }
        let whose = match effect {
            Effect::Recall { message } => match self.author(chat, message) {
                Some((author, false)) => author,
                Some((_, true)) | None => return Some(NotDone::Gone),
            },
            Effect::Mute { member, .. } | Effect::Unmute { member } | Effect::Remove { member } => {
                member.clone()
            }
        };
        if self.is_gone(chat, &whose) && effect.member().is_some() {
            return Some(NotDone::Gone);
        }
        (role_of(&whose) != Role::Member).then_some(NotDone::NoRight)
    }

    /// Writes a try down and, where it is done, changes the room; says what the room would tell of it.
    fn tries(&mut self, chat: &ChatId, effect: &Effect, done: bool) -> Option<EventKind> {
        let now = self.now();
        let tried = (now, chat.clone(), effect.clone(), done);
        self.effects.tried.push(tried);
        let how = if done { "done" } else { "not done" };
        self.note(chat.as_str(), format!("({how}: {effect:?})"));
        done.then(|| self.change(chat, effect, now))
    }

    fn change(&mut self, chat: &ChatId, effect: &Effect, now: Duration) -> EventKind {
        let muted = |member: &MemberId, seconds: u64| EventKind::Muted {
            chat: chat.clone(),
            member: Some(member.clone()),
            seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        };
        match effect {
            Effect::Recall { message } => {
                let author = self.author(chat, message).map(|(author, _)| author);
                self.is_taken_back(chat, message);
                EventKind::Recall {
                    chat: chat.clone(),
                    room_kind: RoomKind::Group,
                    message: message.clone(),
                    author,
                    operator: Some(us()),
                }
            }
            Effect::Mute { member, seconds } => {
                let until = now + Duration::from_secs(*seconds);
                let who = (chat.clone(), member.clone());
                self.effects.muted_until.insert(who, until);
                muted(member, *seconds)
            }
            Effect::Unmute { member } => {
                let who = (chat.clone(), member.clone());
                self.effects.muted_until.remove(&who);
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

    /// Nobody sees a message any more, and what it would have asked need not be answered.
    fn is_taken_back(&mut self, chat: &ChatId, label: &MessageId) {
        let room = self.rooms.entry(chat.clone()).or_default();
        let theirs = room.shown.iter_mut().filter(|shown| shown.label == *label);
        theirs.for_each(|shown| shown.recalled = true);
        for spoken in self.said.values_mut() {
            spoken.asks &= spoken.label != *label;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::faults::Faults;
    use super::super::world::{Shown, World};
    use super::*;
    use teahouse_adapters::{Adapter, Connection};

    /// What strikes, how the answer begins, and whether the room has changed.
    type Row = (fn(&mut Faults), &'static str, bool);

    #[tokio::test(start_paused = true)]
    async fn a_try_has_the_fate_that_the_seed_gives_it_and_is_written_down() {
        let rows: [Row; 6] = [
            (|_| {}, "Done", true),
            (|faults| faults.effect_untold = 1_000, "Unknown", true),
            (|faults| faults.effect_lost = 1_000, "Unknown", false),
            (
                |faults| faults.effect_swallowed = 1_000,
                "NotDone(Refused",
                false,
            ),
            (|faults| faults.no_right = 1_000, "NotDone(NoRight)", false),
            (|faults| faults.too_fast = 1_000, "NotDone(TooFast)", false),
        ];
        for (strikes, performed, done) in rows {
            let mut faults = Faults::default();
            strikes(&mut faults);
            let world = Arc::new(World::new(1, faults));
            world.is_born();
            let platform = SimPlatform::new("qq", world.clone());
            let (chat, lin) = (ChatId::new("g1"), MemberId::new("lin"));
            let label = MessageId::new("g1m1");
            let shown = Shown {
                label: label.clone(),
                who: Some("lin".into()),
                text: "spam".into(),
                quote: None,
                recalled: false,
                told: None,
            };
            {
                let mut truth = world.truth();
                let room = truth.rooms.entry(chat.clone()).or_default();
                room.shown.push(shown);
            }
            let effects = [
                Effect::Recall { message: label },
                Effect::Mute {
                    member: lin.clone(),
                    seconds: 600,
                },
                Effect::Remove { member: lin },
            ];
            for effect in &effects {
                let got = platform.perform(&chat, effect).await;
                assert!(
                    format!("{got:?}").starts_with(performed),
                    "{effect:?} {got:?}"
                );
                let looked = platform.is_done(&chat, effect).await.unwrap();
                assert_eq!(looked, Some(done), "{effect:?}");
            }
            assert_eq!(world.truth().may_speak(&chat, "lin"), !done);
            let tried = world.truth().effects.tried.clone();
            let what = tried.iter().map(|(_, _, effect, done)| (effect, *done));
            assert!(what.eq(effects.iter().map(|effect| (effect, done))));
            let tells = world.truth().next().is_some();
            assert_eq!(tells, performed == "Done", "only what shows is told");
            platform.connection.send_replace(Connection::Lost);
            let offline = platform.perform(&chat, &effects[0]).await;
            assert_eq!(offline, Performed::NotDone(NotDone::Offline));
        }
    }
}
