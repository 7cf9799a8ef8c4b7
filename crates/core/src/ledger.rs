//! Every step a turn can take, and what it cost. Append-only, written in the transaction of the step itself.
//! No words of anybody stand in it.

use serde::{Deserialize, Serialize};

use crate::chat::{FailureKind, Usage};
use crate::money::{Currency, Nano};
use crate::outbox::{DeadWhy, DeliveryId};
use crate::reason::Reason;

/// What an attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To answer the question.
    Answer,
}

/// Which call of which step of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptNumber {
    /// The step.
    pub step: u16,
    /// The call within it, from 1, over restarts too.
    pub attempt: u16,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// A question was taken in, durably.
    Accepted,
    /// A provider is about to be called; its highest cost is set aside.
    Attempt {
        /// Which.
        number: AttemptNumber,
        /// What for.
        purpose: Purpose,
        /// Who is called.
        provider: String,
        /// What is asked.
        model: String,
        /// The highest it may cost.
        reserved: Nano,
        /// Of what.
        currency: Currency,
    },
    /// The call is over; what it really cost is booked.
    AttemptEnded {
        /// Which.
        number: AttemptNumber,
        /// How it failed; nothing if it did not.
        failure: Option<FailureKind>,
        /// What was used.
        usage: Usage,
        /// What that costs.
        cost: Nano,
    },
    /// A part of the answer went to the outbox.
    Released {
        /// Which part, from 0.
        part: u16,
    },
    /// The turn is over: exactly one of these a turn.
    Settled {
        /// How.
        reason: Reason,
        /// Whether the answer broke off.
        cut_short: bool,
    },
    /// A message was shown.
    Sent {
        /// Which.
        delivery: DeliveryId,
        /// Whether it was only found by reading back.
        read_back: bool,
    },
    /// A send without an answer.
    Unknown {
        /// Which.
        delivery: DeliveryId,
    },
    /// A message goes out once more, marked.
    Resent {
        /// Which.
        delivery: DeliveryId,
    },
    /// A message was given up.
    Dead {
        /// Which.
        delivery: DeliveryId,
        /// Why.
        why: DeadWhy,
    },
}
