//! What stands beside the journey and differs by platform: signs of work, a room's own clock, its own route, and
//! whether it joins the parts of an answer. A sign says what became of a message, in numbers, never in words.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use teahouse_adapters::{Adapter, Sign};
use teahouse_core::{Address, Currency, Message, MessageId, Nano, Parts, Reason, Route};
use teahouse_store::AttemptEnd;

use crate::host::Host;
use crate::room::Lane;

/// What an answer has taken so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Toll {
    /// From hearing the question, in milliseconds.
    pub(crate) millis: u64,
    tokens: u64,
    cost: Nano,
    currency: Option<Currency>,
}

impl Toll {
    /// Adds a call. A turn that was paid in two currencies shows the sum of the last one.
    pub(crate) fn add(&mut self, end: &AttemptEnd, currency: &Currency) {
        self.tokens += end.usage.prompt_tokens + end.usage.completion_tokens;
        if self.currency.as_ref() != Some(currency) {
            self.cost = Nano::ZERO;
            self.currency = Some(currency.clone());
        }
        self.cost = self.cost.plus(end.cost);
    }
}

impl Host {
    fn platform_of(&self, lane: &Lane) -> Option<&dyn Adapter> {
        let account = self.accounts.get(&lane.address.account)?;
        Some(&*account.adapter)
    }

    /// A question is being worked on.
    pub(crate) fn sign_working(&self, lane: &Lane, question: &MessageId) {
        if let Some(platform) = self.platform_of(lane) {
            let question = question.clone();
            platform.sign(&lane.address.chat, Sign::Working { question });
        }
    }

    /// It is settled what became of a message.
    pub(crate) fn sign_ended(
        &self,
        lane: &Lane,
        question: &MessageId,
        reason: Reason,
        toll: &Toll,
    ) {
        if let Some(platform) = self.platform_of(lane) {
            let sign = Sign::Ended {
                question: question.clone(),
                reason,
                millis: toll.millis,
                tokens: toll.tokens,
                cost: toll.cost,
                currency: toll.currency.clone(),
            };
            platform.sign(&lane.address.chat, sign);
        }
    }

    /// The same for a message that nobody will answer; plain talk gets no sign.
    pub(crate) fn sign_heard(&self, lane: &Lane, message: &Message, reason: Reason) {
        if reason != Reason::Talk {
            self.sign_ended(lane, &message.id, reason, &Toll::default());
        }
    }

    /// What time it is in a room: for quiet hours, the day of its limits and pauses, and nothing else.
    pub(crate) fn room_now(&self, lane: &Lane, now: Timestamp) -> Timestamp {
        let platform = self.platform_of(lane);
        platform.map_or(now, |platform| platform.now_in(&lane.address.chat, now))
    }

    /// Whether the room shows all parts of an answer as one message.
    pub(crate) fn joins_parts(&self, lane: &Lane) -> bool {
        let platform = self.platform_of(lane);
        platform.is_some_and(|platform| platform.capabilities(&lane.address.chat).joins_parts)
    }

    /// How an answer is cut for the room.
    pub(crate) fn parts_for(&self, lane: &Lane) -> Parts {
        match self.joins_parts(lane) {
            true => Parts::joined(),
            false => Parts::default(),
        }
    }

    /// A room gets a route of its own, or its charter's again. Questions that run keep theirs.
    pub fn set_route(&self, room: &Address, route: Option<Arc<Route>>) {
        let mut routes = self
            .room_routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match route {
            Some(route) => routes.insert(room.clone(), route),
            None => routes.remove(room),
        };
    }

    /// Who is asked in a room, in which order.
    pub(crate) fn route_of(&self, lane: &Lane) -> Option<Arc<Route>> {
        let routes = self
            .room_routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let own = routes.get(&lane.address).cloned();
        own.or_else(|| self.routes.get(&lane.charter().route).cloned())
    }
}
