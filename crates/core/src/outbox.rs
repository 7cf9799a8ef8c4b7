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
    /// An effect that is no message: it is so.
    Done,
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
    /// We are no admin there, or the other one is.
    NoRight,
    /// The platform takes back no message that old.
    TooLate,
    /// The platform has no such thing.
    Unable,
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

/// A platform that reports our own messages gets so long to report one it said yes to.
pub const PROOF: Duration = Duration::from_secs(15);
/// When a suspected room is looked into after a yes, if nothing is reported: platforms keep their history late.
pub const LOOKS: [Duration; 3] = [SETTLING, Duration::from_secs(6), PROOF];
/// A room in which a send went wrong without a reason is suspected for so long.
pub const SUSPICION: Duration = Duration::from_secs(10 * 60);

/// In which form a message goes out this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As it was written.
    AsWritten,
    /// Once more: marked, and without what platforms swallow messages for.
    Again,
    /// Twice swallowed: a short word in its place.
    Apology,
}

impl Delivery {
    /// The form of the next send. It hangs on what is in the outbox alone, so that a killed host goes on in step.
    pub fn shape(&self) -> Shape {
        match (self.again, self.sends) {
            (false, _) => Shape::AsWritten,
            (true, 0 | 1) => Shape::Again,
            (true, _) => Shape::Apology,
        }
    }

    /// The state after the platform said yes and the room was looked into: a yes is believed unless the room proves
    /// it wrong.
    pub fn after_proof(
        &self,
        receipt: &Receipt,
        found: &ReadBack,
        now: Timestamp,
    ) -> DeliveryState {
        match found {
            ReadBack::Found(message) => DeliveryState::Sent {
                message: message.clone(),
            },
            ReadBack::NoHistory | ReadBack::NotNow => DeliveryState::Sent {
                message: receipt.message.clone(),
            },
            ReadBack::Absent => self.after_loss(self.sends + 1, true, now),
        }
    }

    /// A send that nobody saw: once more, marked; then, where the room has proved it, an apology; then no more.
    fn after_loss(&self, sends: u32, proved: bool, now: Timestamp) -> DeliveryState {
        let apologises = proved && sends == 2 && self.turn.is_some();
        let why = match sends {
            0 | 1 if self.is_stale(now) => DeadWhy::TooOld,
            0 | 1 => {
                return DeliveryState::Queued {
                    due: now,
                    again: true,
                };
            }
            _ if apologises && !self.is_stale(now) => {
                return DeliveryState::Queued {
                    due: now,
                    again: true,
                };
            }
            _ => DeadWhy::Lost,
        };
        DeliveryState::Dead { why }
    }

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

    /// The state after a look into the room: shown, or sent once more, never a third time but for an apology.
    pub fn after_read_back(
        &self,
        since: Timestamp,
        found: &ReadBack,
        now: Timestamp,
    ) -> DeliveryState {
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
            ReadBack::Absent => self.after_loss(self.sends, true, now),
            ReadBack::NoHistory => self.after_loss(self.sends, false, now),
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
    fn bad_029_a_yes_that_the_room_proves_wrong_is_a_marked_repeat_then_an_apology_then_the_end() {
        let yes = Receipt {
            message: MessageId::new("7"),
        };
        let of_turn = |sends, again| Delivery {
            turn: Some(TurnId(Ulid::nil())),
            again,
            ..delivery(sends)
        };
        let queued = |second| DeliveryState::Queued {
            due: at(second),
            again: true,
        };
        let lost = DeliveryState::Dead { why: DeadWhy::Lost };
        let absent = ReadBack::Absent;
        let steps = [
            (of_turn(0, false), Shape::AsWritten, queued(20)),
            (of_turn(1, true), Shape::Again, queued(20)),
            (of_turn(2, true), Shape::Apology, lost.clone()),
            // What is no answer is not apologised for.
            (
                Delivery {
                    again: true,
                    ..delivery(1)
                },
                Shape::Again,
                lost.clone(),
            ),
        ];
        for (delivery, shape, after) in steps {
            assert_eq!(delivery.shape(), shape);
            assert_eq!(delivery.after_proof(&yes, &absent, at(20)), after);
            for believed in [ReadBack::NoHistory, ReadBack::NotNow] {
                let state = delivery.after_proof(&yes, &believed, at(20));
                assert_eq!(
                    state,
                    DeliveryState::Sent {
                        message: MessageId::new("7")
                    }
                );
            }
            let found = ReadBack::Found(MessageId::new("8"));
            let state = delivery.after_proof(&yes, &found, at(20));
            assert_eq!(
                state,
                DeliveryState::Sent {
                    message: MessageId::new("8")
                }
            );
        }
        // The same after sends without an answer; where the room cannot be read nothing is proved.
        assert_eq!(
            of_turn(2, false).after_read_back(at(1), &absent, at(20)),
            queued(20)
        );
        assert_eq!(
            of_turn(3, true).after_read_back(at(1), &absent, at(20)),
            lost
        );
        assert_eq!(
            of_turn(2, false).after_read_back(at(1), &ReadBack::NoHistory, at(20)),
            lost
        );
        assert_eq!(
            of_turn(1, true).after_proof(&yes, &absent, at(400)),
            lost,
            "stale"
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
