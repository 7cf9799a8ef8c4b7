//! Step 3: what the house's rules say about a line, before anything is asked or answered. The rules decide; here their
//! verdict becomes a reason and a notice. Nothing is said or stored here, and no member is punished.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use teahouse_core::rules::Side;
use teahouse_core::rules::climb::{Said, Who};
use teahouse_core::rules::judge::Line;
use teahouse_core::rules::verdict::{Effect, Finding, Judgement, RuleName, Verdict};
use teahouse_core::{
    Action, Call, GhostwritingDo, InboxKey, Message, Mode, Notice, Reason, ghostwriting_label,
    language_reminder,
};
use teahouse_store::{Acceptance, Accepted, Lease, OpenTurn, StoreError, fault};

use crate::call::taken_in;
use crate::host::{Host, count, with_open};
use crate::room::Lane;

/// What becomes of a question.
pub(crate) enum Ruling {
    /// It is asked.
    Ask,
    /// It is not; this is said instead.
    Say(Reason, Notice),
}

impl Host {
    /// Judges a question by the rules of its house.
    pub(crate) fn rule_on(
        &self,
        lane: &Lane,
        message: &Message,
        call: &Call,
        now: Timestamp,
    ) -> Ruling {
        let quoted = call
            .reply_to
            .as_ref()
            .and_then(|id| with_open(lane, |open| open.line(id)).flatten());
        let names = [message.sender.name.as_str()];
        let line = Line {
            text: &call.words,
            quote: quoted.as_ref().map(|line| line.text.as_str()),
            beside: &names,
            member: Some(&message.sender.id),
            role: message.sender.role,
            is_newcomer: false,
            fetched: &[],
        };
        let seen = lane.rules().look(Side::Question, &line);
        let who = Who::of(&lane.address.to_string(), message.sender.id.as_str());
        let mut climbs = self.climbs.lock().unwrap_or_else(PoisonError::into_inner);
        let judgement = lane
            .rules()
            .fold(seen, &line, Some((who, Said::at(now))), &mut climbs);
        drop(climbs);
        ruling(lane, &judgement)
    }

    /// Somebody may be in despair: the card comes whatever else holds here, and before anything else.
    pub(crate) async fn on_crisis(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        key: InboxKey,
        message: &Message,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let charter = lane.charter();
        let region = (charter.crisis.as_ref()).and_then(|rule| rule.region.clone());
        let notice = Notice::CrisisCard { region };
        let acceptance = Acceptance {
            line: Some(self.line(lane, message, Reason::CrisisCard, true, now)),
            say: self.say(lane, Some(&message.id), notice, now),
            ..taken_in(lane, key, now)
        };
        if self.store.accept(lease, acceptance).await? == Accepted::New {
            fault::point("after-accept");
            count(Reason::CrisisCard);
            with_open(lane, |open| open.called(key));
            self.sign_heard(lane, message, Reason::CrisisCard);
            self.deliver_soon(lane);
        }
        Ok(())
    }
}

/// What a question's findings come to.
fn ruling(lane: &Lane, judgement: &Judgement) -> Ruling {
    if let Some(finding) = judgement
        .decisive()
        .filter(|_| judgement.verdict == Verdict::Block)
    {
        return declined(lane, finding);
    }
    let is_held = |finding: &Finding| {
        let looks = finding.actions().contains(&Action::Review);
        looks && finding.mode.acts() && is_on_members(finding.rule)
    };
    if judgement.findings.iter().any(is_held) {
        return Ruling::Say(Reason::RuleHeld, Notice::NotByTheRules);
    }
    match judgement.of_rule(RuleName::Identity) {
        Some(_) => Ruling::Say(Reason::Answered, Notice::SelfCard),
        None => Ruling::Ask,
    }
}

fn declined(lane: &Lane, finding: &Finding) -> Ruling {
    match finding.rule {
        RuleName::Topics => {
            let notice = match lane.rules().decline_of(finding) {
                Some(sentence) => Notice::TopicDeclined {
                    sentence: sentence.to_owned(),
                },
                None => Notice::Declined,
            };
            Ruling::Say(Reason::Declined, notice)
        }
        RuleName::Ghostwriting => Ruling::Say(Reason::Declined, Notice::NoGhostwriting),
        RuleName::Language
        | RuleName::Words
        | RuleName::Links
        | RuleName::Injection
        | RuleName::Privacy
        | RuleName::Identity
        | RuleName::Facts
        | RuleName::Crisis
        | RuleName::Flood => Ruling::Say(Reason::RuleRemoved, Notice::NotByTheRules),
    }
}

/// Whether it is a rule that members break, rather than one on what the house does.
fn is_on_members(rule: RuleName) -> bool {
    match rule {
        RuleName::Language | RuleName::Words | RuleName::Links | RuleName::Flood => true,
        RuleName::Topics
        | RuleName::Injection
        | RuleName::Ghostwriting
        | RuleName::Privacy
        | RuleName::Identity
        | RuleName::Facts
        | RuleName::Crisis => false,
    }
}

/// What a question that is asked brings with it for its answer.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    /// What the answer's first part begins with.
    pub first_line: Option<String>,
    /// Whether the model is to help with writing instead of writing.
    pub coach: bool,
}

impl Terms {
    /// By the rules of the lane; the same question always has the same.
    pub(crate) fn of(host: &Host, lane: &Lane, asked: &OpenTurn) -> Self {
        let line = Line {
            text: &asked.turn.question,
            member: Some(&asked.turn.member),
            role: asked.role,
            ..Line::default()
        };
        let seen = lane.rules().look(Side::Question, &line);
        let mut terms = Terms::default();
        for finding in seen
            .findings()
            .iter()
            .filter(|finding| finding.mode == Mode::On)
        {
            match (finding.rule, &finding.effect) {
                (RuleName::Language, Effect::Rung(_)) => {
                    terms.first_line = Some(language_reminder(host.language_of(lane)));
                }
                (RuleName::Ghostwriting, _) => match lane.rules().ghostwriting() {
                    Some(GhostwritingDo::Coach) => terms.coach = true,
                    Some(GhostwritingDo::Label) => {
                        let label = ghostwriting_label(host.language_of(lane));
                        terms.first_line.get_or_insert(label);
                    }
                    Some(GhostwritingDo::Refuse) | None => {}
                },
                _ => {}
            }
        }
        terms
    }
}
