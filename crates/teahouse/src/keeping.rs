//! Step 3, for the verbs of keeping order: appeals and reports, what admins decide, mute, take back and sweep, what is
//! erased. Each is one transaction with its notice; a repeat of the same message does nothing twice. Who may do a thing
//! was decided in core before; how effects are performed is delivery's.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use teahouse_adapters::AdapterError;
use teahouse_core::rules::climb::RuleKey;
use teahouse_core::rules::course::{Matter, Right};
use teahouse_core::rules::words::WordList;
use teahouse_core::{
    Asker, Call, Command, Decision, Deeds, Effect, InboxKey, Keeping, KeepingNotice, MemberId,
    Message, MessageId, Reason, ReviewLine, Say, Stands, Sweep, Target, Waits, Week, decide_as,
};
use teahouse_store::{
    Acceptance, Accepted, AuditNote, By, Case, CaseId, CaseKind, CaseMove, CaseState, Dealings,
    Lease, NewCase, NewTurn, OpenTurn, StoreError, fault,
};

use crate::acting::{described, who_is};
use crate::call::taken_in;
use crate::host::{Host, count, with_open};
use crate::judging::Ruling;
use crate::law::Law;
use crate::performing::matter_of;
use crate::room::Lane;
use crate::talk::shown_name;

/// A member appeals against what was done in so long.
const APPEALS_WITHIN: Duration = Duration::from_secs(7 * 86_400);
/// A decision is taken back in so long.
const UNDO_WITHIN: Duration = Duration::from_secs(30 * 86_400);
/// Lines of the list of what waits.
const MOST_LISTED: u32 = 8;
/// Messages of ours that one sweep takes back.
const MOST_SWEPT: u32 = 50;
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

    async fn appeal(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        words: String,
    ) -> Result<Option<Outcome>, StoreError> {
        let (room, member) = (called.lease.room, &called.message.sender.id);
        let shown = match &called.call.reply_to {
            Some(notice) => {
                let account = &lane.address.account;
                self.store.case_shown(room, account, notice).await?
            }
            None => None,
        };
        let case = match shown.filter(|case| case.new.member == *member) {
            Some(case) => Some(case),
            None => {
                let since = called.now - APPEALS_WITHIN;
                self.store
                    .case_of(room, lane.platform, member, since)
                    .await?
            }
        };
        let can_be_appealed = |case: &Case| {
            matches!(
                case.new.kind,
                CaseKind::Acted | CaseKind::Unable | CaseKind::Flagged
            ) || (case.new.kind == CaseKind::ByHand
                && (matter_of(case).mute.is_some() || begins_with_appeal(case)))
        };
        let Some(case) = case.filter(can_be_appealed) else {
            return self.appeal_by_what_shows(lane, called, &words).await;
        };
        let (number, id) = (case.number, case.new.id);
        let taken = KeepingNotice::AppealTaken { number };
        Ok(Some(match case.state {
            CaseState::Settled | CaseState::Open | CaseState::Expired => {
                let mut outcome = Outcome::shows(taken, id);
                outcome.dealings.moves.push(CaseMove {
                    case: id,
                    from: case.state,
                    to: CaseState::Appealed,
                    by: None,
                    appeal: Some(words),
                });
                let with = format!("case {number}");
                outcome
                    .dealings
                    .audit
                    .push(Self::audit_note(called, "appeal", None, with));
                outcome
            }
            CaseState::Appealed => Outcome::shows(taken, id),
            // What was done since is another matter.
            CaseState::Allowed | CaseState::Denied => self
                .appeal_by_what_shows(lane, called, &words)
                .await?
                .unwrap_or_else(|| Outcome::says(KeepingNotice::AlreadyDecided { number })),
        }))
    }

    /// Nothing is known of it, and the platform shows that the member is muted or removed: somebody did so by hand.
    async fn appeal_by_what_shows(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        words: &str,
    ) -> Result<Option<Outcome>, StoreError> {
        let Some(account) = self.accounts.get(&lane.address.account) else {
            return Ok(None);
        };
        let member = &called.message.sender.id;
        let (chat, adapter) = (&lane.address.chat, &account.adapter);
        let shows =
            async |effect: Effect| matches!(adapter.is_done(chat, &effect).await, Ok(Some(true)));
        let (removal, mute) = (
            Effect::Remove {
                member: member.clone(),
            },
            Effect::Mute {
                member: member.clone(),
                seconds: 1,
            },
        );
        let matter = Matter {
            remove: shows(removal).await,
            ..Matter::default()
        };
        if !matter.remove && !shows(mute).await {
            return Ok(None);
        }
        let name = shown_name(&called.message.sender);
        let whose = (member, name.as_str());
        let about = (words, &matter);
        let case = self.new_case(
            called,
            CaseKind::ByHand,
            CaseState::Appealed,
            whose,
            None,
            about,
        );
        let number = self.store.next_case_number(called.lease.room).await?;
        let mut outcome = Outcome::shows(KeepingNotice::AppealTaken { number }, case.id);
        let note = Self::audit_note(called, "appeal", None, format!("case {number}"));
        outcome.dealings.audit.push(note);
        outcome.dealings.cases.push(case);
        Ok(Some(outcome))
    }

    async fn report(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        target: &MessageId,
    ) -> Result<Outcome, StoreError> {
        self.flush_talk().await;
        let (room, account) = (called.lease.room, &lane.address.account);
        if let Some(case) = self.store.case_about(room, target).await?
            && matches!(case.state, CaseState::Open | CaseState::Appealed)
        {
            let number = case.number;
            return Ok(Outcome::says(KeepingNotice::ReportTaken { number }));
        }
        let Some(line) = self.store.line(room, account, target).await? else {
            return Ok(Outcome::says(KeepingNotice::WhoseIsThat));
        };
        let matter = Matter {
            recall: true,
            ..Matter::default()
        };
        let whose = (&line.member, line.name.as_str());
        let about = (line.text.as_str(), &matter);
        let case = self.new_case(
            called,
            CaseKind::Reported,
            CaseState::Open,
            whose,
            Some(target),
            about,
        );
        let number = self.store.next_case_number(room).await?;
        let mut outcome = Outcome::shows(KeepingNotice::ReportTaken { number }, case.id);
        let to = Some(&line.member);
        let note = Self::audit_note(called, "report", to, format!("case {number}"));
        outcome.dealings.audit.push(note);
        outcome.dealings.cases.push(case);
        Ok(outcome)
    }

    async fn review(&self, lane: &Lane, called: &Called<'_>) -> Result<Outcome, StoreError> {
        let (cases, open) = self
            .store
            .open_cases(called.lease.room, MOST_LISTED)
            .await?;
        let only = match cases.as_slice() {
            [case] => Some(case.new.id),
            _ => None,
        };
        let lines = cases.iter().map(|case| ReviewLine {
            number: case.number,
            name: self.fit_to_say(lane, &case.new.name),
            waits: match (case.state, case.new.kind) {
                (CaseState::Appealed, _) => Waits::Appealed,
                (_, CaseKind::Reported) => Waits::Reported,
                (_, CaseKind::Unable) => Waits::Unable,
                (_, CaseKind::Acted | CaseKind::ByHand) => Waits::Unable,
                (_, CaseKind::Flagged) => Waits::Flagged,
            },
            by: matter_of(case).by(),
        });
        let notice = KeepingNotice::Review {
            lines: lines.collect(),
            open,
            trigger: lane.charter().trigger.first().to_owned(),
        };
        Ok(Outcome {
            notice: Some((notice, only)),
            ..Outcome::default()
        })
    }

    /// A name, if the house's own rules let it say it.
    fn fit_to_say(&self, lane: &Lane, name: &str) -> String {
        use teahouse_core::rules::judge::Voice;
        use teahouse_core::rules::verdict::Verdict;
        let judged = lane.rules().judge_answer(Voice::House, "", name, &[]);
        let fits = judged.judgement.verdict != Verdict::Block && judged.rewritten.is_none();
        match fits && !name.trim().is_empty() {
            true => name.to_owned(),
            false => "…".to_owned(),
        }
    }

    /// What an admin says about a case.
    fn decide_case(&self, lane: &Lane, called: &Called<'_>, case: Case, say: Say) -> Outcome {
        let number = case.number;
        let over = || {
            Outcome::says(KeepingNotice::CaseOver {
                number,
                trigger: lane.charter().trigger.first().to_owned(),
            })
        };
        let matter = matter_of(&case);
        let member = case.new.member.clone();
        let was_done = match case.new.kind {
            CaseKind::Acted | CaseKind::ByHand => true,
            CaseKind::Flagged | CaseKind::Reported | CaseKind::Unable => false,
        };
        let lifts = || {
            let is_mute = matter.mute.is_some() || (begins_with_appeal(&case) && !matter.remove);
            is_mute.then(|| Effect::Unmute {
                member: member.clone(),
            })
        };
        let (to, effects): (CaseState, Vec<Effect>) = match (say, case.state) {
            (Say::Allow, CaseState::Open | CaseState::Appealed | CaseState::Settled) => {
                let effects = was_done.then(lifts).flatten();
                (CaseState::Allowed, effects.into_iter().collect())
            }
            (Say::Deny, CaseState::Open | CaseState::Appealed | CaseState::Expired) => {
                let again = case.state == CaseState::Open || !was_done;
                let effects = match again {
                    true => matter.effects(case.new.message.as_ref(), &member),
                    false => vec![],
                };
                (CaseState::Denied, effects)
            }
            (Say::Undo, CaseState::Allowed | CaseState::Denied) => {
                let lately = case
                    .decided
                    .is_some_and(|at| called.now.duration_since(at).unsigned_abs() < UNDO_WITHIN);
                let (true, Some(before)) = (lately, case.before) else {
                    return over();
                };
                let effects = match case.state {
                    CaseState::Denied => lifts(),
                    _ => None,
                };
                (before, effects.into_iter().collect())
            }
            _ => return over(),
        };
        if !effects.is_empty() && !self.may_act(lane, called.now) {
            return self.no_right(lane);
        }
        let mut outcome = Outcome::shows(KeepingNotice::Decided { number, say }, case.new.id);
        outcome.effects = effects;
        outcome.case = Some(case.new.id);
        outcome.dealings.moves.push(CaseMove {
            case: case.new.id,
            from: case.state,
            to,
            by: Some(called.message.sender.id.clone()),
            appeal: None,
        });
        let did = match say {
            Say::Allow => "allow",
            Say::Deny => "deny",
            Say::Undo => "undo",
        };
        let with = format!("case {number} {}", described(&matter));
        let note = Self::audit_note(called, did, Some(&member), with.trim().to_owned());
        outcome.dealings.audit.push(note);
        // Who was right climbs down again.
        if say == Say::Allow
            && was_done
            && let Some(rule) = &matter.rule
        {
            let (who, key) = (who_is(lane, &member), RuleKey::of(rule));
            let mut climbs = self.climbs.lock().unwrap_or_else(PoisonError::into_inner);
            climbs.step_down(who, key);
            outcome.dealings.marks.extend(climbs.mark(who, key));
        }
        if say == Say::Allow && matter.question && case.state == CaseState::Open {
            outcome.turn = self.held_question(lane, called, &case);
        }
        outcome
    }

    /// A question that waited for an admin: it is asked now, by who asked it then.
    fn held_question(&self, lane: &Lane, called: &Called<'_>, case: &Case) -> Option<NewTurn> {
        let message = case.new.message.clone()?;
        if case.new.words.is_empty() {
            return None;
        }
        let call = Call {
            words: case.new.words.clone(),
            reply_to: None,
            ..called.call.clone()
        };
        let turn = self.new_turn(lane, called.message, &call, called.now);
        Some(NewTurn {
            message,
            member: case.new.member.clone(),
            name: case.new.name.clone(),
            ..turn
        })
    }

    fn mute_by_hand(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        whom: Option<(MemberId, String)>,
        length: Duration,
    ) -> Outcome {
        let Some((member, name)) = whom else {
            return Outcome::says(KeepingNotice::WhoseIsThat);
        };
        if !self.may_act(lane, called.now) {
            return self.no_right(lane);
        }
        let seconds = length.as_secs();
        let matter = Matter {
            mute: Some(seconds),
            ..Matter::default()
        };
        let case = self.new_case(
            called,
            CaseKind::ByHand,
            CaseState::Settled,
            (&member, &name),
            None,
            ("", &matter),
        );
        let mut outcome = Outcome::shows(KeepingNotice::MutedByHand { seconds }, case.id);
        outcome.case = Some(case.id);
        outcome.effects = matter.effects(None, &member);
        let note = Self::audit_note(called, "mute", Some(&member), described(&matter));
        outcome.dealings.audit.push(note);
        outcome.dealings.cases.push(case);
        outcome
    }

    fn pardon(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        whom: Option<(MemberId, String)>,
    ) -> Outcome {
        let Some((member, _)) = whom else {
            return Outcome::says(KeepingNotice::WhoseIsThat);
        };
        let who = who_is(lane, &member);
        let mut climbs = self.climbs.lock().unwrap_or_else(PoisonError::into_inner);
        climbs.pardon(who);
        drop(climbs);
        let mut outcome = Outcome::says(KeepingNotice::Pardoned);
        if self.may_act(lane, called.now) {
            outcome.effects.push(Effect::Unmute {
                member: member.clone(),
            });
        }
        outcome.dealings.pardoned.push(who);
        let note = Self::audit_note(called, "pardon", Some(&member), String::new());
        outcome.dealings.audit.push(note);
        outcome
    }

    async fn recall_by_hand(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        target: &MessageId,
    ) -> Result<Outcome, StoreError> {
        let whose = self.author(lane, called, target).await?;
        let (room, account) = (called.lease.room, &lane.address.account);
        let is_ours = self.store.is_ours(room, account, target).await?;
        // Its own messages the house takes back without any right.
        if !is_ours && !self.may_act(lane, called.now) {
            return Ok(self.no_right(lane));
        }
        let matter = Matter {
            recall: true,
            ..Matter::default()
        };
        let nobody = (called.message.sender.id.clone(), String::new());
        let (member, name) = whose.clone().unwrap_or(nobody);
        let case = self.new_case(
            called,
            CaseKind::ByHand,
            CaseState::Settled,
            (&member, &name),
            Some(target),
            ("", &matter),
        );
        let mut outcome = Outcome::shows(KeepingNotice::RecalledByHand, case.id);
        outcome.case = Some(case.id);
        outcome.effects.push(Effect::Recall {
            message: target.clone(),
        });
        outcome.dealings.cases.push(case);
        let to = whose.as_ref().map(|(member, _)| member);
        let note = Self::audit_note(called, "recall", to, String::new());
        outcome.dealings.audit.push(note);
        Ok(outcome)
    }

    async fn sweep(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        sweep: Sweep,
    ) -> Result<Outcome, StoreError> {
        let (room, account) = (called.lease.room, &lane.address.account);
        let since = match &sweep {
            Sweep::Last(length) => called.now - *length,
            Sweep::Words(_) => called.now - WEEK,
        };
        let own = self
            .store
            .own_since(room, account, since, MOST_SWEPT * 4)
            .await?;
        let rules = lane.rules();
        let has_to_go: Vec<Effect> = match &sweep {
            Sweep::Last(_) => own
                .iter()
                .filter(|said| !said.sealed.still_passes(&rules))
                .map(recall_of)
                .collect(),
            Sweep::Words(words) => match WordList::compile(words, "") {
                Ok(list) => own
                    .iter()
                    .filter(|said| said.sealed.says(&list))
                    .map(recall_of)
                    .collect(),
                Err(_) => vec![],
            },
        };
        let effects: Vec<Effect> = has_to_go.into_iter().take(MOST_SWEPT as usize).collect();
        let messages = effects.len();
        let mut outcome = Outcome::says(KeepingNotice::Swept { messages });
        outcome.effects = effects;
        let note = Self::audit_note(called, "sweep", None, format!("{messages} messages"));
        outcome.dealings.audit.push(note);
        Ok(outcome)
    }

    async fn note(
        &self,
        called: &Called<'_>,
        whom: Option<(MemberId, String)>,
        words: String,
    ) -> Result<Outcome, StoreError> {
        let Some((member, name)) = whom else {
            return Ok(Outcome::says(KeepingNotice::WhoseIsThat));
        };
        let number = self.store.next_case_number(called.lease.room).await?;
        let about = (words.as_str(), &Matter::default());
        let case = self.new_case(
            called,
            CaseKind::ByHand,
            CaseState::Settled,
            (&member, &name),
            None,
            about,
        );
        let mut outcome = Outcome::says(KeepingNotice::Noted { number });
        let note = Self::audit_note(called, "note", Some(&member), format!("case {number}"));
        outcome.dealings.audit.push(note);
        outcome.dealings.cases.push(case);
        Ok(outcome)
    }

    async fn week(&self, called: &Called<'_>) -> Result<Outcome, StoreError> {
        let since = called.now - WEEK;
        let counts = self.store.case_counts(called.lease.room, since).await?;
        Ok(Outcome::says(KeepingNotice::Week(Week {
            acted: counts.acted,
            open: counts.open,
            allowed: counts.allowed,
            denied: counts.denied,
        })))
    }

    /// Everything that is kept of who asks for it is gone, in every room of the platform, before they are told so.
    async fn forget(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        called: &Called<'_>,
    ) -> Result<Outcome, StoreError> {
        let member = &called.message.sender.id;
        let at = self.dated(called.now);
        for lane in self.lanes_of(|account| {
            self.accounts
                .get(account)
                .is_some_and(|line| line.adapter.platform() == lane.platform)
        }) {
            let lease = with_open(&lane, |open| {
                open.forget_member(member, who_is(&lane, member), at);
                open.lease
            });
            if let Some(lease) = lease {
                self.stop_turns(&lane, lease, Reason::Cancelled, |whose| whose == member)
                    .await?;
            }
        }
        self.flush_talk().await;
        let who = who_is(lane, member);
        let erased = self
            .store
            .erase(called.lease, lane.platform, member, who, at)
            .await?;
        let receipt = self.ids.next(called.now).to_string().split_off(16);
        let mut outcome = Outcome::says(KeepingNotice::Erased {
            lines: erased.lines,
            questions: erased.questions,
            cases: erased.cases,
            receipt: receipt.clone(),
        });
        outcome.leaves_no_line = true;
        outcome.dealings.audit.push(AuditNote {
            by: By::House,
            did: "erase",
            to: None,
            with: format!("receipt {receipt}"),
        });
        Ok(outcome)
    }

    fn tell_rules(&self, lane: &Lane) -> Outcome {
        let charter = lane.charter();
        let language = self.language_of(lane);
        Outcome::says(KeepingNotice::Told(charter.told_to_members(language)))
    }
}

/// Whether nothing was known of it before the member appealed.
fn begins_with_appeal(case: &Case) -> bool {
    case.new.state == CaseState::Appealed
}

/// What a case is about and where it stands.
pub(crate) fn about_case(case: &Case) -> KeepingNotice {
    let matter = matter_of(case);
    KeepingNotice::CaseIs {
        number: case.number,
        by: matter.by(),
        deeds: Deeds {
            recalled: matter.recall,
            muted: matter.mute,
            reminded: false,
        },
        stands: match case.state {
            CaseState::Settled => Stands::Done,
            CaseState::Open | CaseState::Appealed => Stands::Waits,
            CaseState::Allowed => Stands::Allowed,
            CaseState::Denied => Stands::Denied,
            CaseState::Expired => Stands::Expired,
        },
    }
}

impl Host {
    /// What waited too long for an admin becomes a note; what has waited a day is told of once more. Once an hour.
    pub(crate) async fn expire_cases(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (cases, open) = self.store.open_cases(lease.room, MOST_EXPIRED).await?;
        let age = |case: &Case| {
            let since = now.duration_since(case.new.at);
            u64::try_from(since.as_secs()).unwrap_or_default()
        };
        let moves: Vec<CaseMove> = cases
            .iter()
            .filter(|case| age(case) >= EXPIRES_AFTER.as_secs())
            .map(|case| CaseMove {
                case: case.new.id,
                from: case.state,
                to: CaseState::Expired,
                by: None,
                appeal: None,
            })
            .collect();
        let notice = match (moves.len(), cases.first()) {
            (0, Some(oldest)) if age(oldest) >= TOLD_AGAIN_AFTER.as_secs() => {
                let again = with_open(lane, |open| open.order.tells_again(oldest.new.id.0));
                let trigger = lane.charter().trigger.first().to_owned();
                (again == Some(true)).then_some(KeepingNotice::Waiting { open, trigger })
            }
            (0, _) => None,
            (cases, _) => Some(KeepingNotice::Expired { cases }),
        };
        let say: Vec<_> = notice
            .and_then(|notice| self.tell(lane, None, None, notice, now))
            .into_iter()
            .collect();
        if moves.is_empty() && say.is_empty() {
            return Ok(());
        }
        let dealings = Dealings {
            moves,
            ..Dealings::default()
        };
        self.store.deal(lease, dealings, say, now).await?;
        self.deliver_soon(lane);
        Ok(())
    }
}

/// What waits is told of once more after so long, …
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// … and becomes a note after so long.
const EXPIRES_AFTER: Duration = Duration::from_secs(48 * 3_600);
/// So many of a room's cases expire in an hour.
const MOST_EXPIRED: u32 = 100;

fn recall_of(said: &teahouse_store::OwnMessage) -> Effect {
    Effect::Recall {
        message: said.message.clone(),
    }
}
