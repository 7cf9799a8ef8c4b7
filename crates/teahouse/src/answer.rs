//! One turn: prompt → reserve → provider → parts → gate → outbox. Money is set aside before each call and booked
//! after it; the last part, the cost and the outcome are one transaction. Nothing is sent here.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use metrics::counter;
use teahouse_core::{
    AiMark, AttemptNumber, ChatRequest, Chunk, Exchange, FRESHNESS, FailureKind, Finish, Nano,
    NextStep, Notice, PATIENCE, Parts, PromptLine, PromptSource, Reason, ReportedUsage, Route,
    RouteModel, Source, TalkLine, Usage, Walk, clean_text, cut_short, fit, prompt, strip_reasoning,
};
use teahouse_providers::{Presence, ProviderError};
use teahouse_store::{
    Attempt, AttemptEnd, Budget, Lease, OpenTurn, Outbound, Reserved, Settlement, StoreError, fault,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::delivery::CLAIM;
use crate::host::{Host, chain, count, with_open};
use crate::room::Lane;
use crate::signs::Toll;

/// A question gets so long over all its attempts.
const DEADLINE: Duration = Duration::from_secs(240);
/// Whoever waits for the room's mouth looks again after so long; mostly they are woken.
const MOUTH_PAUSE: Duration = Duration::from_secs(1);
/// Our estimate of a prompt may be a third off; what is set aside must still be enough.
const ESTIMATE_MARGIN: (u64, u64) = (4, 3);

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
}

/// Where a turn stands on its route.
struct Course {
    route: Arc<Route>,
    walk: Walk,
    lines: Vec<PromptLine>,
    /// The model to ask next.
    next: Option<usize>,
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

/// How a call ended.
enum Called {
    /// The model has said all it had to say.
    Finished(Parts),
    /// It broke off; some of it may be held.
    Failed(ProviderError, Parts),
    /// Stopped from outside.
    Cancelled,
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
            turn,
            cancel,
        }
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
        let mut walk = self.walk(&route);
        let next = walk.next_model()?;
        if self.is_late(&route.models[next]) {
            // Nothing is set aside for a call that has to wait.
            return None;
        }
        let lines = self.prompt_lines(&route, quoted.as_ref(), true);
        let attempt = self.attempt(
            &route.models[next],
            &self.request(&route.models[next], &lines),
        );
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
                next: Some(at),
                ..
            }) if begun => {
                self.attempts += 1;
                count_attempt(&route.models[*at]);
            }
            Some(_) | None => self.course = None,
        }
    }

    async fn answer(&mut self) -> Result<(), StoreError> {
        if let Some(course) = self.course.take() {
            return self.follow(course).await;
        }
        let now = self.host.clock.now();
        if self.turn.released > 0 {
            return self.end_cut_short(None, String::new()).await;
        }
        let route = self.host.route_of(&self.lane);
        if self.age(now) > self.freshness(route.as_deref(), now) {
            return self.end_with(Reason::Expired, Notice::Apology, None).await;
        }
        if self.turn.turn.question.is_empty() {
            // Recalled while nobody was there to cancel it.
            return self.end_silently(Reason::Cancelled, None).await;
        }
        let Some(route) = route else {
            return self
                .end_with(Reason::ProviderFailed, Notice::CannotAnswer, None)
                .await;
        };
        let mut walk = self.walk(&route);
        let next = walk.next_model();
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

    fn walk(&self, route: &Route) -> Walk {
        let breakers = self
            .host
            .breakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = self.host.clock.now();
        Walk::new(route, |provider| {
            breakers.is_resting(provider, now)
                || self.host.gateway.presence(provider) == Presence::Far
        })
    }

    /// How long ago it was asked.
    fn age(&self, now: Timestamp) -> Duration {
        let age = now.duration_since(self.turn.turn.asked);
        if age.is_positive() {
            age.unsigned_abs()
        } else {
            Duration::ZERO
        }
    }

    /// How old it may be: older if it has had to wait for a model that is on its way, or came since it was asked.
    fn freshness(&self, route: Option<&Route>, now: Timestamp) -> Duration {
        let age = self.age(now);
        let late = |model: &RouteModel| match self.host.gateway.presence(&model.provider) {
            Presence::Always => false,
            Presence::Since(came) => came.elapsed() < age,
            Presence::Near | Presence::Far => true,
        };
        match route.is_some_and(|route| route.models.iter().any(late)) {
            true => PATIENCE,
            false => FRESHNESS,
        }
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
        let left = PATIENCE.saturating_sub(self.age(self.host.clock.now()));
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
        while let Some(at) = next {
            let model = &route.models[at];
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
                        self.note_failure(model, &error);
                        in_vain |= error.kind == FailureKind::Timeout;
                        next = walk.next_model();
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
                next = walk.next_model();
                continue;
            };
            if let Some(end) = last_end.take() {
                self.host.store.attempt_ended(self.lease, end).await?;
            }
            fault::point("before-call");
            let mut report = Report::default();
            let called = self.call(model, &request, deadline, &mut report).await?;
            let failure = match &called {
                Called::Finished(_) => None,
                Called::Failed(error, _) => Some(error.kind),
                Called::Cancelled => None,
            };
            let end = self.attempt_end(model, &request, number, failure, &report);
            match called {
                Called::Finished(parts) => {
                    self.breakers(|breakers, _| breakers.succeeded(&model.provider));
                    return self.end_answered(model, parts, end).await;
                }
                Called::Cancelled => return self.end_stopped(Some(end)).await,
                Called::Failed(error, parts) => {
                    self.note_failure(model, &error);
                    if self.next_part > 0 {
                        return self
                            .end_cut_short(Some((model, end)), parts.finish().unwrap_or_default())
                            .await;
                    }
                    last_end = Some(end);
                    if Walk::ends_with(error.kind) {
                        declined = true;
                        break;
                    }
                    if error.kind == FailureKind::TooLong && !trimmed {
                        trimmed = true;
                        lines = self.prompt_source(&route, false).await?;
                        continue;
                    }
                    next = match walk.after(error.kind) {
                        Some((at, pause)) if Instant::now() + pause < deadline => {
                            if !self.pause(pause).await {
                                return self.end_stopped(last_end).await;
                            }
                            Some(at)
                        }
                        Some(_) | None => None,
                    };
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
        self.end_with(Reason::ProviderFailed, Notice::CannotAnswer, last_end)
            .await
    }

    /// Waits; false if the turn was stopped meanwhile.
    async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.cancel.cancelled() => false,
        }
    }

    fn request(&self, model: &RouteModel, lines: &[PromptLine]) -> ChatRequest {
        ChatRequest {
            model: model.model.clone(),
            lines: lines.to_vec(),
            max_tokens: self.lane.charter.max_tokens.get(),
        }
    }

    async fn prompt_source(
        &self,
        route: &Route,
        with_context: bool,
    ) -> Result<Vec<PromptLine>, StoreError> {
        let quoted = match &self.turn.turn.reply_to {
            Some(id) => self.quoted(id).await?,
            None => None,
        };
        Ok(self.prompt_lines(route, quoted.as_ref(), with_context))
    }

    fn prompt_lines(
        &self,
        route: &Route,
        quoted: Option<&TalkLine>,
        with_context: bool,
    ) -> Vec<PromptLine> {
        let turn = &self.turn.turn;
        let date = self.lane.charter.zone.date(self.host.clock.now());
        let small = route
            .models
            .iter()
            .all(|model| model.mark == AiMark::SmallModel);
        let make = |exchanges: &[&Exchange], talk: &[&TalkLine]| {
            prompt(&PromptSource {
                persona: self.lane.charter.persona.as_deref(),
                language: self.host.language_of(&self.lane),
                date: (!small).then_some(date.as_str()),
                asker: &turn.member,
                asker_name: &turn.name,
                question: &turn.question,
                quoted,
                exchanges,
                talk,
            })
        };
        let with_room = with_context
            .then(|| with_open(&self.lane, |open| make(&open.exchanges(), &open.talk())));
        with_room.flatten().unwrap_or_else(|| make(&[], &[]))
    }

    async fn quoted(&self, id: &teahouse_core::MessageId) -> Result<Option<TalkLine>, StoreError> {
        if let Some(line) = with_open(&self.lane, |open| open.line(id)).flatten() {
            return Ok(Some(line));
        }
        self.host.flush_talk().await;
        let kept = self
            .host
            .store
            .line(self.lease.room, &self.lane.address.account, id)
            .await?;
        Ok(kept.map(|line| TalkLine {
            member: line.member,
            name: line.name,
            text: line.text,
        }))
    }

    /// The next call of a model, and the highest it may cost.
    fn attempt(&self, model: &RouteModel, request: &ChatRequest) -> Attempt {
        let now = self.host.clock.now();
        let tokens = request.estimated_tokens() * ESTIMATE_MARGIN.0 / ESTIMATE_MARGIN.1;
        let reserve = model.price.cost(tokens, u64::from(request.max_tokens));
        let charter = &self.lane.charter;
        let mut budgets = vec![Budget {
            // Each currency on its own: what was spent in one is no sum with another.
            key: format!(
                "room/{}/{}/{}",
                self.lease.room,
                charter.zone.date(now),
                model.price.currency
            ),
            limit: charter.purse.daily_limit(&model.price.currency),
        }];
        if let Some(credit) = self.host.credits.get(&model.provider) {
            budgets.push(Budget {
                key: format!("credit/{}", model.provider),
                limit: *credit,
            });
        }
        if reserve == Nano::ZERO {
            budgets.clear();
        }
        Attempt {
            turn: self.turn.turn.id,
            number: AttemptNumber {
                step: 0,
                attempt: self.attempts + 1,
            },
            provider: model.provider.clone(),
            model: model.model.clone(),
            reserve,
            currency: model.price.currency.clone(),
            budgets,
            at: now,
        }
    }

    /// Sets the highest cost aside; nothing if the money is not there.
    async fn reserve(
        &mut self,
        model: &RouteModel,
        request: &ChatRequest,
    ) -> Result<Option<AttemptNumber>, StoreError> {
        let attempt = self.attempt(model, request);
        let number = attempt.number;
        match self.host.store.attempt(self.lease, attempt).await? {
            Reserved::Yes => {
                self.attempts += 1;
                count_attempt(model);
                Ok(Some(number))
            }
            Reserved::Short { budget } => {
                warn!(room = %self.lane.address, "budget `{budget}` cannot hold another question to {}", model.provider);
                Ok(None)
            }
        }
    }

    /// One call: chunks become parts as they come.
    async fn call(
        &mut self,
        model: &RouteModel,
        request: &ChatRequest,
        deadline: Instant,
        report: &mut Report,
    ) -> Result<Called, StoreError> {
        let mut parts = self.host.parts_for(&self.lane);
        let opened = tokio::select! {
            opened = self.host.gateway.chat(&model.provider, request, deadline) => opened,
            () = self.cancel.cancelled() => return Ok(Called::Cancelled),
        };
        let mut chunks = match opened {
            Ok(chunks) => chunks,
            Err(error) => return Ok(Called::Failed(error, parts)),
        };
        let mut mouth_is_taken = false;
        loop {
            let wakes_in = match mouth_is_taken {
                true => Some(MOUTH_PAUSE),
                false => parts
                    .wakes_at()
                    .and_then(|at| until(self.host.clock.now(), at)),
            };
            let lane = self.lane.clone();
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = self.cancel.cancelled() => return Ok(Called::Cancelled),
                () = lane.changed.notified(), if mouth_is_taken => {
                    mouth_is_taken = self.release_due(model, &mut parts).await?;
                    continue;
                }
                () = sleep_for(wakes_in), if wakes_in.is_some() => {
                    mouth_is_taken = self.release_due(model, &mut parts).await?;
                    continue;
                }
            };
            match chunk {
                Some(Ok(Chunk::Text(text))) => {
                    report.text.push_str(&text);
                    parts.push(&text);
                    fault::point("after-first-chunk");
                    mouth_is_taken = self.release_due(model, &mut parts).await?;
                }
                Some(Ok(Chunk::Usage(usage))) => report.usage = usage,
                Some(Ok(Chunk::Finish(finish))) => report.finish = Some(finish),
                Some(Ok(Chunk::Thinking | Chunk::KeepAlive)) => report.began = true,
                Some(Err(error)) => return Ok(Called::Failed(error, parts)),
                None if report.finish == Some(Finish::Filtered) => {
                    return Ok(Called::Failed(filtered(&model.provider), parts));
                }
                None if says_nothing(&report.text) => {
                    return Ok(Called::Failed(empty(&model.provider), parts));
                }
                None => return Ok(Called::Finished(parts)),
            }
        }
    }

    /// Puts the next part into the outbox, if one is due and the room's mouth is free for it; says whether only the
    /// mouth is missing.
    async fn release_due(
        &mut self,
        model: &RouteModel,
        parts: &mut Parts,
    ) -> Result<bool, StoreError> {
        let now = self.host.clock.now();
        if !parts.is_due(now) {
            return Ok(false);
        }
        if !self.take_mouth(false, now) {
            return Ok(true);
        }
        let Some(text) = parts.due(now).map(|text| strip_reasoning(&text)) else {
            return Ok(false);
        };
        if let Some(part) = self.part(model, text.clone(), now) {
            self.host
                .store
                .release(self.lease, part, text.clone(), now)
                .await?;
            self.shown.push_str(&text);
            if !self.host.joins_parts(&self.lane) {
                self.shown.push('\n');
            }
            self.next_part += 1;
            self.host.deliver_soon(&self.lane);
        }
        Ok(false)
    }

    fn take_mouth(&self, last: bool, now: Timestamp) -> bool {
        // Where parts are joined, answers that grow beside each other disturb nobody.
        if self.host.joins_parts(&self.lane) {
            return true;
        }
        with_open(&self.lane, |open| {
            open.take_mouth(self.turn.turn.id, last, now)
        })
        .unwrap_or(true)
    }

    /// Waits for the room's mouth: another answer has it for 15 s at most. False if the turn was stopped meanwhile.
    async fn wait_for_mouth(&self) -> bool {
        loop {
            let changed = self.lane.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.cancel.is_cancelled() {
                return false;
            }
            if self.take_mouth(true, self.host.clock.now()) {
                return true;
            }
            tokio::select! {
                () = changed => {}
                () = self.cancel.cancelled() => {}
                () = tokio::time::sleep(MOUTH_PAUSE) => {}
            }
        }
    }

    fn part(&self, model: &RouteModel, text: String, now: Timestamp) -> Option<Outbound> {
        let quote = Some(&self.turn.turn.message);
        let language = self.host.language_of(&self.lane);
        let longest = self
            .longest_text()
            .saturating_sub(model.mark.text(language).chars().count());
        let text = fit(text, longest, cut_short(language));
        let draft = self
            .host
            .draft(&self.lane, quote, text, Source::Model(model.mark));
        self.host.outbound(
            &self.lane,
            draft,
            Some((self.turn.turn.id, self.next_part)),
            now,
        )
    }

    /// What the platform takes in one message.
    fn longest_text(&self) -> usize {
        let account = self.host.accounts.get(&self.lane.address.account);
        account.map_or(usize::MAX, |account| {
            account.adapter.capabilities().longest_text
        })
    }

    fn attempt_end(
        &mut self,
        model: &RouteModel,
        request: &ChatRequest,
        number: AttemptNumber,
        failure: Option<FailureKind>,
        report: &Report,
    ) -> AttemptEnd {
        let billed = failure.is_none_or(|kind| report.began() || may_be_billed(kind));
        let usage = match billed {
            true => report
                .usage
                .checked(request.estimated_tokens(), &report.text),
            false => Usage::default(),
        };
        let end = AttemptEnd {
            turn: self.turn.turn.id,
            number,
            failure,
            usage,
            cost: model
                .price
                .cost(usage.prompt_tokens, usage.completion_tokens),
            at: self.host.clock.now(),
        };
        self.toll.add(&end, &model.price.currency);
        end
    }

    fn note_failure(&self, model: &RouteModel, error: &ProviderError) {
        warn!(turn = %self.turn.turn.id, room = %self.lane.address, provider = %model.provider, error = %error, "an attempt failed");
        counter!("teahouse_failures_total", "provider" => model.provider.clone()).increment(1);
        if let NextStep::Failover { rest } = error.kind.next_step(error.wait) {
            self.breakers(|breakers, now| breakers.failed(&model.provider, rest, now));
        }
    }

    fn breakers(&self, work: impl FnOnce(&mut teahouse_core::Breakers, Timestamp)) {
        let now = self.host.clock.now();
        work(
            &mut self
                .host
                .breakers
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
            now,
        );
    }

    /// The whole answer is here: its last part, its cost and its end are one.
    async fn end_answered(
        &mut self,
        model: &RouteModel,
        parts: Parts,
        end: AttemptEnd,
    ) -> Result<(), StoreError> {
        if !self.wait_for_mouth().await {
            return self.end_stopped(Some(end)).await;
        }
        let now = self.host.clock.now();
        let rest = strip_reasoning(&parts.finish().unwrap_or_default());
        let part = self.part(model, rest.clone(), now);
        if part.is_none() && self.next_part == 0 {
            return self
                .end_with(Reason::ProviderFailed, Notice::CannotAnswer, Some(end))
                .await;
        }
        let say = part.into_iter().collect();
        let millis = now.duration_since(self.turn.turn.asked).as_millis();
        info!(turn = %self.turn.turn.id, room = %self.lane.address, provider = %model.provider, wait_ms = millis as i64,
            "answered in room `{}` by {}", self.lane.address, model.provider);
        self.settle(Reason::Answered, false, Some(end), say, rest)
            .await
    }

    /// Some of the answer was shown and no more will come.
    async fn end_cut_short(
        &mut self,
        with: Option<(&RouteModel, AttemptEnd)>,
        rest: String,
    ) -> Result<(), StoreError> {
        if !self.wait_for_mouth().await {
            return self.end_stopped(with.map(|(_, end)| end)).await;
        }
        let mark = cut_short(self.host.language_of(&self.lane));
        let text = if rest.is_empty() {
            mark.to_owned()
        } else {
            format!("{rest}{mark}")
        };
        let now = self.host.clock.now();
        let (source, end) = match with {
            Some((model, end)) if !rest.is_empty() => (Source::Model(model.mark), Some(end)),
            Some((_, end)) => (Source::House, Some(end)),
            None => (Source::House, None),
        };
        let draft = self
            .host
            .draft(&self.lane, Some(&self.turn.turn.message), text, source);
        let part = self.host.outbound(
            &self.lane,
            draft,
            Some((self.turn.turn.id, self.next_part)),
            now,
        );
        self.settle(
            Reason::Answered,
            true,
            end,
            part.into_iter().collect(),
            rest,
        )
        .await
    }

    /// Ends with a notice that quotes the question.
    async fn end_with(
        &mut self,
        reason: Reason,
        notice: Notice,
        end: Option<AttemptEnd>,
    ) -> Result<(), StoreError> {
        let now = self.host.clock.now();
        let text = notice.text(self.host.language_of(&self.lane));
        let draft = self.host.draft(
            &self.lane,
            Some(&self.turn.turn.message),
            text,
            Source::House,
        );
        let part = self.host.outbound(
            &self.lane,
            draft,
            Some((self.turn.turn.id, self.next_part)),
            now,
        );
        self.settle(
            reason,
            false,
            end,
            part.into_iter().collect(),
            String::new(),
        )
        .await
    }

    /// Stopped from outside: no further word.
    async fn end_stopped(&mut self, end: Option<AttemptEnd>) -> Result<(), StoreError> {
        let ended_by = with_open(&self.lane, |open| {
            let running = open.running.get(&self.turn.turn.id);
            running.and_then(|running| running.ended_by)
        });
        self.end_silently(ended_by.flatten().unwrap_or(Reason::Cancelled), end)
            .await
    }

    async fn end_silently(
        &mut self,
        reason: Reason,
        end: Option<AttemptEnd>,
    ) -> Result<(), StoreError> {
        self.settle(reason, false, end, vec![], String::new()).await
    }

    async fn settle(
        &mut self,
        reason: Reason,
        cut_short: bool,
        attempt: Option<AttemptEnd>,
        mut say: Vec<Outbound>,
        rest: String,
    ) -> Result<(), StoreError> {
        let now = self.host.clock.now();
        let answered = reason == Reason::Answered;
        let greets = answered
            && with_open(&self.lane, |open| {
                !std::mem::replace(&mut open.greeted, true)
            }) == Some(true);
        if greets {
            let charter = &self.lane.charter;
            let trigger = charter.trigger.first().to_owned();
            let notice = Notice::FirstContact {
                trigger,
                days: charter.keep.days,
            };
            say.extend(self.host.say(&self.lane, None, notice, now));
        }
        if !answered {
            // Its line learns of it.
            self.host.flush_talk().await;
        }
        // A room where nothing else waits gets the first row in the same moment.
        let speaks = !say.is_empty() && self.lane.state().start_delivery();
        fault::point("before-settle");
        let settlement = Settlement {
            turn: self.turn.turn.id,
            reason,
            cut_short,
            attempt,
            claim_until: speaks.then_some(now + CLAIM),
            say,
            answer: rest.clone(),
            greeted: greets,
            at: now,
        };
        let settled = self.host.store.settle(self.lease, settlement).await;
        if settled.is_err() && greets {
            with_open(&self.lane, |open| open.greeted = false);
        }
        fault::point("after-settle");
        // Who has taken the room's mouth has to use it, whatever became of the rest.
        let (first, settled) = match settled {
            Ok(first) => (first, Ok(())),
            Err(error) => (None, Err(error)),
        };
        if speaks {
            self.host.deliver(&self.lane, first);
        }
        settled?;
        with_open(&self.lane, |open| {
            open.answered = Some(self.turn.turn.member.clone())
        });
        count(reason);
        let age = now.duration_since(self.turn.turn.asked).as_millis();
        self.toll.millis = u64::try_from(age).unwrap_or_default();
        self.host
            .sign_ended(&self.lane, &self.turn.turn.message, reason, &self.toll);
        if answered && !self.turn.turn.question.is_empty() {
            let turn = &self.turn.turn;
            let answer = format!("{}{rest}", self.shown);
            let exchange = Exchange {
                member: turn.member.clone(),
                question: turn.question.clone(),
                answer,
            };
            with_open(&self.lane, |open| {
                // Recalled meanwhile: its words are not remembered.
                if open
                    .running
                    .get(&turn.id)
                    .is_none_or(|running| running.ended_by.is_none())
                {
                    open.exchanged(turn.message.clone(), exchange);
                }
            });
        }
        if !speaks {
            self.host.deliver_soon(&self.lane);
        }
        Ok(())
    }
}

fn count_attempt(model: &RouteModel) {
    counter!("teahouse_attempts_total", "provider" => model.provider.clone()).increment(1);
}

/// What a call has told so far.
#[derive(Default)]
struct Report {
    text: String,
    usage: ReportedUsage,
    finish: Option<Finish>,
    began: bool,
}

impl Report {
    fn began(&self) -> bool {
        self.began || !self.text.is_empty() || self.usage != ReportedUsage::default()
    }
}

/// Whether a vendor may bill a call that failed like this before a word came.
fn may_be_billed(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Timeout
        | FailureKind::Interrupted
        | FailureKind::Empty
        | FailureKind::ContentOutput => true,
        FailureKind::BadKey
        | FailureKind::IpOrRegion
        | FailureKind::AccountDead
        | FailureKind::NoMoney
        | FailureKind::PlanWindow
        | FailureKind::NoRight
        | FailureKind::Rate
        | FailureKind::Overloaded
        | FailureKind::Server
        | FailureKind::Network
        | FailureKind::TooLong
        | FailureKind::ContentInput
        | FailureKind::BadRequest
        | FailureKind::BadModel
        | FailureKind::Conflict => false,
    }
}

fn filtered(provider: &str) -> ProviderError {
    ProviderError {
        provider: provider.to_owned(),
        kind: FailureKind::ContentOutput,
        wait: None,
        detail: "the vendor's filter stopped the answer".into(),
    }
}

/// Whether the gate would leave nothing of an answer.
fn says_nothing(text: &str) -> bool {
    clean_text(&strip_reasoning(text)).trim().is_empty()
}

fn empty(provider: &str) -> ProviderError {
    ProviderError {
        provider: provider.to_owned(),
        kind: FailureKind::Empty,
        wait: None,
        detail: "an answer without a word".into(),
    }
}

/// How long from one moment to a later one.
fn until(now: Timestamp, at: Timestamp) -> Option<Duration> {
    (at > now).then(|| at.duration_since(now).unsigned_abs())
}

async fn sleep_for(length: Option<Duration>) {
    if let Some(length) = length {
        tokio::time::sleep(length).await;
    }
}
