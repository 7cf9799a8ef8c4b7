//! Step 3: what the house's rules say about a line, before anything is asked or answered. The rules decide; here their
//! verdict becomes a reason and a notice. Nothing is said or stored here, and no member is punished.

use std::sync::Arc;

use jiff::Timestamp;
use teahouse_core::rules::Side;
use teahouse_core::rules::course::{CaseOpening, Course};
use teahouse_core::rules::judge::Line;
use teahouse_core::rules::verdict::{Effect, Finding, Judgement, RuleName, Verdict};
use teahouse_core::{
    Call, GhostwritingDo, InboxKey, Message, Mode, Notice, Reason, ghostwriting_label,
    language_reminder,
};
use teahouse_store::{Acceptance, Accepted, Lease, OpenTurn, StoreError, fault};

use crate::acting::{Acting, Judged, Words};
use crate::call::taken_in;
use crate::host::{Host, count, with_open};
use crate::room::Lane;

/// What becomes of a question.
pub(crate) enum Ruling {
    /// It is asked.
    Ask,
    /// It is not; this is said instead.
    Say(Reason, Notice),
    /// It is not, and something is done about it.
    Act(Course, Judged),
}

impl Host {
    /// Judges a question by the rules of its house. It is also its asker's message: where something hard may follow,
    /// the platform is asked who they are.
    pub(crate) async fn rule_on(
        &self,
        lane: &Arc<Lane>,
        message: &Message,
        call: &Call,
        key: InboxKey,
        now: Timestamp,
    ) -> Ruling {
        let law = lane.law.get();
        let quoted = call
            .reply_to
            .as_ref()
            .and_then(|id| with_open(lane, |open| open.line(id)).flatten());
        let quote = quoted.as_ref().map(|line| line.text.as_str());
        let words = Words {
            side: Side::Question,
            text: &call.words,
            quote,
            folded: &[],
        };
        let judged = match self.look_at_question(lane, &law, words, (message, key), now) {
            Some(judged) => judged,
            None => {
                let who = self.witnessed(lane, &law, message, now).await;
                self.judge_words(lane, &law, words, (message, key), who, now)
            }
        };
        if let Some(course) = self.course_of(lane, &law, message, &judged, now)
            && (course.case.is_some() || !course.effects.is_empty())
        {
            return Ruling::Act(course, judged);
        }
        ruling(lane, judged.judgement())
    }

    /// A question against the rules: refused, and done about it what a line of talk would bring.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call from the question to what is done about it"
    )]
    pub(crate) async fn act_on_question(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        (message, key): (&Message, InboxKey),
        call: &Call,
        course: Course,
        judged: Judged,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // It is not answered, whatever is done about its author.
        let reason = match course.case {
            Some((CaseOpening::Acted, _)) => Reason::RuleRemoved,
            Some((CaseOpening::Flagged | CaseOpening::Unable, _)) | None => Reason::RuleHeld,
        };
        let course = Course { reason, ..course };
        let acceptance = Acceptance {
            line: Some(self.line(lane, message, reason, true, now)),
            turn: Some((self.new_turn(lane, message, call, now), Some(reason))),
            ..taken_in(lane, key, self.dated(now))
        };
        let what = Acting {
            message,
            words: &call.words,
            is_question: true,
            acceptance,
        };
        self.act(lane, lease, what, course, judged, now).await
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
