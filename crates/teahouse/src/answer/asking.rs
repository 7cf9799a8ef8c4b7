//! Steps 5 to 7 of one call: prompt → reserve → chunks → parts → gate → outbox. Money is set aside before the call;
//! what it cost is booked by its caller. Decides nothing about who is asked, and ends no turn.

use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use metrics::counter;
use teahouse_core::{
    Address, AiMark, AttemptNumber, ChatRequest, Chunk, Draft, Exchange, FailureKind, Finish,
    MessageId, Nano, Parts, PromptLine, PromptSource, ReportedUsage, Route, RouteModel, Source,
    Speaker, TalkLine, Usage, clean_text, cut_short, fit, prompt, strip_reasoning,
};
use teahouse_providers::{ChatStream, ProviderError};
use teahouse_store::{Attempt, AttemptEnd, Budget, Outbound, Reserved, StoreError, fault};
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::Answer;
use crate::host::with_open;

/// Whoever waits for the room's mouth looks again after so long; mostly they are woken.
const MOUTH_PAUSE: Duration = Duration::from_secs(1);
/// Nobody waits longer for a quoted message.
const FETCH_LIMIT: Duration = Duration::from_secs(1);
/// The longest part of one that a prompt sees.
const LONGEST_QUOTE: usize = 1_000;
/// Our estimate of a prompt may be a third off; what is set aside must still be enough.
const ESTIMATE_MARGIN: (u64, u64) = (4, 3);

/// How the budgets begin that the guests of a room share.
const GUESTS: &str = "guests/";

/// The budgets of a room's guests on a day, but for their currency.
pub(crate) fn guests_budgets(address: &Address, date: &str) -> String {
    format!("{GUESTS}{address}/{date}/")
}

/// What a model is told of a question that wants something to hand in.
const COACH: &str = "\nThe question asks for a text to hand in as one's own. Do not write it: coach instead. Ask what they have, \
     give an outline, hints and corrections of their own words, a step at a time.";

/// How a call ended.
pub(super) enum Called {
    /// The model has said all it had to say.
    Finished(Parts),
    /// It broke off; some of it may be held.
    Failed(ProviderError, Parts),
    /// Stopped from outside.
    Cancelled,
    /// A rule has stopped it.
    Withheld,
}

impl Answer {
    pub(super) fn request(&self, model: &RouteModel, lines: &[PromptLine]) -> ChatRequest {
        ChatRequest {
            model: model.model.clone(),
            lines: self.without_private(lines),
            max_tokens: self.lane.charter().max_tokens.get(),
        }
    }

    /// What people said, without what no provider may see; what the admin wrote stays.
    fn without_private(&self, lines: &[PromptLine]) -> Vec<PromptLine> {
        let mut lines = lines.to_vec();
        for line in lines.iter_mut().filter(|line| line.role != Speaker::System) {
            if let Some(masked) = self.lane.rules().masked(&line.content) {
                line.content = masked;
            }
        }
        if self.terms.coach
            && let Some(first) = lines.first_mut()
        {
            first.content.push_str(COACH);
        }
        lines
    }

    pub(super) async fn prompt_source(
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

    pub(super) fn prompt_lines(
        &self,
        route: &Route,
        quoted: Option<&TalkLine>,
        with_context: bool,
    ) -> Vec<PromptLine> {
        let turn = &self.turn.turn;
        let date = self.lane.charter().zone.date(self.host.clock.now());
        let small = route
            .models
            .iter()
            .all(|model| model.mark == AiMark::SmallModel);
        let make = |exchanges: &[&Exchange], talk: &[&TalkLine]| {
            prompt(&PromptSource {
                persona: self.lane.charter().persona.as_deref(),
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

    async fn quoted(&self, id: &MessageId) -> Result<Option<TalkLine>, StoreError> {
        // The disk may still have what was taken back a moment ago.
        if self.lane.state().was_recalled(id) {
            return Ok(None);
        }
        if let Some(line) = with_open(&self.lane, |open| open.line(id)).flatten() {
            return Ok(Some(line));
        }
        self.host.flush_talk().await;
        let kept = self
            .host
            .store
            .line(self.lease.room, &self.lane.address.account, id)
            .await?;
        Ok(match kept {
            Some(line) => Some(TalkLine {
                member: line.member,
                name: line.name,
                text: line.text,
            }),
            None => self.fetched(id).await,
        })
    }

    /// A message that the house never heard, from the platform itself: welcome, never necessary. What it quotes in its
    /// turn is not followed.
    async fn fetched(&self, id: &MessageId) -> Option<TalkLine> {
        // Our own answers are in the conversation; it may have been taken back since.
        let ours = with_open(&self.lane, |open| open.own.contains(id)) != Some(false);
        if ours || *id == self.turn.turn.message || self.lane.state().was_recalled(id) {
            return None;
        }
        let account = self.host.accounts.get(&self.lane.address.account)?;
        let asked = account.adapter.message(&self.lane.address.chat, id);
        let message = match timeout(FETCH_LIMIT, asked).await {
            Ok(Ok(message)) => message?,
            Ok(Err(error)) => {
                debug!(room = %self.lane.address, %error, "a quoted message could not be looked up");
                return None;
            }
            Err(_) => return None,
        };
        let text: String = message.readable().chars().take(LONGEST_QUOTE).collect();
        Some(TalkLine {
            member: message.sender.id,
            name: clean_text(&message.sender.name).chars().take(64).collect(),
            text: clean_text(&text),
        })
    }

    /// The next call of a model, and the highest it may cost.
    pub(super) fn attempt(&self, model: &RouteModel, request: &ChatRequest) -> Attempt {
        let now = self.host.clock.now();
        let tokens = request.estimated_tokens() * ESTIMATE_MARGIN.0 / ESTIMATE_MARGIN.1;
        let reserve = model.price.cost(tokens, u64::from(request.max_tokens));
        let charter = &self.lane.charter();
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
        let account = self.host.accounts.get(&self.lane.address.account);
        let limit = account.and_then(|account| {
            let member = &self.turn.turn.member;
            account
                .adapter
                .guests_limit(&self.lane.address.chat, member)
        });
        budgets.extend(limit.map(|limit| Budget {
            key: format!(
                "{}{}",
                guests_budgets(&self.lane.address, &charter.zone.date(now)),
                model.price.currency
            ),
            limit,
        }));
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
    pub(super) async fn reserve(
        &mut self,
        model: &RouteModel,
        request: &ChatRequest,
    ) -> Result<Option<AttemptNumber>, StoreError> {
        let attempt = self.attempt(model, request);
        let number = attempt.number;
        let reserved = self
            .host
            .insist(&self.lane, || {
                self.host.store.attempt(self.lease, attempt.clone())
            })
            .await?;
        match reserved {
            Reserved::Yes => {
                self.attempts += 1;
                count_attempt(model);
                Ok(Some(number))
            }
            Reserved::Short { budget } => {
                warn!(room = %self.lane.address, "budget `{budget}` cannot hold another question to {}", model.provider);
                self.guests_are_short |= budget.starts_with(GUESTS);
                Ok(None)
            }
        }
    }

    /// One call, to the end of its answer.
    pub(super) async fn call(
        &mut self,
        model: &RouteModel,
        request: &ChatRequest,
        deadline: Instant,
        report: &mut Report,
    ) -> Result<Called, StoreError> {
        let opened = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Ok(Called::Cancelled),
            opened = self.host.gateway.chat(&model.provider, request, deadline) => opened,
        };
        match opened {
            Ok(chunks) => self.listen(model, chunks, report).await,
            Err(error) => Ok(Called::Failed(error, self.host.parts_for(&self.lane))),
        }
    }

    /// An answer on its way: chunks become parts as they come.
    pub(super) async fn listen(
        &mut self,
        model: &RouteModel,
        mut chunks: ChatStream,
        report: &mut Report,
    ) -> Result<Called, StoreError> {
        let mut parts = self.host.parts_for(&self.lane);
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
                biased;
                () = self.cancel.cancelled() => return Ok(Called::Cancelled),
                chunk = chunks.next() => chunk,
                () = lane.changed.notified(), if mouth_is_taken => {
                    mouth_is_taken = self.release_due(model, &mut parts).await?;
                    if self.withheld.is_some() {
                        return Ok(Called::Withheld);
                    }
                    continue;
                }
                () = sleep_for(wakes_in), if wakes_in.is_some() => {
                    mouth_is_taken = self.release_due(model, &mut parts).await?;
                    if self.withheld.is_some() {
                        return Ok(Called::Withheld);
                    }
                    continue;
                }
            };
            match chunk {
                Some(Ok(Chunk::Text(text))) => {
                    report.text.push_str(&text);
                    parts.push(&text);
                    fault::point("after-first-chunk");
                    mouth_is_taken = self.release_due(model, &mut parts).await?;
                    if self.withheld.is_some() {
                        return Ok(Called::Withheld);
                    }
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
                .insist(&self.lane, || {
                    let (part, text) = (part.clone(), text.clone());
                    self.host.store.release(self.lease, part, text, now)
                })
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
    pub(super) async fn wait_for_mouth(&self) -> bool {
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
                biased;
                () = self.cancel.cancelled() => {}
                () = changed => {}
                () = tokio::time::sleep(MOUTH_PAUSE) => {}
            }
        }
    }

    pub(super) fn part(
        &mut self,
        model: &RouteModel,
        text: String,
        now: Timestamp,
    ) -> Option<Outbound> {
        let text = match &self.terms.first_line {
            Some(line) if self.next_part == 0 => format!("{line}\n{text}"),
            Some(_) | None => text,
        };
        let quote = Some(&self.turn.turn.message);
        let language = self.host.language_of(&self.lane);
        let longest = self
            .longest_text()
            .saturating_sub(model.mark.text(language).chars().count());
        let text = fit(text, longest, cut_short(language));
        let draft = self
            .host
            .draft(&self.lane, quote, text, Source::Model(model.mark));
        self.released(draft, self.next_part, "", now)
    }

    /// What the gate lets through of the answer's next words, which come behind all that was shown and `held`; what it
    /// stops is remembered.
    pub(super) fn released(
        &mut self,
        draft: Draft,
        number: u16,
        held: &str,
        now: Timestamp,
    ) -> Option<Outbound> {
        let before = format!("{}{held}", self.shown);
        let part = Some((self.turn.turn.id, number));
        match self.host.judged(&self.lane, draft, part, &before, now) {
            Ok(part) => Some(part),
            Err(stopped) => {
                self.withheld = self.withheld.take().or(stopped);
                None
            }
        }
    }

    /// What the platform takes in one message.
    fn longest_text(&self) -> usize {
        let account = self.host.accounts.get(&self.lane.address.account);
        account.map_or(usize::MAX, |account| {
            account
                .adapter
                .capabilities(&self.lane.address.chat)
                .longest_text
        })
    }

    pub(super) fn attempt_end(
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
            false => Usage {
                estimated: failure.is_some_and(bills_unknown),
                ..Usage::default()
            },
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
}

impl Answer {
    /// The end of a call that was set aside and never made.
    pub(super) fn not_called(&self, number: AttemptNumber) -> AttemptEnd {
        AttemptEnd {
            turn: self.turn.turn.id,
            number,
            failure: Some(FailureKind::Timeout),
            usage: Usage::default(),
            cost: Nano::ZERO,
            at: self.host.clock.now(),
        }
    }
}

pub(super) fn count_attempt(model: &RouteModel) {
    counter!("teahouse_attempts_total", "provider" => model.provider.clone()).increment(1);
}

/// What a call has told so far.
#[derive(Default)]
pub(super) struct Report {
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

/// Whether nobody knows if a call that failed like this is billed: the guess is that it is not.
fn bills_unknown(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Server | FailureKind::Overloaded | FailureKind::Network
    )
}

fn filtered(provider: &str) -> ProviderError {
    ProviderError {
        provider: provider.to_owned(),
        kind: FailureKind::ContentOutput,
        wait: None,
        blameless: false,
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
        blameless: false,
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
