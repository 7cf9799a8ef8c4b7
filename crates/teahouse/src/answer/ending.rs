//! Step 8: how a turn ends. The last part, the outcome and the cost are one transaction, exactly one a turn; delivery
//! gets the first row with it. Nothing is sent here.

use std::time::Duration;

use jiff::Timestamp;
use teahouse_core::{
    Draft, Ending, Exchange, Notice, OutSegment, Parts, Reason, RouteModel, Source, cut_short,
    strip_reasoning,
};
use teahouse_store::{AttemptEnd, Outbound, Settlement, StoreError, fault};
use tokio::time::Instant;
use tracing::info;

use super::Answer;
use crate::delivery::CLAIM;
use crate::host::{count, with_open};
use crate::room::{Lane, OpenRoom};

/// A room that was told that nobody can answer knows it for so long.
const TOLD_HOLDS: Duration = Duration::from_secs(600);

impl Answer {
    /// The whole answer is here: its last part, its cost and its end are one. Given back is the end of a call whose
    /// answer a rule has stopped: the turn is not ended then.
    pub(super) async fn end_answered(
        &mut self,
        model: &RouteModel,
        parts: Parts,
        end: AttemptEnd,
    ) -> Result<Option<AttemptEnd>, StoreError> {
        if !self.wait_for_mouth().await {
            return self.end_stopped(Some(end)).await.map(|()| None);
        }
        let now = self.host.clock.now();
        let released = parts.released();
        let rest = strip_reasoning(&parts.finish().unwrap_or_default());
        let say = self.last_parts(model, rest.clone(), released, now);
        if self.withheld.is_some() {
            return Ok(Some(end));
        }
        if say.is_empty() && self.next_part == 0 {
            return self.end_apologised(Some(end)).await.map(|()| None);
        }
        let millis = now.duration_since(self.turn.turn.asked).as_millis();
        info!(turn = %self.turn.turn.id, room = %self.lane.address, provider = %model.provider, wait_ms = millis as i64,
            "answered in room `{}` by {}", self.lane.address, model.provider);
        self.settle(Reason::Answered, false, Some(end), say, rest)
            .await
            .map(|()| None)
    }

    /// The end of an answer: one message, or where the platform folds messages up, what would flood the room in a
    /// bundle.
    fn last_parts(
        &mut self,
        model: &RouteModel,
        rest: String,
        released: usize,
        now: Timestamp,
    ) -> Vec<Outbound> {
        let Some(longest) = self.bundles_beyond() else {
            return self.part(model, rest, now).into_iter().collect();
        };
        let language = self.host.language_of(&self.lane);
        let longest = longest.saturating_sub(model.mark.text(language).chars().count());
        let Ending { plain, nodes } = Ending::of(rest, released, longest, cut_short(language));
        let held = plain.clone().unwrap_or_default();
        let mut say: Vec<Outbound> = plain
            .and_then(|plain| self.part(model, plain, now))
            .into_iter()
            .collect();
        if !nodes.is_empty() {
            let number = self.next_part + u16::from(!say.is_empty());
            let draft = Draft {
                body: vec![OutSegment::Bundle { nodes }],
                ..self.host.draft(
                    &self.lane,
                    Some(&self.turn.turn.message),
                    String::new(),
                    Source::Model(model.mark),
                )
            };
            say.extend(self.released(draft, number, &held, now));
        }
        say
    }

    /// What the platform takes in one message, if it folds up what is longer.
    fn bundles_beyond(&self) -> Option<usize> {
        let account = self.host.accounts.get(&self.lane.address.account)?;
        let able = account.adapter.capabilities(&self.lane.address.chat);
        able.bundles.then_some(able.longest_text)
    }

    /// Some of the answer was shown and no more will come.
    pub(super) async fn end_cut_short(
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
    pub(super) async fn end_with(
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

    /// It was asked too long ago, and so were those that went stale with it: one apology stands for all.
    pub(super) async fn end_stale(&mut self, end: Option<AttemptEnd>) -> Result<(), StoreError> {
        let others = std::mem::take(&mut self.stale);
        for turn in &others {
            self.host
                .end_unanswered(&self.lane, self.lease, turn, Reason::Expired)
                .await?;
        }
        if !self.host.may_apologise(&self.lane) {
            return self.end_silently(Reason::Expired, end).await;
        }
        let done = match others.is_empty() {
            true => self.end_with(Reason::Expired, Notice::Apology, end).await,
            false => {
                let now = self.host.clock.now();
                let say = self.host.say(&self.lane, None, Notice::Apologies, now);
                self.settle(Reason::Expired, false, end, say, String::new())
                    .await
            }
        };
        if done.is_err() {
            self.lane.state().has_not_apologised();
        }
        done
    }

    /// Nobody could answer. Every question is told so; a room that was told a moment ago is told in few words.
    pub(super) async fn end_apologised(
        &mut self,
        end: Option<AttemptEnd>,
    ) -> Result<(), StoreError> {
        let told = with_open(&self.lane, |open| {
            let told = open.told_at.is_some_and(|at| at.elapsed() < TOLD_HOLDS);
            if !told {
                open.told_at = Some(Instant::now());
            }
            told
        });
        let notice = match told {
            Some(true) => Notice::StillCannotAnswer,
            Some(false) | None => Notice::CannotAnswer,
        };
        self.end_with(Reason::ProviderFailed, notice, end).await
    }

    /// Stopped from outside: no further word.
    pub(super) async fn end_stopped(&mut self, end: Option<AttemptEnd>) -> Result<(), StoreError> {
        let ended_by = with_open(&self.lane, |open| {
            let running = open.running.get(&self.turn.turn.id);
            running.and_then(|running| running.ended_by)
        });
        self.end_silently(ended_by.flatten().unwrap_or(Reason::Cancelled), end)
            .await
    }

    pub(super) async fn end_silently(
        &mut self,
        reason: Reason,
        end: Option<AttemptEnd>,
    ) -> Result<(), StoreError> {
        self.settle(reason, false, end, vec![], String::new()).await
    }

    /// The first-contact notice, if the room has not heard it.
    fn greeting(&self, now: Timestamp) -> Vec<Outbound> {
        let is_due = |open: &mut OpenRoom| !std::mem::replace(&mut open.greeted, true);
        if with_open(&self.lane, is_due) != Some(true) {
            return vec![];
        }
        let notice = first_contact(&self.lane);
        let greeting = self.host.say(&self.lane, None, notice, now);
        if greeting.is_empty() {
            with_open(&self.lane, |open| open.greeted = false);
        }
        greeting
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
        let greeting = match answered {
            true => self.greeting(now),
            false => vec![],
        };
        let greets = !greeting.is_empty();
        say.extend(greeting);
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
        let settled = self
            .host
            .insist(&self.lane, || {
                self.host.store.settle(self.lease, settlement.clone())
            })
            .await;
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
        self.host.has_ended(self.turn.turn.id);
        with_open(&self.lane, |open| {
            open.answered = Some(self.turn.turn.member.clone());
            if answered {
                open.told_at = None;
            }
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

/// What a room hears with its first answer.
pub(crate) fn first_contact(lane: &Lane) -> Notice {
    Notice::FirstContact {
        trigger: lane.charter().trigger.first().to_owned(),
        days: lane.charter().keep.days,
    }
}
