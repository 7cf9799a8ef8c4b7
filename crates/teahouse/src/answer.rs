//! One turn, from question to settlement: one model is asked after the other until one answers.
//! `choosing.rs` says which, `asking.rs` makes one call, `probing.rs` one to somebody who was ill, `ending.rs` ends
//! the turn. Nothing is sent here.

mod asking;
mod choosing;
mod ending;
mod probing;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use teahouse_core::{
    AttemptNumber, FRESHNESS, FailureKind, Notice, PATIENCE, PromptLine, Reason, Route, RouteModel,
    Walk,
};
use teahouse_providers::{Presence, ProviderError};
use teahouse_store::{Attempt, Lease, OpenTurn, StoreError, fault};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::breakers::Leave;
use crate::host::{Host, chain, with_open};
use crate::room::Lane;
use crate::signs::Toll;
use asking::{Called, Report, count_attempt};
use choosing::Next;
use probing::Probed;

/// A question gets so long over all its attempts.
const DEADLINE: Duration = Duration::from_secs(240);

/// One turn on its way from question to settlement.
pub(crate) struct Answer {
    host: Arc<Host>,
    lane: Arc<Lane>,
    lease: Lease,
    turn: OpenTurn,
    cancel: CancellationToken,
    /// The number of the next part.
    next_part: u16,
    /// Calls made so far.
    attempts: u16,
    /// What this process has released of the answer.
    shown: String,
    /// Its way along the route, once that is chosen.
    course: Option<Course>,
    /// What its calls have taken.
    toll: Toll,
    /// Questions that went stale with this one: they share its apology.
    stale: Vec<OpenTurn>,
}

/// Where a turn stands on its route.
struct Course {
    route: Arc<Route>,
    walk: Walk,
    lines: Vec<PromptLine>,
    /// The model to ask next.
    next: Option<Next>,
    /// The call to it, if that is in the ledger already.
    begun: Option<AttemptNumber>,
}

/// Whether a model can be asked.
enum Arrival {
    /// It can.
    Here,
    /// It can, and the question has waited for it.
    Late,
    /// It will not come, or not in time.
    Never(ProviderError),
    /// The turn was stopped meanwhile.
    Stopped,
    /// The house closes: the next start waits on.
    Closing,
}

impl Host {
    /// Whether a question of which nothing was shown is too old to be begun: older it may be if it has had to wait for
    /// a model that is on its way, or came since it was asked.
    pub(crate) fn is_stale(&self, lane: &Lane, turn: &OpenTurn) -> bool {
        let age = age(turn, self.clock.now());
        let late = |model: &RouteModel| match self.gateway.presence(&model.provider) {
            Presence::Always => false,
            Presence::Since(came) => came.elapsed() < age,
            Presence::Near | Presence::Far => true,
        };
        let waits = |route: Arc<Route>| route.models.iter().any(late);
        let fresh = match age > FRESHNESS && self.route_of(lane).is_some_and(waits) {
            true => PATIENCE,
            false => FRESHNESS,
        };
        turn.released == 0 && age > fresh
    }
}

/// How long ago it was asked.
fn age(turn: &OpenTurn, now: Timestamp) -> Duration {
    let age = now.duration_since(turn.turn.asked);
    if age.is_positive() {
        age.unsigned_abs()
    } else {
        Duration::ZERO
    }
}

impl Answer {
    pub(crate) fn new(
        host: Arc<Host>,
        lane: Arc<Lane>,
        lease: Lease,
        turn: OpenTurn,
        cancel: CancellationToken,
    ) -> Self {
        Answer {
            host,
            lane,
            lease,
            next_part: turn.released,
            attempts: turn.attempts,
            shown: String::new(),
            course: None,
            toll: Toll::default(),
            stale: Vec::new(),
            turn,
            cancel,
        }
    }

    /// These went stale with it.
    pub(crate) fn with_stale(self, stale: Vec<OpenTurn>) -> Self {
        Answer { stale, ..self }
    }

    /// Answers the question and gives its place to the next.
    pub(crate) async fn run(mut self) {
        let id = self.turn.turn.id;
        if let Err(error) = self.answer().await {
            // The turn stays open on the disk: the next lease of the room takes it up.
            error!(turn = %id, room = %self.lane.address, error = %chain(&error), "a turn could not be finished");
        }
        with_open(&self.lane, |open| {
            open.running.remove(&id);
            open.leave_mouth(id);
        });
        self.lane.changed.notify_waiters();
        self.host.start_turns(&self.lane);
    }

    /// The first call, to be reserved together with the question's acceptance; nothing if something has to be looked
    /// up before.
    pub(crate) fn first_attempt(&mut self) -> Option<Attempt> {
        let quoted = match &self.turn.turn.reply_to {
            Some(id) => Some(with_open(&self.lane, |open| open.line(id)).flatten()?),
            None => None,
        };
        let route = self.host.route_of(&self.lane)?;
        let mut walk = Walk::new(&route);
        let next = self.next(&route, &mut walk)?;
        let model = &route.models[next.at];
        if self.is_late(model) {
            // Nothing is set aside for a call that has to wait.
            return None;
        }
        let lines = self.prompt_lines(&route, quoted.as_ref(), true);
        let attempt = self.attempt(model, &self.request(model, &lines));
        self.course = Some(Course {
            route,
            walk,
            lines,
            next: Some(next),
            begun: Some(attempt.number),
        });
        Some(attempt)
    }

    /// The first call is in the ledger, or its money was not there.
    pub(crate) fn has_begun(&mut self, begun: bool) {
        match &self.course {
            Some(Course {
                route,
                next: Some(next),
                ..
            }) if begun => {
                self.attempts += 1;
                count_attempt(&route.models[next.at]);
            }
            Some(_) | None => self.course = None,
        }
    }

    async fn answer(&mut self) -> Result<(), StoreError> {
        if let Some(course) = self.course.take() {
            return self.follow(course).await;
        }
        if self.turn.released > 0 {
            return self.end_cut_short(None, String::new()).await;
        }
        if self.host.is_stale(&self.lane, &self.turn) {
            return self.end_stale().await;
        }
        let route = self.host.route_of(&self.lane);
        if self.turn.turn.question.is_empty() {
            // Recalled while nobody was there to cancel it.
            return self.end_silently(Reason::Cancelled, None).await;
        }
        let Some(route) = route else {
            return self.end_apologised(None).await;
        };
        let mut walk = Walk::new(&route);
        let next = self.next(&route, &mut walk);
        let lines = self.prompt_source(&route, true).await?;
        self.follow(Course {
            route,
            walk,
            lines,
            next,
            begun: None,
        })
        .await
    }

    /// Whether it has to be waited for.
    fn is_late(&self, model: &RouteModel) -> bool {
        match self.host.gateway.presence(&model.provider) {
            Presence::Always | Presence::Since(_) => false,
            Presence::Near | Presence::Far => true,
        }
    }

    /// Waits for a model that is on its way, as long as the question has patience.
    async fn arrives(&self, model: &RouteModel) -> Arrival {
        let gateway = &self.host.gateway;
        let left = PATIENCE.saturating_sub(age(&self.turn, self.host.clock.now()));
        let late = self.is_late(model);
        if late {
            info!(turn = %self.turn.turn.id, room = %self.lane.address, provider = %model.provider,
                "a question waits: {} is on its way", model.provider);
        }
        tokio::select! {
            here = gateway.arrive(&model.provider, left) => match here {
                Ok(()) if late => Arrival::Late,
                Ok(()) => Arrival::Here,
                Err(error) => Arrival::Never(error),
            },
            () = self.cancel.cancelled() => Arrival::Stopped,
            () = self.host.stop.cancelled(), if late => Arrival::Closing,
        }
    }

    /// Asks one model after the other until one answers.
    async fn follow(&mut self, course: Course) -> Result<(), StoreError> {
        let Course {
            route,
            mut walk,
            mut lines,
            mut next,
            mut begun,
        } = course;
        let mut deadline = Instant::now() + DEADLINE;
        for model in &route.models {
            if self.host.gateway.presence(&model.provider) == Presence::Far {
                // If others answer this question, the next one may find it here.
                self.host.gateway.wake(&model.provider);
            }
        }
        let mut trimmed = false;
        let mut last_end = None;
        let mut short_of_money = false;
        let mut declined = false;
        let mut in_vain = false;
        while let Some(Next { at, pause, leave }) = next {
            let model = &route.models[at];
            if !self.pause(pause).await {
                return self.end_stopped(last_end).await;
            }
            if begun.is_none() {
                let since = Instant::now();
                let arrival = self.arrives(model).await;
                // This time is the model's and not the question's.
                deadline += since.elapsed();
                match arrival {
                    Arrival::Here => {}
                    // What was taken back meanwhile must not be told.
                    Arrival::Late => lines = self.prompt_source(&route, !trimmed).await?,
                    Arrival::Never(error) => {
                        self.note_failure(model, &error, Some(leave));
                        in_vain |= error.kind == FailureKind::Timeout;
                        next = self.next_after(&route, &mut walk, &error, deadline);
                        continue;
                    }
                    Arrival::Stopped => return self.end_stopped(last_end).await,
                    Arrival::Closing => return Ok(()),
                }
            }
            let request = self.request(model, &lines);
            let reserved = match begun.take() {
                Some(number) => Some(number),
                None => self.reserve(model, &request).await?,
            };
            let Some(number) = reserved else {
                short_of_money = true;
                // Nobody was asked: the leave is for another question.
                drop(leave);
                next = self.next(&route, &mut walk);
                continue;
            };
            if let Some(end) = last_end.take() {
                self.host.store.attempt_ended(self.lease, end).await?;
            }
            fault::point("before-call");
            leave.goes_out(self.host.steady());
            let mut report = Report::default();
            let hurries = leave.probes() && self.has_well(&route, &walk);
            let (called, leave) = match hurries {
                true => match self.probe(model, &request, deadline, leave).await {
                    Probed::Speaks(chunks, leave) => {
                        let called = self.listen(model, chunks, &mut report).await?;
                        (called, Some(leave))
                    }
                    Probed::Ended(called, leave) => (called, leave),
                },
                false => {
                    let called = self.call(model, &request, deadline, &mut report).await?;
                    (called, Some(leave))
                }
            };
            let failure = match &called {
                Called::Finished(_) => None,
                Called::Failed(error, _) => Some(error.kind),
                Called::Cancelled => None,
            };
            let end = self.attempt_end(model, &request, number, failure, &report);
            match called {
                Called::Finished(parts) => {
                    if leave.is_some_and(Leave::succeeded) {
                        info!(provider = %model.provider, "{} answers again", model.provider);
                    }
                    return self.end_answered(model, parts, end).await;
                }
                Called::Cancelled => return self.end_stopped(Some(end)).await,
                Called::Failed(error, parts) => {
                    self.note_failure(model, &error, leave);
                    if self.next_part > 0 {
                        return self
                            .end_cut_short(Some((model, end)), parts.finish().unwrap_or_default())
                            .await;
                    }
                    last_end = Some(end);
                    if error.kind.gives_up() {
                        declined = true;
                        break;
                    }
                    if error.kind == FailureKind::TooLong && !trimmed && walk.once_shorter() {
                        trimmed = true;
                        lines = self.prompt_source(&route, false).await?;
                        next = self.again(&route, at);
                        continue;
                    }
                    next = self.next_after(&route, &mut walk, &error, deadline);
                }
            }
        }
        if declined {
            return self
                .end_with(Reason::Declined, Notice::Declined, last_end)
                .await;
        }
        if in_vain {
            return self
                .end_with(Reason::Expired, Notice::Apology, last_end)
                .await;
        }
        if short_of_money && last_end.is_none() {
            let (_, next_day) = self.lane.charter.zone.day(self.host.clock.now());
            let notice = Notice::MoneyGone {
                refills: self.lane.charter.zone.clock(next_day),
            };
            return self.end_with(Reason::QuotaMoney, notice, None).await;
        }
        error!(turn = %self.turn.turn.id, room = %self.lane.address, "no provider on route `{}` answered", route.name);
        self.end_apologised(last_end).await
    }

    /// Waits; false if the turn was stopped meanwhile.
    async fn pause(&self, pause: Duration) -> bool {
        if pause.is_zero() {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.cancel.cancelled() => false,
        }
    }
}
