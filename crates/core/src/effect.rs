//! What the house does to a room beside speaking: a row of the outbox like anything said. Rules and admins order it,
//! only delivery performs it. A platform's "ok" is not yet done; whether it is, the adapter finds out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::event::{MemberId, MessageId};
use crate::gate::Sealed;

/// The shape of a sealed [`Effect`]; raised when a field changes its meaning.
const EFFECT_VERSION: u16 = 1;
/// An effect that nobody could carry out for so long is not carried out any more: it would surprise everybody.
pub const EFFECT_FRESH: Duration = Duration::from_secs(10 * 60);

/// One thing done to a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// A message is taken back.
    Recall {
        /// Which.
        message: MessageId,
    },
    /// A member cannot speak for so long; asked for again, the new length holds from then on.
    Mute {
        /// Who.
        member: MemberId,
        /// For so many seconds.
        seconds: u64,
    },
    /// A member may speak again.
    Unmute {
        /// Who.
        member: MemberId,
    },
    /// A member leaves the room; never without a person's word.
    Remove {
        /// Who.
        member: MemberId,
    },
}

/// What became of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Performed {
    /// It is so: the platform has shown it.
    Done,
    /// It is not, and why.
    NotDone(NotDone),
    /// We cannot tell: neither done nor not done. Look again before it is tried once more.
    Unknown {
        /// For the operator.
        why: String,
    },
}

/// Why an effect was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// No connection of the account is up; nothing left this machine.
    Offline,
    /// We are no admin there, or the other one is.
    NoRight,
    /// The platform takes back no message that old.
    TooLate,
    /// The message or the member is not there (any more).
    Gone,
    /// The platform has no such thing.
    Unable,
    /// The platform wants it slower.
    TooFast,
    /// The platform refused it.
    Refused {
        /// For the operator.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u16,
    effect: Effect,
    #[serde(default)]
    case: Option<Ulid>,
}

impl Effect {
    /// Closes it for the outbox, with the case it belongs to.
    pub fn seal(&self, case: Option<Ulid>) -> Sealed {
        let stored = serde_json::json!({ "version": EFFECT_VERSION, "effect": self, "case": case });
        Sealed::from_stored(stored.to_string().into_bytes())
    }

    /// The effect in a row of the outbox, with its case; nothing where the row holds words, or what a newer release
    /// has written.
    pub fn of(sealed: &Sealed) -> Option<(Effect, Option<Ulid>)> {
        let stored: Stored = serde_json::from_slice(sealed.as_bytes()).ok()?;
        (stored.version <= EFFECT_VERSION).then_some((stored.effect, stored.case))
    }

    /// Whether nothing of it is left to be seen so long after it was done.
    pub fn is_over_after(&self, passed: Duration) -> bool {
        match self {
            Effect::Mute { seconds, .. } => passed >= Duration::from_secs(*seconds),
            Effect::Recall { .. } | Effect::Unmute { .. } | Effect::Remove { .. } => false,
        }
    }

    /// Whose matter it is, where it is a member's.
    pub fn member(&self) -> Option<&MemberId> {
        match self {
            Effect::Recall { .. } => None,
            Effect::Mute { member, .. } | Effect::Unmute { member } | Effect::Remove { member } => {
                Some(member)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_comes_out_of_the_outbox_as_it_went_in_and_words_are_none() {
        let member = MemberId::new("42");
        for effect in [
            Effect::Recall {
                message: MessageId::new("-7"),
            },
            Effect::Mute {
                member: member.clone(),
                seconds: 600,
            },
            Effect::Unmute {
                member: member.clone(),
            },
            Effect::Remove { member },
        ] {
            let case = Some(Ulid::from_parts(7, 7));
            assert_eq!(Effect::of(&effect.seal(case)), Some((effect.clone(), case)));
            assert_eq!(Effect::of(&effect.seal(None)), Some((effect, None)));
        }
        let words = br#"{"version":1,"body":[]}"#.to_vec();
        assert_eq!(Effect::of(&Sealed::from_stored(words)), None);
        let newer = br#"{"version":9,"effect":{"do":"unmute","member":"42"}}"#.to_vec();
        assert_eq!(Effect::of(&Sealed::from_stored(newer)), None);
    }
}
