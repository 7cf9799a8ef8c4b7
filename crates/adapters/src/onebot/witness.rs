//! Who waits for the platform to show that something was done: the frame reader wakes them by the notices it hears. Few,
//! bounded, and gone with whoever waits. Asks nobody anything.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use teahouse_core::{ChatId, Effect, EventKind, MessageId};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::orders::mute_length;

/// More at once wait without a witness, and read back.
const MOST: usize = 256;
/// Recalls that are remembered: a notice may come after its waiter has gone.
const REMEMBERED: usize = 256;
/// A platform may count a mute in minutes.
const NEAR: u64 = 60;

/// What is waited for, and the latest recalls.
#[derive(Debug, Default)]
pub(super) struct Witnesses(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    made: u64,
    waiting: Vec<Waiting>,
    recalled: VecDeque<(ChatId, MessageId)>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    chat: ChatId,
    effect: Effect,
    seen: oneshot::Sender<()>,
}

/// One who waits; leaves the table however it ends.
pub(super) struct Witness<'a> {
    table: &'a Witnesses,
    number: u64,
    seen: Option<oneshot::Receiver<()>>,
}

impl Witnesses {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the notice of this effect is waited for.
    pub(super) fn wait_for(&self, chat: &ChatId, effect: &Effect) -> Witness<'_> {
        let mut table = self.table();
        table.made += 1;
        let number = table.made;
        let seen = (table.waiting.len() < MOST).then(|| {
            let (seen, waits) = oneshot::channel();
            table.waiting.push(Waiting {
                number,
                chat: chat.clone(),
                effect: effect.clone(),
                seen,
            });
            waits
        });
        drop(table);
        Witness {
            table: self,
            number,
            seen,
        }
    }

    /// Something happened: whoever waits for it is woken. Never waits.
    pub(super) fn note(&self, kind: &EventKind) {
        match kind {
            EventKind::Recall { chat, message, .. } => {
                let mut table = self.table();
                if table.recalled.len() >= REMEMBERED {
                    table.recalled.pop_front();
                }
                table.recalled.push_back((chat.clone(), message.clone()));
                table.wake(kind);
            }
            EventKind::Muted { .. } | EventKind::MemberLeft { .. } => self.table().wake(kind),
            EventKind::Message(_)
            | EventKind::MemberJoined { .. }
            | EventKind::RoleChanged { .. }
            | EventKind::Account { .. }
            | EventKind::Other { .. } => {}
        }
    }

    /// Whether the platform has told of this recall lately.
    pub(super) fn has_seen_recalled(&self, chat: &ChatId, message: &MessageId) -> bool {
        let table = self.table();
        let mut newest_first = table.recalled.iter().rev();
        newest_first.any(|(there, which)| there == chat && which == message)
    }
}

impl Table {
    fn wake(&mut self, kind: &EventKind) {
        for seen in self
            .waiting
            .extract_if(.., |waiting| shows(kind, &waiting.chat, &waiting.effect))
        {
            // Who has just given up hears nothing.
            let _ = seen.seen.send(());
        }
    }
}

impl Witness<'_> {
    /// Whether the notice has come by now.
    pub(super) fn has_come(&mut self) -> bool {
        let seen = self.seen.as_mut();
        seen.is_some_and(|seen| seen.try_recv().is_ok())
    }

    /// Whether the notice comes in time.
    pub(super) async fn comes(&mut self, limit: Duration) -> bool {
        match self.seen.take() {
            Some(seen) => matches!(timeout(limit, seen).await, Ok(Ok(()))),
            None => false,
        }
    }
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        let number = self.number;
        let waiting = &mut self.table.table().waiting;
        waiting.retain(|waiting| waiting.number != number);
    }
}

/// Whether what happened is this effect, whoever did it.
fn shows(kind: &EventKind, place: &ChatId, effect: &Effect) -> bool {
    match (effect, kind) {
        (
            Effect::Recall { message },
            EventKind::Recall {
                chat, message: it, ..
            },
        ) => chat == place && it == message,
        (
            Effect::Mute { member, seconds },
            EventKind::Muted {
                chat,
                member: Some(who),
                seconds: told,
            },
        ) => {
            // The late notice of an earlier, shorter mute is not this one's.
            let near = u64::try_from(*told)
                .is_ok_and(|told| told > 0 && told.abs_diff(mute_length(*seconds)) < NEAR);
            chat == place && who == member && near
        }
        (
            Effect::Unmute { member },
            EventKind::Muted {
                chat,
                member: Some(who),
                seconds: 0,
            },
        ) => chat == place && who == member,
        (Effect::Remove { member }, EventKind::MemberLeft { chat, member: who }) => {
            chat == place && who == member
        }
        (
            Effect::Recall { .. }
            | Effect::Mute { .. }
            | Effect::Unmute { .. }
            | Effect::Remove { .. },
            _,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use teahouse_core::MemberId;

    fn muted(member: Option<&str>, seconds: i64) -> EventKind {
        EventKind::Muted {
            chat: ChatId::new("3"),
            member: member.map(MemberId::new),
            seconds,
        }
    }

    #[test]
    fn a_notice_shows_the_effect_it_is_of_and_no_other() {
        let mute = Effect::Mute {
            member: MemberId::new("2"),
            seconds: 600,
        };
        let unmute = Effect::Unmute {
            member: MemberId::new("2"),
        };
        for (told, effect, expected) in [
            (muted(Some("2"), 600), &mute, true),
            (muted(Some("2"), 599), &mute, true),
            (muted(Some("2"), 60), &mute, false),
            (muted(Some("2"), 0), &mute, false),
            (muted(Some("9"), 600), &mute, false),
            (muted(None, -1), &mute, false),
            (muted(Some("2"), 0), &unmute, true),
            (muted(Some("2"), 600), &unmute, false),
            (muted(None, 0), &unmute, false),
        ] {
            let chat = ChatId::new("3");
            assert_eq!(shows(&told, &chat, effect), expected, "{told:?} {effect:?}");
            assert!(!shows(&told, &ChatId::new("4"), effect), "another group");
        }
    }

    #[test]
    fn the_table_is_bounded_and_empty_once_nobody_waits() {
        let witnesses = Witnesses::default();
        let chat = ChatId::new("3");
        let recall = |n: usize| Effect::Recall {
            message: MessageId::new(n.to_string()),
        };
        let told = |n: usize| EventKind::Recall {
            chat: ChatId::new("3"),
            room_kind: teahouse_core::RoomKind::Group,
            message: MessageId::new(n.to_string()),
            author: None,
            operator: None,
        };
        let mut all: Vec<_> = (0..MOST + 5)
            .map(|n| witnesses.wait_for(&chat, &recall(n)))
            .collect();
        assert_eq!(witnesses.table().waiting.len(), MOST);
        (0..MOST + 5).for_each(|n| witnesses.note(&told(n)));
        assert!(all[0].has_come() && !all[MOST].has_come());
        drop(all);
        assert!(witnesses.table().waiting.is_empty());
        assert!(!witnesses.has_seen_recalled(&chat, &MessageId::new("4")));
        assert!(witnesses.has_seen_recalled(&chat, &MessageId::new("5")));
        let _gone = witnesses.wait_for(&chat, &recall(1));
        assert_eq!(witnesses.table().waiting.len(), 1);
    }
}
