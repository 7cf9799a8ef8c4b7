//! Step 3, for the verbs of keeping order: appeals and reports, what admins decide, mute, take back and sweep, what is
//! erased. Each is one transaction with its notice; a repeat of the same message does nothing twice. Who may do a thing
//! was decided in core before; how effects are performed is delivery's.

mod by_hand;
mod cases;

pub(crate) use cases::about_case;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use teahouse_adapters::AdapterError;
use teahouse_core::rules::course::{Matter, Right};
use teahouse_core::{
    Asker, Call, Command, Decision, Effect, InboxKey, Keeping, KeepingNotice, MemberId, Message,
    MessageId, Reason, Target, decide_as,
};
use teahouse_store::{
    Acceptance, Accepted, AuditNote, By, CaseId, CaseKind, CaseState, Dealings, Lease, NewCase,
    NewTurn, OpenTurn, StoreError, fault,
};

use crate::call::taken_in;
use crate::host::{Host, count, with_open};
use crate::judging::Ruling;
use crate::law::Law;
use crate::room::Lane;

/// A week.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// A message that calls the house, with all that is known of the call.
pub(crate) struct Called<'m> {
    pub(crate) lease: Lease,
    pub(crate) key: InboxKey,
    pub(crate) message: &'m Message,
    pub(crate) call: &'m Call,
    pub(crate) asker: Asker,
    pub(crate) now: Timestamp,
}

/// What a verb comes to.
#[derive(Default)]
pub(crate) struct Outcome {
    effects: Vec<Effect>,
    /// To whom those effects belong.
    case: Option<CaseId>,
    pub(crate) dealings: Dealings,
    /// What is said, and which case it shows.
    notice: Option<(KeepingNotice, Option<CaseId>)>,
    /// A question that may be asked now.
    turn: Option<NewTurn>,
    /// Nothing of the command's own line is kept.
    leaves_no_line: bool,
    /// What holds in the room from then on.
    pub(crate) law: Option<Law>,
}

impl Outcome {
    pub(crate) fn says(notice: KeepingNotice) -> Self {
        Outcome {
            notice: Some((notice, None)),
            ..Outcome::default()
        }
    }

    fn shows(notice: KeepingNotice, case: CaseId) -> Self {
        Outcome {
            notice: Some((notice, Some(case))),
            ..Outcome::default()
        }
    }
}

impl Host {
    /// Carries out one of these verbs.
    pub(crate) async fn keep_order(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        called: Called<'_>,
        keeping: Keeping,
    ) -> Result<(), StoreError> {
        let outcome = match keeping {
            Keeping::Rules => Some(self.tell_rules(lane)),
            Keeping::Appeal(words) => self.appeal(lane, &called, words).await?,
            Keeping::ForgetMe => Some(self.forget(lane, &called).await?),
            Keeping::Report(target) => Some(self.report(lane, &called, &target).await?),
            Keeping::Week => Some(self.week(&called).await?),
            Keeping::Review => Some(self.review(lane, &called).await?),
            Keeping::Decide(notice, say) => {
                let account = &lane.address.account;
                let room = called.lease.room;
                let case = self.store.case_shown(room, account, &notice).await?;
                // `allow` in reply to an answer is a question like any other.
                case.map(|case| self.decide_case(lane, &called, case, say))
            }
            Keeping::DecideNumber(number, say) => {
                let case = self.store.case(called.lease.room, number).await?;
                Some(match case {
                    Some(case) => self.decide_case(lane, &called, case, say),
                    None => Outcome::says(KeepingNotice::NoCase),
                })
            }
            Keeping::Mute(target, length) => {
                let whom = self.whom(lane, &called, target).await?;
                Some(self.mute_by_hand(lane, &called, whom, length))
            }
            Keeping::Pardon(target) => {
                let whom = self.whom(lane, &called, target).await?;
                Some(self.pardon(lane, &called, whom))
            }
            Keeping::Recall(target) => Some(self.recall_by_hand(lane, &called, &target).await?),
            Keeping::Sweep(sweep) => Some(self.sweep(lane, &called, sweep).await?),
            Keeping::Rule(command) => Some(self.rule_command(lane, &called, command).await?),
            Keeping::Note(target, words) => {
                let whom = match target {
                    Some(target) => self.whom(lane, &called, target).await?,
                    None => Some((called.message.sender.id.clone(), String::new())),
                };
                Some(self.note(&called, whom, words).await?)
            }
        };
        match outcome {
            Some(outcome) => self.write_down(lane, called, outcome).await,
            None => self.ask_instead(lane, called).await,
        }
    }

    /// What would have been a verb is a question.
    async fn ask_instead(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        called: Called<'_>,
    ) -> Result<(), StoreError> {
        let (now, there) = (called.now, self.room_now(lane, called.now));
        let decision = with_open(lane, |open| {
            let (charter, state) = (lane.charter(), lane.room_state(open, now));
            let (asker, call) = (called.asker, called.call);
            decide_as(Command::Ask, &charter, &state, asker, call, there)
        });
        let Called {
            lease,
            key,
            message,
            call,
            now,
            ..
        } = called;
        match decision {
            Some(Decision::Ask) => match self.rule_on(lane, message, call, key, now).await {
                Ruling::Ask => self.ask(lane, lease, key, message, call.clone(), now).await,
                Ruling::Say(reason, notice) => {
                    self.answer_with_notice(lane, lease, key, message, call, reason, notice, now)
                        .await
                }
                Ruling::Act(course, judged) => {
                    self.act_on_question(lane, lease, (message, key), call, course, judged, now)
                        .await
                }
            },
            Some(Decision::Say(reason, notice)) => {
                self.answer_with_notice(lane, lease, key, message, call, reason, notice, now)
                    .await
            }
            Some(Decision::Silent(reason)) => {
                with_open(lane, |open| open.called(key));
                self.sign_heard(lane, message, reason);
                self.remember(lease, self.line(lane, message, reason, true, now));
                Ok(())
            }
            Some(Decision::Do(_) | Decision::Witness) | None => Ok(()),
        }
    }

    /// Writes an outcome down, all of it at once, and sets to work what follows.
    async fn write_down(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        called: Called<'_>,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let Called {
            lease,
            key,
            message,
            now,
            ..
        } = called;
        let case = outcome.case.map(|case| case.0);
        let mut dealings = outcome.dealings;
        let mut say: Vec<_> = (outcome.effects.iter())
            .map(|effect| self.effect_row(lane, effect, case, now))
            .collect();
        if let Some(case) = outcome.case {
            dealings.shows.extend(say.iter().map(|row| (row.id, case)));
        }
        if let Some((notice, shows)) = outcome.notice
            && let Some(row) = self.tell(lane, None, Some(&message.id), notice, now)
        {
            dealings.shows.extend(shows.map(|case| (row.id, case)));
            say.push(row);
        }
        let line = self.line(lane, message, Reason::Command, true, now);
        let acceptance = Acceptance {
            line: (!outcome.leaves_no_line).then_some(line),
            turn: outcome.turn.clone().map(|turn| (turn, None)),
            say,
            dealings,
            ..taken_in(lane, key, self.dated(now))
        };
        if self.store.accept(lease, acceptance).await? == Accepted::New {
            fault::point("after-accept");
            count(Reason::Command);
            self.sign_heard(lane, message, Reason::Command);
            with_open(lane, |open| open.called(key));
            if let Some(law) = outcome.law {
                lane.law.put(law);
            }
            if let Some(turn) = outcome.turn {
                self.was_heard(turn.id, tokio::time::Instant::now());
                let open_turn = OpenTurn {
                    role: None,
                    turn,
                    released: 0,
                    attempts: 0,
                };
                self.queue_turn(lane, open_turn);
                self.start_turns(lane);
            }
            self.deliver_soon(lane);
        }
        Ok(())
    }

    /// Whom a verb is about, and by which name the room sees them.
    async fn whom(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        target: Target,
    ) -> Result<Option<(MemberId, String)>, StoreError> {
        match target {
            Target::Member(member) => {
                let account = self.accounts.get(&lane.address.account);
                let known = match account {
                    Some(account) => account.adapter.role(&lane.address.chat, &member).await,
                    None => return Ok(None),
                };
                // A name that was typed is nobody's id.
                if let Err(AdapterError::Refused { .. }) = known {
                    return Ok(None);
                }
                let name = format!("@{member}");
                Ok(Some((member, name)))
            }
            Target::Author(message) => self.author(lane, called, &message).await,
        }
    }

    async fn author(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        message: &MessageId,
    ) -> Result<Option<(MemberId, String)>, StoreError> {
        self.flush_talk().await;
        let (room, account) = (called.lease.room, &lane.address.account);
        if let Some(line) = self.store.line(room, account, message).await? {
            return Ok(Some((line.member, line.name)));
        }
        let case = self.store.case_about(room, message).await?;
        Ok(case.map(|case| (case.new.member, case.new.name)))
    }

    fn may_act(&self, lane: &Lane, now: Timestamp) -> bool {
        self.right(lane, now) == Right::Has
    }

    fn no_right(&self, lane: &Lane) -> Outcome {
        let able = self
            .accounts
            .get(&lane.address.account)
            .is_some_and(|account| account.adapter.capabilities(&lane.address.chat).moderates);
        Outcome::says(match able {
            true => KeepingNotice::NoRight {
                trigger: lane.charter().trigger.first().to_owned(),
            },
            false => KeepingNotice::Unable,
        })
    }

    fn new_case(
        &self,
        called: &Called<'_>,
        kind: CaseKind,
        state: CaseState,
        (member, name): (&MemberId, &str),
        message: Option<&MessageId>,
        (words, matter): (&str, &Matter),
    ) -> NewCase {
        NewCase {
            id: CaseId(self.ids.next(called.now)),
            kind,
            state,
            message: message.cloned(),
            member: member.clone(),
            name: name.to_owned(),
            words: words.to_owned(),
            what: matter.to_json(),
            at: self.dated(called.now),
        }
    }

    pub(crate) fn audit_note(
        called: &Called<'_>,
        did: &'static str,
        to: Option<&MemberId>,
        with: String,
    ) -> AuditNote {
        AuditNote {
            by: By::Member(called.message.sender.id.clone()),
            did,
            to: to.cloned(),
            with,
        }
    }

    fn tell_rules(&self, lane: &Lane) -> Outcome {
        let charter = lane.charter();
        let language = self.language_of(lane);
        Outcome::says(KeepingNotice::Told(charter.told_to_members(language)))
    }
}
