//! One turn, from question to settlement: one model is asked after the other until one answers.
//! `choosing.rs` says which, `asking.rs` makes one call, `probing.rs` one to somebody who was ill, `ending.rs` ends
//! the turn. Nothing is sent here.

mod asking;
mod choosing;
mod ending;
mod probing;

pub(crate) use asking::guests_budgets;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use teahouse_core::rules::verdict::{Finding, RuleName};
use teahouse_core::{
    AttemptNumber, FRESHNESS, FailureKind, Language, Notice, PATIENCE, PromptLine, Reason, Route,
    RouteModel, TurnId, Walk,
};
use teahouse_providers::{Presence, ProviderError};
use teahouse_store::{Attempt, Lease, OpenTurn, StoreError, fault};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::breakers::Leave;
use crate::clock::time_since;
use crate::host::{Host, chain, pause_after, with_open};
use crate::judging::Terms;
use crate::room::Lane;
use crate::signs::Toll;
use asking::{Called, Report, count_attempt};
use choosing::Next;
pub(crate) use ending::first_contact;
use probing::Probed;

/// A question gets so long over all its attempts.
const DEADLINE: Duration = Duration::from_secs(240);

/// Questions whose moment is kept in memory, before those are let go that must be over.
const HEARD: usize = 16_384;
const LONG_OVER: Duration = Duration::from_secs(3_600);

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
    /// What its question brings with it.
    terms: Terms,
    /// What the gate has stopped of it.
    withheld: Option<Box<Finding>>,
    /// What guests may spend together could not hold a call.
    guests_are_short: bool,
}

/// Where a turn stands on its route.
struct Course {
    route: Arc<Route>,
    walk: Walk,
    lines: Vec<PromptLine>,
    /// How often messages had been taken back when the lines were made.
    recalls: u64,
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
    /// Whether a question of which nothing was shown is too old to be begun.
    pub(crate) fn is_stale(&self, lane: &Lane, turn: &OpenTurn) -> bool {
        let age = self.age(turn);
        turn.released == 0 && age > self.freshness(lane, age)
    }

    /// How old a question may be when it is begun: older if it has had to wait for a model that is on its way, or
    /// came since it was asked.
    fn freshness(&self, lane: &Lane, age: Duration) -> Duration {
        let late = |model: &RouteModel| match self.gateway.presence(&model.provider) {
            Presence::Always => false,
            Presence::Since(came) => came.elapsed() < age,
            Presence::Near | Presence::Far => true,
        };
        let waits = |route: Arc<Route>| route.models.iter().any(late);
        match age > FRESHNESS && self.route_of(lane).is_some_and(waits) {
            true => PATIENCE,
            false => FRESHNESS,
        }
    }

    /// How long ago it was asked: also where this process has waited with it and somebody set the wall clock back.
    fn age(&self, turn: &OpenTurn) -> Duration {
        let by_wall = time_since(turn.turn.asked, self.clock.now());
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let lived = heard.get(&turn.turn.id).map(Instant::elapsed);
        lived.map_or(by_wall, |lived| lived.max(by_wall))
    }

    /// A question was heard at this moment, and is on the disk or on its way there.
    pub(crate) fn was_heard(&self, turn: TurnId, at: Instant) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() >= HEARD {
            // Rooms that another host took over end theirs there.
            heard.retain(|_, at| at.elapsed() < LONG_OVER);
        }
        heard.insert(turn, at);
    }

    /// A question on the disk that this process did not hear was asked before it began.
    pub(crate) fn is_no_younger(&self, turn: TurnId) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.entry(turn).or_insert(self.began);
    }

    pub(crate) fn has_ended(&self, turn: TurnId) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.remove(&turn);
    }
}

/// Asks for the answer in the language of the house alone.
fn in_house_language(lines: &mut [PromptLine], language: Language) {
    if let Some(first) = lines.first_mut() {
        first.content.push_str(match language {
            Language::English => "\nYour last answer was not in English. Answer in English only.",
            Language::Chinese => "\n你上一次没有用中文回答。只用中文回答。",
        });
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
        let terms = Terms::of(&host, &lane, &turn);
        Answer {
            terms,
            withheld: None,
            guests_are_short: false,
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
        let done = self.answer().await;
        if let Err(error) = &done {
            // The turn stays open on the disk: the next lease of the room takes it up.
            error!(turn = %id, room = %self.lane.address, error = %chain(error), "a turn could not be finished");
            let troubles = {
                let mut state = self.lane.state();
                state.troubles += 1;
                state.troubles
            };
            with_open(&self.lane, |open| {
                let is_ours = open.running.contains_key(&id);
                open.in_doubt |= is_ours;
                open.left += usize::from(is_ours);
            });
            // It will be asked anew: not at once, and ever later, for each call costs money.
            self.host.rest_for(pause_after(troubles + 2)).await;
        } else {
            self.lane.state().troubles = 0;
        }
        with_open(&self.lane, |open| {
            open.running.remove(&id);
            open.leave_mouth(id);
        });
        self.lane.changed.notify_waiters();
        self.host.start_turns(&self.lane);
        self.host.open_anew_if_in_doubt(&self.lane);
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
        let recalls = self.recalls();
        let lines = self.prompt_lines(&route, quoted.as_ref(), true);
        let attempt = self.attempt(model, &self.request(model, &lines));
        self.course = Some(Course {
            route,
            walk,
            lines,
            recalls,
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
            return self.end_stale(None).await;
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
        let recalls = self.recalls();
        let lines = self.prompt_source(&route, true).await?;
        self.follow(Course {
            route,
            walk,
            lines,
            recalls,
            next,
            begun: None,
        })
        .await
    }

    /// Whether an answer would come too late: to a question that was not fresh when it was first asked of a model, or
    /// to one for which even the time of its answer is over. Then the machine slept, or the disk was away.
    fn is_too_late(&self, was_asked: bool) -> bool {
        let age = self.host.age(&self.turn);
        let limit = self.host.freshness(&self.lane, age);
        let limit = match was_asked {
            true => limit + DEADLINE,
            false => limit,
        };
        self.next_part == 0 && age > limit
    }

    /// How often messages of the room have been taken back.
    fn recalls(&self) -> u64 {
        with_open(&self.lane, |open| open.recalls).unwrap_or_default()
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
        let left = PATIENCE.saturating_sub(self.host.age(&self.turn));
        let late = self.is_late(model);
        if late {
            info!(turn = %self.turn.turn.id, room = %self.lane.address, provider = %model.provider,
                "a question waits: {} is on its way", model.provider);
        }
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Arrival::Stopped,
            () = self.host.stop.cancelled(), if late => Arrival::Closing,
            here = gateway.arrive(&model.provider, left) => match here {
                Ok(()) if late => Arrival::Late,
                Ok(()) => Arrival::Here,
                Err(error) => Arrival::Never(error),
            },
        }
    }

    /// Asks one model after the other until one answers.
    async fn follow(&mut self, course: Course) -> Result<(), StoreError> {
        let Course {
            route,
            mut walk,
            mut lines,
            mut recalls,
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
        let mut rewritten = false;
        let mut last_end = None;
        let mut short_of_money = false;
        let mut declined = false;
        let mut in_vain = false;
        let mut was_asked = false;
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
                self.host
                    .insist(&self.lane, || {
                        self.host.store.attempt_ended(self.lease, end.clone())
                    })
                    .await?;
            }
            fault::point("before-call");
            let mut request = request;
            while recalls != self.recalls() {
                // What was taken back meanwhile must not be told.
                recalls = self.recalls();
                lines = self.prompt_source(&route, !trimmed).await?;
                request = self.request(model, &lines);
            }
            // Everything up to here may have waited for the disk.
            if self.is_too_late(was_asked) {
                return self.end_stale(Some(self.not_called(number))).await;
            }
            was_asked = true;
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
                Called::Cancelled | Called::Withheld => None,
            };
            let end = self.attempt_end(model, &request, number, failure, &report);
            let withheld = match called {
                Called::Finished(parts) => {
                    if leave.is_some_and(Leave::succeeded) {
                        info!(provider = %model.provider, "{} answers again", model.provider);
                    }
                    if self.is_too_late(true) {
                        return self.end_stale(Some(end)).await;
                    }
                    match self.end_answered(model, parts, end).await? {
                        None => return Ok(()),
                        Some(end) => end,
                    }
                }
                Called::Withheld => end,
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
                    continue;
                }
            };
            // Asked once more for the house's language, if nothing was shown yet; else the rule has the last word.
            let by = self.withheld.take().map(|finding| finding.rule);
            if by != Some(RuleName::Language) || rewritten || self.next_part > 0 {
                return self
                    .end_with(Reason::RuleRemoved, Notice::Withheld, Some(withheld))
                    .await;
            }
            rewritten = true;
            last_end = Some(withheld);
            in_house_language(&mut lines, self.host.language_of(&self.lane));
            next = self.again(&route, at);
        }
        if self.is_too_late(true) {
            return self.end_stale(last_end).await;
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
            let (_, next_day) = self.lane.charter().zone.day(self.host.clock.now());
            let refills = self.lane.charter().zone.clock(next_day);
            let notice = match self.guests_are_short {
                true => Notice::GuestsMoneyGone { refills },
                false => Notice::MoneyGone { refills },
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
            biased;
            () = self.cancel.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }
}
