//! What an admin does without a rule: mutes, takes back, pardons, sweeps and notes; and a member who is forgotten.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use teahouse_core::rules::course::Matter;
use teahouse_core::rules::words::WordList;
use teahouse_core::{Effect, KeepingNotice, MemberId, MessageId, Reason, Sweep};
use teahouse_store::{AuditNote, By, CaseKind, CaseState, StoreError};

use crate::acting::{described, who_is};
use crate::host::{Host, with_open};
use crate::room::Lane;

use super::{Called, Outcome, WEEK};

/// Messages of ours that one sweep takes back.
const MOST_SWEPT: u32 = 50;

impl Host {
    pub(super) fn mute_by_hand(
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

    pub(super) fn pardon(
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

    pub(super) async fn recall_by_hand(
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

    pub(super) async fn sweep(
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

    pub(super) async fn note(
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

    /// Everything that is kept of who asks for it is gone, in every room of the platform, before they are told so.
    pub(super) async fn forget(
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
}

fn recall_of(said: &teahouse_store::OwnMessage) -> Effect {
    Effect::Recall {
        message: said.message.clone(),
    }
}
