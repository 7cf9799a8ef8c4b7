//! What waits for a person: appeals, reports, the list of them, and what is decided. What nobody decides ends kindly.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use teahouse_core::rules::climb::RuleKey;
use teahouse_core::rules::course::Matter;
use teahouse_core::{
    Call, Deeds, Effect, KeepingNotice, MessageId, ReviewLine, Say, Stands, Waits, Week,
};
use teahouse_store::{Case, CaseKind, CaseMove, CaseState, Dealings, Lease, NewTurn, StoreError};

use crate::acting::{described, who_is};
use crate::host::{Host, with_open};
use crate::performing::matter_of;
use crate::room::Lane;
use crate::talk::shown_name;

use super::{Called, Outcome, WEEK};

/// A member appeals against what was done in so long.
const APPEALS_WITHIN: Duration = Duration::from_secs(7 * 86_400);

/// A decision is taken back in so long.
const UNDO_WITHIN: Duration = Duration::from_secs(30 * 86_400);

/// Lines of the list of what waits.
const MOST_LISTED: u32 = 8;

/// What waits is told of once more after so long, …
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// … and becomes a note after so long.
const EXPIRES_AFTER: Duration = Duration::from_secs(48 * 3_600);

/// So many of a room's cases expire in an hour.
const MOST_EXPIRED: u32 = 100;

impl Host {
    pub(super) async fn appeal(
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
    pub(super) async fn appeal_by_what_shows(
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
        // Elsewhere whoever is heard is neither muted nor gone: nobody is asked about it.
        if !adapter.capabilities(chat).hears_barred {
            return Ok(None);
        }
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

    pub(super) async fn report(
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

    pub(super) async fn review(
        &self,
        lane: &Lane,
        called: &Called<'_>,
    ) -> Result<Outcome, StoreError> {
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
    pub(super) fn fit_to_say(&self, lane: &Lane, name: &str) -> String {
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
    pub(super) fn decide_case(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        case: Case,
        say: Say,
    ) -> Outcome {
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
    pub(super) fn held_question(
        &self,
        lane: &Lane,
        called: &Called<'_>,
        case: &Case,
    ) -> Option<NewTurn> {
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

    pub(super) async fn week(&self, called: &Called<'_>) -> Result<Outcome, StoreError> {
        let since = called.now - WEEK;
        let counts = self.store.case_counts(called.lease.room, since).await?;
        Ok(Outcome::says(KeepingNotice::Week(Week {
            acted: counts.acted,
            open: counts.open,
            allowed: counts.allowed,
            denied: counts.denied,
        })))
    }

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
