//! What follows from a verdict on a member's words: effects, a case, a notice. It decides and does nothing: effects are
//! rows of the outbox, and whoever performs them may still be refused.

use serde::{Deserialize, Serialize};

use super::Certainty;
use super::verdict::{self, Finding, Judgement, RuleName};
use crate::charter::{Action, Mode};
use crate::effect::Effect;
use crate::event::{MemberId, MessageId};
use crate::notice::{ByRule, Deeds};
use crate::reason::Reason;

/// What the house may do in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// As far as anybody knows it may take back and mute.
    Has,
    /// The platform let it not, or has no such thing.
    HasNot,
}

/// Why there is a case, and whether it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseOpening {
    /// It was acted on; it waits for nobody.
    Acted,
    /// A person has to look.
    Flagged,
    /// The house would have acted and may not.
    Unable,
}

/// What is kept of a case beside the words: by which rule, and what was done or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matter {
    /// The rule's full name, such as `words:spam`; nothing where a person began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Its number then.
    #[serde(default)]
    pub n: u16,
    /// The version of its charter then.
    #[serde(default)]
    pub version: u32,
    /// Taken back, or to be taken back.
    #[serde(default)]
    pub recall: bool,
    /// Muted, or to be muted, for so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mute: Option<u64>,
    /// To be removed from the room, which takes a person's word.
    #[serde(default)]
    pub remove: bool,
    /// Whether it asks the house: let pass, it is answered.
    #[serde(default)]
    pub question: bool,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// The rule that decided.
    pub by: ByRule,
    /// What became of the message.
    pub reason: Reason,
    /// What is done, in order.
    pub effects: Vec<Effect>,
    /// What its author is told.
    pub deeds: Deeds,
    /// The case, if there is one.
    pub case: Option<(CaseOpening, Matter)>,
}

impl Matter {
    /// As it is kept.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a matter is plain data")
    }

    /// As it was kept; an empty one where a newer release wrote it.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The rule as a notice names it.
    pub fn by(&self) -> Option<ByRule> {
        let name = self.rule.as_deref()?;
        let kind = name.split(':').next().unwrap_or(name);
        let rule = RuleName::ALL.iter().find(|rule| rule.as_str() == kind)?;
        Some(ByRule {
            n: self.n,
            rule: *rule,
        })
    }

    /// What is done once a person has said no.
    pub fn effects(&self, message: Option<&MessageId>, member: &MemberId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let (true, Some(message)) = (self.recall, message) {
            effects.push(Effect::Recall {
                message: message.clone(),
            });
        }
        if let Some(seconds) = self.mute {
            effects.push(Effect::Mute {
                member: member.clone(),
                seconds,
            });
        }
        if self.remove {
            effects.push(Effect::Remove {
                member: member.clone(),
            });
        }
        effects
    }
}

/// What follows for the author of a message; nothing where no rule acts.
pub fn course(
    judgement: &Judgement,
    names: impl Fn(u16) -> String,
    message: &MessageId,
    member: &MemberId,
    right: Right,
) -> Option<Course> {
    let judgement = &without_guesses(judgement);
    let decisive = judgement.decisive()?;
    let has = |of: fn(&Action) -> bool| judgement.actions.iter().any(of);
    let reminded = has(|action| *action == Action::Remind);
    let is_hard = has(|action| action.is_hard());
    if !is_hard && !reminded && !has(|action| *action == Action::Review) {
        return None;
    }
    let by = ByRule {
        n: decisive.n,
        rule: decisive.rule,
    };
    let matter = |recall, mute, remove| Matter {
        rule: Some(names(decisive.n)),
        n: decisive.n,
        version: decisive.version,
        recall,
        mute,
        remove,
        question: false,
    };
    let recall = has(|action| *action == Action::Recall);
    let mute = judgement.actions.iter().find_map(seconds);
    let remove = has(|action| *action == Action::Remove);
    let deeds = Deeds {
        reminded,
        ..Deeds::default()
    };
    let quiet = Course {
        by,
        reason: Reason::Talk,
        effects: vec![],
        deeds,
        case: None,
    };
    let at_once = matter(recall, mute, false);
    Some(match (right, recall || mute.is_some()) {
        (Right::Has, true) => Course {
            reason: if recall {
                Reason::RuleRemoved
            } else {
                Reason::Talk
            },
            effects: at_once.effects(Some(message), member),
            deeds: Deeds {
                recalled: recall,
                muted: mute,
                reminded,
            },
            // To remove somebody takes a person's word: that waits.
            case: Some(match remove {
                true => (CaseOpening::Flagged, matter(false, None, true)),
                false => (CaseOpening::Acted, at_once),
            }),
            ..quiet
        },
        (Right::HasNot, true) => Course {
            reason: Reason::RuleHeld,
            case: Some((CaseOpening::Unable, matter(recall, mute, remove))),
            ..quiet
        },
        (_, false) if remove || has(|action| *action == Action::Review) => Course {
            reason: Reason::RuleHeld,
            case: Some((CaseOpening::Flagged, would_be(judgement, matter, remove))),
            ..quiet
        },
        (_, false) => quiet,
    })
}

/// Without findings that are only a guess at a language: a short line in an odd spelling is nobody's case.
fn without_guesses(judgement: &Judgement) -> Judgement {
    let is_guess = |finding: &&Finding| {
        finding.rule == RuleName::Language && finding.hit.certainty == Certainty::Likely
    };
    let sure = judgement
        .findings
        .iter()
        .filter(|finding| !is_guess(finding));
    Judgement::of(sure.cloned().collect())
}

/// What a rule that asks would have done.
fn would_be(
    judgement: &Judgement,
    matter: impl Fn(bool, Option<u64>, bool) -> Matter,
    remove: bool,
) -> Matter {
    let asking = judgement
        .findings
        .iter()
        .filter(|finding| finding.mode.acts());
    let actions: Vec<Action> = asking.flat_map(rung_of).collect();
    let mute = actions.iter().filter_map(seconds).max();
    let recall = actions.contains(&Action::Recall);
    let nothing = !recall && mute.is_none() && !remove;
    matter(
        recall || nothing,
        mute,
        remove || actions.contains(&Action::Remove),
    )
}

fn rung_of(finding: &Finding) -> Vec<Action> {
    match (&finding.effect, finding.mode) {
        (verdict::Effect::Rung(rung), Mode::Ask) => rung.actions().to_vec(),
        _ => vec![],
    }
}

fn seconds(action: &Action) -> Option<u64> {
    match action {
        Action::Mute(seconds) => Some(*seconds),
        Action::Note | Action::Remind | Action::Review | Action::Recall | Action::Remove => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Hit;
    use super::*;
    use crate::charter::Rung;

    fn judged(parts: &[(Mode, &str)]) -> Judgement {
        let findings = (1..).zip(parts).map(|(n, (mode, rung))| Finding {
            rule: RuleName::Words,
            n,
            version: 3,
            mode: *mode,
            hit: Hit::sure(0..1, "word", "listed"),
            matched: "x".into(),
            effect: verdict::Effect::Rung(Rung::try_from((*rung).to_owned()).unwrap()),
        });
        Judgement::of(findings.collect())
    }

    #[track_caller]
    fn check(parts: &[(Mode, &str)], right: Right, expected: &str) {
        let names = |n| format!("words:{n}");
        let (message, member) = (MessageId::new("m"), MemberId::new("7"));
        let course = course(&judged(parts), names, &message, &member, right);
        let shown = course.map_or("nothing".to_owned(), |course| {
            let effects: Vec<&str> = course
                .effects
                .iter()
                .map(|effect| match effect {
                    Effect::Recall { .. } => "recall",
                    Effect::Mute { .. } => "mute",
                    Effect::Unmute { .. } => "unmute",
                    Effect::Remove { .. } => "remove",
                })
                .collect();
            let case = course
                .case
                .map_or("no case".to_owned(), |(opening, matter)| {
                    format!(
                        "{opening:?} {}{}{}",
                        if matter.recall { "r" } else { "-" },
                        matter.mute.map_or("-".to_owned(), |s| s.to_string()),
                        if matter.remove { "x" } else { "-" },
                    )
                });
            format!(
                "{} [{}] {}, {case}",
                course.reason,
                effects.join(" "),
                if course.deeds.reminded {
                    "reminded"
                } else {
                    "not reminded"
                },
            )
        });
        assert_eq!(shown, expected, "{parts:?}");
    }

    #[test]
    fn what_follows_from_each_rung() {
        use Right::{Has, HasNot};
        let on = |rung| (Mode::On, rung);
        check(&[], Has, "nothing");
        check(&[on("note")], Has, "nothing");
        check(&[(Mode::Dry, "recall")], Has, "nothing");
        check(&[on("remind")], Has, "talk [] reminded, no case");
        check(&[on("remind")], HasNot, "talk [] reminded, no case");
        check(
            &[on("recall")],
            Has,
            "rule_removed [recall] not reminded, Acted r--",
        );
        check(
            &[on("recall+remind"), on("mute 5m")],
            Has,
            "rule_removed [recall mute] reminded, Acted r300-",
        );
        check(
            &[on("mute 5m")],
            Has,
            "talk [mute] not reminded, Acted -300-",
        );
        check(
            &[on("recall+mute 5m")],
            HasNot,
            "rule_held [] not reminded, Unable r300-",
        );
        check(
            &[on("review")],
            Has,
            "rule_held [] not reminded, Flagged r--",
        );
        check(
            &[(Mode::Ask, "recall+mute 1h")],
            Has,
            "rule_held [] not reminded, Flagged r3600-",
        );
    }

    #[test]
    fn a_guess_at_a_language_is_nobodys_case() {
        let mut judgement = judged(&[(Mode::On, "recall")]);
        for finding in &mut judgement.findings {
            finding.rule = RuleName::Language;
            finding.hit.certainty = Certainty::Likely;
            finding.effect = verdict::Effect::Review;
        }
        let judgement = Judgement::of(judgement.findings);
        let (message, member) = (MessageId::new("m"), MemberId::new("7"));
        let name = |_| "language".to_owned();
        assert_eq!(
            course(&judgement, name, &message, &member, Right::Has),
            None
        );
    }

    #[test]
    fn nobody_is_removed_without_a_persons_word() {
        for right in [Right::Has, Right::HasNot] {
            for rung in ["remove", "recall+remove", "recall+mute 1h+remove"] {
                let course = course(
                    &judged(&[(Mode::On, rung)]),
                    |_| "words:x".to_owned(),
                    &MessageId::new("m"),
                    &MemberId::new("7"),
                    right,
                )
                .unwrap();
                assert!(
                    !course
                        .effects
                        .iter()
                        .any(|effect| matches!(effect, Effect::Remove { .. })),
                    "{rung}"
                );
                let (opening, matter) = course.case.unwrap();
                assert_ne!(opening, CaseOpening::Acted, "{rung}");
                assert!(matter.remove, "{rung}");
            }
        }
    }

    #[test]
    fn a_matter_is_kept_whole_and_names_its_rule() {
        let matter = Matter {
            rule: Some("words:spam".into()),
            n: 2,
            version: 3,
            recall: true,
            mute: Some(600),
            ..Matter::default()
        };
        assert_eq!(Matter::from_json(&matter.to_json()), matter);
        assert_eq!(
            matter.by(),
            Some(ByRule {
                n: 2,
                rule: RuleName::Words
            })
        );
        assert_eq!(Matter::from_json("{\"new\":1}").by(), None);
    }
}
