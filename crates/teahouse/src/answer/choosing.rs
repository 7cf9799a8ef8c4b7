//! Who is asked next, and what a failure means for those who come later. What that is, core decides; here it meets
//! the breakers, the places for calls and who is on its way. Calls nobody.

use std::time::Duration;

use metrics::counter;
use teahouse_core::{Condition, Route, RouteModel, Walk};
use teahouse_providers::{Presence, ProviderError};
use tokio::time::Instant;
use tracing::warn;

use super::Answer;
use crate::breakers::{Board, Leave};

/// The model to ask next.
pub(super) struct Next {
    /// By its place in the route.
    pub(super) at: usize,
    /// The pause before it.
    pub(super) pause: Duration,
    /// To call it once.
    pub(super) leave: Leave,
}

impl Answer {
    /// Whom to ask now.
    pub(super) fn next(&self, route: &Route, walk: &mut Walk) -> Option<Next> {
        self.choose(route, |condition| {
            walk.next_model(condition).map(|at| (at, Duration::ZERO))
        })
    }

    /// Whom to ask after a failure, if the pause before it fits into the question's time.
    pub(super) fn next_after(
        &self,
        route: &Route,
        walk: &mut Walk,
        error: &ProviderError,
        deadline: Instant,
    ) -> Option<Next> {
        let mut next = self.choose(route, |condition| {
            walk.after(error.kind, error.wait, condition)
        })?;
        // Many who were refused together do not come back together.
        next.pause += self.host.ids.jitter(next.pause / 3);
        (Instant::now() + next.pause < deadline).then_some(next)
    }

    /// The same model once more, with another question.
    pub(super) fn again(&self, route: &Route, at: usize) -> Option<Next> {
        self.choose(route, |_| Some((at, Duration::ZERO)))
    }

    /// Whether somebody who is well has not been asked.
    pub(super) fn has_well(&self, route: &Route, walk: &Walk) -> bool {
        let now = self.host.steady();
        self.host.breakers.look(|breakers| {
            walk.has_well(|at| {
                let model = &route.models[at];
                let callee = self.host.gateway.callee(&model.provider, &model.model);
                self.condition(model, breakers.condition(&callee, now))
            })
        })
    }

    fn choose(
        &self,
        route: &Route,
        pick: impl FnOnce(&dyn Fn(usize) -> Condition) -> Option<(usize, Duration)>,
    ) -> Option<Next> {
        let callees: Vec<_> = (route.models.iter())
            .map(|model| self.host.gateway.callee(&model.provider, &model.model))
            .collect();
        let now = self.host.steady();
        let chosen = Board::choose(&self.host.breakers, now, |breakers| {
            let condition = |at: usize| {
                let rested = breakers.condition(&callees[at], now);
                self.condition(&route.models[at], rested)
            };
            let (at, pause) = pick(&condition)?;
            Some(((at, pause), callees[at].clone()))
        });
        chosen.map(|((at, pause), leave)| Next { at, pause, leave })
    }

    /// How a model stands, if that is how its breakers stand.
    fn condition(&self, model: &RouteModel, rested: Condition) -> Condition {
        let gateway = &self.host.gateway;
        match rested {
            _ if gateway.presence(&model.provider) == Presence::Far => Condition::OnItsWay,
            Condition::Well | Condition::Due if gateway.is_full(&model.provider) => Condition::Full,
            rested => rested,
        }
    }

    /// Tells the operator and the breakers. Without leave the breakers will learn of it, or know of it.
    pub(super) fn note_failure(
        &self,
        model: &RouteModel,
        error: &ProviderError,
        leave: Option<Leave>,
    ) {
        warn!(turn = %self.turn.turn.id, room = %self.lane.address, provider = %model.provider, error = %error, "an attempt failed");
        counter!("teahouse_failures_total", "provider" => model.provider.clone()).increment(1);
        match leave {
            Some(leave) if !error.blameless => {
                leave_failed(model, error, leave, self.host.steady())
            }
            Some(_) | None => {}
        }
    }
}

/// The call failed: what that is held against rests.
pub(super) fn leave_failed(model: &RouteModel, error: &ProviderError, leave: Leave, now: Duration) {
    if let Some(rest) = leave.failed((error.kind, error.wait), now) {
        let seconds = rest.until.saturating_sub(now).as_secs();
        warn!(provider = %model.provider, model = %model.model, why = ?rest.kind,
            "{} is out ({:?}): others are asked first, and it is tried again in {seconds} s", model.provider, rest.kind);
    }
}
