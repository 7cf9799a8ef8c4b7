//! Step 3c: what members say, by the house's rules. Ordinary talk costs a look in memory; where something may follow,
//! the room's lane asks the platform who it is, lets core decide, and writes it all down in one transaction: the line,
//! the rungs, the case, the effects and the notice. Performing them is delivery's; nothing is taken back here.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use teahouse_core::rules::Side;
use teahouse_core::rules::climb::{Mark, Said, Who};
use teahouse_core::rules::course::{CaseOpening, Course, Matter, Right, course};
use teahouse_core::rules::judge::Line;
use teahouse_core::rules::trail::Trail;
use teahouse_core::rules::verdict::Judgement;
use teahouse_core::{
    ByRule, Deeds, Effect, InboxKey, KeepingNotice, MemberId, Message, MessageId, Notice,
    OutSegment, Reason, Role, RoomKind, Source, Standing,
};
use teahouse_store::{
    Acceptance, Accepted, AuditNote, By, CaseId, CaseKind, CaseState, Dealings, Lease, NewCase,
    Outbound, StoreError, fault,
};
use tracing::debug;

use crate::call::taken_in;
use crate::host::{Host, count, with_open};
use crate::law::Law;
use crate::room::Lane;
use crate::talk::shown_name;

/// A member hears so seldom what was done about their messages; of a mute they always hear.
const TOLD_EVERY: Duration = Duration::from_secs(30);
/// A room hears so seldom that something waits for its admins.
const WAITING_EVERY: Duration = Duration::from_secs(10 * 60);
/// … and that the house may not act.
const NO_RIGHT_EVERY: Duration = Duration::from_secs(86_400);
/// For so long it is taken for granted that it still may not.
const NO_RIGHT_HOLDS: Duration = Duration::from_secs(10 * 60);
/// Bundles of one message that are opened.
const MOST_BUNDLES: usize = 2;
/// Members whose last notice is remembered in a room.
const TOLD: usize = 64;

/// What the rules see in talk, before anybody knows who it is.
pub(crate) enum Look {
    /// Nothing to act on; what was found is written down beside it.
    Pass(Option<String>),
    /// Something may have to be done.
    Act,
}

/// What a room remembers of its rules at work, to be kind and brief.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// Until when the house is taken to have no right here.
    no_right_until: Option<Timestamp>,
    told_no_right: Option<Timestamp>,
    told_waiting: Option<Timestamp>,
    told_again: Option<ulid::Ulid>,
    told: VecDeque<(MemberId, Deeds, Timestamp)>,
    /// A change of the rules that has to be said a second time.
    pub(crate) said: Option<(String, Timestamp)>,
}

impl Order {
    /// The platform has just said no.
    pub(crate) fn has_no_right(&mut self, now: Timestamp) {
        self.no_right_until = Some(now + NO_RIGHT_HOLDS);
    }

    /// Somebody gave or took a role: what was known may be wrong.
    pub(crate) fn rights_may_have_changed(&mut self) {
        self.no_right_until = None;
    }

    /// Whether the room is to hear now that the house may not act.
    pub(crate) fn tells_no_right(&mut self, now: Timestamp) -> bool {
        lately(&mut self.told_no_right, now, NO_RIGHT_EVERY)
    }

    /// Whether the room is to hear now that something waits.
    pub(crate) fn tells_waiting(&mut self, now: Timestamp) -> bool {
        lately(&mut self.told_waiting, now, WAITING_EVERY)
    }

    /// A member is erased.
    pub(crate) fn forgets(&mut self, member: &MemberId) {
        self.told.retain(|(whom, ..)| whom != member);
    }

    /// Whether the room is to hear once more of the oldest case that waits.
    pub(crate) fn tells_again(&mut self, oldest: ulid::Ulid) -> bool {
        self.told_again.replace(oldest) != Some(oldest)
    }

    /// Whether a member is to hear of this; of the same thing not again at once.
    fn tells(&mut self, member: &MemberId, deeds: Deeds, now: Timestamp) -> bool {
        let told = self.told.iter().any(|(whom, what, at)| {
            let lately = *at <= now && now.duration_since(*at).unsigned_abs() < TOLD_EVERY;
            whom == member && *what == deeds && lately
        });
        if !told {
            self.told
                .retain(|(whom, what, _)| whom != member || *what != deeds);
            if self.told.len() >= TOLD {
                self.told.pop_front();
            }
            self.told.push_back((member.clone(), deeds, now));
        }
        !told
    }
}

/// Whether it was not done so lately; from now on it was.
fn lately(last: &mut Option<Timestamp>, now: Timestamp, every: Duration) -> bool {
    let due = last.is_none_or(|at| at > now || now.duration_since(at).unsigned_abs() >= every);
    if due {
        *last = Some(now);
    }
    due
}

/// A member's words, judged: what follows, and what is written down.
pub(crate) struct Judged {
    judgement: Judgement,
    /// Whether the platform said who it is.
    is_known: bool,
    marks: Vec<Mark>,
    /// What is kept beside the line, if a rule has found anything.
    pub(crate) trail: Option<String>,
}

impl Judged {
    /// What was found, folded.
    pub(crate) fn judgement(&self) -> &Judgement {
        &self.judgement
    }
}

/// What of a message is judged.
#[derive(Clone, Copy)]
pub(crate) struct Words<'w> {
    pub(crate) side: Side,
    pub(crate) text: &'w str,
    /// What it quotes.
    pub(crate) quote: Option<&'w str>,
    /// What is folded up in it.
    pub(crate) folded: &'w [String],
}

/// Who says it and which message it is, for ladders and floods.
fn said(lane: &Lane, message: &Message, key: InboxKey, now: Timestamp) -> (Who, Said) {
    let [a, b, c, d, e, f, g, h, ..] = key.0;
    let said = Said {
        at: now,
        message: Some(u64::from_be_bytes([a, b, c, d, e, f, g, h])),
    };
    (who_is(lane, &message.sender.id), said)
}

/// A member of a room, as ladders know them.
pub(crate) fn who_is(lane: &Lane, member: &MemberId) -> Who {
    Who::of(&lane.address.to_string(), member.as_str())
}

impl Host {
    /// A look at talk as it comes in: in memory, for every line.
    pub(crate) fn look_at_talk(
        &self,
        lane: &Lane,
        law: &Law,
        (message, key): (&Message, InboxKey),
        reason: Reason,
        now: Timestamp,
    ) -> Look {
        // Bots and what is old are nobody's to judge.
        let is_judged = reason == Reason::Talk && lane.kind == RoomKind::Group;
        if !is_judged || !law.rules.judges_talk() {
            return Look::Pass(None);
        }
        // What is folded up has to be opened first.
        if message.bundles().next().is_some() {
            return Look::Act;
        }
        self.look_inside(lane, law, (message, key), &[], now)
    }

    /// A look at a line of talk and at what is folded up in it, not knowing who says it.
    fn look_inside(
        &self,
        lane: &Lane,
        law: &Law,
        (message, key): (&Message, InboxKey),
        folded: &[String],
        now: Timestamp,
    ) -> Look {
        let (text, mut beside) = (message.text(), message.beside());
        beside.extend(folded.iter().map(String::as_str));
        let line = Line {
            text: &text,
            beside: &beside,
            member: Some(&message.sender.id),
            is_newcomer: true,
            ..Line::default()
        };
        let seen = law.rules.look(Side::Member, &line);
        let (who, said) = said(lane, message, key, now);
        let mut climbs = self.climbs.lock().unwrap_or_else(PoisonError::into_inner);
        if law.rules.may_act(&seen, &line, who, said, &mut climbs) {
            return Look::Act;
        }
        if seen.findings().is_empty() {
            return Look::Pass(None);
        }
        let judgement = law.rules.fold(seen, &line, None, &mut climbs);
        drop(climbs);
        Look::Pass(Some(Trail::of(&judgement, &law.rules).to_json()))
    }

    /// The same look at a question; nothing where something may have to be done about it as its asker's message.
    pub(crate) fn look_at_question(
        &self,
        lane: &Lane,
        law: &Law,
        Words {
            side, text, quote, ..
        }: Words<'_>,
        (message, key): (&Message, InboxKey),
        now: Timestamp,
    ) -> Option<Judged> {
        let beside = message.beside();
        let line = Line {
            text,
            quote,
            beside: &beside,
            member: Some(&message.sender.id),
            is_newcomer: true,
            ..Line::default()
        };
        let seen = law.rules.look(side, &line);
        let (who, said) = said(lane, message, key, now);
        let mut climbs = self.climbs.lock().unwrap_or_else(PoisonError::into_inner);
        let in_group = lane.kind == RoomKind::Group;
        if in_group && law.rules.may_act(&seen, &line, who, said, &mut climbs) {
            return None;
        }
        let judgement = law.rules.fold(seen, &line, None, &mut climbs);
        drop(climbs);
        let found = !judgement.findings.is_empty();
        Some(Judged {
            trail: found.then(|| Trail::of(&judgement, &law.rules).to_json()),
            marks: vec![],
            is_known: true,
            judgement,
        })
    }

    /// Judges a member's words, knowing who it is. The same message judged again climbs no further.
    pub(crate) fn judge_words(
        &self,
        lane: &Lane,
        law: &Law,
        words: Words<'_>,
        (message, key): (&Message, InboxKey),
        (role, is_newcomer): (Option<Role>, bool),
        now: Timestamp,
    ) -> Judged {
        let Words {
            side,
            text,
            quote,
            folded,
        } = words;
        let mut beside = message.beside();
        beside.extend(folded.iter().map(String::as_str));
        let line = Line {
            text,
            quote,
            beside: &beside,
            member: Some(&message.sender.id),
            role,
            is_newcomer,
            ..Line::default()
        };
        let seen = law.rules.look(side, &line);
        let (who, said) = said(lane, message, key, now);
        let mut climbs = self.climbs.lock().unwrap_or_else(PoisonError::into_inner);
        let judgement = law.rules.fold(seen, &line, Some((who, said)), &mut climbs);
        let climbed = judgement.findings.iter().filter_map(|finding| {
            let key = law.rules.key_of(finding.n)?;
            climbs.mark(who, key)
        });
        let mut marks: Vec<Mark> = climbed.collect();
        drop(climbs);
        marks.dedup();
        let trail =
            (!judgement.findings.is_empty()).then(|| Trail::of(&judgement, &law.rules).to_json());
        Judged {
            judgement,
            is_known: role.is_some(),
            marks,
            trail,
        }
    }

    /// Who says it, by the platform's own list where anything hard may follow.
    pub(crate) async fn witnessed(
        &self,
        lane: &Arc<Lane>,
        law: &Law,
        message: &Message,
        now: Timestamp,
    ) -> (Option<Role>, bool) {
        let member = &message.sender.id;
        let known = with_open(lane, |open| open.role(member, now)).flatten();
        let role = match known {
            Some(role) => Some(role),
            None => match self.witness(lane, member, now).await {
                Standing::Witnessed(role) => Some(role),
                // Who cannot be looked up may be spared: a person looks.
                Standing::Claimed(_) | Standing::Unwitnessed => None,
            },
        };
        (role, self.is_newcomer(lane, law, member, now).await)
    }

    async fn is_newcomer(
        &self,
        lane: &Arc<Lane>,
        law: &Law,
        member: &MemberId,
        now: Timestamp,
    ) -> bool {
        if !law.charter.minds_newcomers() {
            return false;
        }
        let known = with_open(lane, |open| open.joined(member)).flatten();
        let joined = match known {
            Some(joined) => Some(joined),
            None => {
                let Some(account) = self.accounts.get(&lane.address.account) else {
                    return false;
                };
                let joined = account.adapter.joined(&lane.address.chat, member).await;
                joined.ok().flatten()
            }
        };
        if let Some(joined) = joined {
            with_open(lane, |open| open.joined_at(member.clone(), joined));
        }
        law.charter.is_newcomer(joined, now)
    }

    /// Talk in which the rules may have something to do: opened, judged again, knowing who it is, and acted on. What
    /// needs no act is talk like any other: it passes.
    pub(crate) async fn act_on_talk(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        (message, key): (&Message, InboxKey),
        now: Timestamp,
    ) -> Result<Look, StoreError> {
        let law = lane.law.get();
        let folded = self.folded(lane, message).await;
        // Most of what is folded up is harmless: nobody is asked who brought it.
        if message.bundles().next().is_some()
            && let Look::Pass(trail) = self.look_inside(lane, &law, (message, key), &folded, now)
        {
            return Ok(Look::Pass(trail));
        }
        let who = self.witnessed(lane, &law, message, now).await;
        let text = message.text();
        let words = Words {
            side: Side::Member,
            text: &text,
            quote: None,
            folded: &folded,
        };
        let judged = self.judge_words(lane, &law, words, (message, key), who, now);
        match self.course_of(lane, &law, message, &judged, now) {
            None => Ok(Look::Pass(judged.trail)),
            Some(course) => {
                let line = self.line(lane, message, course.reason, false, now);
                let what = Acting {
                    message,
                    words: &text,
                    is_question: false,
                    acceptance: Acceptance {
                        line: Some(line),
                        ..taken_in(lane, key, self.dated(now))
                    },
                };
                self.act(lane, lease, what, course, judged, now).await?;
                Ok(Look::Act)
            }
        }
    }

    /// Acts on a message that is not answered, if a rule says so.
    pub(crate) async fn breaks_a_rule(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        whole: (&Message, InboxKey),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let law = lane.law.get();
        let look = match self.look_at_talk(lane, &law, whole, Reason::Talk, now) {
            Look::Act => self.act_on_talk(lane, lease, whole, now).await?,
            pass @ Look::Pass(_) => pass,
        };
        Ok(matches!(look, Look::Act))
    }

    /// The words of what is folded up in a message.
    async fn folded(&self, lane: &Lane, message: &Message) -> Vec<String> {
        let Some(account) = self.accounts.get(&lane.address.account) else {
            return vec![];
        };
        let mut words = Vec::new();
        for bundle in message.bundles().take(MOST_BUNDLES) {
            match account.adapter.forwarded(&lane.address.chat, bundle).await {
                Ok(inside) => words.extend(inside),
                Err(why) => debug!(room = %lane.address, "a bundle was not opened: {why}"),
            }
        }
        words
    }

    /// What follows from a verdict in this room.
    pub(crate) fn course_of(
        &self,
        lane: &Lane,
        law: &Law,
        message: &Message,
        judged: &Judged,
        now: Timestamp,
    ) -> Option<Course> {
        let names = |n| law.rules.name_of(n).unwrap_or_default();
        let right = match judged.is_known {
            true => self.right(lane, now),
            false => Right::HasNot,
        };
        let (id, member) = (&message.id, &message.sender.id);
        let mut course = course(&judged.judgement, names, id, member, right)?;
        if let (false, Some((opening, _))) = (judged.is_known, &mut course.case) {
            *opening = CaseOpening::Flagged;
        }
        Some(course)
    }

    /// Whether the house may act in this room, as far as it knows.
    pub(crate) fn right(&self, lane: &Lane, now: Timestamp) -> Right {
        let account = self.accounts.get(&lane.address.account);
        let able = account
            .is_some_and(|account| account.adapter.capabilities(&lane.address.chat).moderates);
        let refused = with_open(lane, |open| {
            open.order.no_right_until.is_some_and(|until| now < until)
        });
        match able && refused != Some(true) {
            true => Right::Has,
            false => Right::HasNot,
        }
    }

    /// Writes a course down, all of it in one transaction, and wakes delivery.
    pub(crate) async fn act(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        what: Acting<'_>,
        course: Course,
        judged: Judged,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Acting {
            message,
            words,
            is_question,
            mut acceptance,
        } = what;
        let member = &message.sender.id;
        let mut dealings = Dealings {
            marks: judged.marks,
            ..Dealings::default()
        };
        let case = course.case.map(|(opening, matter)| {
            let matter = Matter {
                question: is_question,
                ..matter
            };
            let case = new_case(
                CaseId(self.ids.next(now)),
                opening,
                message,
                words,
                &matter,
                self.dated(now),
            );
            dealings.audit.push(audit_of(member, &case, &matter));
            let id = case.id;
            dealings.cases.push(case);
            (id, opening)
        });
        let id = case.map(|(id, _)| id.0);
        let mut say: Vec<Outbound> = (course.effects.iter())
            .map(|effect| self.effect_row(lane, effect, id, now))
            .collect();
        if let Some((case, _)) = case {
            dealings.shows.extend(say.iter().map(|row| (row.id, case)));
        }
        let open = match case {
            Some((_, CaseOpening::Flagged | CaseOpening::Unable)) if !is_question => {
                self.store.open_cases(lease.room, 1).await?.1 + 1
            }
            Some(_) | None => 0,
        };
        let notices = self.notices_of(
            lane,
            &course.by,
            course.deeds,
            (case, open),
            message,
            is_question,
            now,
        );
        for row in notices {
            if let Some((case, _)) = case {
                dealings.shows.push((row.id, case));
            }
            say.push(row);
        }
        if let Some(line) = &mut acceptance.line {
            line.trail = judged.trail;
        }
        acceptance.say.extend(say);
        acceptance.dealings = dealings;
        if self.store.accept(lease, acceptance).await? == Accepted::New {
            fault::point("after-accept");
            count(course.reason);
            self.sign_heard(lane, message, course.reason);
        }
        let key = message.inbox_key(lane.platform);
        with_open(lane, |open| match course.reason {
            // It stays in the room, and in prompts.
            Reason::Talk => open.heard(message, key),
            _ => open.called(key),
        });
        self.deliver_soon(lane);
        Ok(())
    }

    /// What the room is told: about the deed, about the missing right, about what waits.
    #[expect(
        clippy::too_many_arguments,
        reason = "all that a course has to say, in one place"
    )]
    fn notices_of(
        &self,
        lane: &Lane,
        by: &ByRule,
        deeds: Deeds,
        (case, open): (Option<(CaseId, CaseOpening)>, u64),
        message: &Message,
        is_question: bool,
        now: Timestamp,
    ) -> Vec<Outbound> {
        let trigger = || lane.charter().trigger.first().to_owned();
        let member = &message.sender.id;
        let mut rows = Vec::new();
        let tells = deeds.muted.is_some()
            || is_question
            || with_open(lane, |open| open.order.tells(member, deeds, now)) == Some(true);
        let opening = case.map(|(_, opening)| opening);
        let is_held =
            is_question && matches!(opening, Some(CaseOpening::Flagged | CaseOpening::Unable));
        if deeds != Deeds::default() && tells && !is_held {
            let notice = KeepingNotice::Done {
                by: *by,
                deeds,
                trigger: trigger(),
            };
            // What is taken back cannot be quoted any more: its author is mentioned.
            rows.extend(match deeds.recalled {
                true => self.tell(lane, Some(member), None, notice, now),
                false => self.tell(lane, None, Some(&message.id), notice, now),
            });
        }
        if is_held {
            let notice = KeepingNotice::Held { by: *by };
            rows.extend(self.tell(lane, None, Some(&message.id), notice, now));
        }
        match opening {
            Some(CaseOpening::Unable)
                if with_open(lane, |open| open.order.tells_no_right(now)) == Some(true) =>
            {
                let notice = KeepingNotice::NoRight { trigger: trigger() };
                rows.extend(self.tell(lane, None, None, notice, now));
            }
            Some(CaseOpening::Flagged | CaseOpening::Unable)
                if !is_question
                    && with_open(lane, |open| open.order.tells_waiting(now)) == Some(true) =>
            {
                let notice = KeepingNotice::Waiting {
                    open,
                    trigger: trigger(),
                };
                rows.extend(self.tell(lane, None, None, notice, now));
            }
            Some(CaseOpening::Acted | CaseOpening::Flagged | CaseOpening::Unable) | None => {}
        }
        rows
    }

    /// A notice about the rules as an outbox row: to a member by mention, or about a message by quote.
    pub(crate) fn tell(
        &self,
        lane: &Lane,
        whom: Option<&MemberId>,
        quote: Option<&MessageId>,
        notice: KeepingNotice,
        now: Timestamp,
    ) -> Option<Outbound> {
        let fleeting = notice.is_fleeting();
        let text = Notice::Keeping(notice).text(self.language_of(lane));
        let mut draft = self.draft(lane, quote, text, Source::House);
        draft.fleeting = fleeting;
        if let Some(member) = whom {
            let mention = OutSegment::Mention {
                member: member.clone(),
            };
            draft.body.insert(0, mention);
        }
        self.outbound(lane, draft, None, now)
    }

    /// An effect as an outbox row.
    pub(crate) fn effect_row(
        &self,
        lane: &Lane,
        effect: &Effect,
        case: Option<ulid::Ulid>,
        now: Timestamp,
    ) -> Outbound {
        Outbound {
            id: teahouse_core::DeliveryId(self.ids.next(now)),
            part: None,
            account: lane.address.account.clone(),
            sealed: effect.seal(case),
            due: None,
        }
    }
}

/// A message that is acted on, with what is taken in of it in any case.
pub(crate) struct Acting<'m> {
    /// Which.
    pub(crate) message: &'m Message,
    /// What of it was judged.
    pub(crate) words: &'m str,
    /// Whether it asks the house.
    pub(crate) is_question: bool,
    /// What is written down anyway.
    pub(crate) acceptance: Acceptance,
}

fn new_case(
    id: CaseId,
    opening: CaseOpening,
    message: &Message,
    words: &str,
    matter: &Matter,
    at: Timestamp,
) -> NewCase {
    let (kind, state) = match opening {
        CaseOpening::Acted => (CaseKind::Acted, CaseState::Settled),
        CaseOpening::Flagged => (CaseKind::Flagged, CaseState::Open),
        CaseOpening::Unable => (CaseKind::Unable, CaseState::Open),
    };
    NewCase {
        id,
        kind,
        state,
        message: Some(message.id.clone()),
        member: message.sender.id.clone(),
        name: shown_name(&message.sender),
        words: words.chars().take(MOST_EVIDENCE).collect(),
        what: matter.to_json(),
        at,
    }
}

/// So much of a message is kept as evidence.
const MOST_EVIDENCE: usize = 1_000;

fn audit_of(member: &MemberId, case: &NewCase, matter: &Matter) -> AuditNote {
    let did = match case.kind {
        CaseKind::Acted => "act",
        CaseKind::Flagged => "flag",
        CaseKind::Unable => "unable",
        CaseKind::Reported => "report",
        CaseKind::ByHand => "by-hand",
    };
    AuditNote {
        by: By::House,
        did,
        to: Some(member.clone()),
        with: described(matter),
    }
}

/// A matter in numbers and names of rules, for the audit log.
pub(crate) fn described(matter: &Matter) -> String {
    let mut parts = Vec::new();
    if let Some(rule) = &matter.rule {
        parts.push(format!("{rule} v{}", matter.version));
    }
    if matter.recall {
        parts.push("recall".to_owned());
    }
    if let Some(seconds) = matter.mute {
        parts.push(format!("mute {seconds}s"));
    }
    if matter.remove {
        parts.push("remove".to_owned());
    }
    parts.join(" ")
}
