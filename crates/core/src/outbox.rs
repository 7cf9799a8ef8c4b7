//! What is to be said, and what became of it. A row is written with its decision; only delivery performs it.
//! A send has three results: sent, not sent, unknown. Unknown is read back before at most one resend, marked.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::event::{MessageId, RoomId, TurnId};
use crate::gate::Sealed;

/// How long an answer that could not leave is still worth saying.
pub const FRESH: Duration = Duration::from_secs(5 * 60);

/// A row of the outbox, ordered by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(pub Ulid);

/// One thing to be said, as delivery claims it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its place in the order.
    pub id: DeliveryId,
    /// Whose lane it is in.
    pub room: RoomId,
    /// The turn it belongs to.
    pub turn: Option<TurnId>,
    /// What to say.
    pub sealed: Sealed,
    /// When it was written.
    pub created: Timestamp,
    /// How often it was handed to a platform before.
    pub sends: u32,
    /// What is known of the last send.
    pub before: Before,
    /// Whether this send must say that it may be a repeat.
    pub again: bool,
}

/// What a claim finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// No send is open: it may go out.
    Queued,
    /// A send without an answer, or a host that died with it in hand: read back first.
    Unknown {
        /// When it was handed over.
        since: Timestamp,
    },
}

/// The platform's proof that it took a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its label, as our account sees it.
    pub message: MessageId,
}

/// What became of one send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The platform took it.
    Sent(Receipt),
    /// The platform did not take it.
    NotSent(NotSent),
    /// We cannot tell: neither success nor failure.
    Unknown {
        /// For the operator.
        why: String,
    },
}

/// Why a platform did not take a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// No connection of the account is up; nothing left this machine.
    Offline,
    /// We may not speak in this room now: hammering gets accounts banned.
    Muted,
    /// We are no longer in this room.
    Gone,
    /// The platform refused this message.
    Refused {
        /// For the operator.
        why: String,
    },
}

/// Where a row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waits until it is due.
    Queued {
        /// Not before.
        due: Timestamp,
        /// Whether the next send must say that it may be a repeat.
        again: bool,
    },
    /// A host has it in hand; once the time is over the send is unknown.
    Claimed {
        /// Until then.
        until: Timestamp,
    },
    /// Shown.
    Sent {
        /// By this label.
        message: MessageId,
    },
    /// To be read back.
    Unknown {
        /// When it was handed over.
        since: Timestamp,
        /// When to look next.
        due: Timestamp,
    },
    /// Given up, kept for a person to see.
    Dead {
        /// Why.
        why: DeadWhy,
    },
}

/// Why a row was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadWhy {
    /// We may not speak there.
    Muted,
    /// We are not there any more.
    Gone,
    /// The platform refuses it.
    Refused,
    /// It waited too long for a connection.
    TooOld,
    /// Sent twice, seen never.
    Lost,
    /// The row cannot be read.
    Damaged,
    /// The asker stopped it, or took the question back.
    Cancelled,
}

/// What a look into the room found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadBack {
    /// It was shown.
    Found(MessageId),
    /// It was not.
    Absent,
    /// The platform cannot show its history.
    NoHistory,
    /// The platform could not be asked just now.
    NotNow,
}

/// The pause before a refused message is tried a second and last time.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);
/// The pause while no connection is up; a new connection wakes the row at once.
const WHILE_OFFLINE: Duration = Duration::from_secs(1);
/// A row whose account does not come back for so long is given up.
const NEVER_BACK: Duration = Duration::from_secs(24 * 3_600);
/// How long a platform gets to show an unknown message before we look.
pub const SETTLING: Duration = Duration::from_secs(2);

impl Delivery {
    /// Whether its answer came too late to be worth saying.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.age(now) > FRESH
    }

    fn age(&self, now: Timestamp) -> Duration {
        match now > self.created {
            true => now.duration_since(self.created).unsigned_abs(),
            false => Duration::ZERO,
        }
    }

    /// The state after a send.
    pub fn after_send(&self, outcome: &SendOutcome, now: Timestamp) -> DeliveryState {
        match outcome {
            SendOutcome::Sent(receipt) => DeliveryState::Sent {
                message: receipt.message.clone(),
            },
            SendOutcome::Unknown { .. } => DeliveryState::Unknown {
                since: now,
                due: now + SETTLING,
            },
            // Stale or not: what becomes of it is settled when somebody can hear it.
            SendOutcome::NotSent(NotSent::Offline) if self.age(now) > NEVER_BACK => {
                DeliveryState::Dead {
                    why: DeadWhy::TooOld,
                }
            }
            SendOutcome::NotSent(NotSent::Offline) => DeliveryState::Queued {
                due: now + WHILE_OFFLINE,
                again: self.sends > 0,
            },
            SendOutcome::NotSent(NotSent::Muted) => DeliveryState::Dead {
                why: DeadWhy::Muted,
            },
            SendOutcome::NotSent(NotSent::Gone) => DeliveryState::Dead { why: DeadWhy::Gone },
            SendOutcome::NotSent(NotSent::Refused { .. }) if self.sends == 0 => {
                DeliveryState::Queued {
                    due: now + AFTER_REFUSAL,
                    again: false,
                }
            }
            SendOutcome::NotSent(NotSent::Refused { .. }) => DeliveryState::Dead {
                why: DeadWhy::Refused,
            },
        }
    }

    /// The state after a look into the room: shown, or sent once more, never a third time.
    pub fn after_read_back(
        &self,
        since: Timestamp,
        found: &ReadBack,
        now: Timestamp,
    ) -> DeliveryState {
        let resend = |due| {
            if self.sends >= 2 {
                DeliveryState::Dead { why: DeadWhy::Lost }
            } else if self.is_stale(now) {
                DeliveryState::Dead {
                    why: DeadWhy::TooOld,
                }
            } else {
                DeliveryState::Queued { due, again: true }
            }
        };
        match found {
            ReadBack::Found(message) => DeliveryState::Sent {
                message: message.clone(),
            },
            // A platform may show a message late: absent counts only after it had time.
            ReadBack::Absent
                if now.duration_since(since).unsigned_abs() < SETTLING && now >= since =>
            {
                DeliveryState::Unknown {
                    since,
                    due: since + SETTLING,
                }
            }
            ReadBack::Absent | ReadBack::NoHistory => resend(now),
            ReadBack::NotNow if self.is_stale(now) => DeliveryState::Dead { why: DeadWhy::Lost },
            ReadBack::NotNow => DeliveryState::Unknown {
                since,
                due: now + WHILE_OFFLINE,
            },
        }
    }
}

/// Whether two texts are the same message once platforms have had their way with blanks and line ends.
pub fn same_words(a: &str, b: &str) -> bool {
    let words = |text: &str| -> Vec<char> {
        text.chars()
            .filter(|c| !c.is_whitespace() && !c.is_control())
            .collect()
    };
    words(a) == words(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn delivery(sends: u32) -> Delivery {
        Delivery {
            id: DeliveryId(Ulid::nil()),
            room: RoomId(Ulid::nil()),
            turn: None,
            sealed: Sealed::from_stored(vec![]),
            created: at(0),
            sends,
            before: Before::Queued,
            again: false,
        }
    }

    #[test]
    fn an_unknown_send_is_read_back_and_resent_at_most_once() {
        let unknown = SendOutcome::Unknown {
            why: "timeout".into(),
        };
        let DeliveryState::Unknown { since, .. } = delivery(0).after_send(&unknown, at(1)) else {
            panic!()
        };
        let found = ReadBack::Found(MessageId::new("7"));
        assert!(matches!(
            delivery(1).after_read_back(since, &found, at(4)),
            DeliveryState::Sent { .. }
        ));
        for nothing in [ReadBack::Absent, ReadBack::NoHistory] {
            let first = delivery(1).after_read_back(since, &nothing, at(4));
            assert_eq!(
                first,
                DeliveryState::Queued {
                    due: at(4),
                    again: true
                }
            );
            let second = delivery(2).after_read_back(since, &nothing, at(9));
            assert_eq!(second, DeliveryState::Dead { why: DeadWhy::Lost });
        }
        let early = delivery(1).after_read_back(since, &ReadBack::Absent, at(2));
        assert!(
            matches!(early, DeliveryState::Unknown { .. }),
            "absent counts only after the platform had time"
        );
        let late = delivery(1).after_read_back(since, &ReadBack::Absent, at(400));
        assert_eq!(
            late,
            DeliveryState::Dead {
                why: DeadWhy::TooOld
            }
        );
    }

    #[test]
    fn a_room_that_refuses_us_is_left_alone() {
        let not = SendOutcome::NotSent;
        assert_eq!(
            delivery(0).after_send(&not(NotSent::Muted), at(1)),
            DeliveryState::Dead {
                why: DeadWhy::Muted
            }
        );
        assert_eq!(
            delivery(0).after_send(&not(NotSent::Gone), at(1)),
            DeliveryState::Dead { why: DeadWhy::Gone }
        );
        let refused = not(NotSent::Refused { why: "risk".into() });
        assert_eq!(
            delivery(0).after_send(&refused, at(1)),
            DeliveryState::Queued {
                due: at(4),
                again: false
            }
        );
        assert_eq!(
            delivery(1).after_send(&refused, at(5)),
            DeliveryState::Dead {
                why: DeadWhy::Refused
            }
        );
    }

    #[test]
    fn an_answer_waits_for_a_connection_and_is_given_up_after_a_day() {
        let offline = SendOutcome::NotSent(NotSent::Offline);
        for (age, state) in [
            (
                10,
                DeliveryState::Queued {
                    due: at(11),
                    again: false,
                },
            ),
            (
                86_400,
                DeliveryState::Queued {
                    due: at(86_401),
                    again: false,
                },
            ),
            (
                86_401,
                DeliveryState::Dead {
                    why: DeadWhy::TooOld,
                },
            ),
        ] {
            assert_eq!(delivery(0).after_send(&offline, at(age)), state);
        }
    }

    #[test]
    fn blanks_do_not_tell_messages_apart() {
        assert!(same_words("one\r\ntwo", "one\ntwo "));
        assert!(!same_words("one", "two"));
    }
}
