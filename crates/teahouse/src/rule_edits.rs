//! Step 3, for `ai rule`: what a room's admins see of its rules, change, try on what was said, and take back. A change
//! is a version of the room's charter, written with the command; it holds from the moment in which it is on the disk.
//! The file is never touched, and no other room is.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use teahouse_core::rules::Side;
use teahouse_core::rules::course::Matter;
use teahouse_core::rules::replay::{Breadth, DecidedCase, PastLine, Replay, Replayed};
use teahouse_core::{Edit, KeepingNotice, Mode, Reason, RoomId, RuleCommand, Tried, Unfit};
use teahouse_store::{CaseState, CharterVersion, Dealings, Lease, OpenedRoom, StoreError};
use tracing::{error, warn};

use crate::host::{Host, chain, with_open};
use crate::keeping::{Called, Outcome};
use crate::law::{KeptLaw, Law};
use crate::room::Lane;
use crate::talk::shown_name;

/// Rules are tried on what was said in so long, as far as it is kept, …
const TRIED_ON: Duration = Duration::from_secs(7 * 86_400);
/// … on so many lines at most.
const MOST_LINES: u32 = 20_000;
/// … read so many at a time.
const PIECE: u32 = 1_000;
/// Decided cases that a change is tried on.
const MOST_CASES: u32 = 200;
/// What needs a second word gets it in so long.
const SECOND_WORD: Duration = Duration::from_secs(10 * 60);

/// Whose versions a room's are.
pub(crate) fn scope_of(room: RoomId) -> String {
    format!("room/{room}")
}

impl Host {
    /// The law of a room that is opened: the file's, with what its admins have changed. Where the file is another one by
    /// now, that is a version of its own.
    pub(crate) async fn settle_law(
        &self,
        lane: &Lane,
        opened: &OpenedRoom,
    ) -> Result<(), StoreError> {
        let Some(kept) = &opened.charter else {
            return Ok(());
        };
        let then: KeptLaw = match serde_json::from_str(&kept.body) {
            Ok(then) => then,
            Err(why) => {
                error!(room = %lane.address, "what the room has changed in its charter cannot be read: {why}");
                return Ok(());
            }
        };
        let is_same = lane.law.get().kept().base == then.base;
        let version = kept.version + u32::from(!is_same);
        let laid = self.lay_over(lane, then.edits, version);
        if laid && !is_same {
            self.keep_law(lane, opened.lease).await?;
        }
        Ok(())
    }

    /// Puts a room's changes over the law it has; says whether they hold.
    fn lay_over(&self, lane: &Lane, edits: Vec<Edit>, version: u32) -> bool {
        let law = lane.law.get();
        for warning in law.base().with(&edits).warnings {
            warn!(room = %lane.address, "of what the room has changed in its charter {warning}");
        }
        match law.with(edits, version, self.language) {
            Ok(law) => {
                lane.law.put(law);
                true
            }
            Err(why) => {
                error!(room = %lane.address, "the room's changes of its charter do not hold: {why}");
                false
            }
        }
    }

    /// The file has changed under a room: what its admins have changed stays, over the new one, as a version of its own.
    pub(crate) fn renew_law(self: &Arc<Self>, lane: &Arc<Lane>, file: Law) {
        let before = lane.law.get();
        let (edits, version) = (before.edits.to_vec(), before.version() + 1);
        let is_own = !edits.is_empty() && before.kept().base != file.kept().base;
        lane.law.put(file);
        if before.edits.is_empty() || !self.lay_over(lane, edits, version) || !is_own {
            return;
        }
        let (host, lane) = (self.clone(), lane.clone());
        self.tasks.spawn(async move {
            let Some(lease) = with_open(&lane, |open| open.lease) else {
                return;
            };
            if let Err(why) = host.keep_law(&lane, lease).await {
                error!(room = %lane.address, error = %chain(&why), "a version of the room's charter was not kept");
            }
        });
    }

    async fn keep_law(&self, lane: &Lane, lease: Lease) -> Result<(), StoreError> {
        let (law, now) = (lane.law.get(), self.clock.now());
        let dealings = Dealings {
            charters: vec![CharterVersion {
                scope: scope_of(lease.room),
                version: law.version(),
                at: self.dated(now),
                by: "file".to_owned(),
                what: "the file".to_owned(),
                body: serde_json::to_string(&law.kept()).unwrap_or_default(),
            }],
            ..Dealings::default()
        };
        self.store.deal(lease, dealings, vec![], now).await
    }

    /// Carries out `ai rule …`.
    pub(crate) async fn rule_command(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        called: &Called<'_>,
        command: RuleCommand,
    ) -> Result<Outcome, StoreError> {
        let law = lane.law.get();
        let language = self.language_of(lane);
        let says = |text: String| Ok(Outcome::says(KeepingNotice::Told(text)));
        let unfit = |why: Unfit| Ok(Outcome::says(KeepingNotice::RuleUnfit(why)));
        match command {
            RuleCommand::Show(None) => says(law.charter.told_to_admins(law.version(), language)),
            RuleCommand::Show(Some(rule)) => match law.charter.rule_in_full(&rule, language) {
                Ok(text) => says(text),
                Err(why) => unfit(why),
            },
            RuleCommand::Add(edit) => self.change(lane, called, &law, edit).await,
            RuleCommand::Mode { rule, mode } => {
                let name = match law.charter.rule_named(&rule) {
                    Ok(rule) => rule.name.clone(),
                    Err(why) => return unfit(why),
                };
                self.change(lane, called, &law, Edit::Mode { rule: name, mode })
                    .await
            }
            RuleCommand::Try(tried) => {
                let edits = match edits_of(&law, tried) {
                    Ok(edits) => edits,
                    Err(why) => return unfit(why),
                };
                match law.with(edits, law.version() + 1, self.language) {
                    Ok(after) => {
                        let replayed = self.replay(called.lease, &law, &after, called.now).await?;
                        says(replayed.told(language))
                    }
                    Err(why) => Ok(Outcome::says(KeepingNotice::NotChanged(why))),
                }
            }
            RuleCommand::Back => self.take_back(called, &law).await,
        }
    }

    /// A change, unless it would hit so much of last week that it has to be said a second time.
    async fn change(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        called: &Called<'_>,
        law: &Law,
        edit: Edit,
    ) -> Result<Outcome, StoreError> {
        let (what, shown) = (edit.told(), edit.text(self.language_of(lane)));
        let said = format!("{edit:?}");
        let (edits, _) = match law.base().edited(&law.edits, edit) {
            Ok(edited) => edited,
            Err(why) => return Ok(Outcome::says(KeepingNotice::RuleUnfit(why))),
        };
        let version = law.version() + 1;
        let after = match law.with(edits, version, self.language) {
            Ok(after) => after,
            Err(why) => return Ok(Outcome::says(KeepingNotice::NotChanged(why))),
        };
        let replayed = self.replay(called.lease, law, &after, called.now).await?;
        let second = with_open(lane, |open| open.order.says_again(&said, called.now)) == Some(true);
        if replayed.breadth.needs_a_second_word() && !second {
            let language = self.language_of(lane);
            let told = replayed.told(language);
            return Ok(Outcome::says(KeepingNotice::TooBroad(told)));
        }
        let broad = match replayed.breadth {
            Breadth::Fine => None,
            Breadth::Broad | Breadth::FarTooBroad => Some(replayed.told(self.language_of(lane))),
        };
        let notice = KeepingNotice::RuleChanged {
            what: shown,
            version,
            broad,
            trigger: law.charter.trigger.first().to_owned(),
        };
        Ok(self.new_version(called, after, what, notice))
    }

    /// A version of the room's charter, written with the command that made it.
    fn new_version(
        &self,
        called: &Called<'_>,
        after: Law,
        what: String,
        notice: KeepingNotice,
    ) -> Outcome {
        let version = after.version();
        let mut outcome = Outcome::says(notice);
        outcome.dealings.charters.push(CharterVersion {
            scope: scope_of(called.lease.room),
            version,
            at: self.dated(called.now),
            by: shown_name(&called.message.sender),
            what,
            body: serde_json::to_string(&after.kept()).unwrap_or_default(),
        });
        let note = Host::audit_note(called, "rule", None, format!("v{version}"));
        outcome.dealings.audit.push(note);
        outcome.law = Some(after);
        outcome
    }

    /// `ai rule back`: the version before the last change, as a new version.
    async fn take_back(
        self: &Arc<Self>,
        called: &Called<'_>,
        law: &Law,
    ) -> Result<Outcome, StoreError> {
        if law.edits.is_empty() {
            return Ok(Outcome::says(KeepingNotice::NothingToTakeBack));
        }
        // Who takes back twice goes back two changes: what was taken back itself is no change to go back to.
        let versions = self
            .store
            .charters(&scope_of(called.lease.room), 100)
            .await?;
        let edits = before_the_last_change(&versions).unwrap_or_default();
        let version = law.version() + 1;
        match law.with(edits, version, self.language) {
            Ok(after) => {
                let notice = KeepingNotice::RuleBack { version };
                Ok(self.new_version(called, after, BACK.to_owned(), notice))
            }
            Err(why) => Ok(Outcome::says(KeepingNotice::NotChanged(why))),
        }
    }

    /// Tries rules on what was said in the last week, and on what was decided about it.
    async fn replay(
        &self,
        lease: Lease,
        before: &Law,
        after: &Law,
        now: Timestamp,
    ) -> Result<Replayed, StoreError> {
        self.flush_talk().await;
        let mut replay = Replay::of(&before.rules, &after.rules);
        let (mut place, mut read) = (None, 0);
        while read < MOST_LINES {
            let lines = self
                .store
                .lines_between(lease.room, now - TRIED_ON..=now, place, PIECE)
                .await?;
            let Some(last) = lines.last() else { break };
            place = Some(last.id);
            read += PIECE;
            // What gives orders to the house is nobody's talk.
            let said = lines.iter().filter(|line| line.reason != Reason::Command);
            for line in said {
                let side = match line.addressed {
                    true => Side::Question,
                    false => Side::Member,
                };
                replay.line(&PastLine {
                    id: line.message.as_str(),
                    text: &line.text,
                    quote: None,
                    side,
                    member: Some(&line.member),
                    is_newcomer: false,
                    at: line.at,
                });
            }
        }
        let since = now - TRIED_ON * 4;
        for case in self
            .store
            .decided_cases(lease.room, since, MOST_CASES)
            .await?
        {
            let matter = Matter::from_json(&case.new.what);
            let (Some(rule), false) = (&matter.rule, case.new.words.is_empty()) else {
                continue;
            };
            replay.case(&DecidedCase {
                number: case.number,
                words: &case.new.words,
                side: match matter.question {
                    true => Side::Question,
                    false => Side::Member,
                },
                rule,
                was_right: case.state == CaseState::Denied,
            });
        }
        Ok(replay.done())
    }
}

/// What is kept as the change of a version that takes another back.
const BACK: &str = "back";

/// The changes that held before the last one that nobody has taken back. Newest first.
fn before_the_last_change(versions: &[CharterVersion]) -> Option<Vec<Edit>> {
    let mut skip = 1;
    for version in versions {
        match (version.what == BACK, skip) {
            (true, _) => skip += 1,
            (false, 0) => {
                let kept: Option<KeptLaw> = serde_json::from_str(&version.body).ok();
                return kept.map(|kept| kept.edits);
            }
            // The file's own versions are nobody's change.
            (false, _) if version.by == "file" => {}
            (false, _) => skip -= 1,
        }
    }
    None
}

/// What would hold if that were so.
fn edits_of(law: &Law, tried: Tried) -> Result<Vec<Edit>, Unfit> {
    let edits = law.edits.to_vec();
    match tried {
        Tried::Edit(edit) => {
            // A new word would only record: tried, it is on.
            let rule = edit.rule();
            let (mut edits, edited) = law.base().edited(&edits, edit)?;
            let is_dry = |name: &String| {
                let mut rules = edited.charter.rules().into_iter();
                rules.any(|rule| rule.name == *name && rule.mode == Mode::Dry)
            };
            if let Some(rule) = rule.filter(is_dry) {
                edits.push(Edit::Mode {
                    rule,
                    mode: Mode::On,
                });
            }
            Ok(edits)
        }
        Tried::Rule(rule) => {
            let rule = law.charter.rule_named(&rule)?.name.clone();
            let mode = Mode::On;
            Ok(law.base().edited(&edits, Edit::Mode { rule, mode })?.0)
        }
        Tried::Dry => {
            let dry = law.charter.rules().into_iter();
            let dry = dry.filter(|rule| rule.mode == Mode::Dry && rule.binds_members);
            let on = dry.map(|rule| Edit::Mode {
                rule: rule.name.clone(),
                mode: Mode::On,
            });
            Ok(edits.into_iter().chain(on).collect())
        }
    }
}

impl crate::acting::Order {
    /// Whether the same was said a little while ago; from now on it was.
    pub(crate) fn says_again(&mut self, said: &str, now: Timestamp) -> bool {
        let again = self.said.as_ref().is_some_and(|(before, at)| {
            before == said && *at <= now && now.duration_since(*at).unsigned_abs() < SECOND_WORD
        });
        self.said = (!again).then(|| (said.to_owned(), now));
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_back_twice_goes_back_two_changes() {
        let version = |version, what: &str, n: usize| CharterVersion {
            scope: "room/x".into(),
            version,
            at: Timestamp::UNIX_EPOCH,
            by: "lin".into(),
            what: what.into(),
            body: {
                let edits: Vec<Edit> = (0..n)
                    .map(|_| Edit::Mode {
                        rule: "links".into(),
                        mode: Mode::On,
                    })
                    .collect();
                let kept = KeptLaw {
                    edits,
                    base: String::new(),
                };
                serde_json::to_string(&kept).unwrap()
            },
        };
        let newest_first = |of: &[(&str, usize)]| -> Option<usize> {
            let versions: Vec<_> = (of.iter().enumerate().rev())
                .map(|(at, (what, n))| version(at as u32 + 2, what, *n))
                .collect();
            before_the_last_change(&versions).map(|edits| edits.len())
        };
        assert_eq!(newest_first(&[("a", 1)]), None);
        assert_eq!(newest_first(&[("a", 1), ("b", 2)]), Some(1));
        assert_eq!(newest_first(&[("a", 1), ("b", 2), ("c", 3)]), Some(2));
        assert_eq!(
            newest_first(&[("a", 1), ("b", 2), ("c", 3), ("back", 2)]),
            Some(1)
        );
        assert_eq!(
            newest_first(&[("a", 1), ("b", 2), ("back", 1), ("d", 2)]),
            Some(1)
        );
        assert_eq!(
            newest_first(&[("a", 1), ("b", 2), ("back", 1), ("back", 0)]),
            None
        );
    }
}
